"""A scripted session that is led through protocols: the real guide and page, with repetitions that a test says happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

# in a real session it is loaded while the protocol runs, which takes minutes; here seconds
import dsp.comparison  # noqa: F401
from body_signals import SessionMark
from dsp.pipeline import PipelineOutput
from dsp.results import OrientationRows, Repetition
from dsp.screen import Excursions, of_run, run_document, runs_of, screen_of, screened, share_by_thirds
from hiphinge.guidance.protocol_files import shipped
from hiphinge.guidance.protocol_guide import ProtocolGuide
from hiphinge.live.sinks import Frame
from tests.dashboards.live_page.scripted_session import ScriptedSession


class LedSession(ScriptedSession):
    """said: all marks so far. With `ready` the page is told that this protocol is awaited."""

    def __init__(self, ready: str = "", **more: Any) -> None:
        super().__init__(**more)
        self.guide = ProtocolGuide(shipped())
        self.said: list[SessionMark] = []
        self.done: list[Repetition] = []
        self.excursions = Excursions()
        self._result: Mapping[str, Any] | None = None
        self.page.offers(self.guide.known.values(), ready)
        self._tell = self.page.sink.take
        self.page.sink.take = self._lead  # type: ignore[method-assign]

    def makes(self, movement: str, side: str = "", count: int = 1, **metrics: float) -> None:
        """`count` repetitions have just ended."""
        raised = {f"hip_{side}_rom_deg": 80.0, f"hip_{'right' if side == 'left' else 'left'}_rom_deg": 5.0} if side else {}
        for _ in range(count):
            # nothing of it lies before its step
            self.done.append(self.repetition(len(self.done), movement, turned_s=self.now_s, **{**raised, **metrics}))

    def swings(self, side: str, *degrees: float) -> None:
        """The shin of this side is turned from how it hangs by each of these, and hangs again."""
        for turn in (value for size in degrees for value in (0.0, size, 0.0)):
            half = np.radians(turn) / 2.0
            quat = np.array([[np.cos(half), np.sin(half), 0.0, 0.0]])
            rows = OrientationRows(f"thigh_{side}", np.array([self.now_s]), quat, np.zeros(1, np.int32))
            self.give(PipelineOutput(orientations=[rows]))

    def _lead(self, frame: Frame) -> None:
        marks = [SessionMark((m.at_ns - frame.zero_ns) / 1e9, m.label) for m in frame.marks]
        self.said += marks
        for mark in marks:
            self.excursions.hear(mark)
        for rows in frame.output.orientations:
            self.excursions.take(rows)
        before = self.guide.finished
        for label in self.guide.take(frame.output, frame.now_s, marks):
            self._mark(label, frame.now_s)
        if self.guide.finished > before:
            self._result = self._screened()
        self._tell(replace(frame, protocol=self.guide.document(), result=self._result))

    def _screened(self) -> dict[str, Any]:
        runs = runs_of(self.said)
        taken = screened(self.done, [], runs)
        protocol: dict[str, Any] = {
            **run_document(runs[0], self.done, [], self.excursions),
            "thirds": share_by_thirds(taken),
            "further": [
                {
                    **run_document(run, self.done, [], self.excursions),
                    "screen": screen_of(of_run(self.done, [], run)).document(),
                }
                for run in runs[1:]
            ],
        }
        marks = [{"time_s": m.time_s, "label": m.label} for m in self.said]
        return {"screen": screen_of(taken).document(), "protocol": protocol, "marks": marks, "pain": []}
