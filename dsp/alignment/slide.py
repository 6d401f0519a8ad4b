"""A sensor that has slid round the long axis of its segment: it stands as it did, so that gravity shows nothing.

Two things show it. While somebody is upright, its heading against the other sensors has changed and stays so. That is seen
within a second, but whoever turns a foot or twists looks the same: the sensor is only doubted, and the angle belongs to the
stated uncertainty. In the sagittal movements that follow, the axis about which it turns has changed by the same angle the
other way; a leg that is turned out together with its sensor still swings about its own axis. When the axes say so over and
over, and the heading stays, the sensor counts as slipped. When they are as they were, or the heading is back, the doubt ends.

Looked at every `LOOK_STRIDE` ticks, in segments of which each has its own heading. One sensor at a time: several that turn by
like angles are a posture.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from body_signals import Bools, Floats
from dsp import rotation
from dsp.alignment.slip import Slip
from dsp.alignment.upright_headings import UprightHeadings
from dsp.calibration.calibration_movements import THIGH_KEYS
from dsp.grid.ticks import LOOK_STRIDE
from dsp.plausibility.doubts.slips import doubted_variance
from dsp.results import Flags

UPRIGHT_RAD, SWUNG_RAD = np.radians([12.0, 45.0]).tolist()
"""Somebody is upright while every sensor on the trunk is within the first of how it stood and every thigh within the second
(ours): a stride, but no bend to the side."""
TURNED_RAD, THIGH_TURNED_RAD = np.radians([9.0, 10.0]).tolist()
"""A sensor is doubted whose heading against the mean of the others has changed by more (ours). Of sound ones up to 5.5° in
simulated sessions and 6.7° on the trunk of a person who walks; his thighs up to 24° as he turns round."""
AGREED = 0.3
"""Until its heading was off by less than this part of it, it agreed (ours)."""
BACK, LITTLE = 0.4, 0.7
"""The heading has come back when it is off by less than the first of the most that it was; while no axis says otherwise, also
by less than the second of what is doubted (ours)."""
SETTLED, SURE_S = 4, 5.0
"""Upright looks until the heading is compared again, by the mean of a stride; how long, s, a sensor is doubted at least before
it counts as slipped (ours)."""
ALONE = 0.7
"""Where another sensor has turned by more than this part, and by as much as would be doubted, it is a posture (ours): of one
that turns alone among four, each of the others is off by a third."""
SWINGS_RAD = np.radians(2.5)
"""Turns within a look, 0.2 s, from which on they tell an axis (ours)."""
ASIDE = math.tan(math.radians(60.0)) ** 2
"""Squared: turns about axes further than this from the mediolateral one are to the side, and tell nothing (ours)."""
PIECE_RAD = np.radians(40.0)
"""How far a sensor must turn for its axis to be compared (ours): half of a bend."""
ONE_AXIS = 0.85
"""Anisotropy of such turns, 1 where all are about one axis, from which on they tell it (ours)."""
MOST, SURE, UNSAID, OVER = 4.0, 2.5, 1.0, -3.0
"""Each axis counts from -1, as it was, to 1, turned by all of the angle. The most that their sum can be, that from which on the
sensor counts as slipped, that below which they have not said so, and that at which it is no longer doubted (ours): a lift from
beside the foot has two or three that mislead."""
NO_POSTURE_RAD = np.radians(25.0)
"""No single segment is turned against the others by more while somebody walks (ours): such a heading is wrong, whatever the
axes say, as where a gyroscope turns the wrong way about the vertical."""
USUAL_RAD2 = 0.3
"""Weight of the mediolateral axis in the usual one: three bends by 60° (ours)."""
USUAL_LOOKS, LATEST_LOOKS = 750, 25
"""The usual axis is that of this number of looks, 150 s, before the latest, 5 s: none after a slide is among them (ours)."""
TOGETHER, FEW = 256, 8
"""Looks that are passed by at once, and number of upright ones up to which one after another is as fast (ours)."""


@dataclass(slots=True)
class _Suspicion:
    """A sensor that may have slid: it last agreed at tick `agreed`, and is doubted from tick `begun` on.

    turned, size: by how much its heading has changed, and at most, rad. score: what the axes say, see `SURE`. Of the turns that
    are compared next: cosine and sine of twice their direction and their whole, rad², and how far they go, rad. upright: how
    many upright looks ago that was."""

    agreed: int
    begun: int
    turned: float
    size: float
    score: float = 0.0
    cosine: float = 0.0
    sine: float = 0.0
    whole: float = 0.0
    swung: float = 0.0
    upright: int = 0

    def swing(self, cosine: float, sine: float, whole: float, usual_rad: float) -> None:
        """One look more, at which the sensor turned so; usual_rad: direction of its usual axis."""
        self.cosine, self.sine, self.whole = self.cosine + cosine, self.sine + sine, self.whole + whole
        self.swung += math.sqrt(whole)
        if self.swung < PIECE_RAD:
            return
        if math.hypot(self.cosine, self.sine) > ONE_AXIS * self.whole:
            axis = 0.5 * math.atan2(self.sine, self.cosine) - usual_rad
            part = math.remainder(axis, math.pi) / math.copysign(self.size, -self.turned)
            self.score = min(self.score + min(max(2.0 * part - 1.0, -1.0), 1.0), MOST)
        self.cosine = self.sine = self.whole = self.swung = 0.0


@dataclass(frozen=True, slots=True)
class _News:
    """Sensor i has slid since a tick, or has been doubted since then and had not slid."""

    i: int
    since: int
    slid: bool


class SlideWatch:
    """Watches the segments of an alignment; what it says of a tick depends on ticks up to it alone.

    sensors: the placements, in the order of the segments. marked_back: a slide counts from the last look that agreed, and a
    doubt that is over never was, as far as that lies within the same call."""

    def __init__(self, sensors: Sequence[str], rate_hz: float, *, marked_back: bool = False) -> None:
        self._sensors, self._rate, self._marked_back = tuple(sensors), rate_hz, marked_back
        thigh = [key in THIGH_KEYS for key in sensors]
        self._watches = len(thigh) > 1 and not all(thigh)
        self._stands = np.array([[0.5 * math.cos(SWUNG_RAD if of_thigh else UPRIGHT_RAD)] for of_thigh in thigh])
        self._least = [THIGH_TURNED_RAD if of_thigh else TURNED_RAD for of_thigh in thigh]
        self._headings = UprightHeadings()
        self._tracks = [np.full((4, len(thigh), 1), np.nan)]
        """The segments at the latest looks."""
        self._kept = 1
        """How many these are."""
        self._usual: list[float] = []
        """Directions (s,), rad, of the usual axes before a sensor was doubted."""
        self._then: list[float] = []
        """Levels (s,) before that; empty once a heading has begun anew, so that they cannot be compared."""
        self._suspicions: dict[int, _Suspicion] = {}
        self.slid: dict[str, Slip] = {}

    def feed(self, first: int, ticks: int, quat: Floats, epochs: Flags) -> tuple[Bools | None, Floats | None]:
        """At which of the ticks from `first` on a sensor counts as slid (ticks,), None where none does; the variance, rad², of
        the angles of sensors that may have (s, ticks), None where none may.

        quat (4, s, k), epochs (s, k): of the segments, each with its own heading, NaN where it is missing or wrong, at those
        of the ticks that are multiples of `LOOK_STRIDE`."""
        if not self._watches:
            return None, None
        slid, held = bool(self.slid), self._variance() if self._suspicions else None
        at = range(first + (-first) % LOOK_STRIDE, first + ticks, LOOK_STRIDE)
        flags, variance = np.zeros(len(at), np.bool_), np.zeros((len(self._sensors), len(at)))
        if not self._take(at, quat, epochs, flags, variance) and held is None:
            # the usual case
            return None, None
        before = np.zeros(len(self._sensors)) if held is None else held
        spans = np.diff(np.array(at) - first, prepend=0, append=ticks)
        rows = np.repeat(np.concatenate(([slid], flags)), spans)
        wide = np.repeat(np.concatenate((before[:, None], variance), axis=1), spans, axis=1)
        return rows if slid or flags.any() else None, wide

    def between(self, ticks: int) -> tuple[Bools | None, Floats | None]:
        """What `feed` gives for ticks without a look."""
        if not self._suspicions:
            return None, None
        return np.ones(ticks, np.bool_) if self.slid else None, np.repeat(self._variance()[:, None], ticks, axis=1)

    def _take(self, at: Sequence[int], quat: Floats, epochs: Flags, flags: Bools, variance: Floats) -> bool:
        """Take k looks, and put what is known at them into flags (k,) and variance (s, k); whether one was doubted."""
        before, doubted = self._tracks[-1][:, :, -1:], False
        self._keep(quat)
        w, x, y, z = quat
        up, aside = y * z, w * x
        upright = (up + aside > self._stands).all(axis=0)
        heading = np.arctan2(up - aside, x * z + w * y)
        swing: list[list[list[float]]] = []
        look = -1
        while (look := self._from(look + 1, at, heading, epochs, upright)) < len(at):
            tick, headings, of_epochs = at[look], heading[:, look].tolist(), epochs[:, look].tolist()
            if not self._suspicions:
                self._headings.add(headings, of_epochs, tick)
                self._suspect(self._headings.turned(), tick, len(at) - look - 1)
            else:
                swing = swing or _swings(np.concatenate((before, quat), axis=2)).T.tolist()
                news = self._compare(headings, of_epochs, tick) if upright[look] else []
                news += self._swing(swing[look])
                if self._marked_back:
                    _mark_back(news, at, look, flags, variance)
            if self._suspicions:
                flags[look], variance[:, look], doubted = bool(self.slid), self._variance(), True
        return doubted

    def _from(self, look: int, at: Sequence[int], heading: Floats, epochs: Flags, upright: Bools) -> int:
        """The next of k looks that must be looked at alone, k where there is none: while no sensor is doubted, those before it
        are passed by together."""
        while not self._suspicions and look < len(at):
            part = slice(look, look + TOGETHER)
            stood = look + np.flatnonzero(upright[part])
            passed = 0
            if len(stood) > FEW:
                passed = self._headings.pass_by(heading[:, stood], epochs[:, stood], np.array(at)[stood], self._least)
            if passed < len(stood):
                return int(stood[passed])
            look += TOGETHER
        return min(look, len(at))

    def _keep(self, quat: Floats) -> None:
        if self._kept > 2 * (USUAL_LOOKS + LATEST_LOOKS):
            self._tracks = [np.concatenate(self._tracks, axis=2)[:, :, -USUAL_LOOKS - LATEST_LOOKS :]]
            self._kept = self._tracks[0].shape[2]
        self._tracks.append(quat)
        self._kept += quat.shape[2]

    def _variance(self) -> Floats:
        """Of each sensor's angles since the last look (s,), rad²."""
        return doubted_variance({i: one.size for i, one in self._suspicions.items()}, len(self._sensors))

    def _suspect(self, turned: Sequence[float], tick: int, more: int) -> None:
        """Sensors have turned so (s,) against the others at an upright look, the last of those that are kept but for some:
        doubt one that did so alone."""
        size = [abs(angle) for angle in turned]
        if not any(angle > least for angle, least in zip(size, self._least, strict=False)):
            return
        most = size.index(max(size))
        if self._is_posture(most, size):
            self._headings.settle(self._headings.now())
            return
        self._then = self._headings.then()
        stop = max(self._kept - more - LATEST_LOOKS, 0)
        cosine, sine, _ = _swings(np.concatenate(self._tracks, axis=2)[:, :, max(stop - USUAL_LOOKS, 0) : stop]).sum(axis=2)
        self._usual = (0.5 * np.arctan2(sine, cosine + USUAL_RAD2)).tolist()
        # of two sensors alone each may be the one
        for i in (most,) if len(size) > 2 else (0, 1):
            agreed = self._headings.agreed(i, self._then[i], AGREED * size[i])
            self._suspicions[i] = _Suspicion(agreed, tick, turned[i], size[i])

    def _is_posture(self, i: int, size: Sequence[float]) -> bool:
        """Whether others than sensor i have turned, too, size (s,)."""
        beyond = (j != i and size[j] > max(ALONE * size[i], self._least[j]) for j in range(len(size)))
        return len(size) > 2 and any(beyond)

    def _compare(self, heading: Sequence[float], epochs: Sequence[int], tick: int) -> list[_News]:
        """An upright look while a sensor is doubted: what becomes known."""
        if not self._headings.add(heading, epochs, tick):
            self._then = []
        now, then, news = self._headings.now(), self._then, []
        turned = [a - b for a, b in zip(now, then, strict=True)] if then else []
        for i, one in list(self._suspicions.items()):
            one.upright += 1
            if self._sensors[i] in self.slid or one.upright < SETTLED:
                # what is known is known: headings drift in the long run
                continue
            if turned:
                one.turned = turned[i]
                one.size = max(one.size, abs(turned[i]))
            back = abs(one.turned) < BACK * one.size
            if one.score < UNSAID:
                back = back or abs(one.turned) < LITTLE * self._least[i]
                if not back and turned and self._is_posture(i, [abs(angle) for angle in turned]):
                    news += self._acquit(i, now)
                    continue
            if back:
                news += self._acquit(i, then or now)
            elif one.score >= SURE and abs(one.turned) >= self._least[i] and tick - one.begun >= SURE_S * self._rate:
                return [*news, *self._convict(i, tick)]
        return news

    def _swing(self, turns: Sequence[Sequence[float]]) -> list[_News]:
        """One look more at which the sensors turned so (s, 3), while one is doubted: what becomes known."""
        news = []
        for i, one in list(self._suspicions.items()):
            cosine, sine, whole = turns[i]
            if whole:
                one.swing(cosine, sine, whole, self._usual[i])
                if one.score <= OVER and one.size < NO_POSTURE_RAD:
                    news += self._acquit(i, self._headings.now())
        return news

    def _convict(self, i: int, tick: int) -> list[_News]:
        """Sensor i counts as slipped, and it alone."""
        key, one = self._sensors[i], self._suspicions[i]
        self.slid[key] = Slip(key, tick / self._rate, round(math.degrees(one.size), 1))
        others = [j for j in self._suspicions if j != i]
        return [_News(i, one.agreed, True), *(news for j in others for news in self._acquit(j, []))]

    def _acquit(self, i: int, level: list[float]) -> list[_News]:
        """Sensor i is no longer doubted, nor counts as slipped; the usual levels (s,) when none is."""
        since = self._suspicions.pop(i).begun
        if not self._suspicions:
            self._headings.settle(level)
        return [] if self.slid.pop(self._sensors[i], None) else [_News(i, since, False)]


def _swings(track: Floats) -> Floats:
    """Of segments (4, s, k + 1), how they turn in the sagittal plane from each look to the next: cosine and sine of twice the
    direction of the axis, and both together, rad² (3, s, k); 0 where that is little, to the side, or not known."""
    turn = rotation.multiply(rotation.conjugate(track[:, :, :-1]), track[:, :, 1:])
    # products of both only: a quaternion and its negative are one rotation
    across, flexing = 2.0 * turn[1], 2.0 * turn[3]
    a, f = across * across, flexing * flexing
    tells = (f + a > SWINGS_RAD**2) & (ASIDE * f > a)
    return np.where(tells, np.stack((f - a, 2.0 * across * flexing, f + a)), 0.0)


def _mark_back(news: Sequence[_News], at: Sequence[int], look: int, flags: Bools, variance: Floats) -> None:
    """Put what became known at a look into the flags (k,) and the variance (s, k) of those before it, at these ticks."""
    for one in news:
        since = bisect_left(at, one.since)
        if one.slid:
            flags[since:look] = True
        else:
            variance[one.i, since:look] = 0.0
