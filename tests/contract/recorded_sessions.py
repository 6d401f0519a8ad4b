"""Session folders as the program itself leaves them, of simulated athletes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache, lru_cache
from pathlib import Path

from body_signals import Event, Mark, Packets, Session
from hiphinge.session.computation import with_software
from hiphinge.session.folders import RECORDING, session_name
from hiphinge.session.in_progress import SessionInProgress
from hiphinge.version import software
from ingest.formats.plain import PlainSamples, write_plain
from ingest.heads import write_session_toml
from ingest.recording.recorder import Recorder
from virtual_athlete import Script, SimulatedSession, simulate, to_plain


def taken(running: SessionInProgress, events: Sequence[Event]) -> None:
    """Let a session take these events in frames, as an application does."""
    for begin in range(0, len(events), 400):
        running.take(events[begin : begin + 400])


_simulated = lru_cache(maxsize=4)(simulate)
_plain = lru_cache(maxsize=1)(to_plain)
"""Kept, as many tests begin with the same one."""


def simulated_demo(athlete: str = "simulated", **options: object) -> SimulatedSession:
    """A demo, which is nobody's to change."""
    simulated = _simulated("demo", 1, **options)
    return replace(simulated, session=replace(simulated.session, athlete=athlete))


@cache
def simulated_briefly() -> SimulatedSession:
    """Half a minute of an athlete whose sensors' mounting is known: a bend and a squat that calibrate, two more of each."""
    script = Script(1)
    script.mark("calibrate")
    script.stand(4.0)
    script.bend(75.0, (0.45, 0.36, 0.27))
    script.squat(75.0)
    for peak_deg in (80.0, 75.0):
        script.bend(peak_deg, (0.45, 0.36, 0.27))
    for peak_deg in (80.0, 85.0):
        script.squat(peak_deg)
    script.stand(1.0)
    return simulate(script, 1, state_mounting=True)


_STANDING = """
name = "standing"
title = "Standing"

[[steps]]
name = "stand"
test = "stand"
seconds = 2
title = "Stand"
words = "Stand still."
"""


def standing_demo(folder: Path) -> list[str]:
    """Words of a `hiphinge demo` whose athlete stands for some seconds, and no more; `folder` holds its protocol."""
    (folder / "standing.toml").write_text(_STANDING, "utf-8")
    return ["demo", "--protocol", str(folder / "standing.toml"), "--speed", "0"]


def live_session(folder: Path, athlete: str = "simulated", **options: object) -> Path:
    """A demo that was recorded and computed live, in frames as an application takes them."""
    return _live(folder, simulated_demo(athlete, **options))


def brief_session(folder: Path, athlete: str = "simulated") -> Path:
    """The same of half a minute: five repetitions, of which the third lasts from 17 to 20 s."""
    simulated = simulated_briefly()
    return _live(folder, replace(simulated, session=replace(simulated.session, athlete=athlete)))


def _live(folder: Path, simulated: SimulatedSession) -> Path:
    running = SessionInProgress(folder, with_software(simulated.session, software()))
    taken(running, simulated.events)
    running.close()
    return folder


def recording(path: Path, session: Session, events: Iterable[Event]) -> Path:
    """A recording alone."""
    with Recorder(path, session, sync=False) as recorder:
        for event in events:
            recorder.append(event)
    return path


def uncalibrated_recording(path: Path) -> Path:
    """A demo in which nobody marked the calibration."""
    simulated = simulated_demo()
    kept = [event for event in simulated.events if not isinstance(event, Mark)]
    assert len(kept) < len(simulated.events)
    return recording(path, simulated.session, (_numbered(event, seq) for seq, event in enumerate(kept)))


def _numbered(event: Event, seq: int) -> Event:
    if isinstance(event, Packets):
        return Packets(event.sensor, event.seq * 0 + seq, event.arrival_ns, event.lengths, event.data)
    return replace(event, seq=seq)


def plain_session(folder: Path, athlete: str = "simulated") -> Path:
    """A demo as a plain session."""
    session, samples = _plain("demo", 1)
    write_plain(
        folder, replace(session, athlete=athlete), {key: PlainSamples(s.time_s, s.acc, s.gyr) for key, s in samples.items()}
    )
    return folder


def short_sessions(folder: Path, count: int) -> list[Path]:
    """Recordings of a few seconds without results, of one athlete each: calibrated by the mounting, a bend and a squat."""
    made = []
    script = Script(1)
    script.mark("calibrate")
    script.stand(4.0)
    script.bend(75.0, (0.45, 0.36, 0.27))
    script.squat(75.0)
    script.stand(1.0)
    simulated = simulate(script, 1, state_mounting=True)
    for k in range(count):
        start = simulated.session.start + timedelta(days=k)
        session = with_software(replace(simulated.session, athlete=f"player-{k:02d}", start=start), software())
        one = folder / session_name(session.start, session.athlete)
        one.mkdir(parents=True)
        recording(one / RECORDING, session, simulated.events)
        write_session_toml(session, one / "session.toml")
        made.append(one)
    return made
