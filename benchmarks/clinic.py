"""A simulated clinic: how often the hip screen names a pattern in people without one, and in those who have one.

    python -m benchmarks.clinic --people 2000
    python -m benchmarks.clinic --people 2000 --through-recordings 200    # some of them through the whole program, slow

People are drawn from overlapping distributions (benchmarks/clinic_people.py), and each is measured once. The figures depend on
what is drawn; the last table draws other people. docs/screen.md has the figures.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.clinic_people import BACK_PAIN, OTHERS, PAIN_FREE, Clinic, DrawnPerson, Measurement, drawn
from dsp.day.sets import SIDES
from dsp.screen.decision import ONE_TEST, Pattern
from dsp.screen.pattern import Screen, screen_of

NAMED = (Pattern.HIP_LIMITED, Pattern.POSTERIOR_CHAIN, Pattern.MOVEMENT_CONTROL, Pattern.GUARDED)
SIZES = (10.0, 20.0, 30.0)
Screened = Callable[[DrawnPerson, np.random.Generator, Clinic], Screen]


def measured(person: DrawnPerson, rng: np.random.Generator, clinic: Clinic) -> Screen:
    """The screen of one session with a person, by the statistical model of the measures."""
    return screen_of(Measurement(rng, clinic).of(person))


@dataclass(frozen=True, slots=True)
class Group:
    """People of one sort and what the screen says of them. pattern: what there is to find (None: nothing); sides: the true one
    of each."""

    words: str
    pattern: Pattern | None
    screens: Sequence[Screen]
    sides: Sequence[str]

    def part(self, which: Callable[[Screen], object]) -> float:
        """Part of the people for whose screen it holds."""
        return sum(bool(which(s)) for s in self.screens) / max(len(self.screens), 1)

    @property
    def named(self) -> float:
        """Part in whom any pattern is named."""
        return self.part(lambda s: s.pattern in NAMED)

    @property
    def found(self) -> float:
        """Part in whom the pattern that is there is named, or none where there is none."""
        return self.part(self.is_right)

    def is_right(self, screen: Screen) -> bool:
        """Whether the screen says what is there."""
        return screen.pattern not in NAMED if self.pattern is None else screen.pattern is self.pattern

    @property
    def side_right(self) -> float:
        """Part of those found whose side is right."""
        of = [(s.side, side) for s, side in zip(self.screens, self.sides, strict=True) if s.pattern is Pattern.HIP_LIMITED]
        return sum(said == true for said, true in of) / len(of) if of else float("nan")

    @property
    def borderline(self) -> float:
        """Part that the screen calls borderline."""
        return self.part(lambda s: s.otherwise)

    @property
    def one_test(self) -> float:
        """Part in whom one test points to a pattern."""
        return self.part(lambda s: s.code == ONE_TEST)

    @property
    def right_where_clear(self) -> float:
        """Of those who are not borderline, the part of which the screen is right."""
        clear = [s for s in self.screens if not s.otherwise]
        return sum(map(self.is_right, clear)) / len(clear) if clear else float("nan")


def groups(people: int, seed: int = 1, clinic: Clinic = PAIN_FREE, screened: Screened = measured) -> list[Group]:
    """Everybody: without limitation, and by size of a limitation, on one side (in turn) and on both."""
    found = [group("pain-free", None, people, seed, clinic, screened)]
    for size in SIZES:
        found.append(limited(size, people, seed, clinic, screened))
    for size in SIZES[1:]:
        found.append(limited(size, people, seed, clinic, screened, both=True))
    return found


def group(words: str, pattern: Pattern | None, people: int, seed: int, clinic: Clinic, screened: Screened = measured) -> Group:
    """People of a clinic as they are drawn."""
    screens = []
    for i in range(people):
        rng = np.random.default_rng([seed, i])
        screens.append(screened(drawn(rng, clinic), rng, clinic))
    return Group(words, pattern, screens, [""] * people)


def limited(size: float, people: int, seed: int, clinic: Clinic, screened: Screened = measured, *, both: bool = False) -> Group:
    """People of a clinic with one hip (left, right in turn) that has less range, or both."""
    screens, sides = [], []
    for i in range(people):
        rng = np.random.default_rng([seed, 1000 + int(size) + 500 * both, i])
        side = "both" if both else SIDES[i % 2]
        screens.append(screened(drawn(rng, clinic).limited(size, side, clinic), rng, clinic))
        sides.append(side)
    return Group(f"{size:.0f}° on {'both sides' if both else 'one side'}", Pattern.HIP_LIMITED, screens, sides)


def confusion(of: Sequence[Group]) -> Mapping[str, Counter[str]]:
    """Answer codes of each group."""
    return {g.words: Counter(s.code for s in g.screens) for g in of}


def clear_and_right(of: Sequence[Group]) -> tuple[float, float]:
    """Over several groups together: part that is borderline, and of the others the part that is right."""
    every = [(g.is_right(s), bool(s.otherwise)) for g in of for s in g.screens]
    clear = [right for right, borderline in every if not borderline]
    return 1.0 - len(clear) / len(every), sum(clear) / len(clear)


def main(people: int, seed: int, through_recordings: int) -> None:
    """Print the tables."""
    print(f"{people} drawn people in each group, seed {seed}")
    of = groups(people, seed)
    pain = group("back-pain means, hips as in everybody", None, people, seed, BACK_PAIN)
    _table([of[0], pain, *of[1:]])
    mixed = [of[0], *(g for g in of if g.words in ("20° on one side", "30° on one side"))]
    borderline, right = clear_and_right(mixed)
    print(
        f"pain-free, 20° and 30° on one side together: borderline {_percent(borderline)}, of the others {_percent(right)} right"
    )
    print("\nAnswers:")
    for words, codes in confusion([of[0], pain, *of[1:]]).items():
        print(f"  {words:40s} " + ", ".join(f"{code} {count}" for code, count in codes.most_common()))
    print("\nOther clinics, with the limits and the decision as they are:")
    for words, clinic in OTHERS.items():
        print(f" {words}")
        alone = group("pain-free", None, people, seed + 1, clinic)
        _table([alone, *(limited(size, people, seed + 1, clinic) for size in SIZES[1:])], head=False)
    if through_recordings:
        from benchmarks.clinic_recordings import through_recordings as screened_by_recording

        print(
            f"\n{through_recordings} people in each of three groups, recorded by virtual sensors and screened by the program:"
        )
        some = [
            group("pain-free", None, through_recordings, seed, PAIN_FREE, screened_by_recording),
            *(limited(size, through_recordings, seed, PAIN_FREE, screened_by_recording) for size in SIZES[1:]),
        ]
        _table(some)


def _percent(part: float) -> str:
    return "-" if part != part else f"{100.0 * part:.1f} %"


def _table(of: Sequence[Group], *, head: bool = True) -> None:
    if head:
        print(f"{'':42s}any pattern  hip-limited  side right  one test  borderline  right if not borderline")
    for g in of:
        hips = g.part(lambda s: s.pattern is Pattern.HIP_LIMITED)
        cells = (g.named, hips, g.side_right, g.one_test, g.borderline, g.right_where_clear)
        print(f"  {g.words:40s}" + "".join(f"{_percent(cell):>12s}" for cell in cells))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clinic", description=__doc__)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--through-recordings", type=int, default=0, help="people of each group through the whole program")
    chosen = parser.parse_args()
    main(chosen.people, chosen.seed, chosen.through_recordings)
