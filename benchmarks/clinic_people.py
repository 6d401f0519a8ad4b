"""People drawn for the simulated clinic: overlapping distributions of what the tests of the hip screen find in them.

Means, spreads and correlations are published ones where there are any (marked with their source), else ours, and then as wide
as we think they can be. Nothing lies in a gap between people with and without a limitation: a hip that is 20° short of what it
would be may still go further than that of another person.

A measured number is the person's own, plus what differs between days and the placements of sensors, plus the time of day, plus
what differs between repetitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from body_signals.movements import BEND, HINGE, HIP_EXTENSION, KNEE_RAISE, ROCK_BACK, STAND_UP
from dsp.day.sets import SIDES
from dsp.results import Repetition

REPETITIONS = 4
"""One trial and three that are scored."""


@dataclass(frozen=True, slots=True)
class Clinic:
    """Whom a clinic draws. Pairs are mean and standard deviation.

    lumbar, pelvis, trunk: ranges of the bend, degrees; the spread of the trunk states their correlation (Laird 2019, table
    3, no back pain). onset_s (Laird 2018), descent_s (mean: Laird 2019; spread ours). raise_deg: true hip flexion of the knee
    raise (ours: 121 (13) of Roach and Miles less 18 % for the pelvis, Murray 2002, so that a quarter are below 90); alike:
    correlation of both hips. rock_deg: hip flexion of a rock-back until the lumbar spine gives way (ours, about the 30° of the
    visual criterion); bow_deg: trunk where it does in a bow (ours). extension_deg: Roach 2015 (spread ours). standing_up:
    lumbar share (Tully 2005; spread ours). supple: correlation of the last four with the hips' flexion (ours).
    rocks: degrees of a rock-back's excursion that are lost for each degree of a hip's limitation; extends: of extension (ours).
    hip_error_deg and the other errors: standard errors between days and placements (MDC of Laird 2016 and Stolowski 2023).
    """

    lumbar: tuple[float, float] = (52.0, 11.0)
    pelvis: tuple[float, float] = (59.0, 15.0)
    trunk_sd: float = 16.0
    onset_s: tuple[float, float] = (-0.21, 0.46)
    descent_s: tuple[float, float] = (2.28, 0.6)
    raise_deg: tuple[float, float] = (98.0, 12.0)
    alike: float = 0.85
    rock_deg: tuple[float, float] = (34.0, 8.0)
    bow_deg: tuple[float, float] = (62.0, 9.0)
    extension_deg: tuple[float, float] = (6.8, 7.0)
    standing_up: tuple[float, float] = (0.25, 0.07)
    supple: float = 0.4
    rocks: float = 0.75
    extends: float = 0.3
    hip_error_deg: float = 2.5
    range_error_deg: float = 4.0
    slack_error_deg: float = 3.0
    onset_error_s: float = 0.15
    extension_test: bool = True
    """Whether the clinic does the test of hip extension, and the bow and standing up."""
    long_screen: bool = True


PAIN_FREE = Clinic()
BACK_PAIN = replace(PAIN_FREE, lumbar=(46.0, 12.0), pelvis=(48.0, 15.0), onset_s=(-0.36, 0.46), descent_s=(3.18, 0.9))
"""The means and spreads with back pain (Laird 2018, 2019), with hips as in everybody."""
OTHERS: Mapping[str, Clinic] = {
    "hips less alike (correlation 0.75)": replace(PAIN_FREE, alike=0.75),
    "rock-back gives way earlier (31°)": replace(PAIN_FREE, rock_deg=(31.0, 7.0)),
    "rock-back loses less with a short hip (0.6)": replace(PAIN_FREE, rocks=0.6),
    "wider spread of hips (14°)": replace(PAIN_FREE, raise_deg=(98.0, 14.0)),
    "larger errors of measurement": replace(PAIN_FREE, hip_error_deg=3.5, slack_error_deg=4.0, range_error_deg=5.0),
    "hip check only, no bow, no extension": replace(PAIN_FREE, extension_test=False, long_screen=False),
}
"""Clinics that draw other people: what the screen says must not depend on our figures."""


@dataclass(frozen=True, slots=True)
class DrawnPerson:
    """A person's own numbers, before anything is measured; degrees, seconds, shares. hip pairs: left, right."""

    lumbar: float
    pelvis: float
    onset_s: float
    descent_s: float
    raises: tuple[float, float]
    rock: float
    bow: float
    extension: tuple[float, float]
    standing_up: float

    def limited(self, by_deg: float, side: str, clinic: Clinic = PAIN_FREE) -> DrawnPerson:
        """The same person with a hip (left, right, or both) that has less range; the bend stays ordinary."""
        by = tuple(by_deg if side in (s, "both") else 0.0 for s in SIDES)
        raises = cast(tuple[float, float], tuple(hip - less for hip, less in zip(self.raises, by, strict=True)))
        extension = cast(
            tuple[float, float], tuple(hip - clinic.extends * less for hip, less in zip(self.extension, by, strict=True))
        )
        return replace(self, raises=raises, rock=max(4.0, self.rock - clinic.rocks * by_deg), extension=extension)


def drawn(rng: np.random.Generator, clinic: Clinic = PAIN_FREE) -> DrawnPerson:
    """A person of this clinic."""
    (lumbar, lumbar_sd), (pelvis, pelvis_sd) = clinic.lumbar, clinic.pelvis
    r = (clinic.trunk_sd**2 - lumbar_sd**2 - pelvis_sd**2) / (2.0 * lumbar_sd * pelvis_sd)
    a, b = rng.normal(), rng.normal()
    supple = rng.normal()

    def along(pair: tuple[float, float], with_hips: float) -> float:
        return float(pair[0] + pair[1] * (with_hips * supple + np.sqrt(1.0 - with_hips**2) * rng.normal()))

    alike = float(np.sqrt(clinic.alike))
    left, right = (along(clinic.raise_deg, alike) for _ in SIDES)
    both = clinic.extension_deg
    # the two hips extend alike as they flex alike
    shared = along((0.0, 1.0), clinic.supple)
    ext = [both[0] + both[1] * (alike * shared + np.sqrt(1.0 - alike**2) * float(rng.normal())) for _ in SIDES]
    return DrawnPerson(
        lumbar=max(8.0, lumbar + lumbar_sd * a),
        pelvis=max(8.0, pelvis + pelvis_sd * (r * a + np.sqrt(1.0 - r * r) * b)),
        onset_s=float(rng.normal(*clinic.onset_s)),
        descent_s=max(0.8, float(rng.normal(*clinic.descent_s))),
        raises=(left, right),
        rock=max(4.0, along(clinic.rock_deg, clinic.supple)),
        bow=along(clinic.bow_deg, clinic.supple),
        extension=(ext[0], ext[1]),
        standing_up=max(0.02, float(rng.normal(*clinic.standing_up))),
    )


ROCK_START_DEG, ROCK_RANGE_DEG, BOW_DEG, LYING_DEG = 84.0, (42.0, 4.0), (66.0, 3.0), 80.0
"""Hip flexion on all fours, how far a rock-back goes at most, how far a bow, and the hip flexion from which a thigh is lowered
on the back (ours)."""


class Measurement:
    """One session with a person: repetitions as the screen reads them."""

    def __init__(self, rng: np.random.Generator, clinic: Clinic = PAIN_FREE) -> None:
        self._rng, self._clinic = rng, clinic
        self._repetitions: list[Repetition] = []
        self._now = 0.0

    def of(self, person: DrawnPerson) -> list[Repetition]:
        """Measure the person, today: errors of placement and day, and of the hour (the lumbar spine bends 5° further in the
        afternoon than in the early morning, Adams 1987)."""
        rng, clinic = self._rng, self._clinic
        hour = float(rng.uniform(-2.5, 2.5))
        lumbar = max(4.0, person.lumbar + hour + self._error(clinic.range_error_deg))
        pelvis = max(4.0, person.pelvis + self._error(clinic.range_error_deg))
        onset = person.onset_s + self._error(clinic.onset_error_s)
        falls = float(rng.normal(0.30, 0.15))
        for _ in self._set():
            low, up = max(2.0, lumbar + self._error(2.0)), max(2.0, pelvis + self._error(2.0))
            share = low / (low + up)
            self._add(
                BEND.name,
                {
                    "lumbar_rom_deg": low,
                    "lumbar_peak_deg": low,
                    "pelvis_rom_deg": up,
                    "trunk_rom_deg": low + up,
                    "lumbar_share_of_trunk": share,
                    "lumbar_share_of_trunk_early": share + 0.5 * falls,
                    "lumbar_share_of_trunk_late": share - 0.5 * falls,
                    "onset_delay_s": onset + self._error(0.1),
                    "descent_s": max(0.5, person.descent_s + self._error(0.2)),
                },
            )
        for i, side in enumerate(SIDES):
            self._raises(side, person.raises[i] + self._error(clinic.hip_error_deg))
        self._rocks(person.rock + self._error(clinic.slack_error_deg))
        if clinic.extension_test:
            for i, side in enumerate(SIDES):
                self._extends(side, person.extension[i] + self._error(clinic.hip_error_deg))
        if clinic.long_screen:
            self._bows(person.bow + self._error(clinic.slack_error_deg))
            share = max(0.0, person.standing_up + self._error(0.03))
            for _ in self._set():
                self._add(
                    STAND_UP.name,
                    {
                        "lumbar_share_of_trunk_on_thigh": max(0.0, share + self._error(0.02)),
                        "lumbar_peak_deg": 0.5 * lumbar,
                    },
                )
        return self._repetitions

    def _error(self, sd: float) -> float:
        return float(self._rng.normal(0.0, sd))

    def _set(self) -> range:
        self._now += 60.0
        return range(REPETITIONS)

    def _add(self, movement: str, metrics: dict[str, float]) -> None:
        times = (self._now, self._now + 2.0, self._now + 4.0)
        index = len(self._repetitions)
        self._repetitions.append(Repetition(index, *times, movement, 0.9, 0, metrics))
        self._now += 5.0

    def _raises(self, side: str, hip: float) -> None:
        other = SIDES[1 - SIDES.index(side)]
        for _ in self._set():
            now = max(45.0, hip + self._error(2.0))
            self._add(
                KNEE_RAISE.name,
                {
                    f"hip_{side}_peak_deg": now,
                    f"hip_{side}_rom_deg": now,
                    f"hip_{side}_apparent_peak_deg": 1.2 * now,
                    f"hip_{other}_peak_deg": 3.0,
                    f"hip_{other}_rom_deg": 15.0,
                    "pelvis_rom_deg": 0.2 * now,
                    "lumbar_rom_deg": 0.1 * now,
                },
            )

    def _rocks(self, slack: float) -> None:
        whole = max(30.0, float(self._rng.normal(*ROCK_RANGE_DEG)))
        for _ in self._set():
            gives_way = max(2.0, slack + self._error(2.5))
            metrics = {"lumbar_rom_deg": 3.0}
            for side in SIDES:
                metrics |= {f"hip_{side}_rom_deg": whole, f"hip_{side}_peak_deg": ROCK_START_DEG + whole}
                if gives_way < whole:
                    metrics[f"slack_onset_{side}_deg"] = ROCK_START_DEG + gives_way
            if gives_way < whole:
                metrics |= {"slack_onset_deg": ROCK_START_DEG + gives_way, "slack_slope_after": 1.2, "lumbar_rom_deg": 9.0}
            self._add(ROCK_BACK.name, metrics)

    def _bows(self, slack: float) -> None:
        whole = float(self._rng.normal(*BOW_DEG))
        for _ in self._set():
            gives_way = max(8.0, slack + self._error(3.0))
            metrics = {"trunk_rom_deg": whole, "trunk_peak_deg": whole}
            self._add(HINGE.name, metrics | ({"slack_onset_trunk_deg": gives_way} if gives_way < whole else {}))

    def _extends(self, side: str, extension: float) -> None:
        other = SIDES[1 - SIDES.index(side)]
        for _ in self._set():
            metrics = {
                f"hip_{side}_peak_deg": LYING_DEG,
                f"hip_{side}_rom_deg": LYING_DEG + extension + self._error(1.5),
                f"hip_{other}_peak_deg": 100.0,
                f"hip_{other}_rom_deg": 6.0,
                "pelvis_rom_deg": 5.0,
            }
            self._add(HIP_EXTENSION.name, metrics)
