"""Whether what the sensors say can be true: of one sensor, of linked segments together, and of a body."""

from dsp.plausibility.body_range import BODY_RANGES, FASTEST_DEG_S, BodyRange
from dsp.plausibility.clocks.cells import RATE_HZ as CELLS_HZ
from dsp.plausibility.clocks.cells import MotionCells
from dsp.plausibility.clocks.far import far_lags
from dsp.plausibility.clocks.far_rates import far_rates
from dsp.plausibility.clocks.lags import SAME_S, STEADY_S, ClockLag
from dsp.plausibility.clocks.linked_motion import WINDOW_S
from dsp.plausibility.clocks.shared_bends import lag_of_bends
from dsp.plausibility.clocks.watch import SEEN_S, ClockWatch
from dsp.plausibility.sensor_watch import Checked, SensorWatch
from dsp.plausibility.turns import TurnWatch

__all__ = [
    "BODY_RANGES",
    "CELLS_HZ",
    "FASTEST_DEG_S",
    "SAME_S",
    "SEEN_S",
    "STEADY_S",
    "WINDOW_S",
    "BodyRange",
    "Checked",
    "ClockLag",
    "ClockWatch",
    "MotionCells",
    "SensorWatch",
    "TurnWatch",
    "far_lags",
    "far_rates",
    "lag_of_bends",
]
