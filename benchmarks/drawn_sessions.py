"""Sessions that a seed draws, sound ones and the same with a faulty sensor, as files and as the bytes of devices.

Movements, sampling rate, loss, how the sensors are worn, whether their mounting is stated and how well they measure all come
from the seed. Only the faulty sensor is simulated anew for each fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, cast

import numpy as np

from body_signals import BODY_PLACEMENTS, Event, Floats, Placement, Session, TimedBlock
from ingest.formats import PlainSamples
from virtual_athlete import FaultKind, Samples, Script, SimulatedAthlete, VirtualKit, VirtualSensor
from virtual_athlete.movement.scenarios import HIP_LED, LATE_SLACK, LUMBAR_LED
from virtual_athlete.radio import Arrival


def drawn_script(seed: int, duration_s: float = 70.0) -> Script:
    """A calibration, then what the seed decides; every session walks, and something moves within seconds of its middle."""
    script, rng = Script(seed), np.random.default_rng([seed, 90])
    script.stand(float(rng.uniform(0.2, 2.0)))
    script.calibrate(stand_s=float(rng.uniform(5.0, 6.5)))
    script.stand(float(rng.uniform(0.5, 2.0)))

    def bend() -> None:
        share = (HIP_LED, LUMBAR_LED, LATE_SLACK)[int(rng.integers(3))]
        script.bend(
            float(rng.uniform(45.0, 95.0)), share, down_s=float(rng.uniform(1.0, 2.5)), up_s=float(rng.uniform(1.0, 2.2))
        )

    def seated() -> None:
        script.sit_down(float(rng.uniform(1.5, 2.2)), rest_s=float(rng.uniform(1.0, 3.0)))
        for _ in range(int(rng.integers(0, 3))):
            script.bend(float(rng.uniform(20.0, 45.0)), 0.6, thigh_deg=84.0, knee_deg=90.0, movement="other")
        script.stand_up(float(rng.uniform(1.4, 2.0)), rest_s=0.8)

    def knees() -> None:
        side = ("left", "right")[int(rng.integers(2))]
        for _ in range(int(rng.integers(1, 4))):
            script.knee_raise(side, float(rng.uniform(50.0, 90.0)))

    exercises = (
        bend,
        bend,
        lambda: script.squat(float(rng.uniform(55.0, 95.0)), down_s=float(rng.uniform(0.8, 1.8))),
        lambda: script.deadlift(float(rng.uniform(50.0, 75.0)), down_s=float(rng.uniform(0.9, 1.8))),
        lambda: script.hinge(float(rng.uniform(45.0, 70.0))),
        lambda: script.asymmetric_lift(("left", "right")[int(rng.integers(2))], float(rng.uniform(48.0, 64.0))),
        knees,
        seated,
        lambda: script.walk(float(rng.uniform(4.0, 9.0)), turn_deg=float(rng.uniform(-120.0, 120.0))),
    )
    bend()
    script.walk(float(rng.uniform(6.0, 10.0)), turn_deg=float(rng.uniform(-120.0, 120.0)))
    script.stand(1.0)
    while script.now < duration_s - 8.0:
        exercises[int(rng.integers(len(exercises)))]()
        if rng.random() < 0.4:
            script.stand(float(rng.uniform(1.0, 4.0)))
    bend()
    script.stand(2.5)
    return script


@dataclass(frozen=True)
class Drawn:
    """One drawn session, sound; what is simulated is kept for as long as it is used. way: as a file, or as a stream."""

    seed: int
    mounted: bool = False
    kit: tuple[Placement, ...] = BODY_PLACEMENTS
    script: Script = field(init=False, compare=False)
    options: dict[str, Any] = field(init=False, compare=False)
    begin_s: float = field(init=False, compare=False)
    """When faults begin that do not hold for the whole session."""

    def __post_init__(self) -> None:
        rng = np.random.default_rng([self.seed, 91])
        script = drawn_script(self.seed)
        flipped = {p for p in BODY_PLACEMENTS if rng.random() < 0.15}
        options = {
            "rate_hz": float(rng.choice((50.0, 60.0, 100.0, 200.0))),
            "loss_probability": float(rng.choice((0.0, 0.0, 0.01))),
            "sway": float(rng.uniform(0.6, 1.6)),
            "state_mounting": self.mounted or bool(rng.random() < 0.25),
            "upside_down": flipped,
        }
        object.__setattr__(self, "script", script)
        object.__setattr__(self, "options", options)
        object.__setattr__(self, "begin_s", script.calibrations[-1][1] + 2.0 + float(rng.uniform(0.0, 12.0)))

    @cached_property
    def athlete(self) -> SimulatedAthlete:
        """The athlete with sound sensors."""
        return SimulatedAthlete(self.script, self.seed, placements=self.kit, **self.options)

    @cached_property
    def files(self) -> dict[str, Samples]:
        """Samples of each sound sensor."""
        return self.athlete.plain()

    @cached_property
    def streams(self) -> dict[str, list[Arrival]]:
        """What comes from each sound device."""
        return {sensor.key: list(sensor.stream()) for sensor in self.athlete.kit().sensors}

    @cached_property
    def truth(self) -> tuple[Floats, Floats]:
        """Times (n,) and angles (A, n), radians, zero in the standing of the calibration."""
        true = self.athlete.truth().zeroed()
        return true.time_s, true.table().T

    def faulty(self, kind: FaultKind, placements: tuple[Placement, ...]) -> SimulatedAthlete:
        """The athlete with these sensors alone, which have the fault, all the same one."""
        rng = np.random.default_rng([self.seed, 92, BODY_PLACEMENTS.index(placements[0]), len(placements)])
        fault = kind.make(rng, 0.0 if kind.whole else self.begin_s)
        faults = dict.fromkeys(placements, (fault,))
        return SimulatedAthlete(self.script, self.seed, placements=placements, faults=faults, **self.options)

    def plain(self, wrong: SimulatedAthlete | None) -> tuple[Session, dict[str, PlainSamples]]:
        """Head and samples of the plain session, with the sensors of `wrong` in place of the sound ones."""
        stretch, files = (1.0, {}) if wrong is None else (wrong.stretch, wrong.plain())
        # where not all files have the counter, the marks are those of the others
        stretch = stretch if set(files) == set(self.files) else 1.0
        marks = tuple(replace(m, time_s=m.time_s * stretch) for m in self.script.marks)
        sensors = tuple(replace(s, family="plain", rate_hz=None, file=f"{s.key}.csv") for s in self.athlete.session.sensors)
        session = replace(self.athlete.session, sensors=sensors, marks=marks)
        samples = {key: PlainSamples(s.time_s, s.acc, s.gyr) for key, s in (self.files | files).items()}
        return session, samples

    def streamed(self, wrong: Mapping[str, list[Arrival]]) -> tuple[Session, Iterator[Sequence[Event | TimedBlock]]]:
        """The session as bytes from devices, a second or so at a time."""
        heard = [_Heard(key, arrivals) for key, arrivals in (self.streams | dict(wrong)).items()]
        utc_ns = int(self.athlete.session.start.timestamp()) * 1_000_000_000
        kit = VirtualKit(cast("Sequence[VirtualSensor]", heard), self.script.now, self.script.marks, utc_ns=utc_ns)
        events = list(kit.events())
        return self.athlete.session, (events[k : k + 500] for k in range(0, len(events), 500))


@dataclass(frozen=True)
class _Heard:
    """A device whose stream is known already."""

    key: str
    arrivals: list[Arrival]

    def stream(self) -> Iterator[Arrival]:
        return iter(self.arrivals)


@lru_cache(maxsize=2)
def drawn(seed: int, mounted: bool = False, kit: tuple[Placement, ...] = BODY_PLACEMENTS) -> Drawn:
    """The session of that seed."""
    return Drawn(seed, mounted, kit)
