"""A session computed again from its recording or CSV files: into a folder that holds the results and what was said of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from body_signals import Session
from dashboards.edits import EDITS
from dsp.results import Finding
from hiphinge.session.computation import compute, with_software, without_files
from hiphinge.session.plain.clocks import with_agreed_clocks
from hiphinge.session.plain.plausible_input import check_plain
from hiphinge.version import software
from ingest.heads import write_session_toml
from ingest.session_folder import Input, open_input
from on_disk import copy_private

HEAD = "session.toml"


def legible(name: str) -> str:
    """A folder's name as text for files: on most systems names are bytes, and those that are no UTF-8 become ``\\xNN``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class Replayed:
    """A session to be computed again. session: as its results will state it; recorded: its samples; source: where it was
    opened."""

    source: Path
    recorded: Input
    session: Session
    findings: Sequence[Finding]

    @classmethod
    def of(cls, source: Path, limits: Mapping[str, float], *, salvage: bool = False) -> Replayed:
        """Open the session at `source`. limits: of the hip screen, in place of the session's. salvage: see `open_input`.

        HiphingeError where it cannot be read, or its samples are impossible.
        """
        given = open_input(source, salvage=salvage)
        if given.plain is not None:
            check_plain(given.plain)
        recorded, findings = with_agreed_clocks(given)
        session = with_software(recorded.session, software())
        return cls(source, recorded, replace(session, screen_limits={**session.screen_limits, **limits}), findings)

    def write(
        self,
        folder: Path,
        name: str,
        estimators: Sequence[str],
        of_folder: str,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        """Compute the session into the existing `folder`, as the results named `name`. of_folder, progress: `source` and
        `progress` of `compute`."""
        write_session_toml(without_files(self.session), folder / HEAD)
        if (self.source / EDITS).is_file():
            copy_private(self.source / EDITS, folder / EDITS)
        batches = self.recorded.batches()
        compute(self.session, batches, folder, legible(name), estimators, progress, self.findings, legible(of_folder))
