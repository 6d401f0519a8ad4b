"""A device whose gyroscope turns the other way about the axis that points up: told, and its rows flagged, whoever estimates."""

from __future__ import annotations

from benchmarks.drawn_sessions import drawn
from body_signals import BODY_PLACEMENTS, Quality
from dsp.results import AngleRows
from hiphinge.engine import Engine
from virtual_athlete import GyrAxisScaled, SimulatedAthlete

SEED, _, PELVIS = 703, *BODY_PLACEMENTS[:2]
IMPLAUSIBLE = int(Quality.IMPLAUSIBLE)


def test_a_stream_that_does_not_turn_with_the_body_is_told_and_flagged() -> None:
    one = drawn(SEED)
    wrong = SimulatedAthlete(one.script, SEED, placements=(PELVIS,), faults={PELVIS: (GyrAxisScaled(),)}, **one.options)
    session, batches = one.streamed({sensor.key: list(sensor.stream()) for sensor in wrong.kit().sensors})
    engine = Engine(session, ("live", "review"))
    outputs = [*(engine.feed(batch) for batch in batches), engine.finish()]
    for name in ("live", "review"):
        (told,) = {f for out in outputs for f in out[name].findings if "turns the other way than" in f.what}
        assert told.sensor == "pelvis"
        rows = AngleRows.join([rows for out in outputs for rows in out[name].angles if len(rows)])
        since_s = told.known_s if name == "live" else told.since_s
        # before a calibration there is no angle to be flagged
        flagged = rows.quality[rows.time_s > max(since_s, one.script.calibrations[0][1])] & IMPLAUSIBLE != 0
        assert flagged.all()
