"""What is doubted from one look to the next is doubted at the same ticks, however the events come in parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from body_signals import Event
from dsp.results import AngleRows
from hiphinge.engine import Engine
from virtual_athlete import Script, SimulatedAthlete


def walking_round() -> SimulatedAthlete:
    """Sensors that lose packets while somebody walks round: legs are doubted, and not."""
    script = Script(3)
    script.stand(1.0)
    script.calibrate()
    script.stand(1.0)
    for way in (1, -1, 1, -1):
        script.walk(5.0, turn_deg=150.0 * way)
    script.stand(2.0)
    return SimulatedAthlete(script, 3, loss_probability=0.05, rate_hz=50.0)


def live(athlete: SimulatedAthlete, events: Sequence[Event], size: int) -> AngleRows:
    engine = Engine(athlete.session, ("live",))
    outputs = [engine.feed(events[k : k + size])["live"] for k in range(0, len(events), size)]
    return AngleRows.join([rows for out in [*outputs, engine.finish()["live"]] for rows in out.angles if len(rows)])


def test_cuts_change_no_uncertainty() -> None:
    athlete = walking_round()
    events = list(athlete.kit().events())
    one, many = live(athlete, events, 1), live(athlete, events, len(events))
    assert np.array_equal(one.quality, many.quality)
    assert np.array_equal(one.angles, many.angles, equal_nan=True)
    assert np.array_equal(one.sd, many.sd, equal_nan=True)
