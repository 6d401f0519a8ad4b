"""Ticks of a calibration made by hand: each sensor stuck on by a known rotation, each segment inclined by a known track.

Nothing is estimated here, so the alignment that comes out can be compared with the mounting that went in.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from dsp.alignment.alignment import Alignment
from dsp.calibration.calibrator import Calibrator
from dsp.grid.ticks import GridRows, Ticks

RATE = 100.0
BODY = ("lumbar", "pelvis", "thigh_left", "thigh_right")
UPRIGHT = Rotation.from_matrix([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def bump(time_s, start, length, peak):
    """A movement of `length` seconds to `peak` and back."""
    u = np.clip((time_s - start) / length, 0.0, 1.0)
    return peak * np.sin(np.pi * u) ** 2


def about(axis, degrees):
    """Rotations by `degrees` (n,) about an axis of the room."""
    return Rotation.from_rotvec(np.outer(np.radians(degrees), axis))


@dataclass
class Performance:
    """What the athlete does, in degrees (forward tilt of each segment); the mark is at 1 s.

    bends, left, right: how many; bend_deg, raise_deg: how far. sideways: share of each movement that leaves the sagittal plane.
    raise_after_s: pause before the knees are raised.
    """

    bends: int = 3
    left: int = 2
    right: int = 2
    bend_deg: float = 60.0
    raise_deg: float = 70.0
    sideways: float = 0.0
    sway_deg: float = 0.0
    squat_at: float | None = None
    squats: int = 1
    raise_after_s: float = 0.0
    rest_s: float = 3.0
    late: dict[str, tuple[float, float]] = field(default_factory=dict)
    facing_deg: float = 0.0
    heading_drift_deg_s: float = 0.0
    seed: int = 0
    mark_s: float = 1.0

    def ticks(self, mounting: dict[str, Rotation]) -> Ticks:
        """mounting: sensor → segment, per sensor."""
        rng = np.random.default_rng(self.seed)
        start = self.mark_s + 7.0
        plan: list[tuple[float, str]] = []
        for kind, count in (("bend", self.bends), ("left", self.left), ("right", self.right)):
            start += self.raise_after_s if kind == "left" else 0.0
            for _ in range(count):
                plan.append((start, kind))
                start += 3.5
        if self.squat_at is not None:
            plan += [(self.squat_at + 3.5 * k, "squat") for k in range(self.squats)]
            start = max(start, plan[-1][0] + 3.5)
        time_s = np.arange(0.0, start + self.rest_s, 1.0 / RATE)
        tilt = {key: np.zeros_like(time_s) for key in BODY}
        for at, kind in plan:
            part = {
                "bend": {"lumbar": self.bend_deg, "pelvis": 0.6 * self.bend_deg},
                "left": {"thigh_left": -self.raise_deg, "pelvis": -0.1 * self.raise_deg},
                "right": {"thigh_right": -self.raise_deg, "pelvis": -0.1 * self.raise_deg},
                "squat": {"thigh_left": -80.0, "thigh_right": -80.0, "lumbar": 40.0, "pelvis": 30.0},
            }[kind]
            for key, peak in part.items():
                tilt[key] += bump(time_s, at, 2.5, peak)
        rows = {}
        for i, key in enumerate(BODY):
            if key not in mounting:
                continue
            swaying = self.sway_deg * np.sin(2 * np.pi * 0.4 * time_s + rng.uniform(0, 6.28))
            # out of the plane: to one side on the way there, to the other on the way back
            loop = np.gradient(tilt[key]) * np.abs(tilt[key]).max() / max(np.abs(np.gradient(tilt[key])).max(), 1e-9)
            forward = about([0, 1, 0], tilt[key] + swaying)
            aside = about([1, 0, 0], self.sideways * loop)
            facing = about([0, 0, 1], self.facing_deg + 30 * i + self.heading_drift_deg_s * time_s)
            quat = (facing * aside * forward * UPRIGHT * mounting[key]).as_quat(scalar_first=True).T.copy()
            present = np.ones(len(time_s), np.bool_)
            if key in self.late:
                a, b = self.late[key]
                present[(time_s >= a) & (time_s < b)] = False
            quat[:, ~present] = np.nan
            epoch = np.where(present, 0, -1).astype(np.int32)
            rows[key] = GridRows(quat, present, epoch, np.zeros(len(time_s), np.int32))
        return Ticks.of(0, time_s, rows)


def random_mounting(seed: int, keys: tuple[str, ...] = BODY) -> dict[str, Rotation]:
    turns = Rotation.random(len(BODY), np.random.default_rng(seed))
    return {key: turns[BODY.index(key)] for key in keys}


def calibrated(
    performance: Performance,
    mounting: dict[str, Rotation],
    stated: dict | None = None,
    chunk: int = 10**6,
    body: tuple[str, ...] | None = None,
    finish: bool = True,
    exchanged: tuple[str, str] | None = None,
) -> list[Alignment]:
    """The alignments that a calibrator makes of the performance. exchanged: two sensors that are worn in each other's place."""
    ticks = performance.ticks(mounting)
    if exchanged is not None:
        a, b = exchanged
        ticks = Ticks.of(ticks.first, ticks.time_s, ticks.sensors | {a: ticks.sensors[b], b: ticks.sensors[a]})
    mark = performance.mark_s

    def standing_of(mark_s: float, keys: tuple[str, ...]) -> Ticks | None:
        part = ticks.part(int((mark_s + 1) * RATE), int((mark_s + 5) * RATE))
        return part if len(part) and keys else None

    calibrator = Calibrator(body or tuple(mounting), stated or {}, standing_of, lambda mark_s, key: None)
    calibrator.mark(mark)
    found: list[Alignment] = []
    for start in range(0, len(ticks), chunk):
        found += calibrator.feed(ticks.part(start, min(start + chunk, len(ticks))))
    return found + (calibrator.finish(len(ticks)) if finish else [])


def misaligned_deg(alignment: Alignment, mounting: dict[str, Rotation]) -> dict[str, float]:
    """Angle between the alignment found and the mounting, by sensor."""
    return {
        key: float(np.degrees((Rotation.from_quat(q, scalar_first=True) * mounting[key].inv()).magnitude()))
        for key, q in alignment.to_segment.items()
    }


def confidence(alignment: Alignment) -> dict[str, float]:
    return {r.placement: r.confidence for r in alignment.reports}


def reasons(alignment: Alignment, key: str) -> str:
    return "; ".join(next(r.reasons for r in alignment.reports if r.placement == key))
