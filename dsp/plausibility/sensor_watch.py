"""What one sensor's samples say of themselves, before they reach the filter: `SensorWatch` wires the checks of this wing.

Samples are looked at one after another for what must not be used (`dead`, `clipped`), and some eight seconds at a time for
what is slower: an axis that is dead, gravity's size and direction at rest, the gyroscope against gravity. All borders are
counted in samples, so the cut into blocks changes nothing. Memory: the last ten seconds, and 16 windows of the gyroscope.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from body_signals import Bools, Cause, Floats, Mounting, Quality, Sensor, TimedBlock
from dsp.plausibility.accelerometer import AccelerometerWatch
from dsp.plausibility.clipped import FEW, ClippedStretch, ClippedValues, Extremes, PinnedValues, extremes_of
from dsp.plausibility.dead import DeadRuns, DeadSamples
from dsp.plausibility.dead_axes import KINDS, DeadAxes, Glances
from dsp.plausibility.gyroscope import NO_DOUBT, STEP_HZ, STEPS, GyroscopeDoubt, GyroscopeFault, GyroscopeWatch
from dsp.results import Finding, Flags

HALVES = 4
"""Halves of windows that are looked at together: a stretch of eight seconds."""
_ALL, _EVERY = 8, 12
"""The first eight stretches are all looked at, in the beginning and after a doubt; then every twelfth (ours)."""
_SHAKEN = 0.12
"""Spread of |acc|, in parts of it, from which on a movement says nothing of the accelerometer's scale (ours)."""
_RESOLVED = 5
"""Stretches after which the resolution of a sensor is known (ours)."""
_HOLE_S = 0.1
"""Longest hole within a window that still tells (ours)."""
_QUIET_RAD_S, _TURNING_RAD_S, _QUIET_M_S2 = 0.08, 0.17, 0.5
"""A rest: how far a rate and a specific force are from their means, and the mean rate, a bias, from zero (ours)."""
_ODD_HZ = (15.0, 400.0)
"""Sample rates that sensors on a body have; beyond them the time is doubted before the gyroscope is (ours)."""


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """What of a block may be used.

    block: its sound samples, the clipped ones marked as saturated; sound (n,): which these are of the n that came, None: all.
    flags (n,): quality bits of the samples that came, None: none. runs: first and last time of runs of dead samples, also of
    those that were given out before they were known to be dead. heard_s: session time at which each finding was known.
    doubts: how far the gyroscope may be wrong, and the session time from which on.
    """

    block: TimedBlock
    sound: Bools | None = None
    flags: Flags | None = None
    runs: Sequence[tuple[float, float]] = ()
    findings: Sequence[Finding] = ()
    heard_s: Sequence[float] = ()
    doubts: Sequence[tuple[float, GyroscopeDoubt]] = ()


@dataclass(slots=True)
class _Waiting:
    """Samples that wait for eight seconds to be full."""

    blocks: list[tuple[TimedBlock, slice]] = field(default_factory=list)
    bad: list[tuple[int, Bools]] = field(default_factory=list)
    """Dead or clipped ones, by where they begin."""
    equal: list[tuple[int, Bools]] = field(default_factory=list)
    """Which equal the one before, by where they begin."""
    count: int = 0

    def all_of(self, name: str) -> Floats:
        """An array of all that waits; not to be written to."""
        if len(self.blocks) == 1:
            block, part = self.blocks[0]
            return np.asarray(getattr(block, name)[part])
        return np.concatenate([getattr(block, name)[part] for block, part in self.blocks])

    def marked(self, spans: Sequence[tuple[int, Bools]]) -> Bools:
        """Which of all that waits are marked."""
        whole = np.zeros(self.count, np.bool_)
        for start, marks in spans:
            whole[start : start + len(marks)] |= marks
        return whole


class SensorWatch:
    """Follows one sensor; see `feed`. body: the sensors that are worn."""

    def __init__(self, sensor: Sensor, rate_hz: float, body: Sequence[str]) -> None:
        self._key, self._rate_hz, self._worn = sensor.key, rate_hz, sensor.key in body
        worn_mounting: Mounting | None = sensor.mounting if self._worn else None
        self._step = max(int(rate_hz / STEP_HZ + 1e-6), 1)
        self._half = self._step * STEPS
        self._dead: DeadSamples | None = None
        self._clipped: ClippedValues | None = ClippedValues()
        self._pinned = PinnedValues()
        self._axes = DeadAxes()
        self._glances = Glances(rate_hz, self._axes.noisy)
        self._accelerometer = AccelerometerWatch(worn_mounting, trunk=sensor.key in ("lumbar", "pelvis"))
        self._gyroscope = GyroscopeWatch()
        self._waiting = _Waiting()
        self._carried: tuple[Floats, Floats, float, bool, float] | None = None
        """The last half: forces, rates, step, whether it is whole, when it began."""
        self._bias: Floats = np.zeros(3)
        self._turns = False
        self._stretch, self._all_until = 0, _ALL
        """Number of the stretch that waits, and until which all are looked at."""
        self._first_s = math.nan
        self._now_s = math.nan
        self._resolution: Floats = np.full(6, math.inf)
        self._dead_runs = DeadRuns(sensor.key, rate_hz)
        self._clips = ClippedStretch(sensor.key)
        self._doubt = NO_DOUBT
        self._known: dict[tuple[Cause, str], Finding] = {}
        """Faults that hold, by cause and which part of the sensor."""

    def mark(self, mark_s: float) -> None:
        """A calibrate mark; samples after it are still to come."""
        self._accelerometer.mark(mark_s)

    def feed(self, block: TimedBlock) -> Checked:
        """The next samples, n > 0."""
        rates = block.gyr if block.gyr is not None else block.quat
        assert rates is not None
        if self._dead is None:
            self._dead = DeadSamples(self._rate_hz, turns=block.gyr is not None, worn=self._worn)
            self._first_s, self._turns = float(block.time_s[0]), block.gyr is not None
            self._axes.turns = self._turns
        tells = bool(np.count_nonzero(block.saturated))
        if self._clipped is not None and (block.gyr is None or tells):
            # the device tells itself
            self._clipped = None
        findings: list[Finding] = []
        heard: list[float] = []
        runs: list[tuple[float, float]] = []
        doubts: list[tuple[float, GyroscopeDoubt]] = []
        dead: Bools | None = None
        clipped: Bools | None = None
        flags: Flags | None = None
        start, n = 0, len(block)
        while start < n:
            ahead = self._ahead()
            part = slice(start, min(n, start + max(ahead, 1) * self._half * HALVES - self._waiting.count))
            stands: list[tuple[str, int, float]] = []
            if block.gyr is not None:
                looked, stands = self._glances.feed(block.time_s[part], block.acc[part], block.gyr[part])
                part = slice(start, start + looked)
            if self._known:
                flags = np.zeros(n, np.int32) if flags is None else flags
                flags[part] |= np.int32(Quality.IMPLAUSIBLE)
            extremes = None
            if block.gyr is not None and part.stop - start > FEW:
                extremes = extremes_of(block.acc[part], block.gyr[part])
            here, found = self._dead.feed(block.time_s[part], block.acc[part], rates[part], extremes)
            if here is not None:
                dead = np.zeros(n, np.bool_) if dead is None else dead
                dead[part] = here
                runs += [(run.since_s, run.last_s) for run in found]
            if found or self._dead_runs:
                ended = here is None or not bool(here[-1])
                findings += self._dead_runs.feed(found, float(block.time_s[part.stop - 1]), ended=ended)
            if self._clipped is not None and block.gyr is not None:
                top = self._top(block, part, here, extremes)
                if top is not None:
                    clipped = np.zeros(n, np.bool_) if clipped is None else clipped
                    clipped[part] = top
                    findings += self._clips.feed(block.time_s[part][top], self._clipped)
            if ahead:
                self._pass(part.stop - part.start, ahead)
            else:
                self._wait(
                    block, part, here, None if clipped is None else clipped[part], block.saturated[part] if tells else None
                )
                if self._waiting.count == self._half * HALVES:
                    self._stretch += 1
                    findings += self._look(HALVES)
                    if self._gyroscope.doubt != self._doubt:
                        self._doubt = self._gyroscope.doubt
                        doubts.append((self._now_s, self._doubt))
            if any((kind, axis) not in self._axes.since_s for kind, axis, _ in stands):
                findings += self._stand(stands, float(block.time_s[part.stop - 1]))
            heard += [float(block.time_s[part.stop - 1])] * (len(findings) - len(heard))
            start = part.stop
        if dead is not None:
            flags = np.zeros(n, np.int32) if flags is None else flags
            flags[dead] |= np.int32(Quality.IMPLAUSIBLE)
        if clipped is not None:
            block = replace(block, saturated=block.saturated | clipped)
        sound = None if dead is None else ~dead
        return Checked(block if sound is None else _part_of(block, sound), sound, flags, runs, findings, heard, doubts)

    def finish(self) -> list[Finding]:
        """The end of the samples: what is left to look at, and what has not ended until then."""
        halves = self._waiting.count // self._half if self._waiting.blocks else 0
        findings = self._look(halves) if halves else []
        return findings + self._clips.finish(self._clipped)

    def _stand(self, stands: Sequence[tuple[str, int, float]], now_s: float) -> list[Finding]:
        """Channels that were seen to stand while others move; from here on everything is looked at."""
        self._now_s = now_s
        for kind, axis, since_s in stands:
            self._axes.since_s.setdefault((kind, axis), since_s)
        if not self._waiting.blocks:
            self._waiting, self._carried, self._stretch = _Waiting(), None, self._stretch + 1
        return self._axes_findings()

    def _top(self, block: TimedBlock, part: slice, dead: Bools | None, extremes: Extremes | None) -> Bools | None:
        """Which samples of a part, with these extremes, are clipped, None: none; dead ones are not looked at."""
        assert self._clipped is not None
        assert block.gyr is not None
        if dead is None:
            return self._clipped.feed(block.acc[part], block.gyr[part], extremes)
        found = None if dead.all() else self._clipped.feed(block.acc[part][~dead], block.gyr[part][~dead])
        if found is None:
            return None
        top = np.zeros(len(dead), np.bool_)
        top[~dead] = found
        return top

    def _wait(self, block: TimedBlock, part: slice, *bad: Bools | None) -> None:
        """Keep a part until its stretch is full; bad: samples of it that must not be used."""
        assert self._dead is not None
        waiting = self._waiting
        waiting.blocks.append((block, part))
        waiting.bad += [(waiting.count, marks) for marks in bad if marks is not None]
        if self._dead.equal is not None:
            waiting.equal.append((waiting.count, self._dead.equal))
        waiting.count += part.stop - part.start

    def _ahead(self) -> int:
        """How many stretches are not looked at from the present one on: all has been sound, and it is not their turn."""
        if self._stretch < self._all_until or self._known:
            return 0
        return -self._stretch % _EVERY

    def _pass(self, samples: int, stretches: int) -> None:
        """Samples of stretches that are not looked at."""
        self._waiting.count += samples
        if self._waiting.count == stretches * self._half * HALVES:
            self._waiting, self._carried, self._stretch = _Waiting(), None, self._stretch + stretches

    def _look(self, halves: int) -> list[Finding]:
        """Look at what has waited, `halves` halves of it."""
        assert self._dead is not None
        used = halves * self._half
        waiting, self._waiting = self._waiting, _Waiting()
        time_s, acc, device_s = (waiting.all_of(name)[:used] for name in ("time_s", "acc", "device_time_s"))
        gyr = waiting.all_of("gyr")[:used] if self._turns else np.zeros_like(acc)
        whole = self._whole(waiting, halves, waiting.all_of("restart")[:used], device_s)
        self._now_s = float(time_s[-1])
        findings = self._look_for_pinned(time_s, acc, whole) if self._clipped is not None else []
        all_whole = bool(whole.all())
        if not all_whole:
            # what is no number must not spread
            acc, gyr = np.asarray(np.nan_to_num(acc)), np.asarray(np.nan_to_num(gyr))
        forces, measured = (self._steps(values.reshape(halves, STEPS, self._step, 3)) for values in (acc, gyr))
        starts = time_s.reshape(halves, -1)
        steps = (starts[:, -1] - starts[:, 0] + 1.0 / self._rate_hz) / STEPS
        mean_force, mean_rate = (np.add.reduce(values, axis=1) / STEPS for values in (forces, measured))
        off_rate, off_force = measured - mean_rate[:, None], forces - mean_force[:, None]
        quiet = (
            ((off_rate * off_rate).sum(axis=2).max(axis=1) < _QUIET_RAD_S**2)
            & ((mean_rate * mean_rate).sum(axis=1) < _TURNING_RAD_S**2)
            & ((off_force * off_force).sum(axis=2).max(axis=1) < _QUIET_M_S2**2)
            & whole
        )
        if self._stretch < _RESOLVED:
            self._note_resolution(acc, gyr)
        some_quiet = bool(quiet.any())
        passed = all_whole and self._axes.passes(time_s, acc, gyr, self._half, quiet=some_quiet)
        for i in range(0 if not some_quiet and passed else halves):
            half = slice(i * self._half, (i + 1) * self._half)
            if quiet[i]:
                self._bias, self._gyroscope.rested = mean_rate[i], True
                self._dead.rested(self._half, int(np.count_nonzero(waiting.marked(waiting.equal)[half])))
                self._accelerometer.rest(float(starts[i, 0]), mean_force[i])
            if whole[i] and not passed:
                turned = partial(_turned, forces[i], measured[i], float(steps[i]))
                if self._axes.feed(time_s[half], acc[half], gyr[half], turned, quiet=bool(quiet[i])):
                    findings += self._axes_findings()
        if not some_quiet and all_whole and halves > 1:
            sizes = np.sqrt((forces * forces).sum(axis=2))
            # shaken hard, the median of |acc| is not gravity
            if float(sizes.std()) < _SHAKEN * float(sizes.mean()):
                self._accelerometer.moving(float(time_s[0]), _median(sizes))
        findings += self._accelerometer_findings()
        rates = measured - self._bias
        carried = self._carried
        self._carried = (forces[-1], rates[-1], float(steps[-1]), bool(whole[-1]), float(starts[-1, 0]))
        if self._turns and not self._axes.since_s:
            borders = np.concatenate((starts[:, 0], [self._now_s]))
            findings += self._gyroscope_findings(carried, forces, rates, steps, whole, borders)
        return findings

    def _steps(self, values: Floats) -> Floats:
        """Means (h, STEPS, 3) over the samples (h, STEPS, n, 3) of steps, which are few: one after another is the fastest."""
        total = values[:, :, 0].copy()
        for i in range(1, self._step):
            total += values[:, :, i]
        total /= self._step
        return total

    def _whole(self, waiting: _Waiting, halves: int, restart: Floats, device_s: Floats) -> Bools:
        """Which halves (h,) of what has waited are whole: without a sample that must not be used, a restart, or a hole."""
        used, most = len(device_s), max(1.5 / self._rate_hz, _HOLE_S)
        step = device_s[1:] - device_s[:-1]
        if not waiting.bad and not restart.any() and step.max(initial=0.0) <= most and step.min(initial=0.0) >= 0.0:
            return np.ones(halves, np.bool_)
        broken = waiting.marked(waiting.bad)[:used] | restart.astype(np.bool_)
        broken[1:] |= (step > most) | (step < 0.0)
        return np.asarray(~broken.reshape(halves, -1).any(axis=1))

    def _look_for_pinned(self, time_s: Floats, acc: Floats, whole: Bools) -> list[Finding]:
        """Halves (h,) in which an axis is pinned at the end of the range are not whole."""
        assert self._clipped is not None
        if self._pinned.passes(acc):
            return []
        unknown = self._pinned.end is None
        for i in range(len(whole)):
            half = slice(i * self._half, (i + 1) * self._half)
            if bool(np.isfinite(acc[half]).all()):
                whole[i] &= not self._pinned.feed(time_s[half], acc[half])
        if self._pinned.end is None or not unknown:
            return []
        self._clipped.pin(self._pinned.end)
        return self._clips.feed(np.array([self._pinned.since_s]), self._clipped, float(time_s[-1]))

    def _note_resolution(self, acc: Floats, gyr: Floats) -> None:
        """Smallest steps between samples, for what is clipped and what repeats."""
        if self._clipped is None or self._dead is None:
            return
        steps = np.abs(np.diff(np.concatenate((acc, gyr), axis=1), axis=0))
        self._resolution = np.minimum(self._resolution, np.where(steps > 1e-9, steps, math.inf).min(axis=0))
        known = np.isfinite(self._resolution)
        self._clipped.resolution = np.where(known, self._resolution, self._clipped.resolution)
        if known[:3].all():
            self._dead.resolution_m_s2 = float(self._resolution[:3].max())

    def _since(self, since_s: float) -> float:
        return since_s if since_s > -math.inf else self._first_s

    def _begin(self, cause: Cause, part: str, since_s: float, what: str, remedy: str) -> list[Finding]:
        finding = Finding(self._key, cause, self._since(since_s), self._now_s, what, remedy)
        self._known[cause, part] = finding
        return [finding]

    def _end(self, cause: Cause, part: str, until_s: float) -> list[Finding]:
        known = self._known.pop((cause, part), None)
        return [] if known is None else [replace(known, until_s=max(until_s, known.since_s))]

    def _axes_findings(self) -> list[Finding]:
        findings: list[Finding] = []
        for (kind, axis), (_, until_s) in self._axes.ended_s.items():
            findings += self._end(Cause.DEAD_AXIS, f"{kind} {axis}", until_s)
        for (kind, axis), since_s in self._axes.since_s.items():
            part = f"{kind} {axis}"
            if (Cause.DEAD_AXIS, part) not in self._known:
                since_s += 1e-6 * (axis + 3 * KINDS.index(kind))  # several axes are several findings
                what = f"axis {'xyz'[axis]} of the {kind} is dead: it stays constant while the others change"
                remedy = "Replace the sensor, or correct the file's columns; its angles are wrong meanwhile."
                findings += self._begin(Cause.DEAD_AXIS, part, since_s, what, remedy)
        return findings

    def _accelerometer_findings(self) -> list[Finding]:
        watch, findings = self._accelerometer, list[Finding]()
        scaled, turned = (Cause.ACC_SCALE, "") in self._known, (Cause.ACC_SIGN, "") in self._known
        if watch.factor is not None and not scaled:
            what = f"the accelerometer reads {9.80665 / watch.factor:.3g} m/s² where gravity alone is 9.81: its scale is wrong"
            remedy = f"Multiply the acc columns by {watch.factor:.3g}, or correct the range that the sensor is read with."
            findings += self._begin(Cause.ACC_SCALE, "", watch.since_s, what, remedy)
        elif watch.factor is None and scaled:
            findings += self._end(Cause.ACC_SCALE, "", self._now_s)
        if watch.upside_down and not turned:
            what = (
                "gravity points against the stated mounting while the athlete stands: "
                "the sensor is upside down, or its acc has the opposite sign"
            )
            remedy = "Correct the mounting (up), or the sign of the acc columns."
            findings += self._begin(Cause.ACC_SIGN, "", -math.inf, what, remedy)
        return findings

    def _gyroscope_findings(
        self,
        carried: tuple[Floats, Floats, float, bool, float] | None,
        forces: Floats,
        rates: Floats,
        steps: Floats,
        whole: Bools,
        borders: Floats,
    ) -> list[Finding]:
        if carried is not None:
            forces, rates = np.concatenate((carried[0][None], forces)), np.concatenate((carried[1][None], rates))
            steps, whole = np.concatenate(([carried[2]], steps)), np.concatenate(([carried[3]], whole))
            borders = np.concatenate(([carried[4]], borders))
        if len(forces) < 2:
            return []
        watch = self._gyroscope
        before = watch.fault
        if watch.doubted:
            self._all_until = self._stretch + _ALL
        if not watch.feed(forces, rates, steps, whole[1:] & whole[:-1], borders):
            return []
        findings: list[Finding] = []
        if before is not None:
            findings += self._end(self._named(before), "", watch.sound_s or self._now_s)
        if watch.fault is not None:
            cause, what, remedy = self._named(watch.fault), watch.fault.what, watch.fault.remedy
            if cause is Cause.TIME_UNIT:
                right_hz = self._rate_hz / watch.fault.factor
                what = (
                    f"at {self._rate_hz:.4g} samples a second gravity turns {watch.fault.factor:.3g} times what the gyroscope "
                    "says: the time looks like a counter or ticks, not like seconds"
                )
                remedy = f"State the sample rate (about {right_hz:.3g} Hz), or divide the counter by it to have seconds."
            findings += self._begin(cause, "", watch.since_s, what, remedy)
        return findings

    def _named(self, fault: GyroscopeFault) -> Cause:
        """The cause; a gyroscope that seems scaled at a sample rate that no worn sensor has says something of the time."""
        odd = not _ODD_HZ[0] <= self._rate_hz <= _ODD_HZ[1]
        if fault.cause is Cause.GYR_SCALE and odd and _ODD_HZ[0] <= self._rate_hz / fault.factor <= _ODD_HZ[1]:
            return Cause.TIME_UNIT
        return fault.cause


def _turned(forces: Floats, rates: Floats, step_s: float) -> tuple[float, float]:
    """Angles, rad, by which gravity's direction went between the quarters of forces (STEPS, 3), and by which rates turn it."""
    blocks = forces.reshape(4, -1, 3).mean(axis=1)
    up = blocks / np.maximum(np.sqrt((blocks * blocks).sum(axis=1, keepdims=True)), 1e-9)
    away = up - up[:1]
    turn = np.cross(rates.sum(axis=0) * step_s, up.mean(axis=0))
    return float(np.sqrt((away * away).sum(axis=1).max())), float(np.sqrt((turn * turn).sum()))


def _median(values: Floats) -> float:
    """Median of an even number of values."""
    ordered = np.sort(values, axis=None)
    middle = len(ordered) // 2
    return float(0.5 * (ordered[middle - 1] + ordered[middle]))


def _part_of(block: TimedBlock, sound: Bools) -> TimedBlock:
    """These samples of a block."""
    return TimedBlock(
        block.sensor,
        block.rate_hz,
        block.seq[sound],
        block.time_s[sound],
        block.device_time_s[sound],
        block.acc[sound],
        None if block.gyr is None else block.gyr[sound],
        None if block.quat is None else block.quat[sound],
        block.lost[sound],
        block.saturated[sound],
        block.restart[sound],
    )
