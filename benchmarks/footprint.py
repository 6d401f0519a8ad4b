"""What an hour of training is on the way to InfluxDB, on its disk, and in the session folder; docs/operations.md has it.

    python -m benchmarks.footprint
    python -m benchmarks.footprint --memory 3     # hours of a live session whose database is away: memory, every five minutes

A simulated training of four sensors at 100 Hz is recorded and computed, its points are written to Debian's influxd 1.6.7 and
compacted, and everything is counted; an hour is the same times what is missing to it.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.console import Console

from dashboards.influx.line_protocol import FIELDS, TAGS, points
from dashboards.influx.sending.sender import InfluxSettings, Sender, send_lines
from hiphinge.live.delivery import LiveDelivery
from hiphinge.live.view import LiveScreen
from hiphinge.session.in_progress import SessionInProgress
from tests.peers.event_frames import frames
from tests.peers.influxdb import InfluxDB, influxdb
from virtual_athlete import SimulatedAthlete

MINUTES = 20.0
SEASON_HOURS, SEASON_SESSIONS = 6000, 4800
"""30 players, four sessions of 75 minutes a week, 40 weeks."""
SETTLED_S = 12.0
"""A store whose size has not changed for this time is compacted."""
NOBODY = "http://127.0.0.1:9"
"""Where no server listens."""
SETTLED_MEMORY_S, MEMORY_EVERY_S = 600.0, 300.0
"""Memory is read first after the first of these, when every part has begun, and then at intervals of the second."""
_START = datetime(2026, 11, 23, 9, tzinfo=UTC)


def size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def settled(server: InfluxDB) -> int:
    """Bytes of the data, once the server has compacted them."""
    last, since = (-1, -1), time.monotonic()
    while time.monotonic() - since < SETTLED_S:
        now = (size(server.folder / "data"), size(server.folder / "wal"))
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(0.5)
    return sum(last)


def stored_bytes(lines: list[str], measurement: str) -> int:
    """What the lines of one measurement take on InfluxDB's disk, beyond an empty database with as many series."""
    found = []
    few = [line for line in lines if line.startswith(f"{measurement},")]
    for some in (few[:1], few):
        with tempfile.TemporaryDirectory() as store, influxdb(Path(store), compact_soon=True) as server:
            settings = server.fresh("one")
            with Sender(settings) as sender:
                assert send_lines(some, sender, lambda *_: None).rejected == 0
            found.append(settled(server))
    return found[1] - found[0]


def main() -> None:
    """Simulate, write, count, print."""
    with tempfile.TemporaryDirectory() as scratch:
        athlete = SimulatedAthlete("training", 1, duration_s=MINUTES * 60.0, start=_START)
        folder = Path(scratch) / "session"
        running = SessionInProgress(folder, athlete.session)
        for frame in frames(athlete.events()):
            running.take(frame)
        running.close()
        lines = list(points(folder))
        parts = {path.name: size(path) if path.is_dir() else path.stat().st_size for path in sorted(folder.iterdir())}
    hour = 60.0 / MINUTES
    print(f"{MINUTES:g} min of simulated training, four sensors at 100 Hz, live and review; an hour is {hour:g} times that")
    sent = kept = live = 0.0
    for measurement in TAGS:
        of = [line for line in lines if line.startswith(f"{measurement},")]
        if not of:
            continue
        written, disk = sum(len(line.encode()) + 1 for line in of), stored_bytes(lines, measurement)
        values = sum(line.rsplit(" ", 2)[-2].count("=") for line in of)
        sent, kept = sent + written, kept + disk
        live += sum(len(line.encode()) + 1 for line in of if "estimator=review" not in line)
        print(f"  {measurement}: {len(of)} lines of up to {len(FIELDS[measurement])} fields")
        print(f"    sent:   {written / len(of):7.0f} bytes a line, {hour * written / 1e6:7.1f} MB an hour")
        print(
            f"    stored: {disk / len(of):7.0f} bytes a line, {hour * disk / 1e6:7.1f} MB an hour, {disk / values:.1f} a value"
        )
    print(f"  live alone:       {hour * live / 1e6:6.1f} MB an hour sent, {live / MINUTES / 60e3:.0f} kB/s while it runs")
    print(f"  live and review:  {hour * sent / 1e6:6.1f} MB an hour sent, {hour * kept / 1e6:.1f} MB an hour stored")
    listed = ", ".join(f"{name} {hour * n / 1e6:.1f}" for name, n in parts.items())
    print(f"  session folder:   {hour * sum(parts.values()) / 1e6:6.1f} MB an hour ({listed})")
    season = SEASON_HOURS * hour
    print(
        f"  a season of {SEASON_SESSIONS} sessions, {SEASON_HOURS} hours: InfluxDB {season * kept / 1e9:.0f} GB, folders "
        f"{season * sum(parts.values()) / 1e9:.0f} GB, of which recordings {season * parts['recording.mcap'] / 1e9:.0f} GB"
    )


def resident() -> float:
    """Memory of this process that is in use, MB (Linux)."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1e3


def memory(hours: float) -> None:
    """Feed a simulated training as fast as it goes, as `hiphinge live` would, with an InfluxDB that refuses connections."""
    athlete = SimulatedAthlete("training", 1, duration_s=hours * 3600.0, start=_START)
    due_s = SETTLED_MEMORY_S
    found: list[tuple[float, float]] = []
    # in a thread of its own, as a session that streams: it has another heap than the main thread
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(1) as thread:
        running = SessionInProgress(Path(scratch) / "session", athlete.session)
        running.sinks.add(LiveDelivery(running.folder, athlete.session, InfluxSettings(NOBODY, "", "", "gym")))
        running.sinks.add(LiveScreen(Console(file=io.StringIO())))
        for frame in frames(athlete.events()):
            thread.submit(running.take, frame).result()
            if running.now_s >= due_s:
                due_s += MEMORY_EVERY_S
                found.append((running.now_s / 3600.0, resident()))
                print(f"  after {running.now_s / 60.0:4.0f} min: {found[-1][1]:6.1f} MB", flush=True)
        running.abandon()
    if len(found) > 1:
        slope, _ = np.polyfit(*zip(*found, strict=True), 1)
        print(f"  grows by {slope:.1f} MB an hour (line through these), of {found[0][1]:.0f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.footprint", description=__doc__)
    parser.add_argument("--memory", type=float, metavar="HOURS", help="Memory of a live session instead.")
    given = parser.parse_args()
    if given.memory is None:
        main()
    else:
        memory(given.memory)
