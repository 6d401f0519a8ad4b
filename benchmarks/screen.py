"""The hip screen of simulated athletes through the whole program, against what was simulated.

That all are right is by construction: an athlete's hip either ends at 74° or does not end, and nobody lies between. So this
checks the way from the sensors' bytes to the answer; how often the answer is right is for `benchmarks.clinic` to say.

    python -m benchmarks.screen --seeds 24

Each athlete does the tests of the screen once: the left hip runs out early, the right one, or neither, in turn. From the
sensors' bytes, live and review: is the pattern right, and its side. Repetitions and slack onsets: `benchmarks.rhythm`.
"""

from __future__ import annotations

import argparse
from collections import Counter

from body_signals.quantities import ESTIMATORS
from dsp.screen.pattern import Pattern
from hiphinge.engine import Engine
from virtual_athlete import screen, simulate

FIRST_SEED, SEEDS = 10, 24
LIMITED = ("left", "right", None)


def main(seeds: int = SEEDS) -> None:
    """Print a line for each estimator, and one for each athlete whose pattern or side is not the simulated one."""
    counts = {name: Counter[str]() for name in ESTIMATORS}
    print(f"{seeds} simulated screens, left, right or neither hip limited")
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        limited = LIMITED[seed % len(LIMITED)]
        session = simulate(screen(seed, limited), seed)
        engine = Engine(session.session, ESTIMATORS)
        engine.feed(session.events)
        engine.finish()
        expected = Pattern.NONE if limited is None else Pattern.HIP_LIMITED
        for name, count in counts.items():
            said = engine.summary(name, "x")["screen"]
            assert isinstance(said, dict)
            count["pattern"] += said["pattern"] == expected
            count["side"] += (said["pattern"], said["side"]) == (expected, limited or "")
            count["borderline"] += said["borderline"]
            if (said["pattern"], said["side"]) != (expected, limited or ""):
                print(f"  athlete {seed}, {limited} limited, {name}: {said['pattern_words']}; {'; '.join(said['notes'])}")
    for name, count in counts.items():
        right = f"pattern right {count['pattern']} of {seeds}, with its side {count['side']}"
        print(f"{name}: {right}, borderline {count['borderline']}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.screen", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    main(parser.parse_args().seeds)
