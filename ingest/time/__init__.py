"""One time for all sensors: device clocks, counted samples, the heel drop."""

from ingest.time.clock import COUNTER_SKEW_LIMIT, EARLY_SLEW, SKEW_LIMIT, ClockMap
from ingest.time.heel_drop import SEARCH_S, WINDOW_S, Lag, lags
from ingest.time.sample_count import SampleCount

__all__ = ["COUNTER_SKEW_LIMIT", "EARLY_SLEW", "SEARCH_S", "SKEW_LIMIT", "WINDOW_S", "ClockMap", "Lag", "SampleCount", "lags"]
