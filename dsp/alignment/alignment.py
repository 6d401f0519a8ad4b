"""Sensor-to-segment alignment from standing, bends and knee raises, or from standing and a stated mounting.

Standing still gives each segment's vertical. Forward bends give the mediolateral axis of pelvis and lumbar spine, knee
raises that of each thigh; the sign comes from the known direction of the movement. Where neither was made, squats, sitting
down and standing up, or walking straight ahead replace them, in this order and with less confidence. Walking takes effect after
four seconds, until something better is seen. A thigh whose mounting is stated takes its axis from those strides too.
Without thigh sensors angles begin with the first bend. Only the direction of gravity in the sensor is used, so the way the
athlete faces and the drift of heading do not matter.

`dsp.calibration.calibrator` takes final ticks and returns alignments; `dsp.calibration.calibration` follows one calibration.

Segment frames are ISB's: X anterior, Y up, Z to the right (Wu 2002, doi 10.1016/S0021-9290(01)00222-6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from body_signals import Floats
from dsp import rotation
from dsp.grid.ticks import Ticks
from dsp.results import AlignmentReport


@dataclass(frozen=True, eq=False)
class Alignment:
    """Alignment that holds from tick `tick` on.

    to_segment: per aligned placement the quaternion (4,) sensor → segment. standing: the ticks of the zero. complete:
    this calibrate mark will give no better one. movements_over: no more of its movements will follow; complete implies it.
    movements_end_s: session time at which the calibration movements ended (the mark's time when there were none).
    """

    tick: int
    mark_s: float
    standing: Ticks
    to_segment: Mapping[str, Floats]
    reports: tuple[AlignmentReport, ...]
    complete: bool
    movements_over: bool
    movements_end_s: float

    @cached_property
    def from_segment(self) -> dict[str, Floats]:
        """The inverse (4, 1) of each of `to_segment`."""
        return {key: rotation.conjugate(q)[:, None] for key, q in self.to_segment.items()}
