"""Repetitions with metrics written by hand, for the tests of the hip screen."""

from __future__ import annotations

from collections.abc import Sequence

from dsp.results import Repetition

RELAXED = {
    "lumbar_rom_deg": 50.0,
    "pelvis_rom_deg": 58.0,
    "trunk_rom_deg": 108.0,
    "lumbar_peak_deg": 50.0,
    "lumbar_share_of_trunk": 0.46,
    "lumbar_share_of_trunk_early": 0.60,
    "lumbar_share_of_trunk_late": 0.30,
    "onset_delay_s": -0.1,
    "descent_s": 2.2,
}
"""A bend of somebody in whom nothing stands out."""


class Day:
    """Repetitions one after another; every call adds `count` of the same."""

    def __init__(self) -> None:
        self.repetitions: list[Repetition] = []
        self._now = 0.0

    def add(self, movement: str, metrics: dict[str, float], count: int = 3, quality: int = 0, confidence: float = 0.9) -> Day:
        for _ in range(count):
            i = len(self.repetitions)
            times = (self._now, self._now + 2.0, self._now + 4.0)
            self.repetitions.append(Repetition(i, *times, movement, confidence, quality, metrics))
            self._now += 5.0
        # a pause, so that the next are another set
        self._now += 60.0
        return self

    def bends(self, count: int = 3, quality: int = 0, confidence: float = 0.9, **other: float) -> Day:
        return self.add("bend", RELAXED | other, count, quality, confidence)

    def knee_raises(
        self, left: float = 105.0, right: float = 105.0, count: int = 3, sides: Sequence[str] = ("left", "right")
    ) -> Day:
        for side in sides:
            raised = left if side == "left" else right
            standing = "right" if side == "left" else "left"
            self.add(
                "knee_raise",
                {
                    f"hip_{side}_peak_deg": raised,
                    f"hip_{side}_rom_deg": raised,
                    f"hip_{side}_apparent_peak_deg": raised + 8.0,
                    f"hip_{standing}_peak_deg": 3.0,
                    f"hip_{standing}_rom_deg": 20.0,
                    "pelvis_rom_deg": 0.25 * raised,
                    "lumbar_rom_deg": 8.0,
                },
                count,
            )
        return self

    def rock_backs(self, slack: float | None = None, range_deg: float = 40.0, count: int = 3, start: float = 84.0) -> Day:
        """slack: degrees of hip flexion from the start after which the lumbar spine gives way."""
        metrics = {"lumbar_rom_deg": 2.0 if slack is None else 9.0}
        for side in ("left", "right"):
            metrics |= {f"hip_{side}_rom_deg": range_deg, f"hip_{side}_peak_deg": start + range_deg}
            if slack is not None:
                metrics |= {
                    f"slack_onset_{side}_deg": start + slack,
                    "slack_onset_deg": start + slack,
                    "slack_slope_after": 1.5,
                }
        return self.add("rock_back", metrics, count)

    def bows(self, slack: float | None = None, trunk: float = 66.0, count: int = 3) -> Day:
        metrics = {"trunk_rom_deg": trunk, "trunk_peak_deg": trunk}
        return self.add("hinge", metrics if slack is None else metrics | {"slack_onset_trunk_deg": slack}, count)

    def hip_extensions(self, left: float = 8.0, right: float = 8.0, count: int = 3, tilt: float = 5.0) -> Day:
        for side, extension in (("left", left), ("right", right)):
            other = "right" if side == "left" else "left"
            metrics = {
                f"hip_{side}_peak_deg": 80.0,
                f"hip_{side}_rom_deg": 80.0 + extension,
                f"hip_{other}_peak_deg": 98.0,
                f"hip_{other}_rom_deg": tilt,
                "pelvis_rom_deg": tilt,
            }
            self.add("hip_extension", metrics, count)
        return self

    def stand_ups(self, share: float = 0.25, lumbar: float = 20.0, count: int = 3) -> Day:
        return self.add("stand_up", {"lumbar_share_of_trunk_on_thigh": share, "lumbar_peak_deg": lumbar}, count)

    def squats(
        self, lumbar: float = 20.0, hip_left: float = 95.0, hip_right: float = 95.0, wink: float = 0.0, count: int = 3
    ) -> Day:
        return self.add(
            "squat",
            {"lumbar_peak_deg": lumbar, "hip_left_peak_deg": hip_left, "hip_right_peak_deg": hip_right, "butt_wink_deg": wink},
            count,
        )


def sound() -> Day:
    """A screen in which every test was done and nothing stands out."""
    return Day().bends().bows().knee_raises().rock_backs()
