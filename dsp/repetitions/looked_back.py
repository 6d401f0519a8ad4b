"""The movements of a calibration, found again once its alignment is known.

While a causal estimator has no alignment it has no angles. So when a calibration is complete, the rows since its standing are
computed under it, and the movements among them are found and measured as any repetition is. They are no repetitions: they go
beside them into the hip screen of a protocol (`dsp.screen.protocol_runs`).
"""

from __future__ import annotations

from collections.abc import Collection

from dsp.repetitions.finder import RepetitionFinder
from dsp.results import AngleRows, Repetition

CLOSED_S = 2.0
"""Time, s, after the last movement of a calibration by which the finder has closed it (ours)."""


class LookedBack:
    """Finds the movements of one calibration: `rows` are those from its standing to its alignment; `feed` takes what follows.

    placements: the aligned ones. mark_s: of the calibration."""

    def __init__(self, rate_hz: float, placements: Collection[str], mark_s: float, rows: AngleRows) -> None:
        self._finder = RepetitionFinder(rate_hz)
        self._finder.calibrating(mark_s)
        self._finder.aligned(placements)
        self._end_s = float(rows.time_s[-1])
        self._left = int(CLOSED_S * rate_hz)
        self._finder.feed(rows)

    def feed(self, rows: AngleRows) -> list[Repetition] | None:
        """The next rows; the movements once they are closed, None before."""
        taken, self._left = min(self._left, len(rows)), self._left - len(rows)
        self._finder.feed(rows.part(0, taken))
        return self.finish() if self._left <= 0 else None

    def finish(self) -> list[Repetition]:
        """The movements that were halfway down when the calibration was complete, and have ended until now."""
        self._finder.calibrated(self._end_s)
        self._finder.finish()
        return self._finder.take_aside()
