"""Twenty minutes of results on their way to InfluxDB while everything goes wrong, then the database beside the tables.

    python -m benchmarks.chaos                     # about three minutes
    python -m benchmarks.chaos --minutes 4 --kills 2 --seed 7

An athlete trains at ten times the speed of life, `hiphinge push --all` goes round beside, as deploy/push-forever does.
The program is killed with -9 at random moments, also while it closes a session; each time a new session begins. The
rounds of push are killed too. Meanwhile the server (Debian's influxd 1.6.7) is stopped, killed, started again, answers
500, 503 and 429, keeps its askers waiting longer than they have patience, hangs up before, and after, it has stored
what it was sent.

At the end the server is well, and `hiphinge push --all` is run once. The database must then hold exactly
`points(session)` of each session's tables: none missing, none twice, none changed, none besides.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.stored import Difference, compare
from dashboards.influx.drain import rejected_lines
from dashboards.influx.outbox import FOLDER, waiting_bytes
from dashboards.tables import available_estimators
from hiphinge import config
from hiphinge.live.delivery import LiveDelivery
from hiphinge.session.folders import session_name
from hiphinge.session.in_progress import SessionInProgress
from tests.peers.event_frames import frames
from tests.peers.influxdb import InfluxDB, influxdb
from virtual_athlete import SimulatedAthlete

DATABASE = "chaos"
SPEED = 10.0
SHORTEST_S = 60.0
MARGIN_S = 120.0
"""A session that is to be killed would last this much longer, so that it is killed in the middle of it."""
CLOSING_S = 4.0
"""A session that is to be killed while it closes is killed within this time of its end."""
_FIRST_DAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
FAULTS = ("stop", "kill", "500", "503", "429", "silent", "drop", "late")
_PLANNED = {
    "500": (500, "internal error"),
    "503": 503,
    "429": (429, "slow down", {"Retry-After": "1"}),
    "silent": ("silent", 11.0),
    "drop": "drop",
    "late": "late",
}


@dataclass
class Outcome:
    """What was done, and what the database differs by. unsent: what the last round of push said where it failed."""

    minutes: float = 0.0
    sessions: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    difference: Difference = field(default_factory=Difference)
    unsent: str = ""
    left: list[str] = field(default_factory=list)
    """Sessions that still have something to send, or lines that were rejected."""

    @property
    def well(self) -> bool:
        """Whether the database is what the tables say, and nothing waits."""
        return not (self.unsent or self.left) and self.difference.none and self.lines > 0


def play(folder: Path, seed: int, seconds: float, start: datetime, speed: float) -> None:
    """One session, in this process: results go to the InfluxDB of the environment as they come."""
    athlete = SimulatedAthlete("training", seed, duration_s=seconds, athlete=f"player-{seed % 3}", start=start)
    where = folder / session_name(start, athlete.session.athlete)
    running = SessionInProgress(where, athlete.session)
    running.sinks.add(LiveDelivery(where, athlete.session, config.load(None).influx()))
    print("playing", flush=True)
    began = time.monotonic()
    for frame in frames(athlete.events()):
        running.take(frame)
        time.sleep(max(0.0, began + running.now_s / speed - time.monotonic()))
    print("closing", flush=True)
    running.close()


class Weather:
    """A thread that lets the server fail, one fault after another, with calm in between; `faults` counts them."""

    def __init__(self, server: InfluxDB, moments: random.Random) -> None:
        self._server, self._moments = server, moments
        self.faults: Counter[str] = Counter()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="weather")
        self._thread.start()

    def clear(self) -> None:
        """No more faults; the server is well when this returns."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        order: list[str] = []
        while not self._over.wait(self._moments.uniform(0.3, 2.5)):
            order = order or self._moments.sample(FAULTS, len(FAULTS))
            fault = order.pop()
            self.faults[fault] += 1
            if fault == "stop":
                self._server.stop()
            elif fault == "kill":
                self._server.kill()
            else:
                self._server.plan[:] = [_PLANNED[fault]] * 10_000
            self._over.wait(self._moments.uniform(0.3, 4.0))
            self._server.plan.clear()
            self._server.start()


@contextmanager
def pushing(command: list[str], environment: dict[str, str], moments: random.Random, kills: Counter[str]) -> Iterator[None]:
    """Beside the block: one round of `hiphinge push --all` after another, some of them killed."""
    over = threading.Event()

    def rounds() -> None:
        while not over.wait(moments.uniform(0.2, 1.5)):
            child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                child.wait(moments.uniform(1.0, 20.0))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                kills["push"] += 1

    thread = threading.Thread(target=rounds, name="pushing")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def run(folder: Path, *, minutes: float = 20.0, kills: int = 5, seed: int = 1) -> Outcome:
    """Everything, in `folder`."""
    moments, outcome, sessions = random.Random(seed), Outcome(), folder / "sessions"
    sessions.mkdir()
    store = folder / "influxdb"
    store.mkdir()
    ends_s = [*sorted(moments.uniform(0.02, 0.98) * minutes * 60.0 for _ in range(kills)), minutes * 60.0]
    lengths_s = [end - begin for begin, end in zip([0.0, *ends_s], ends_s, strict=False)]
    while_closing = moments.randrange(kills) if kills else -1
    with influxdb(store) as server:
        settings = server.fresh(DATABASE)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HIPHINGE_")}
        environment = kept | {
            "XDG_CONFIG_HOME": str(folder),
            "HIPHINGE_SESSIONS": str(sessions),
            "HIPHINGE_INFLUX_URL": settings.url,
            "HIPHINGE_INFLUX_BUCKET": DATABASE,
        }
        push = [sys.executable, "-m", "hiphinge", "push", "--all"]
        weather = Weather(server, random.Random(seed + 1))
        try:
            with pushing(push, environment, random.Random(seed + 2), outcome.kills):
                for i, length_s in enumerate(lengths_s):
                    closing = i in (while_closing, kills)
                    seconds = max(length_s, SHORTEST_S) if closing else length_s + MARGIN_S
                    start = _FIRST_DAY + timedelta(hours=i)
                    words = [str(w) for w in (sessions, seed + i, seconds, start.isoformat(), SPEED)]
                    child = subprocess.Popen(
                        [sys.executable, "-m", "benchmarks.chaos", "play", *words],
                        env=environment,
                        stdout=subprocess.PIPE,
                        text=True,
                    )
                    assert child.stdout is not None
                    with child, child.stdout:
                        assert child.stdout.readline() == "playing\n"
                        if closing:
                            assert child.stdout.readline() == "closing\n"
                        if i < kills:
                            time.sleep(moments.uniform(0.0, CLOSING_S) if closing else length_s / SPEED)
                            child.kill()
                            child.wait()
                            outcome.kills["closing" if closing else "live"] += 1
                        else:
                            assert child.wait() == 0
                    outcome.sessions += 1
        finally:
            weather.clear()
        outcome.faults = weather.faults
        last = subprocess.run(push, env=environment, capture_output=True, text=True, timeout=600)
        if last.returncode:
            outcome.unsent = last.stderr.strip()
        again = subprocess.run(push, env=environment, capture_output=True, text=True, timeout=600)
        if again.stdout != "Everything was sent.\n":
            outcome.left.append(again.stdout + again.stderr)
        folders = sorted(path for path in sessions.iterdir() if available_estimators(path))
        for path in sorted(sessions.iterdir()):
            if waiting_bytes(path / FOLDER) or rejected_lines(path / FOLDER) or path not in folders:
                outcome.left.append(path.name)
        outcome.minutes = minutes
        outcome.lines, outcome.difference = compare(server, DATABASE, folders)
    return outcome


def main(minutes: float, kills: int, seed: int) -> bool:
    """Run and print; False where the database is not what the tables say."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        outcome = run(Path(scratch), minutes=minutes, kills=kills, seed=seed)
    killed = ", ".join(f"{n} {name}" for name, n in sorted(outcome.kills.items()))
    faults = ", ".join(f"{n} x {name}" for name, n in sorted(outcome.faults.items()))
    seconds = time.monotonic() - began
    print(
        f"seed {seed}: {minutes:g} min of results in {outcome.sessions} sessions at {SPEED:g} x speed, {seconds:.0f} s in all"
    )
    print(f"  killed -9: {killed}; server: {faults}")
    d = outcome.difference
    print(
        f"  {outcome.lines} points in the tables; in the database {d.missing} missing, {d.changed} changed, {d.besides} besides"
    )
    for words in (*d.examples, outcome.unsent, *outcome.left):
        if words:
            print(f"  {words}")
    return outcome.well


if __name__ == "__main__":
    if sys.argv[1:2] == ["play"]:
        where, number, length, begin, pace = sys.argv[2:]
        play(Path(where), int(number), float(length), datetime.fromisoformat(begin), float(pace))
        sys.exit(0)
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="of results")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sys.exit(0 if main(given.minutes, given.kills, given.seed) else 1)
