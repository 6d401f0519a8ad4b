"""One sensor in review: the samples that windows of session time still need, and their two-sided orientation.

Orientations come from offline VQF and are joined across windows, so that a heading goes on where the window before left it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from body_signals import Bools, Cause, Floats, Ints, Quality, TimedBlock
from dsp import rotation
from dsp.alignment.standing import Standing, StandingWatch
from dsp.orientation.acceleration_level import two_sided_level
from dsp.orientation.filter import (
    OrientedSamples,
    SampleCounts,
    earth_motion,
    filled_in,
    holes,
    mean_of_neighbours,
    per_period,
    saturated_flags,
    smoothed,
    smoothed_without_errors,
    standing_bias,
    turn_rates,
)
from dsp.plausibility.sensor_watch import SensorWatch
from dsp.results import Finding, latest

MARGIN_S = 15.0
"""Overlap on each side of a window, s: five time constants of the filter (ours)."""


@dataclass(slots=True)
class ReviewStream:
    """Samples of one sensor that windows still need, and the state carried from one window to the next.

    first: sequence number and session time of its first sample; worn: whether it is on the body; end_s: session time of the
    last sample.
    """

    rate_hz: float
    watch_samples: SensorWatch
    first: tuple[int, float]
    worn: bool
    end_s: float = -np.inf
    counts: SampleCounts = field(default_factory=SampleCounts)
    blocks: list[TimedBlock] = field(default_factory=list)
    epochs: list[Ints] = field(default_factory=list)
    last_s: float | None = None
    epoch: int = -1
    keep_s: float = -np.inf
    """Session time before which samples are no longer used; blocks are cut elsewhere and are kept whole."""
    joined: tuple[float, int, Floats] | None = None
    """Session time, heading epoch and orientation (4,) of the last sample of the output."""
    last_quat: Floats | None = None
    watch: StandingWatch | None = None
    marks: list[float] = field(default_factory=list)
    standings: dict[float, Standing] = field(default_factory=dict)
    dead: list[tuple[float, float]] = field(default_factory=list)
    """First and last time of runs of unusable samples."""
    faults: list[tuple[float, Finding]] = field(default_factory=list)
    """Faults of all samples of a time span, and the session time at which each became known."""

    def take(self, block: TimedBlock) -> tuple[TimedBlock, list[Finding]]:
        """The next samples, n > 0; returns the sound ones of them, and what was found."""
        self.end_s = float(block.time_s[-1])
        checked = self.watch_samples.feed(block)
        self._note(checked.heard_s, checked.findings)
        self.dead += checked.runs
        if checked.sound is not None:
            self.counts.left_out(block, checked.sound)
        if len(checked.block):
            self._keep(checked.block)
        return checked.block, list(checked.findings)

    def finish(self) -> list[Finding]:
        """The end of the samples."""
        findings = self.watch_samples.finish()
        self._note([self.end_s] * len(findings), findings)
        return findings

    def implausible(self, time_s: Floats, until_s: float) -> Bools:
        """The times (m,) that lie in an implausible stretch, as far as known until `until_s`."""
        period = 1.0 / self.rate_hz
        spans = [(first, last + period) for first, last in self.dead]
        for finding in latest([fault for heard_s, fault in self.faults if heard_s <= until_s]):
            spans.append((finding.since_s, np.inf if finding.until_s is None else finding.until_s))
        at = np.zeros(len(time_s), np.bool_)
        for first, last in spans:
            at[time_s.searchsorted(first) : time_s.searchsorted(last)] = True
        return at

    def oriented(self, until_s: float, *, moving: bool, calibrating: bool) -> OrientedSamples | None:
        """Two-sided orientation of the samples kept up to `until_s`, joined to the window before. moving: with the sensor's
        motion; calibrating: a calibration has begun by then, so errors of the sensor are estimated."""
        parts = [(b, e) for b, e in zip(self.blocks, self.epochs, strict=True) if b.time_s[0] < until_s]
        if not parts:
            return None
        time_s = np.concatenate([b.time_s for b, _ in parts])
        start, stop = np.searchsorted(time_s, (self.keep_s, until_s), side="left").tolist()
        if start == stop:
            return None
        epochs = np.concatenate([e for _, e in parts])[start:stop]
        time_s = time_s[start:stop]
        seq = np.concatenate([b.seq for b, _ in parts])[start:stop]
        flags = saturated_flags(np.concatenate([b.saturated for b, _ in parts])[start:stop])
        if parts[0][0].gyr is None:
            own = [b.quat for b, _ in parts if b.quat is not None]
            quat = np.ascontiguousarray(np.concatenate(own)[start:stop].T)
            return OrientedSamples(time_s, seq, quat, np.zeros(stop - start, np.int32), flags, device=True)
        quat, tilt = np.empty((4, stop - start)), np.zeros((2, stop - start))
        motion = np.empty((6, stop - start)) if moving else None
        acc = np.concatenate([b.acc for b, _ in parts])[start:stop]
        gyr = np.concatenate([b.gyr for b, _ in parts if b.gyr is not None])[start:stop]
        clock_s = np.concatenate([b.device_time_s for b, _ in parts])[start:stop]
        period = 1.0 / self.rate_hz
        # no filter can observe the vertical component of a bias while a person stands; the quiet standing measures it
        still: list[Standing] = []
        for standing in self.standings.values():
            if standing.end_s <= until_s and standing.tells_bias(known=bool(still)):
                still.append(standing)
        bias = standing_bias(still[-1])[0] if still else None
        smooth = smoothed if self.worn and calibrating else smoothed_without_errors
        borders = np.flatnonzero(np.diff(epochs, prepend=-2, append=-2)).tolist()
        for a, b in itertools.pairwise(borders):
            step, missing, _ = holes(clock_s[a:b], np.zeros(b - a, np.bool_), float(clock_s[a]) - period, period)
            rates = gyr[a:b] if bias is None else gyr[a:b] - bias
            if self.worn:
                rates = mean_of_neighbours(rates, None, missing > 0)
            rates = per_period(rates, step, missing, period)
            if missing.any():
                slot, (even_acc, even_gyr) = filled_in(missing, (acc[a:b], acc[a]), (rates, rates[0]))
                quat[:, a:b] = smooth(self.rate_hz, even_acc, even_gyr, worn=self.worn)[:, slot]
            else:
                quat[:, a:b] = smooth(self.rate_hz, acc[a:b], rates, worn=self.worn)
            if self.worn:
                tilt[:, a:b] = two_sided_level(self.rate_hz, acc[a:b], quat[:, a:b])
            self._join(time_s[a:b], int(epochs[a]), quat[:, a:b])
            if motion is not None:
                motion[:, a:b] = earth_motion(quat[:, a:b], acc[a:b], rates, step, None)
        return OrientedSamples(time_s, seq, quat, epochs.astype(np.int32), flags, False, motion, *tilt)

    def let_go(self, samples: OrientedSamples, end_s: float) -> None:
        """Remember where this window ended and drop data that the next one does not need."""
        i = int(np.searchsorted(samples.time_s, end_s, side="left")) - 1
        if i >= 0:
            self.joined = (float(samples.time_s[i]), int(samples.heading_epoch[i]), samples.quat[:, i].copy())
        self.keep_s = end_s - MARGIN_S - 1.0
        while self.blocks and self.blocks[0].time_s[-1] < self.keep_s:
            self.blocks.pop(0)
            self.epochs.pop(0)

    def _note(self, heard_s: Sequence[float], findings: Sequence[Finding]) -> None:
        """Findings, each with the session time at which it became known."""
        self.faults += [
            (at, finding)
            for at, finding in zip(heard_s, findings, strict=True)
            if finding.flag is Quality.IMPLAUSIBLE and finding.cause not in (Cause.FROZEN, Cause.ZEROS)
        ]

    def _keep(self, block: TimedBlock) -> None:
        """Keep sound samples, and follow the standing of a calibration in them."""
        self.counts.add(block)
        _, _, fresh = holes(block.device_time_s, block.restart, self.last_s, 1.0 / self.rate_hz)
        self.counts.gaps += int(np.count_nonzero(fresh)) - (self.last_s is None)
        epochs = self.epoch + np.cumsum(fresh)
        self.epoch, self.last_s = int(epochs[-1]), float(block.device_time_s[-1])
        self.blocks.append(block)
        self.epochs.append(epochs)
        if not self.worn:
            return
        rates = block.gyr
        if rates is None and block.quat is not None:
            quat = block.quat.T
            rates = turn_rates(quat, self.last_quat, 1.0 / self.rate_hz)
            self.last_quat = quat[:, -1]
        start = 0
        while rates is not None and start < len(block) and (self.watch is not None or self.marks):
            if self.watch is None:
                self.watch = StandingWatch(self.marks.pop(0))
            start += self.watch.feed(block.time_s[start:], block.acc[start:], rates[start:])
            if self.watch.done:
                self.standings[self.watch.mark_s] = self.watch.result()
                self.watch = None

    def _join(self, time_s: Floats, epoch: int, quat: Floats) -> None:
        """Turn the window's headings so that they continue those of the previous window."""
        if self.joined is None or self.joined[1] != epoch:
            return
        i = int(np.searchsorted(time_s, self.joined[0], side="left"))
        if i >= len(time_s):
            return
        turn, _ = rotation.twist_about_vertical(
            rotation.multiply(self.joined[2][:, None], rotation.conjugate(quat[:, i : i + 1]))
        )
        quat[:] = rotation.turn(rotation.about_vertical(turn), quat)
