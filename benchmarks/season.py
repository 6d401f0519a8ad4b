"""A season computed again: by one worker and by two, what a session costs beside computing it, and what clusters would take.

    python -m benchmarks.season
    python -m benchmarks.season --sessions 8 --minutes 5 --rounds 1    # a first look

Sessions of simulated training are computed by `hiphinge reanalyse` as users start it. Wall time is taken from the first
session to the last one, without the start of the workers, and only while nothing else uses the processors: other programs' time
is read off the system. The overhead is processor time, of all processes, of each further session.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from benchmarks.footprint import SEASON_HOURS, size
from hiphinge.session.folders import RECORDING, session_name
from ingest.heads import write_session_toml
from tests.contract.command_line import COMMAND, environment
from tests.contract.recorded_sessions import recording
from virtual_athlete import simulate

LEAST_SCALING, MOST_OVERHEAD = 1.8, 0.05
"""Bars: wall time with one worker over that with two; processor time of a session beside computing it."""
OTHERS = 0.05
"""Part of the processors' time that other programs may take during a round that counts."""
WORKERS = (1, 2, 8, 16, 32, 64)
RATES_MB_S = (50, 100, 300, 1000, 3000)
"""Of storage: a network disk, a good one, object storage from one machine, from several, a parallel file system."""
ALL, LEAN = "angles,orientations,repetitions", "angles,repetitions"


@dataclass(frozen=True)
class Run:
    """A run of the command: seconds from the first session to the last, its report, processor time of all its processes, and
    the part of the processors that other programs had."""

    seconds: float
    report: dict[str, object]
    cpu_s: float
    others: float

    @property
    def computing_s(self) -> float:
        """Processor time of computing alone."""
        found = self.report["cpu_s"]
        assert isinstance(found, dict)
        return float(found["computing"])


def season(folder: Path, count: int, minutes: float) -> None:
    """Recordings of one simulated training, as that of one athlete each."""
    simulated = simulate("training", 1, duration_s=60.0 * minutes)
    for k in range(count):
        start = simulated.session.start + timedelta(days=k)
        session = replace(simulated.session, athlete=f"player-{k:02d}", start=start)
        one = folder / session_name(start, session.athlete)
        one.mkdir(parents=True)
        recording(one / RECORDING, session, simulated.events)
        write_session_toml(session, one / "session.toml")


def busy_s() -> float:
    """Processor time that all programs have had since the system began, s; nan where the system does not tell."""
    try:
        user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    except (OSError, ValueError):
        return float("nan")
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def children_s() -> float:
    """Processor time of all children that have ended, s."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


def run(sessions: Path, workers: int, tables: str = ALL, keep: Path | None = None) -> Run:
    """Compute the sessions into a new folder, which is `keep` or goes again."""
    with tempfile.TemporaryDirectory() as scratch:
        out = keep or Path(scratch) / "results"
        words = ("reanalyse", sessions, "--out", out, "--workers", workers, "--tables", tables, "--json")
        busy, ours, began = busy_s(), children_s(), os.times().elapsed
        done = subprocess.run([*COMMAND, *map(str, words)], env=environment(), capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        cpu_s, elapsed_s = children_s() - ours, os.times().elapsed - began
        others = (busy_s() - busy - cpu_s) / (elapsed_s * (os.cpu_count() or 1))
        report = json.loads(done.stdout.splitlines()[-1])
        return Run(float(report["seconds"]), report, cpu_s, others)


def scaling(sessions: Path, rounds: int) -> bool | None:
    """Print wall times with one and two workers and their ratio; None where the machine was never free."""
    best: dict[int, float] = {}
    for number in range(rounds):
        for workers in (1, 2):
            one = run(sessions, workers)
            counts = one.others <= OTHERS
            print(
                f"  round {number + 1}, {workers} worker{'s' if workers > 1 else ' '}: {one.seconds:6.1f} s"
                f"{'' if counts else f'; other programs had {one.others:.0%} of the processors: does not count'}",
                flush=True,
            )
            if counts:
                best[workers] = min(best.get(workers, one.seconds), one.seconds)
    if set(best) != {1, 2}:
        print("  this machine is not free: no ratio")
        return None
    ratio = best[1] / best[2]
    print(f"  best of {rounds}: {best[1]:.1f} s and {best[2]:.1f} s, {ratio:.2f} x (bar: {LEAST_SCALING} x)")
    return ratio >= LEAST_SCALING


def overhead(sessions: Path, half: Path) -> bool:
    """Print what a further session costs beside computing it, processor time."""
    whole, part = run(sessions, 1), run(half, 1)
    more = len(list(sessions.iterdir())) - len(list(half.iterdir()))
    each_s, computing_s = (whole.cpu_s - part.cpu_s) / more, (whole.computing_s - part.computing_s) / more
    share = each_s / computing_s - 1.0
    print(
        f"  a further session: {each_s:.2f} s of processor time, of which computing {computing_s:.2f} s: "
        f"{1000.0 * (each_s - computing_s):.0f} ms or {share:.1%} beside it (bar: {MOST_OVERHEAD:.0%})"
    )
    found = whole.report["cpu_s"]
    assert isinstance(found, dict)
    in_worker_s = (float(found["all"]) - float(found["computing"])) / len(list(sessions.iterdir()))
    print(
        f"  of it in the worker: {1000.0 * in_worker_s:.0f} ms to look, to copy and to commit, {in_worker_s / computing_s:.1%}"
    )
    print(f"  once: {part.cpu_s - each_s * len(list(half.iterdir())):.1f} s to start Dask and a worker")
    return share <= MOST_OVERHEAD


def model(sessions: Path, minutes: float) -> None:
    """Print how long a season takes, by workers and by the rate at which storage takes and gives."""
    count = len(list(sessions.iterdir()))
    hours = count * minutes / 60.0
    print(f"  a season of 30 players: {SEASON_HOURS} h of sessions; hours by workers (one core each) and rate of storage")
    for tables in (ALL, LEAN):
        with tempfile.TemporaryDirectory() as scratch:
            one = run(sessions, 1, tables, Path(scratch) / "results")
            megabytes = (size(sessions) + size(Path(scratch) / "results")) / hours / 1e6
        found = one.report["cpu_s"]
        assert isinstance(found, dict)
        core_s = float(found["all"]) / hours
        print(f"  --tables {tables}: {core_s:.1f} s of a core and {megabytes:.0f} MB read and written an hour of session")
        print("    workers " + "".join(f"{f'{rate} MB/s':>12}" for rate in RATES_MB_S))
        for workers in WORKERS:
            # what each worker computes, and what all of them together can read and write
            cells = [SEASON_HOURS * max(core_s / workers, megabytes / rate) / 3600.0 for rate in RATES_MB_S]
            limits = ["*" if megabytes / rate > core_s / workers else " " for rate in RATES_MB_S]
            print(
                f"    {workers:7} " + "".join(f"{f'{cell:.1f}{limit}':>12}" for cell, limit in zip(cells, limits, strict=True))
            )
    print("    * storage is the limit: more workers do not help")


def main(count: int = 16, minutes: float = 10.0, rounds: int = 3) -> bool:
    """Print everything; False where a bar is missed."""
    with tempfile.TemporaryDirectory() as scratch:
        sessions, half = Path(scratch) / "sessions", Path(scratch) / "half"
        season(sessions, count, minutes)
        half.mkdir()
        for one in sorted(sessions.iterdir())[: count // 2]:
            (half / one.name).symlink_to(one)
        print(f"{count} sessions of {minutes:g} min, four sensors, both estimators; {os.cpu_count()} cores", flush=True)
        print("wall time", flush=True)
        scales = scaling(sessions, rounds)
        print("overhead", flush=True)
        light = overhead(sessions, half)
        print("model", flush=True)
        model(sessions, minutes)
    return scales is not False and light


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=16)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    sys.exit(0 if main(given.sessions, given.minutes, given.rounds) else 1)
