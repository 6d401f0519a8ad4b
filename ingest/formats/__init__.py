"""Readers of recordings from other programs; each returns a session that is written as a plain session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from body_signals import UNKNOWN_ATHLETE, UNKNOWN_START, HiphingeError
from ingest.formats.imported import ONLY, ImportedSession, Source, with_head
from ingest.formats.makers import (
    import_apdm,
    import_axivity,
    import_mobilised,
    import_mvnx,
    import_opensense,
    import_ximu3,
    import_xsens,
)
from ingest.formats.mapping import guess, import_csv, import_mat
from ingest.formats.plain import PlainSamples, PlainSession, session_of_samples, write_plain
from ingest.formats.presets import IMPORT_PRESETS
from ingest.formats.stored import StoredSamples

__all__ = [
    "IMPORTERS",
    "ONLY",
    "UNKNOWN_ATHLETE",
    "UNKNOWN_START",
    "ImportedSession",
    "PlainSamples",
    "PlainSession",
    "StoredSamples",
    "guess",
    "import_session",
    "session_of_samples",
    "write_plain",
]


IMPORTERS: Mapping[str, Callable[[Source], ImportedSession]] = {
    "csv": import_csv,
    "mat": import_mat,
    **IMPORT_PRESETS,
    "apdm": import_apdm,
    "axivity": import_axivity,
    "mobilise-d": import_mobilised,
    "mvnx": import_mvnx,
    "opensense": import_opensense,
    "ximu3": import_ximu3,
    "xsens-mt": import_xsens,
    # the names of the first versions
    "xio-lower-body": import_ximu3,
    "xsens-opensense": import_xsens,
}


def import_session(
    format: str,
    path: Path,
    *,
    mapping: Path | None = None,
    placements: Mapping[str, str] | None = None,
    start: str | None = None,
    zone: str | None = None,
    athlete: str | None = None,
    rate_hz: float | None = None,
    scratch: Path | None = None,
) -> ImportedSession:
    """The recording at `path` in `format`, one of `IMPORTERS`.

    mapping: the mapping file of format csv. placements: where each sensor was worn, by serial number, device name or file name;
    by `ONLY` for a single sensor. start, zone, athlete: see `with_head`. rate_hz: where the file states none. scratch: folder
    for samples that memory cannot hold.
    Raises `HiphingeError` with file, line and remedy.
    """
    if format not in IMPORTERS:
        raise HiphingeError(f"unknown format {format!r}", "import", f"Known formats are {', '.join(IMPORTERS)}.")
    if mapping is not None and format not in ("csv", "mat"):
        raise HiphingeError("only formats csv and mat have a mapping file", str(mapping), f"Leave it out for {format}.")
    source = Source(path, mapping, placements or {}, rate_hz, scratch)
    return with_head(IMPORTERS[format](source), start=start, zone=zone, athlete=athlete)
