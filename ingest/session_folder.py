"""Opening whatever `replay` and others are given: a session folder, a plain session, or a recording.

A session folder with a recording is read from the recording alone, which carries its own description; session.toml
beside it may say less or have been edited, and a difference is a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from body_signals import Event, HiphingeError, Session, TimedBlock
from ingest.formats.plain import SESSION_TOML, PlainSession, read_plain
from ingest.heads.session_toml import read_session_toml
from ingest.recording.recorder import STRETCH_WINDOWS, Recording, read_recording

RECORDING = "recording.mcap"
_INPUTS = "Give a session folder, a plain session (session.toml and CSV files), or an .mcap recording."


@dataclass(frozen=True, slots=True)
class Input:
    """A session that can be read, also more than once.

    duration_hint_s: session time of its end, None where that is known only after reading. plain: the plain session that it is,
    None of a recording.
    """

    session: Session
    duration_hint_s: float | None
    _batches: Callable[[], Iterator[Sequence[Event | TimedBlock]]]
    _warnings: Callable[[], list[str]]
    _fraction: Callable[[float], float]
    plain: PlainSession | None = None
    """The samples, of a plain session."""

    def batches(self) -> Iterator[list[Event | TimedBlock]]:
        """Events or timed blocks in sequence order, a stretch at a time. Raises `HiphingeError` at damage."""
        for batch in self._batches():
            yield list(batch)

    @property
    def warnings(self) -> list[str]:
        """What a reader should know, in words; complete when `batches` has been read to the end."""
        return self._warnings()

    def fraction(self, now_s: float) -> float:
        """How much has been read, 0 to 1, when the session time `now_s` has been reached."""
        return self._fraction(now_s)


def open_input(path: Path, *, salvage: bool = False) -> Input:
    """The session at `path`. Raises `HiphingeError` when there is none, or it cannot be read.

    salvage: of a recording that is damaged in the middle, use what is before the damage, with a warning.
    """
    if path.is_dir():
        if (path / RECORDING).is_file():
            return _recorded(path / RECORDING, path / SESSION_TOML, salvage)
        if (path / SESSION_TOML).is_file():
            return _plain(path)
        raise HiphingeError(f"neither {RECORDING} nor {SESSION_TOML} is in this folder", str(path), _INPUTS)
    if not path.exists():
        raise HiphingeError("not found", str(path), _INPUTS)
    if path.suffix.lower() == ".mcap":
        return _recorded(path, None, salvage)
    remedy = _INPUTS
    if path.name == SESSION_TOML:
        remedy = f"Give its folder, {path.parent}."
    elif path.suffix.lower() in (".csv", ".txt", ".tsv"):
        remedy = f"{_INPUTS} Tables of other programs: hiphinge import."
    raise HiphingeError("this file is no recording", str(path), remedy)


def _plain(folder: Path) -> Input:
    session = read_session_toml(folder / SESSION_TOML)
    if all(sensor.file is None for sensor in session.sensors):
        raise HiphingeError(
            "this folder holds no samples: its sensors have no files and there is no recording",
            str(folder / SESSION_TOML),
            "Give the recording or plain session that these results were computed from.",
        )
    return input_of(read_plain(folder))


def input_of(plain: PlainSession) -> Input:
    """A plain session in memory, to be read like any other."""
    return Input(
        plain.session,
        plain.duration_s,
        plain.batches,
        lambda: list(plain.warnings),
        lambda now_s: now_s / max(plain.duration_s, 1e-9),
        plain,
    )


def _recorded(path: Path, beside: Path | None, salvage: bool) -> Input:
    recording = read_recording(path, salvage=salvage)
    remarks = _differences(recording, beside) if beside is not None else []
    return Input(
        recording.session,
        None,
        lambda: recording.batches(STRETCH_WINDOWS),
        lambda: [*remarks, *recording.warnings],
        lambda _: recording.bytes_read / recording.size_bytes,
    )


def _differences(recording: Recording, beside: Path) -> list[str]:
    used = "the description inside the recording is used"
    try:
        session = read_session_toml(beside)
    except HiphingeError as error:
        return [f"{error.where or beside}: {error.what}; {used}"]
    if replace(session, software="") != replace(recording.session, software=""):
        return [f"{beside} differs from {RECORDING}; {used}"]
    return []
