"""Thousands of sessions in a folder: seconds for each thousand, of every command that looks at all of them.

Sessions are clones of simulated ones (60 repetitions, both estimators, none sent yet), of 30 athletes. What a command costs for
each session must not grow with their number: the figures of 1,000 and 5,000 stand side by side. `forget` deletes one athlete.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.many_sessions import clones, simulated

ATHLETES = 30
GROWS = 1.5
"""A command whose cost of each session grows by more than this factor from the first number to the last fails (ours)."""
COMMANDS = {
    "sessions": ("sessions", "--json"),
    "doctor": ("doctor", "--json"),
    "push --all --dry-run": ("push", "--all", "--dry-run"),
    "collect": ("collect", "sessions", "--out", "cohort"),
    "collect, nothing changed": ("collect", "sessions", "--out", "cohort"),
    "forget": ("forget", "player-0007", "--yes", "--only-folders"),
}


def main(counts: list[int]) -> bool:
    """Print a row a command; False where one grows faster than the number of sessions."""
    print(f"{'CPU, s for each 1,000 sessions':32}" + "".join(f"{f'{n:,} sessions':>16}" for n in counts))
    measured: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="hiphinge-thousands-") as name:
            place = Path(name)
            originals = [simulated(place / "originals" / str(seed), seed) for seed in range(5)]
            (place / "sessions").mkdir()
            for _ in clones(originals, place / "sessions", count, ATHLETES):
                pass
            for command, words in COMMANDS.items():
                measured[command].append(1000.0 * _cpu_s(words, place) / count)
    kept = True
    for command, seconds in measured.items():
        light = seconds[-1] <= GROWS * seconds[0]
        kept &= light
        print(f"{command:32}" + "".join(f"{s:16.1f}" for s in seconds) + ("" if light else "  grows"), flush=True)
    return kept


def _cpu_s(words: tuple[str, ...], place: Path) -> float:
    """CPU time of a command and its children, user and system, s."""
    settings = {
        "HIPHINGE_SESSIONS": str(place / "sessions"),
        "HIPHINGE_INFLUX_URL": "http://127.0.0.1:9",
        "HIPHINGE_INFLUX_BUCKET": "none",
        "XDG_CONFIG_HOME": str(place / "config"),
        "XDG_STATE_HOME": str(place / "state"),
    }
    before, began = os.times(), time.monotonic()
    result = subprocess.run(
        [sys.executable, "-m", "hiphinge", *words],
        cwd=place,
        env=os.environ | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    after = os.times()
    # the doctor ends with 1, because no InfluxDB answers at that address
    if result.returncode not in (0, 1) or time.monotonic() - began > 3600:
        raise SystemExit(f"{' '.join(words)} failed: {result.stderr[-500:]}")
    return after.children_user + after.children_system - before.children_user - before.children_system


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.thousands", description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 5000])
    sys.exit(0 if main(parser.parse_args().counts) else 1)
