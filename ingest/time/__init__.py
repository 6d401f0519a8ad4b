"""One time for all sensors: the host's clock, device clocks, counted samples, the heel drop."""

from ingest.time.clock import COUNTER_SKEW_LIMIT, EARLY_SLEW, SKEW_LIMIT, ClockMap
from ingest.time.heel_drop import SEARCH_S, WINDOW_S, Lag, lags
from ingest.time.host_clock import HOST_CLOCK, HOST_CLOCK_NS
from ingest.time.sample_count import SampleCount

__all__ = [
    "COUNTER_SKEW_LIMIT",
    "EARLY_SLEW",
    "HOST_CLOCK",
    "HOST_CLOCK_NS",
    "SEARCH_S",
    "SKEW_LIMIT",
    "WINDOW_S",
    "ClockMap",
    "Lag",
    "SampleCount",
    "lags",
]
