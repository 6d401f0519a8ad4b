"""Runs the independent judge of the shared material on this program, and holds its figures against our bars.

The judge simulates athletes, replays them with the installed `hiphinge` command and prints lumbar and hip error beside
plain VQF on the same sessions, and repetitions found. Its exit code speaks of harder bars than ours, so its line is read.
Simulated data, from a simulator that shares nothing with ours. `python -m benchmarks.judge [--seeds 100-107]`
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import shared_folder

SEEDS = (100, 107)

_LINE = re.compile(
    r"lumbar (?P<lumbar_deg>[\d.]+) = (?P<lumbar>[\d.]+) x plain VQF (?P<vqf_lumbar_deg>[\d.]+), "
    r"hip (?P<hip_deg>[\d.]+) = (?P<hip>[\d.]+) x (?P<vqf_hip_deg>[\d.]+),.* present (?P<present>[\d.]+) %, "
    r"repetitions hit (?P<hit>\d+), missed (?P<missed>\d+), invented (?P<invented>\d+) \(F1 (?P<f1>[\d.]+)\)"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge said of one estimator. lumbar, hip: error as a share of plain VQF's; present: percent of instants."""

    line: str
    lumbar: float
    hip: float
    f1: float
    present: float
    invented: int


@dataclass(frozen=True, slots=True)
class Bars:
    """The most that lumbar and hip error may be, as a share of plain VQF's, and the least F1 of repetitions."""

    lumbar: float
    hip: float
    f1: float = 0.98

    def missed(self, verdict: Verdict) -> list[str]:
        """The bars that a verdict misses, in words."""
        checks = [
            (verdict.lumbar <= self.lumbar, f"lumbar {verdict.lumbar:.2f} > {self.lumbar:.2f} x plain VQF"),
            (verdict.hip <= self.hip, f"hip {verdict.hip:.2f} > {self.hip:.2f} x plain VQF"),
            (verdict.f1 >= self.f1, f"F1 {verdict.f1:.3f} < {self.f1:.2f}"),
        ]
        return [words for kept, words in checks if not kept]

    def __str__(self) -> str:
        return f"lumbar <= {self.lumbar:.2f}, hip <= {self.hip:.2f} x plain VQF, F1 >= {self.f1:.2f}"


BARS = {"live": Bars(0.85, 0.95), "review": Bars(1.05, 1.05)}


def read_verdict(printed: str) -> Verdict:
    """The figures in what the judge printed. ValueError, with what it said, where there are none."""
    for line in printed.splitlines():
        found = _LINE.search(line)
        if found is not None:
            share = {name: float(found[name]) for name in ("lumbar", "hip", "f1", "present")}
            return Verdict(line.strip(), invented=int(found["invented"]), **share)
    raise ValueError(f"the judge gave no figures: {printed.strip()[-2000:]}")


def judge(shared: Path, estimator: str, first: int, last: int) -> Verdict:
    """Run the judge on the seeds first … last with this interpreter and the command installed beside it."""
    beside = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{beside}{os.pathsep}{os.environ.get('PATH', '')}", "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, str(shared / "judge" / "score.py"), estimator, f"{first}-{last}"],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )
    return read_verdict(done.stdout + done.stderr)


def main(first: int = SEEDS[0], last: int = SEEDS[1], say: Callable[[str], None] = print) -> bool:
    """Print the judge's lines and whether our bars are kept; False where one is missed."""
    shared = shared_folder()
    if shared is None or not (shared / "judge" / "score.py").is_file():
        say("The judge: left out, the shared test material is not there (HIPHINGE_SHARED, or ../shared)")
        return True
    say(f"The independent judge, seeds {first}-{last}: simulated athletes with moving skin, degrees rms beside plain VQF")
    kept = True
    for estimator, bars in BARS.items():
        verdict = judge(shared, estimator, first, last)
        missed = bars.missed(verdict)
        say(verdict.line)
        say(f"  bars ({bars}): {'pass' if not missed else 'FAIL: ' + '; '.join(missed)}")
        kept = kept and not missed
    return kept


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default=f"{SEEDS[0]}-{SEEDS[1]}", help="FIRST-LAST")
    given = [int(word) for word in parser.parse_args().seeds.split("-")]
    sys.exit(0 if main(given[0], given[-1]) else 1)
