"""The athlete's movements on hands and knees and on the back."""

from __future__ import annotations

import numpy as np

from body_signals.movements import HIP_EXTENSION, ROCK_BACK
from virtual_athlete.movement.body import SIDES
from virtual_athlete.movement.writing import Writing

_LEGS = tuple(f"{part}_{side}{what}" for side in SIDES for part, what in (("thigh", "_elevation"), ("knee", "")))


ROOM_DEG = 12.0
"""Hip flexion, degrees, that is left on all fours for an athlete with a short hip (ours)."""
EARLIEST = 0.1
"""Part of a rock-back after which the lumbar spine may take over, at the earliest (ours)."""


class OnTheFloor(Writing):
    """Movements that do not stand: rock-backs, hip extensions at a bench's edge, and how one gets there and up again."""

    def all_fours(
        self, duration_s: float = 4.0, trunk_deg: float = 84.0, rest_s: float = 1.5, *, room_deg: float = ROOM_DEG
    ) -> None:
        """Get down on hands and knees, the trunk at `trunk_deg` and the thighs vertical; `stand_from_all_fours` ends it.

        room_deg: hip flexion that is left there; where the hips end before, the lumbar spine is flexed already.
        """
        flexion = self._beyond(trunk_deg + room_deg, 0.0)
        self._over_the_squat(duration_s, trunk_deg - flexion, 0.0, 90.0, flexion)
        self.now += rest_s

    def stand_from_all_fours(self, duration_s: float = 3.5, rest_s: float | None = None) -> None:
        """Get up from hands and knees."""
        self._over_the_squat(duration_s, 0.0, 0.0, 0.0)
        self._rest(rest_s)

    def rock_back(
        self,
        thigh_deg: float = 48.0,
        slack_hip_deg: float | None = None,
        *,
        after: float = 0.6,
        trunk_drop_deg: float = 6.0,
        down_s: float = 2.2,
        hold_s: float = 0.4,
        up_s: float = 2.2,
        rest_s: float | None = None,
    ) -> None:
        """On all fours, rock towards the heels until the thighs have turned by `thigh_deg`, and come back.

        The shanks stay on the floor, the trunk sinks by `trunk_drop_deg`. From `slack_hip_deg` of hip flexion on the lumbar
        spine takes the part `after` of what the hips would have given; None: it stays as it is. Raises ValueError where the
        hips never come to that angle.
        """
        hip = float(np.rad2deg(self._value("pelvis_tilt") + self._value("thigh_left_elevation")))
        more = thigh_deg - trunk_drop_deg
        end = min(self._end(side) for side in SIDES)
        if hip + more > end:
            # the hips end: all that is missing comes from the lumbar spine
            slack_hip_deg = max(end if slack_hip_deg is None else min(end, slack_hip_deg), hip + EARLIEST * more)
            after = 1.0
        knee = 1.0 if slack_hip_deg is None else (slack_hip_deg - hip) / more
        if not EARLIEST - 1e-9 <= knee <= 1.0:
            raise ValueError(
                f"slack at {slack_hip_deg}° of hip flexion: this rock-back goes from {hip:.0f}° to {hip + more:.0f}°"
            )
        start, bottom = self.now, self.now + down_s
        leaving, back = bottom + hold_s, bottom + hold_s + up_s
        taken = 0.0 if slack_hip_deg is None else float(np.deg2rad(after * more))
        sinks = float(np.deg2rad(trunk_drop_deg))
        for channel, straight, bend in (("lumbar_flexion", 0.0, taken), ("pelvis_tilt", -sinks, -taken)):
            self._shaped(channel, np.array([straight, 0.0, 0.0]), start, bottom, bend, knee)
            # the way back along the same curve
            self._shaped(channel, np.array([-straight - bend, 0.0, 0.0]), leaving, back, bend, 1.0 - knee)
        before = {channel: float(np.rad2deg(self._value(channel))) for channel in _LEGS}
        for channel in _LEGS:
            self._to(channel, before[channel] + thigh_deg, start, bottom)
            self._to(channel, before[channel], leaving, back)
        self._repetition(ROCK_BACK.name, "plain", start, bottom, leaving, back, slack_hip_deg)
        self._rest(rest_s)

    def lie_back(self, duration_s: float = 4.0, *, hip_deg: float = 95.0, tilt_deg: float = -92.0, rest_s: float = 1.5) -> None:
        """From the edge of a bench (`sit_down`) lie down on the back, both knees to the chest: hips flexed by `hip_deg`, the
        pelvis at `tilt_deg`. `sit_up` ends it."""
        hip_deg = min(hip_deg, *(self._end(side) for side in SIDES))
        start, low, end = self.now, self.now + 0.6 * duration_s, self.now + duration_s
        self._to("pelvis_tilt", tilt_deg, start, low)
        self._to("lumbar_flexion", 0.0, start, low)
        self._legs(hip_deg - tilt_deg, 110.0, start, end)
        self.now = end
        self.now += rest_s

    def hip_extension(
        self,
        side: str,
        extension_deg: float = 8.0,
        *,
        tilts_deg: float = 4.0,
        down_s: float = 2.0,
        hold_s: float = 1.0,
        up_s: float = 2.0,
        rest_s: float | None = None,
    ) -> None:
        """On the back, lower one thigh until the hip is extended by `extension_deg` (pelvis to femur), and raise it again; the
        other knee stays at the chest. The pelvis tilts forward by `tilts_deg` meanwhile, the trunk stays."""
        other = -1.0 if side == "left" else 1.0
        self._to("support", other, self.now, self.now + 0.4)
        start = self.now + 0.4
        bottom, leaving = start + down_s, start + down_s + hold_s
        back = leaving + up_s
        tilt, lumbar = (float(np.rad2deg(self._value(name))) for name in ("pelvis_tilt", "lumbar_flexion"))
        thigh, knee = f"thigh_{side}_elevation", f"knee_{side}"
        targets = {
            thigh: -extension_deg - tilt - tilts_deg,
            knee: 80.0,
            "pelvis_tilt": tilt + tilts_deg,
            "lumbar_flexion": lumbar - tilts_deg,
        }
        for channel, target in targets.items():
            before = float(np.rad2deg(self._value(channel)))
            self._to(channel, target, start, bottom)
            self._to(channel, before, leaving, back)
        self._to("support", 0.0, back, back + 0.4)
        self._repetition(HIP_EXTENSION.name, "plain", start, bottom, leaving, back)
        self.now += 0.4
        self._rest(rest_s)

    def sit_up(self, duration_s: float = 4.0, rest_s: float = 1.5) -> None:
        """From the back to sitting on the edge of the bench again; `stand_up` follows."""
        start, low, end = self.now, self.now + 0.4 * duration_s, self.now + duration_s
        self._legs(84.0, 90.0, start, end)
        for channel, target in (("pelvis_tilt", -12.0), ("lumbar_flexion", 20.0)):
            self._to(channel, target, low, end)
        self.now = end
        self.now += rest_s

    def _over_the_squat(
        self, duration_s: float, tilt_deg: float, thigh_deg: float, knee_deg: float, flexion_deg: float = 0.0
    ) -> None:
        """Between standing and kneeling, through a deep squat in the middle, the lumbar spine flexed on the way."""
        start, low, end = self.now, self.now + 0.5 * duration_s, self.now + duration_s
        squat = self.from_the_spine((28.0, 14.0), 72.0)
        for channel, target, last in zip(("pelvis_tilt", "lumbar_flexion"), squat, (tilt_deg, flexion_deg), strict=True):
            self._to(channel, target, start, low)
            self._to(channel, last, low, end)
        self._legs(72.0, 126.0, start, low)
        self._legs(thigh_deg, knee_deg, low, end)
        self.now = end
