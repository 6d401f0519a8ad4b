"""A simulated athlete in a session: a scenario, a body, four worn sensors, their devices; truth beside it.

`simulate` makes a whole session at once; `SimulatedAthlete` gives the same piece by piece, for hours.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np

from body_signals import BODY_PLACEMENTS, Event, Mounting, Placement, Sensor, Session
from firmware_protocol import Config
from virtual_athlete.faults import CounterForMilliseconds, Fault, FaultyImu, OtherSensor
from virtual_athlete.movement import (
    SCENARIOS,
    JointAngles,
    Motion,
    Moving,
    Script,
    SharedInstants,
    TrueRepetition,
    training,
    with_metrics,
)
from virtual_athlete.radio import LinkSettings, Outage
from virtual_athlete.sensors import MOUNTINGS, UPSIDE_DOWN_MOUNTINGS, Imu, Samples, SensorSettings, WornImu
from virtual_athlete.virtual_devices import FAMILY, DeviceSettings, Ledger, Reboot, VirtualKit, VirtualSensor, quantised

_AHEAD_S, _REACTING_SAMPLES = 2.5, 96
"""Of an athlete who reacts, samples are computed ahead of the clock by less than the first, s; the second number at a time."""
START = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
"""Calendar time of a simulated session, so that the same seed gives the same bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedSession:
    """A whole session: its head, every event in sequence order, the true angles, the true repetitions.

    truth: raw (see `JointAngles`), at `truth_rate_hz`. ledgers: sensor key → what became of its samples.
    """

    session: Session
    events: list[Event]
    truth: JointAngles
    repetitions: list[TrueRepetition]
    ledgers: Mapping[str, Ledger]


class SimulatedAthlete:
    """Everything about a simulated session, made from one seed; nothing is computed before it is asked for.

    scenario: a name of `SCENARIOS`, or a `Script`. duration_s: of `training` only. placements: which sensors are worn.
    ideal: sensors, clocks and radios without errors. sway: scale of postural sway. upside_down: sensors worn upside down.
    state_mounting: the session says how the sensors are mounted. mirrored: left and right exchanged.
    settings, link, device: to be used in place of random ones for all sensors. faults: what goes wrong with a sensor
    (`virtual_athlete.faults`); the truth and the other sensors stay as they are. Raises ValueError for an unknown scenario.
    """

    def __init__(
        self,
        scenario: str | Script = "demo",
        seed: int = 0,
        *,
        duration_s: float | None = None,
        placements: Sequence[Placement] = BODY_PLACEMENTS,
        rate_hz: float = 100.0,
        samples_per_packet: int = 8,
        loss_probability: float = 0.0,
        outages: Sequence[Outage] = (),
        reboots: Sequence[Reboot] = (),
        ideal: bool = False,
        sway: float = 1.0,
        mirrored: bool = False,
        upside_down: Collection[Placement] = (),
        state_mounting: bool = False,
        settings: SensorSettings | None = None,
        device: DeviceSettings | None = None,
        link: LinkSettings | None = None,
        faults: Mapping[Placement, Sequence[Fault]] | None = None,
        start: datetime = START,
        athlete: str = "simulated",
    ) -> None:
        self.script = _script(scenario, seed, duration_s)
        self._sway, self._mirrored = sway, mirrored
        self._playing: list[Imu] = []
        """Sensors of the kits that were made."""
        motion = self.script.motion(sway=sway)
        self.motion: Motion = motion.mirrored() if mirrored else motion
        self.duration_s = motion.duration_s
        self._faults = {placement: tuple(several) for placement, several in (faults or {}).items() if several}
        self._others = {p: f for p, several in self._faults.items() for f in several if isinstance(f, OtherSensor)}
        exchanged = (Reboot(f.since_s, p.value, f.away_s, f"V1-{p.value}-other") for p, f in self._others.items())
        self.seed, self._outages, self._reboots = seed, tuple(outages), (*reboots, *exchanged)
        self._worn: dict[Placement, tuple[SensorSettings, DeviceSettings, LinkSettings]] = {}
        for placement in placements:
            # a sensor has the same errors whatever other sensors are worn
            rng = np.random.default_rng([seed, 10, BODY_PLACEMENTS.index(placement)])
            flipped = placement in upside_down
            worn = settings or (SensorSettings(upside_down=flipped) if ideal else SensorSettings.random(rng, flipped))
            clock = device or (
                DeviceSettings(rate_hz, samples_per_packet)
                if ideal
                else DeviceSettings.random(rng, rate_hz, samples_per_packet)
            )
            radio = link or (
                LinkSettings(0.0075, repeat_probability=0.0, loss_probability=loss_probability)
                if ideal
                else LinkSettings.random(rng, loss_probability)
            )
            self._worn[placement] = (worn, clock, radio)
        self.session = Session(
            start,
            athlete,
            tuple(
                Sensor(p, family=FAMILY, rate_hz=w[1].rate_hz, mounting=self._mounting(p, state_mounting))
                for p, w in self._worn.items()
            ),
        )

    def kit(self, *, reacts: bool = False) -> VirtualKit:
        """A fresh kit of virtual sensors; every kit of this athlete gives the same events. reacts: nothing is computed further
        ahead than `goes_on` needs."""
        ahead = {"block": _REACTING_SAMPLES} if reacts else {}
        sensors = [
            VirtualSensor(
                placement.value,
                self._imu(placement),
                device,
                link,
                self.duration_s,
                outages=self._outages,
                reboots=self._reboots,
                seed=[self.seed, 12, BODY_PLACEMENTS.index(placement)],
                **ahead,
            )
            for placement, (_, device, link) in self._worn.items()
        ]
        utc_ns = int(self.session.start.timestamp()) * 1_000_000_000 + self.session.start.microsecond * 1000
        return VirtualKit(sensors, self.duration_s, self.script.marks, utc_ns=utc_ns)

    def goes_on(self, write: Callable[[Script], None], now_s: float) -> float:
        """From the next moment after session time `now_s` at which it stands, it does what `write` puts into the script instead
        of what was to come; until the session's end it stands then. Returns that moment.

        What was played already stays as it was, and so does the truth of it; a kit that plays goes on without a gap."""
        cut = self.script.cut_after(now_s + _AHEAD_S)
        write(self.script)
        self.script.stand(max(0.0, self.duration_s - self.script.now))
        motion = self.script.motion(sway=self._sway)
        self.motion = motion.mirrored() if self._mirrored else motion
        for imu in self._playing:
            imu.moves_as(self.motion)
        return cut

    def events(self, *, reacts: bool = False) -> Iterator[Event]:
        """The event log, event by event. reacts: as in `kit`."""
        return self.kit(reacts=reacts).events()

    def truth(self, start_s: float = 0.0, end_s: float | None = None, rate_hz: float = 100.0) -> JointAngles:
        """True angles from start_s to end_s (exclusive) on the grid k / rate_hz of session time."""
        first = int(np.ceil(start_s * rate_hz - 1e-9))
        last = int(np.ceil((self.duration_s if end_s is None else end_s) * rate_hz - 1e-9))
        return self.motion.truth(np.arange(first, last) / rate_hz)

    def repetitions(self) -> list[TrueRepetition]:
        """The true repetitions with their metrics; calibration movements are none."""
        return with_metrics(self.motion, self.script.repetitions)

    def plain(self) -> dict[str, Samples]:
        """Each sensor's samples on session time, rounded like a device's, without radio or clock errors."""
        out, motion = {}, SharedInstants(self.motion)
        for placement, (settings, device, _) in self._worn.items():
            time_s = np.arange(0.0, self.duration_s, 1.0 / device.rate_hz)
            if placement in self._others:
                other = self._others[placement]
                time_s = time_s[(time_s < other.since_s) | (time_s >= other.since_s + other.away_s)]
            config = Config.for_ranges(1, device.rate_hz, settings.acc_range_g, settings.gyr_range_dps)
            imu = self._imu(placement, partial(quantised, config=config), motion)
            samples = imu.samples(time_s)
            out[placement.value] = samples if isinstance(imu, FaultyImu) else quantised(samples, config)
        return out

    @property
    def stretch(self) -> float:
        """Stated seconds per true second where all files of a plain session take the same counter for milliseconds; else 1."""
        factors = {f.stretch for several in self._faults.values() for f in several if isinstance(f, CounterForMilliseconds)}
        whole = all(
            any(isinstance(f, CounterForMilliseconds) for f in self._faults.get(placement, ())) for placement in self._worn
        )
        return factors.pop() if whole and len(factors) == 1 else 1.0

    def _imu(
        self, placement: Placement, rounded: Callable[[Samples], Samples] | None = None, motion: Moving | None = None
    ) -> WornImu:
        """The sensor as worn. rounded: what its device does before a reader takes the numbers for something else.
        motion: what moves it; without it, this athlete, whatever he does next."""
        imu = Imu(motion or self.motion, placement, self._worn[placement][0], [self.seed, 11, BODY_PLACEMENTS.index(placement)])
        if motion is None:
            self._playing.append(imu)
        faults = self._faults.get(placement)
        return FaultyImu(imu, faults, rounded) if faults else imu

    def _mounting(self, placement: Placement, stated: bool) -> Mounting | None:
        if not stated:
            return None
        return (UPSIDE_DOWN_MOUNTINGS if self._worn[placement][0].upside_down else MOUNTINGS)[placement]


def simulate(
    scenario: str | Script = "demo", seed: int = 0, *, truth_rate_hz: float = 100.0, **options: Any
) -> SimulatedSession:
    """A whole simulated session; `options` are those of `SimulatedAthlete`."""
    athlete = SimulatedAthlete(scenario, seed, **options)
    kit = athlete.kit()
    events = list(kit.events())
    return SimulatedSession(
        athlete.session,
        events,
        athlete.truth(rate_hz=truth_rate_hz),
        athlete.repetitions(),
        {s.key: replace(s.ledger) for s in kit.sensors},
    )


def to_plain(scenario: str | Script = "demo", seed: int = 0, **options: Any) -> tuple[Session, dict[str, Samples]]:
    """Head and samples of a plain session: per sensor key the samples on session time, no files written."""
    athlete = SimulatedAthlete(scenario, seed, **options)
    sensors = tuple(replace(s, family="plain", file=f"{s.key}.csv") for s in athlete.session.sensors)
    marks = tuple(replace(m, time_s=m.time_s * athlete.stretch) for m in athlete.script.marks)
    return replace(athlete.session, sensors=sensors, marks=marks), athlete.plain()


def _script(scenario: str | Script, seed: int, duration_s: float | None) -> Script:
    if isinstance(scenario, Script):
        return scenario
    if scenario not in SCENARIOS:
        raise ValueError(f"unknown scenario {scenario!r}; there are {', '.join(SCENARIOS)}")
    if duration_s is None:
        return SCENARIOS[scenario](seed)
    if scenario != "training":
        raise ValueError(f"the scenario {scenario!r} has a length of its own; only training takes duration_s")
    return training(seed, duration_s)
