"""A cohort of 7,500 sessions: how long it takes to collect 100 that changed, and to ask each ready question.

Sessions are simulated (60 repetitions each, two estimators, clones of 20). Bars: below 10 s and below 1 s of CPU.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.many_sessions import clones, simulated
from hiphinge.cohorts.asking import Asked
from hiphinge.cohorts.collecting import Collected, collect
from hiphinge.cohorts.questions import questions
from on_disk import write_toml

COLLECT_BAR_S, QUESTION_BAR_S = 10.0, 1.0


def main(sessions: int = 7500, athletes: int = 30, changed: int = 100) -> bool:
    """Print the figures; False where a bar is missed."""
    with tempfile.TemporaryDirectory(prefix="hiphinge-cohort-") as name:
        place = Path(name)
        originals = [simulated(place / "originals" / str(seed), seed) for seed in range(20)]
        (place / "sessions").mkdir()
        folders = list(clones(originals, place / "sessions", sessions, athletes))
        cohort = place / "cohort"
        found, seconds, cpu = _timed(place / "sessions", cohort)
        print(f"{found.sessions} sessions of {found.athletes} athletes, {found.bytes / 1e6:.0f} MB", flush=True)
        print(f"collected anew: {seconds:.1f} s, {cpu:.1f} s of CPU ({1e3 * cpu / sessions:.1f} ms a session)", flush=True)
        _, seconds, cpu = _timed(place / "sessions", cohort)
        print(f"nothing changed: {seconds:.1f} s, {cpu:.1f} s of CPU", flush=True)
        for folder in folders[:: sessions // changed][:changed]:
            write_toml(folder / "edits.toml", "[[repetition]]\nat_s = 12.0\ndeleted = true\n")
        found, seconds, cpu = _timed(place / "sessions", cohort)
        kept = seconds < COLLECT_BAR_S
        print(f"{found.read} changed: {seconds:.1f} s, {cpu:.1f} s of CPU (bar {COLLECT_BAR_S:g} s)", flush=True)
        for question, sql in questions().items():
            began, cpu_began = time.monotonic(), time.process_time()
            with Asked(cohort, "review") as asked:
                rows = sum(1 for _ in asked.ask(sql).rows)
            seconds, cpu = time.monotonic() - began, time.process_time() - cpu_began
            kept &= cpu < QUESTION_BAR_S
            print(f"{question}: {rows} rows, {seconds:.2f} s, {cpu:.2f} s of CPU (bar {QUESTION_BAR_S:g} s)", flush=True)
    print("all bars are kept" if kept else "a bar is missed")
    return kept


def _timed(sessions: Path, cohort: Path) -> tuple[Collected, float, float]:
    began, cpu = time.monotonic(), time.process_time()
    found = collect(sessions, cohort, print)
    return found, time.monotonic() - began, time.process_time() - cpu


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cohort", description=__doc__)
    parser.add_argument("--sessions", type=int, default=7500)
    parser.add_argument("--athletes", type=int, default=30)
    chosen = parser.parse_args()
    sys.exit(0 if main(chosen.sessions, chosen.athletes) else 1)
