"""Repetitions and their metrics beside the truth: found and named rightly, lumbar share, where the spine begins to give way.

The whole way from radio packets on simulated athletes with consumer sensors on moving skin: mixed training with walking, hip
screens, and rock-backs whose lumbar spine gives way at an angle that the simulator knows. Nothing here is of people.
`python -m benchmarks.rhythm [--seeds 20]`
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.screen import LIMITED
from dsp.results import Repetition
from hiphinge.engine import Engine
from signals.quantities import ESTIMATORS
from simulation import Script, TrueRepetition, simulate
from simulation.scenarios import mixed, screen

SEEDS = 20
OVERLAP = 0.5
"""Found is what covers this part of a true repetition."""
SHARES = ("lumbar_share_of_trunk", "lumbar_share_of_trunk_on_thigh")
PARTS = ("", "_ascent", "_early", "_middle", "_late")
SLACK_DEG = 3.0


def rock_backs(seed: int) -> Script:
    """Ten rock-backs that give way early, late, or not at all, in two stays on all fours."""
    script, rng = Script(seed), np.random.default_rng([seed, 79])
    script.calibrate()
    script.stand(1.0)
    for _ in range(2):
        script.all_fours(trunk_deg=float(rng.uniform(80.0, 88.0)))
        for k in range(5):
            slack = None if k == 4 else float(rng.uniform(94.0, 114.0))
            script.rock_back(float(rng.uniform(44.0, 54.0)), slack, after=float(rng.uniform(0.4, 0.8)))
        script.stand_from_all_fours(rest_s=2.0)
    script.stand(2.0)
    return script


SESSIONS: dict[str, Callable[[int], Script]] = {
    "mixed": mixed,
    "screen": lambda seed: screen(seed, LIMITED[seed % len(LIMITED)]),
    "rock-backs": rock_backs,
}


@dataclass(slots=True)
class Tally:
    """What one estimator made of several sessions. share: errors by metric, in points of 100; slack: errors by estimator of the
    onset, degrees, NaN where it found none."""

    hit: int = 0
    missed: int = 0
    invented: int = 0
    named: int = 0
    times_s: list[float] = field(default_factory=list)
    rom_deg: list[float] = field(default_factory=list)
    share: dict[str, list[float]] = field(default_factory=dict)
    slack: dict[str, list[float]] = field(default_factory=dict)

    @property
    def f1(self) -> float:
        """Of detection, whatever the kind."""
        return 2 * self.hit / max(2 * self.hit + self.missed + self.invented, 1)

    def add(self, found: Sequence[Repetition], true: Sequence[TrueRepetition]) -> None:
        """One session; what happens on the way to and from all fours is no invention."""
        free = list(found)
        for t in true:
            match = next((r for r in free if _covers(r, t)), None)
            if match is None:
                self.missed += 1
                continue
            free.remove(match)
            self.hit += 1
            self.named += match.movement == t.movement
            self._compare(match, t)
        self.invented += sum(r.movement != "other" for r in free)

    def _compare(self, found: Repetition, true: TrueRepetition) -> None:
        self.times_s += [abs(found.start_s - true.start_s), abs(found.end_s - true.end_s)]
        for name, value in true.metrics.items():
            known = found.metrics.get(name)
            if name in SHARES_OF_PARTS and known is not None:
                self.share.setdefault(name, []).append(100.0 * abs(known - value))
            elif name == "lumbar_rom_deg" and known is not None:
                self.rom_deg.append(abs(known - value))
            elif name in ("slack_onset_deg", "slack_breakpoint_deg"):
                self.slack.setdefault(name, []).append(np.nan if known is None else abs(known - value))


SHARES_OF_PARTS = frozenset(f"{name}{part}" for name in SHARES for part in PARTS)


def _covers(found: Repetition, true: TrueRepetition) -> bool:
    return min(found.end_s, true.end_s) - max(found.start_s, true.start_s) > OVERLAP * (true.end_s - true.start_s)


def tallies(script: Callable[[int], Script], seeds: Iterable[int]) -> dict[str, Tally]:
    """By estimator."""
    made = {name: Tally() for name in ESTIMATORS}
    for seed in seeds:
        session = simulate(script(seed), seed)
        engine = Engine(session.session, ESTIMATORS)
        outputs = [engine.feed(session.events), engine.finish()]
        for name, tally in made.items():
            tally.add([r for o in outputs for r in o[name].repetitions], session.repetitions)
    return made


def _percent(part: float, whole: float) -> str:
    return f"{100.0 * part / whole:5.1f} %" if whole else "    –  "


def _lines(of: Mapping[str, Tally]) -> Iterable[str]:
    for name, t in of.items():
        yield (
            f"  {name:6s}  F1 {t.f1:.3f} ({t.hit} found, {t.missed} missed, {t.invented} invented), kind right "
            f"{_percent(t.named, t.hit)}, median error of begin and end {np.median(t.times_s):.2f} s, "
            f"of the lumbar range {np.median(t.rom_deg):.2f}°"
        )
        for share in SHARES:
            if share in t.share:
                parts = [f"{np.median(t.share[share + p]):.1f}{p and ' ' + p[1:]}" for p in PARTS if share + p in t.share]
                yield f"          {share}: median error, points: {', '.join(parts)} ({len(t.share[share])} repetitions)"
        for slack, errors in t.slack.items():
            there = [e for e in errors if e == e]
            within = _percent(sum(e <= SLACK_DEG for e in there), len(errors))
            yield (
                f"          {slack}: within {SLACK_DEG:g}° of the truth in {within} of {len(errors)}, "
                f"median {np.median(there) if there else np.nan:.2f}°, none found in {len(errors) - len(there)}"
            )


def main(seeds: int = SEEDS) -> None:
    """Print the table; bars: F1 0.99, kinds 95 %, share 2 points, slack within 3° in 90 %."""
    for name, script in SESSIONS.items():
        print(f"{name}, {seeds} simulated athletes", flush=True)
        for line in _lines(tallies(script, range(seeds))):
            print(line, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rhythm", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    main(parser.parse_args().seeds)
