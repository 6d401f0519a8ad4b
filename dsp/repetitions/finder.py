"""Repetitions: where a movement begins, turns and ends, found in the rows as they come, without training data.

From standing, a trunk-on-thigh flexion (`signal`) above `START_DEG` that returns is a repetition. One that stays,
with the thighs raised and still, is a sit-down, and leaving it is a stand-up: movements of one phase. A single knee that rises
beside a standing leg is a knee raise. Rock-backs (`rock_backs`) happen within the movement of getting down on all fours and
up again, which is then not a repetition. Somebody who lies on the back makes `hip_extensions` only. `states` holds the states,
`cuts` makes repetitions of ended movements, and `held` keeps or drops a calibration's movements.

Hysteresis and smallest duration follow common practice for lift detection (e.g. doi 10.3390/s20164472); the figures are ours,
set on the simulated athlete.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

import numpy as np

from body_signals import Bools, Floats
from dsp.repetitions.cuts import EDGE_ROWS, RepetitionCutter, Worn
from dsp.repetitions.held import HeldRepetitions
from dsp.repetitions.hip_extensions import GONE_S, SUPINE_DEG, HipExtensionFinder
from dsp.repetitions.movement_ends import LOOK_BACK_S
from dsp.repetitions.movement_rows import PELVIS_ROW, KeptRows, MovementRows
from dsp.repetitions.signal import BRIDGED_HOLE_S, HISTORY_S, NEVER, RowsInView, TrunkOnThigh
from dsp.repetitions.states import Raising, Settling, Standing, State, on_the_back
from dsp.results import AngleRows, Repetition

ROWS_AT_ONCE = 8
"""Rows processed at once (ours): a single row costs nearly as much as eight, and a delay of 0.07 s does no harm."""


class RepetitionFinder:
    """Streaming finder; the result does not depend on how the rows are cut."""

    def __init__(self, rate_hz: float) -> None:
        self._rate = rate_hz
        self._waiting: list[AngleRows] = []
        self._many = 0
        self._next = 0
        """Number of the next row to process."""
        self._kept = KeptRows()
        self._held = HeldRepetitions(rate_hz)
        self._cutter = RepetitionCutter(self._kept, self._held, rate_hz)
        self._signal = TrunkOnThigh(rate_hz)
        self._state: State = Standing()
        self._lying = HipExtensionFinder(rate_hz)
        self._lay = self._stood = NEVER
        """Numbers of the last rows at which the pelvis was seen to lie on its back, and not to, as far as that was asked."""

    def aligned(self, placements: Collection[str]) -> None:
        """The placements whose angles the rows have from here on; without the lumbar sensor the pelvis is the trunk."""
        self._look()
        self._cutter.worn = Worn.of(placements)

    def worn(self, placements: Collection[str]) -> None:
        """A sensor has come off the body or back on it: these are still worn. A movement in progress is dropped, because the
        sensor may have made it."""
        self.aligned(placements)
        self._state = Standing()
        self._lying.forget()

    def calibrating(self, mark_s: float) -> None:
        """A calibrate mark at session time mark_s: movements after it may belong to the calibration."""
        self._look()
        self._held.mark(mark_s)

    def calibrated(self, movements_end_s: float) -> None:
        """The calibration succeeded; movements halfway down before `movements_end_s` were part of it."""
        self._look()
        self._held.calibrated(movements_end_s)

    def feed(self, rows: AngleRows) -> list[Repetition]:
        """Rows that follow those already fed; the repetitions that have ended."""
        self._waiting.append(rows)
        self._many += len(rows)
        if self._many >= ROWS_AT_ONCE:
            self._look()
        return self._held.take()

    def take_aside(self) -> list[Repetition]:
        """Movements that belonged to a calibration, since the last call; none of them is a repetition."""
        return self._held.take_aside()

    def finish(self) -> list[Repetition]:
        """The end of the rows: a movement in its last phase counts, one in the middle does not."""
        self._look()
        if isinstance(self._state, Settling):
            self._state.close(self._next - 1, self._next, self._cutter)
        self._held.release()
        return self._held.take()

    def _look(self) -> None:
        """Process the waiting rows."""
        if not self._waiting:
            return
        rows = MovementRows.of(self._waiting, self._cutter.worn.trunk_row)
        self._waiting, self._many = [], 0
        self._kept.add(rows)
        supine = self._supine(rows.angles[PELVIS_ROW])
        if not supine.any():
            self._stands(rows)
        else:
            edges = [0, *(np.flatnonzero(np.diff(supine)) + 1).tolist(), len(rows)]
            for a, b in pairwise(edges):
                (self._lies if supine.item(a) else self._stands)(rows.cut(a, b))
        self._kept.forget(self._next - EDGE_ROWS - int((HISTORY_S + max(LOOK_BACK_S)) * self._rate))

    def _supine(self, pelvis: Floats) -> Bools:
        """Where the pelvis (n,) lies on its back; a pelvis that is not measured for a moment still does."""
        lies = pelvis < SUPINE_DEG
        if not lies.any() and self._lay < self._next - GONE_S * self._rate:
            return lies
        ticks = self._next + np.arange(len(pelvis))
        last = np.maximum.accumulate(np.where(lies, ticks, self._lay))
        self._lay = int(last[-1])
        stands = np.maximum.accumulate(np.where(pelvis >= SUPINE_DEG, ticks, self._stood))
        self._stood = int(stands[-1])
        return np.asarray(lies | (np.isnan(pelvis) & (last > stands) & (ticks - last < GONE_S * self._rate)))

    def _stands(self, rows: MovementRows) -> None:
        """Rows of somebody who does not lie on the back."""
        view = self._signal.view(rows, self._next)
        self._lying.forget()
        self._state = self._through(view, self._state)
        self._next += len(rows)

    def _lies(self, rows: MovementRows) -> None:
        """Rows of somebody on the back: what the hips do there."""
        view = self._signal.view(rows, self._next)
        self._state = on_the_back(self._state)
        for i in range(len(view)):
            if self._held.waits:
                self._held.reached(view.time_s.item(i))
            found = self._lying.step(view, i)
            if found is not None:
                self._cutter.hip_extension(found)
        self._next += len(rows)

    def _through(self, view: RowsInView, state: State) -> State:
        """The state after the rows in view, of one before them."""
        i, n, held, cutter, bridged = 0, len(view), self._held, self._cutter, BRIDGED_HOLE_S * self._rate
        while i < n:
            # rows at which nothing can happen are skipped; what waits for its time hears of it at the next row that matters, or
            # at every row where that could be another one
            whole = i >= view.whole_from
            if not held.waits or (whole and held.waits_for_one):
                i = state.ahead(view, i)
                if i == n:
                    held.reached(view.time_s.item(n - 1))
                    break
            if isinstance(state, Raising):
                state = state.step(view, i, cutter)
            elif (signal := view.signal.item(i)) != signal and state.missing < bridged:
                # a row in a short gap is ignored
                state.missing += 1
            else:
                if signal == signal:
                    state.missing = 0
                if held.waits:
                    held.reached(view.time_s.item(i))
                state = state.step(view, i, cutter)
                if isinstance(state, Standing) and view.lifted[i]:
                    state = Raising.from_standing(view, i)
            i += 1
        return state
