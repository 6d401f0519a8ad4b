"""How fast results reach InfluxDB: an outbox is drained, a session is pushed, a live session's rows can be asked for.

    python -m benchmarks.storage

The server is Debian's influxd 1.6.7 with the tests' front, on the same computer. Its own limit is measured beside, in
the same rounds: the same bodies, posted to influxd's `/write`, and to the front, by a bare HTTP connection that does
nothing else. Draining and posting run in a process of their own that is held to one core.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from dashboards.influx.delivery import push
from dashboards.influx.drain import Drain
from dashboards.influx.line_protocol import points
from dashboards.influx.outbox import Outbox, segments
from dashboards.influx.sending.sender import BATCH_LINES, InfluxSettings, Sender
from hiphinge.live.delivery import LiveDelivery
from hiphinge.session.in_progress import SessionInProgress
from tests.peers.event_frames import frames
from tests.peers.influxdb import InfluxDB, influxdb
from virtual_athlete import SimulatedAthlete

POINTS, FIELDS_A_POINT, ROUNDS = 300_000, 10, 3
BAR_POINTS_S, BAR_LATENCY_S = 50_000.0, 1.0
LIVE_S, TRAINING_S = 60.0, 600.0
DRAINED, LIMIT = "drained from an outbox", "posted to influxd, its own limit"
_POLL_S = 0.01
_DATABASE = "storage"
_START = datetime(2026, 11, 27, 9, tzinfo=UTC)


def lines(n: int) -> Iterator[str]:
    """Points of ten fields at 25 Hz: angles that wander, in steps of 1/64 degree."""
    wander = np.random.default_rng(1).normal(0.0, 0.3, (n, FIELDS_A_POINT)).cumsum(axis=0)
    template = ",".join(f"angle_{i}_deg=%.15g" for i in range(FIELDS_A_POINT))
    start_ns = round(_START.timestamp()) * 10**9
    for i, row in enumerate((np.rint(wander * 64) / 64 + 0.0).tolist()):
        yield f"angles,athlete=player-07,session=s,estimator=live {template % tuple(row)} {start_ns + i * 40_000_000}"


def drain(outbox: Path, url: str) -> None:
    """All of an outbox, as `hiphinge live` does it; the seconds it took, and those of the processor, on standard output."""
    with Sender(InfluxSettings(url, "", "", _DATABASE)) as sender:
        began, busy = time.monotonic(), time.process_time()
        sending = Drain(outbox, sender)
        while sending.step():
            pass
        print(json.dumps([time.monotonic() - began, time.process_time() - busy]))


def post(outbox: Path, address: str) -> None:
    """The same bodies, posted and nothing else."""
    bodies = []
    for path in segments(outbox):
        whole = path.read_bytes().splitlines()
        bodies += [b"\n".join(whole[k : k + BATCH_LINES]) for k in range(0, len(whole), BATCH_LINES)]
    place = urlsplit(address)
    connection = http.client.HTTPConnection(str(place.hostname), place.port)
    began, busy = time.monotonic(), time.process_time()
    for body in bodies:
        connection.request("POST", f"{place.path}?{place.query}", body)
        answer = connection.getresponse()
        assert answer.status == 204, answer.read()
        answer.read()
    print(json.dumps([time.monotonic() - began, time.process_time() - busy]))
    connection.close()


def on_one_core(*words: object) -> tuple[float, float]:
    """A part of this program as a process of its own on one core: its seconds, and those of its processor."""
    cores = getattr(os, "sched_getaffinity", lambda _: set())(0)
    program = [sys.executable, "-m", "benchmarks.storage", *map(str, words)]
    pin = [] if len(cores) < 2 else ["taskset", "--cpu-list", str(max(cores))]
    done = subprocess.run([*pin, *program], capture_output=True, text=True, check=True)
    seconds, busy = json.loads(done.stdout)
    return seconds, busy


def rates(server: InfluxDB, scratch: Path) -> dict[str, list[tuple[float, float]]]:
    """Points a second of each way and round, and those of a second of its processor."""
    ways: dict[str, tuple[str, str]] = {
        "posted to the front": ("post", f"{server.url}/api/v2/write?bucket={_DATABASE}"),
        LIMIT: ("post", f"http://127.0.0.1:{server.port}/write?db={_DATABASE}"),
        DRAINED: ("drain", server.url),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    filled = scratch / "outbox"
    source = lines(POINTS)
    with Outbox(filled) as outbox:
        while batch := list(itertools.islice(source, 1000)):
            outbox.append(batch)
    for i in range(ROUNDS):
        # each way is first, second and last once
        for name in [*list(ways)[i % 3 :], *list(ways)[: i % 3]]:
            part, address = ways[name]
            folder = scratch / f"{part}-{i}"
            shutil.copytree(filled, folder, dirs_exist_ok=True)
            server.fresh(_DATABASE)
            seconds, busy = on_one_core(part, folder, address)
            ((count,),) = (row[1:] for row in server.query('SELECT count("angle_0_deg") FROM "angles"', _DATABASE)[0]["values"])
            assert count == POINTS
            found[name].append((POINTS / seconds, POINTS / busy))
    return found


class Watch:
    """A thread that asks the database, again and again, up to which time a session's angles are there."""

    def __init__(self, server: InfluxDB) -> None:
        self._server = server
        self.seen: list[tuple[int, float]] = []
        """Timestamp of the newest row in ns, and the moment when it was first there."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch")
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        newest = 0
        while not self._over.wait(_POLL_S):
            for row in self._server.rows('SELECT last("quality") FROM "angles"', _DATABASE):
                if row["time"] > newest:
                    newest = row["time"]
                    self.seen.append((newest, time.monotonic()))


def latency(server: InfluxDB, folder: Path, seconds: float) -> list[float]:
    """Of a live session in real time: seconds from when the engine has given a row out until it can be asked for."""
    settings = server.fresh(_DATABASE)
    athlete = SimulatedAthlete("training", 1, duration_s=seconds, start=_START)
    running = SessionInProgress(folder, athlete.session)
    running.sinks.add(LiveDelivery(folder, athlete.session, settings))
    start_ns = round(_START.timestamp()) * 10**9
    watch, given = Watch(server), []
    began = time.monotonic()
    for frame in frames(athlete.events()):
        output = running.take(frame)
        now = time.monotonic()
        given += [(start_ns + round(float(t) * 1e9), now) for rows in output.angles for t in rows.time_s]
        time.sleep(max(0.0, began + running.now_s - time.monotonic()))
    time.sleep(2.0)
    watch.stop()
    running.abandon()
    return waits(given, watch.seen)


def waits(given: list[tuple[int, float]], seen: list[tuple[int, float]]) -> list[float]:
    """Seconds between each stamp's being given out and the first moment when it, or a later one, was seen."""
    stamps = np.array([stamp for stamp, _ in seen])
    found = []
    for stamp, moment in given:
        at = int(np.searchsorted(stamps, stamp))
        if at < len(seen):
            found.append(seen[at][1] - moment)
    return found


def pushed(server: InfluxDB, folder: Path) -> tuple[int, float, float]:
    """A training pushed from its tables: points, seconds to make them alone, and to make and send them."""
    athlete = SimulatedAthlete("training", 1, duration_s=TRAINING_S, start=_START)
    running = SessionInProgress(folder, athlete.session)
    for frame in frames(athlete.events()):
        running.take(frame)
    running.close()
    began = time.monotonic()
    made = sum(1 for _ in points(folder))
    seconds = time.monotonic() - began
    report = push(folder, server.fresh(_DATABASE))
    assert report.lines == made
    return made, seconds, report.seconds


def main() -> bool:
    """Measure and print; False where a bar is missed and the server's own limit is not the reason."""
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryDirectory() as store, influxdb(Path(store)) as server:
        found = rates(server, Path(scratch))
        print(f"{POINTS} points of {FIELDS_A_POINT} fields, {ROUNDS} rounds in turn, medians:")
        for name, each in found.items():
            wall, busy = (statistics.median(pair[i] for pair in each) for i in (0, 1))
            print(f"  {name:<34} {wall:9.0f} points/s, {busy:9.0f} for each second of one core")
        made, alone_s, seconds = pushed(server, Path(scratch) / "training")
        print(f"a session of {TRAINING_S / 60:g} min from its tables, live and review: {made} points of 30 fields,")
        print(f"  {made / alone_s:.0f} points/s made, {made / seconds:.0f} points/s made and sent")
        late = sorted(latency(server, Path(scratch) / "live", LIVE_S))
        p50, p99 = (late[round(q * (len(late) - 1))] for q in (0.5, 0.99))
        print(f"live, result to queryable: p50 {p50:.2f} s, p99 {p99:.2f} s, largest {late[-1]:.2f} s ({len(late)} rows)")
    rate, limit = (statistics.median(pair[0] for pair in found[name]) for name in (DRAINED, LIMIT))
    print(f"bars: {BAR_POINTS_S:.0f} points/s or the server's own limit, p99 {BAR_LATENCY_S:g} s")
    return (rate >= BAR_POINTS_S or rate >= 0.8 * limit) and p99 < BAR_LATENCY_S


if __name__ == "__main__":
    parts: dict[str, Callable[[Path, str], None]] = {"drain": drain, "post": post}
    if sys.argv[1:2] and sys.argv[1] in parts:
        parts[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])
        sys.exit(0)
    argparse.ArgumentParser(prog="python -m benchmarks.storage", description=__doc__).parse_args()
    sys.exit(0 if main() else 1)
