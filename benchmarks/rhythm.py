"""Repetitions and their metrics beside the truth: found and named rightly, lumbar share, where the spine begins to give way;
and the lumbar share of the movement under way.

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
from body_signals.blocks import Floats
from body_signals.quantities import ESTIMATORS
from dsp.results import TICK_HZ, AngleRows, Repetition
from dsp.rhythm.metrics import rhythm
from dsp.rhythm.share_now import LONGEST_S, ShareNow, share_now
from hiphinge.engine import Engine
from virtual_athlete import JointAngles, Script, TrueRepetition, simulate
from virtual_athlete.movement.scenarios import mixed, screen

SEEDS = 20
OVERLAP = 0.5
"""Found is what covers this part of a true repetition."""
SHARES = ("lumbar_share_of_trunk", "lumbar_share_of_trunk_on_thigh")
PARTS = ("", "_ascent", "_early", "_middle", "_late")
SLACK_DEG = 3.0
BAND = 1.96
"""Standard uncertainties to either side of what is stated: a band that holds 95 %."""
SHARE_NOW_EVERY_S = 0.1
LAG = "correlation_lag_s"


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
    onset, degrees, NaN where it found none; slack_sd: of those found, the error in standard uncertainties; stated: those,
    degrees. now: errors of the share of the movement under way, points of 100; now_sd: in standard uncertainties. lag_s:
    errors of the lag of likeness, NaN where there is none."""

    hit: int = 0
    missed: int = 0
    invented: int = 0
    named: int = 0
    times_s: list[float] = field(default_factory=list)
    rom_deg: list[float] = field(default_factory=list)
    share: dict[str, list[float]] = field(default_factory=dict)
    slack: dict[str, list[float]] = field(default_factory=dict)
    slack_sd: dict[str, list[float]] = field(default_factory=dict)
    stated: dict[str, list[float]] = field(default_factory=dict)
    now: list[float] = field(default_factory=list)
    now_sd: list[float] = field(default_factory=list)
    lag_s: list[float] = field(default_factory=list)

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
            elif name.startswith("slack_"):
                self.slack.setdefault(name, []).append(np.nan if known is None else abs(known - value))
                if known is not None:
                    sd = found.metrics[f"{name.removesuffix('_deg')}_sd_deg"]
                    self.slack_sd.setdefault(name, []).append(abs(known - value) / sd)
                    self.stated.setdefault(name, []).append(sd)

    def watch(self, found: AngleRows, truth: JointAngles) -> None:
        """The share of the movement under way, from the rows and from the true angles at the same times."""
        angles = [np.interp(found.time_s, truth.time_s, column) for column in truth.table().T]
        true = np.where(np.isfinite(found.angles), np.stack(angles), np.nan)
        steps = np.arange(found.time_s[0], found.time_s[-1], SHARE_NOW_EVERY_S)
        for first, last in zip(
            np.searchsorted(found.time_s, steps - LONGEST_S).tolist(),
            np.searchsorted(found.time_s, steps).tolist(),
            strict=True,
        ):
            known, ideal = (_share_now(found, angles, first, last + 1) for angles in (found.angles, true))
            if known is not None and ideal is not None:
                self.now.append(100.0 * abs(known.share - ideal.share))
                self.now_sd.append(abs(known.share - ideal.share) / known.sd)


SHARES_OF_PARTS = frozenset(f"{name}{part}" for name in SHARES for part in PARTS)


def _lags(found: Sequence[Repetition], true: Sequence[TrueRepetition], truth: JointAngles) -> Iterable[float]:
    """Each repetition's lag of likeness less that of the true angles over the true repetition; NaN where it has none."""
    for t in true:
        r = next((r for r in found if _covers(r, t)), None)
        if r is not None:
            turn, rest = (round((b - a) * TICK_HZ) for a, b in ((t.start_s, t.turn_s), (t.turn_s, t.end_s)))
            time_s = t.start_s + np.arange(turn + rest + 1) / TICK_HZ
            rows = {name: np.degrees(np.interp(time_s, truth.time_s, angle)) for name, angle in truth.angles.items()}
            ideal = rhythm(rows, dict.fromkeys(rows, np.ones(len(time_s))), turn, TICK_HZ)
            yield r.metrics.get(LAG, np.nan) - ideal.get(LAG, np.nan)


def _share_now(rows: AngleRows, angles: Floats, first: int, last: int) -> ShareNow | None:
    part = rows.part(first, last)
    return share_now(AngleRows(part.time_s, angles[:, first:last], part.sd, part.quality))


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
            found = [r for o in outputs for r in o[name].repetitions]
            tally.add(found, session.repetitions)
            tally.lag_s += _lags(found, session.repetitions, session.truth)
            tally.watch(AngleRows.join([rows for o in outputs for rows in o[name].angles]), session.truth)
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
                f"median {np.median(there) if there else np.nan:.2f}°, none found in {len(errors) - len(there)}, "
                f"root mean square {np.sqrt(np.mean(np.square(there or [np.nan]))):.2f}°, stated as "
                f"{np.median(t.stated.get(slack, [np.nan])):.2f}° in the median, inside the 95 % band "
                f"{_inside(t.slack_sd.get(slack, []))}"
            )
        if there := [abs(e) for e in t.lag_s if e == e]:
            yield (
                f"          {LAG}: off that of the true angles by {np.median(there):.3f} s in the median, "
                f"{max(there):.2f} s at most; of {len(t.lag_s)} repetitions {len(there)} have one"
            )
        if t.now:
            yield (
                f"          lumbar share now: median error, points: {np.median(t.now):.1f}, 95th percentile "
                f"{np.percentile(t.now, 95):.1f} ({len(t.now)} moments), inside the stated 95 % band {_inside(t.now_sd)}"
            )


def _inside(errors: Sequence[float]) -> str:
    return _percent(sum(e <= BAND for e in errors), len(errors))


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
