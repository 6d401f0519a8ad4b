"""Opening the input of `replay` and other commands: a session folder, a plain session, or a recording.

A session folder with a recording is read from the recording, which carries its own description. A person's corrections in
session.toml beside it, and later entries in edits.toml, apply; a session.toml of another session causes a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from body_signals import (
    CALIBRATE,
    HEEL_DROP,
    RISING,
    Event,
    HiphingeError,
    Packets,
    Session,
    SessionMark,
    TimedBlock,
    origin,
    zero_ns,
)
from ingest.formats.plain import SESSION_TOML, PlainSession, read_plain
from ingest.heads.edits import EDITS, Edits, mended, read_edits, same
from ingest.heads.session_toml import read_origins, read_session_toml
from ingest.recording.mended import MendedEvents
from ingest.recording.recorder import STRETCH_WINDOWS, Recording, read_recording

RECORDING = "recording.mcap"
BESIDE_S = 1.0
"""Entries may lie outside the session by this time, s: the last sample comes a little before its end (ours)."""
_INPUTS = "Give a session folder, a plain session (session.toml and CSV files), or an .mcap recording."


@dataclass(frozen=True, slots=True)
class Input:
    """A session that can be read, even more than once.

    duration_hint_s: session time of its end, None where that is known only after reading. plain: the plain session, None for a
    recording.
    """

    session: Session
    duration_hint_s: float | None
    _batches: Callable[[], Iterator[Sequence[Event | TimedBlock]]]
    _warnings: Callable[[], list[str]]
    _fraction: Callable[[float], float]
    plain: PlainSession | None = None
    """The samples of a plain session."""

    def batches(self) -> Iterator[list[Event | TimedBlock]]:
        """Events or timed blocks in sequence order, a stretch at a time. Raises `HiphingeError` at damage."""
        for batch in self._batches():
            yield list(batch)

    @property
    def warnings(self) -> list[str]:
        """Warnings in words; complete when `batches` has been read to the end."""
        return self._warnings()

    def fraction(self, now_s: float) -> float:
        """The part that has been read, 0 to 1, when the session time `now_s` has been reached."""
        return self._fraction(now_s)


def open_input(path: Path, *, salvage: bool = False) -> Input:
    """The session at `path`. Raises `HiphingeError` when there is none, or it cannot be read.

    salvage: if a recording is damaged in the middle, use the part before the damage, with a warning.
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
    raise HiphingeError("this file is not a recording", str(path), remedy)


def _plain(folder: Path) -> Input:
    session = read_session_toml(folder / SESSION_TOML)
    if all(sensor.file is None for sensor in session.sensors):
        raise HiphingeError(
            "this folder holds no samples: its sensors have no files and there is no recording",
            str(folder / SESSION_TOML),
            "Give the recording or plain session that these results were computed from.",
        )
    edits = read_edits(folder)
    plain = read_plain(folder)
    _check_times(edits, min(float(one.time_s[0]) for one in plain.samples.values()), plain.duration_s, folder)
    unmet = [gone for gone in edits.deleted if all(not same(mark, gone) for mark in plain.session.marks)]
    session = replace(plain.session, marks=mended(plain.session.marks, edits))
    return input_of(replace(plain, session=session), _unmet(unmet, folder))


def input_of(plain: PlainSession, warnings: Sequence[str] = ()) -> Input:
    """A plain session in memory, to be read like any other. warnings: further warnings."""
    return Input(
        plain.session,
        plain.duration_s,
        plain.batches,
        lambda: [*plain.warnings, *warnings],
        lambda now_s: now_s / max(plain.duration_s, 1e-9),
        plain,
    )


def _recorded(path: Path, beside: Path | None, salvage: bool) -> Input:
    recording = read_recording(path, salvage=salvage)
    session, remarks, edits = recording.session, list[str](), Edits()
    if beside is not None:
        session, remarks = _corrected(recording, beside)
        edits = read_edits(beside.parent)
    marks = mended(session.marks, edits)
    # a mark that changes results is an event of the log; the others are added at the end
    acting = [mark for mark in marks if mark.label in (CALIBRATE, HEEL_DROP)]
    gone = [mark for mark in edits.deleted if not any(same(mark, own) for own in session.marks)]
    events = MendedEvents(acting, gone)

    def batches() -> Iterator[Sequence[Event]]:
        nonlocal events
        events = MendedEvents(acting, gone)
        recorded: Iterator[Sequence[Event]] = recording.batches(STRETCH_WINDOWS)
        # of a recording that is damaged somebody may have said more than is left
        return events.of(recorded if salvage or not edits.added else _with_times_checked(recorded, edits, path.parent))

    return Input(
        replace(session, marks=tuple(mark for mark in marks if mark not in acting)),
        None,
        batches,
        lambda: [*remarks, *recording.warnings, *_unmet(events.unmet if recording.bytes_read else [], path.parent)],
        lambda _: recording.bytes_read / recording.size_bytes,
    )


def _with_times_checked(batches: Iterator[Sequence[Event]], edits: Edits, folder: Path) -> Iterator[Sequence[Event]]:
    """The batches of a recording; HiphingeError after the last one where an entry lies outside of it."""
    zero: int | None = None
    latest = 0
    for batch in batches:
        zero = zero_ns(batch) if zero is None else zero
        arrivals = [int(event.arrival_ns[-1]) for event in batch if isinstance(event, Packets) and len(event)]
        latest = max([latest, *arrivals, *(event.arrival_ns for event in batch[-1:] if not isinstance(event, Packets))])
        yield batch
    if zero is not None:
        _check_times(edits, 0.0, (latest - zero) / 1e9, folder)


def _check_times(edits: Edits, begin_s: float, end_s: float, folder: Path) -> None:
    """HiphingeError where an entry lies outside the session. Somebody may have risen from bed before it."""
    for mark in edits.added:
        early = mark.label != RISING and mark.time_s < begin_s - BESIDE_S
        if early or mark.time_s > end_s + BESIDE_S:
            what = (
                f"{mark.label!r} at {mark.time_s:g} s is outside this session, which goes from {begin_s:.0f} to {end_s:.0f} s"
            )
            raise HiphingeError(what, str(folder / EDITS), "Correct its time_s, or remove the entry")


def _unmet(deleted: Sequence[SessionMark], folder: Path) -> list[str]:
    return [f"{folder / EDITS}: there is no mark {one.label!r} at {one.time_s:g} s to delete" for one in deleted]


def _corrected(recording: Recording, beside: Path) -> tuple[Session, list[str]]:
    """The session as corrected by session.toml beside a recording, and warnings.

    session.toml applies if it was written with this recording (`origin`); an older one, which has no origin, if it names
    the same sensors. Athlete, start, marks, mountings and limits of the screen may be corrected.
    """
    used = "the description inside the recording is used"
    inside = recording.session
    try:
        said, origins = read_session_toml(beside), read_origins(beside)
    except HiphingeError as error:
        return inside, [f"{error.where or beside}: {error.what}; {used}"]
    mounted = {sensor.key: sensor.mounting for sensor in said.sensors}
    alike = set(mounted) == {sensor.key for sensor in inside.sensors}
    if not (origin(inside.athlete, inside.start) in origins if origins else alike):
        return inside, [f"{beside} differs from {RECORDING}; {used}"]
    sensors = tuple(replace(s, mounting=mounted[s.key]) for s in inside.sensors) if alike else inside.sensors
    corrected = replace(
        inside, athlete=said.athlete, start=said.start, marks=said.marks, screen_limits=said.screen_limits, sensors=sensors
    )
    whole = replace(said, software=inside.software, patience_s=inside.patience_s)
    return corrected, [] if whole == corrected else [f"{beside} differs from {RECORDING}; {used}"]
