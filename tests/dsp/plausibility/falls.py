"""Falls of a worn sensor, drawn: what it feels from the moment it leaves the body.

`fallen` takes a simulated athlete's samples and lets one sensor fall at a session time. kind: `front`, `back`, `side` (it drops
and lies on the floor that way), `hangs` (it dangles from its strap and swings), `tumbles` (it turns in the air for some
seconds, then lies).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from body_signals import G0, Floats
from virtual_athlete import SimulatedAthlete
from virtual_athlete.sensors import Samples

KINDS = ("front", "back", "side", "hangs", "tumbles")
DROP_S = 0.45
"""From the height of a hip to the floor."""


def fallen(
    athlete: SimulatedAthlete, samples: dict[str, Samples], key: str, at_s: float, kind: str, seed: int
) -> dict[str, Samples]:
    """The samples with sensor `key` fallen off at `at_s`."""
    s = samples[key]
    rng = np.random.default_rng([seed, 77])
    placement = next(p for p in athlete._worn if p.value == key)
    imu = athlete._imu(placement)
    settings = imu.settings
    after = s.time_s >= at_s
    time_s = s.time_s[after] - at_s
    begun = Rotation.from_matrix(imu.true_motion(np.array([at_s]))[0][:, :, 0])
    turned, force = _hangs(time_s, begun, rng) if kind == "hangs" else _drops(time_s, begun, kind, rng)
    step = 1e-3
    later = (_hangs if kind == "hangs" else lambda t, b, r: _drops(t, b, kind, r))(
        time_s + step, begun, np.random.default_rng([seed, 77])
    )[0]
    rate = (turned.inv() * later).as_rotvec() / step
    n = len(time_s)
    acc = turned.inv().apply(force) + np.array(settings.acc_bias) + rng.normal(0.0, settings.acc_noise + 1e-12, (n, 3))
    gyr = rate + np.array(settings.gyr_bias) + rng.normal(0.0, settings.gyr_noise + 1e-12, (n, 3))
    end_a, end_w = 16 * G0, np.radians(2000.0)
    all_acc, all_gyr = s.acc.copy(), s.gyr.copy()
    all_acc[after], all_gyr[after] = np.clip(acc, -end_a, end_a), np.clip(gyr, -end_w, end_w)
    return samples | {key: replace(s, acc=all_acc, gyr=all_gyr)}


def _drops(time_s: Floats, begun: Rotation, kind: str, rng: np.random.Generator) -> tuple[Rotation, Floats]:
    """Orientation and specific force, earth frame, of a sensor that drops and lies: its z points outwards."""
    air_s = float(rng.uniform(1.5, 3.0)) if kind == "tumbles" else DROP_S
    face = {"front": (0, 0, -1.0), "back": (0, 0, 1.0), "side": (0, [-1.0, 1.0][rng.integers(2)], 0)}
    up = np.array(face[kind if kind != "tumbles" else ("front", "back", "side")[rng.integers(3)]], float)
    lies = Rotation.from_euler("z", rng.uniform(0, 2 * np.pi)) * Rotation.align_vectors([[0, 0, 1.0]], [up])[0]
    way = (begun.inv() * lies).as_rotvec()
    if kind == "tumbles":
        size = np.linalg.norm(way)
        way = way / size * (size + 2 * np.pi * int(rng.integers(1, 4)))
    u = np.clip(time_s / air_s, 0.0, 1.0)
    turned = begun * Rotation.from_rotvec((u * u * (3 - 2 * u))[:, None] * way)
    force = np.zeros((len(time_s), 3))
    falls = (time_s >= air_s - DROP_S) & (time_s < air_s)
    force[:, 2] = np.where(falls, 0.0, G0)
    force[(time_s >= air_s) & (time_s < air_s + 0.03), 2] = 90.0
    return turned, force


def _hangs(time_s: Floats, begun: Rotation, rng: np.random.Generator) -> tuple[Rotation, Floats]:
    """Hanging by its strap: turned by 40 to 150 degrees within 0.4 s, then swinging and twisting as the body moves."""
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    angle = np.radians(rng.uniform(40.0, 150.0))
    u = np.clip(time_s / 0.4, 0.0, 1.0)
    way = Rotation.from_rotvec((u * u * (3 - 2 * u) * angle)[:, None] * axis)
    f, swing = rng.uniform(0.9, 1.5), np.radians(rng.uniform(10.0, 40.0))
    phase, twist = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(5.0, 40.0))
    horizontal = rng.uniform(0, 2 * np.pi)
    course = u * swing * (np.sin(2 * np.pi * f * time_s + phase) - np.sin(phase) * np.exp(-3 * time_s))
    about = np.array([np.cos(horizontal), np.sin(horizontal), 0.0])
    swings = Rotation.from_rotvec(course[:, None] * about)
    twists = Rotation.from_rotvec((u * twist * np.sin(2 * np.pi * 0.37 * time_s))[:, None] * np.array([0, 0, 1.0]))
    return twists * swings * begun * way, np.tile([0.0, 0.0, G0], (len(time_s), 1))
