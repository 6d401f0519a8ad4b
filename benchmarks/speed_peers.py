"""How long other programs take for the same samples, in the table of `benchmarks.speed`: those that are installed.

Each sees the first minute of four sensors, in memory, and its seconds are scaled to an hour. OpenSense (the wheel `opensim`)
gets orientations and gives joint angles: a pelvis with three ball joints, tracked frame by frame; an orientation filter comes
before it. scikit-digital-health is not here: it has neither orientations nor joint angles.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec

import numpy as np
import vqf

from benchmarks.accuracy import imufusion_quat, madgwick_quat
from body_signals.blocks import Floats

Run = Callable[[list[tuple[Floats, Floats]], float], object]
"""Runs a peer over rates and specific forces (n, 3) of four sensors at a sample rate, Hz."""
FEW_S = 60.0
"""Time of the session that slow peers see, s."""


def _of_each(quat_of: Callable[[Floats, Floats, float], Floats]) -> Run:
    """A filter of single sensors; it is given specific forces first."""
    return lambda samples, rate_hz: [quat_of(acc, gyr, rate_hz) for gyr, acc in samples]


def _py_vqf(acc: Floats, gyr: Floats, rate_hz: float) -> Floats:
    return np.asarray(vqf.PyVQF(1.0 / rate_hz).updateBatch(gyr, acc)["quat6D"])


def _qmt_madgwick(acc: Floats, gyr: Floats, rate_hz: float) -> Floats:
    import qmt  # type: ignore[import-not-found, import-untyped, unused-ignore]

    return np.asarray(qmt.oriEstMadgwick(gyr, acc, params={"Ts": 1.0 / rate_hz}))


def _open_sense(samples: list[tuple[Floats, Floats]], rate_hz: float) -> object:
    """Joint angles by inverse kinematics from VQF's orientations, which are not counted; the seconds of the tracking."""
    import opensim as osim  # type: ignore[import-not-found, import-untyped, unused-ignore]

    osim.Logger.setLevelString("Off")
    model, names = osim.Model(), ("lumbar", "pelvis", "thigh_left", "thigh_right")
    bodies = {name: osim.Body(name, 1.0, osim.Vec3(0), osim.Inertia(1, 1, 1)) for name in names}
    for name, body in bodies.items():
        model.addBody(body)
        body.addComponent(osim.PhysicalOffsetFrame(f"{name}_imu", body, osim.Transform()))
    model.addJoint(osim.BallJoint("ground_pelvis", model.getGround(), bodies["pelvis"]))
    for name in ("lumbar", "thigh_left", "thigh_right"):
        model.addJoint(osim.BallJoint(name, bodies["pelvis"], bodies[name]))
    model.finalizeConnections()
    count = min(len(gyr) for gyr, _ in samples)
    quats = [vqf.offlineVQF(gyr, acc, None, 1.0 / rate_hz)["quat6D"] for gyr, acc in samples]
    table, row = osim.TimeSeriesTableQuaternion(), osim.RowVectorQuaternion(len(names), osim.Quaternion())
    table.setColumnLabels([f"{name}_imu" for name in names])
    for i in range(count):
        for j, quat in enumerate(quats):
            for k in range(4):
                row.updElt(0, j).set(k, float(quat[i, k]))
        table.appendRow(i / rate_hz, row)
    reference = osim.OrientationsReference(osim.OpenSenseUtilities.convertQuaternionsToRotations(table))
    state = model.initSystem()
    solver = osim.InverseKinematicsSolver(model, osim.MarkersReference(), reference, osim.SimTKArrayCoordinateReference())
    state.setTime(0.0)
    solver.assemble(state)
    began = time.process_time()
    for i in range(count):
        state.setTime(i / rate_hz)
        solver.track(state)
    return time.process_time() - began


PEERS: dict[str, tuple[str, Run]] = {
    "imufusion": ("imufusion", _of_each(imufusion_quat)),
    "Madgwick (ahrs)": ("ahrs", _of_each(madgwick_quat)),
    "Madgwick (qmt)": ("qmt", _of_each(_qmt_madgwick)),
    "PyVQF": ("vqf", _of_each(_py_vqf)),
    "OpenSense, angles only": ("opensim", _open_sense),
}
"""By the name in the table: the package that must be installed, and what is run."""


def peer_seconds(samples: list[tuple[Floats, Floats]], rate_hz: float) -> Iterator[tuple[str, float | str]]:
    """Of each peer that is installed: processor seconds for an hour of these sensors (rates, specific forces), or why it cannot
    be loaded here."""
    few = [(gyr[: round(FEW_S * rate_hz)], acc[: round(FEW_S * rate_hz)]) for gyr, acc in samples]
    hours = len(few[0][0]) / rate_hz / 3600.0
    for name, (package, run) in PEERS.items():
        if find_spec(package) is None:
            continue
        began = time.process_time()
        try:
            counted = run(few, rate_hz)
        except ImportError as fault:
            # a wheel for another numpy
            yield name, f"cannot be loaded: {fault}".partition(" (")[0]
            continue
        yield name, (counted if isinstance(counted, float) else time.process_time() - began) / hours
