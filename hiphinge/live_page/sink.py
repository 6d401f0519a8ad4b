"""The sink that tells the live page: it turns each frame of a session into rows and documents on the page's board.

Frames come every few milliseconds; rows go on as they come, everything else a few times a second or when it has changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from body_signals import ANGLE_NAMES, ANGLES, NEW_SET, TARGET, Mark, Quality, Session, undone
from dashboards.live_page import BoardWriter, dashed, table
from dashboards.notation import kind_is_unsure
from dsp.day import begins_set
from dsp.orientation import Leaning
from dsp.pipeline import PipelineOutput
from dsp.progress import Stage
from dsp.results import AngleRows, Repetition
from dsp.rhythm import LatestRows, ShareNow
from hiphinge.comparing.own_answer import Own
from hiphinge.guidance.alarms import DASHED, Alarms
from hiphinge.guidance.guide import Guide, guide_document
from hiphinge.live.sinks import Frame, Sink
from hiphinge.live.status_lines import repetition_document
from hiphinge.live_page.answered import Paths, prepare, result_document
from hiphinge.live_page.documents import Watched, mark_document, reasons_said, report_document, share_document

EVERY_S = 0.5
"""Between two looks at the sensors where nothing has changed."""
LOOK_S = 0.05
"""Between two looks at whether it has (ours)."""
ALIVE_S = 0.1
"""The same while there are no rows yet: then these looks are the sign that the session goes on."""
CURVE_POINTS = 60
"""Of the path of a repetition."""
SHARE_S = 0.1
"""Between two times that the share of the movement under way is computed and told: a page makes that of each row itself, from
the angles beside it."""
GUIDE_S = 0.2
"""Between two times that pages are told how the calibration stands, and the movement under way, while none is open (ours)."""
MOST_MARKS = 1000
_LUMBAR = ANGLE_NAMES.index("lumbar_flexion")
_SIDES = {side: ANGLE_NAMES.index(f"hip_{side}_flexion") for side in ("left", "right")}
_SHARE = 2 * len(ANGLE_NAMES) + 1
"""The column of the share now; its uncertainty is in the next one."""


class LivePage(Sink):
    """Writes on the pages' board. over: lets the end be said; failed: what the page's process has failed with."""

    name = "live page"
    needs_every_row = True

    def __init__(
        self,
        board: BoardWriter,
        session: Session,
        over: Callable[[], None] = lambda: None,
        failed: Callable[[], BaseException | None] = lambda: None,
    ) -> None:
        self._board, self._over, self._failed = board, over, failed
        self._keys = [s.key for s in session.sensors]
        self._worn = set(session.body)
        self._watched = Watched()
        self._latest = LatestRows()
        self._unjudged: list[AngleRows] = []
        """Rows since the share was computed last."""
        self._leaning = Leaning()
        self._guide = Guide(session.body, keyboard=False)
        self._reports: list[dict[str, Any]] = []
        self._alarms = Alarms()
        self._flags: Mapping[str, Quality] = {}
        """Of the findings that hold, by sensor."""
        self._marks: dict[int, dict[str, Any]] = {}
        self._targets: dict[str, float | None] = {"lumbar_flexion": None, "hip_flexion": None}
        self._repetitions: list[tuple[int, float, float]] = []
        """Number, start and end of the latest repetitions."""
        self._session = session
        self._result: Mapping[str, Any] | None = None
        self.before: Any = None
        """The occasion of another session that this one retests; `worn_anew`: the sensors were taken off since."""
        self.worn_anew = False
        self.own: Own = {}
        """The athlete's own baseline, known some seconds after the beginning; empty where no earlier session is pinned."""
        self.baselines: Sequence[Any] = ()
        """The occasions of which it is made."""
        self._prepared = False
        """Whether what the answer of a protocol needs is being loaded."""
        self._paths = Paths()
        self._set = 0
        """Number of the set of the last repetition."""
        self._last: Repetition | None = None
        self._slipped = False
        self._looked = self._told = self._shared = self._judged = -np.inf
        self._share: ShareNow | None = None
        """Of the movement under way, at the newest row; None also while a sensor is wrong."""
        self._share_since: float | None = None
        self._states: list[str] = []
        self._answered = 0
        """Number of the last answer that was told."""
        board.put("targets", {"targets": self._targets})
        board.put("findings", {"findings": []})
        board.put("marks", {"marks": []})

    def take(self, frame: Frame) -> None:
        """The next results."""
        output = frame.output
        self._board.now_s = round(frame.now_s, 3)
        if output.findings:
            self._alarms.take(output.findings)
            self._flags = self._alarms.flags()
        self._guide.take(output)
        if output.alignments:
            self._reports = [report_document(r) for r in output.alignments[-1].reports]
        self._leaning.take(output.orientations)
        if Stage.STANDING in (self._guide.progress.stage, *(progress.stage for progress in output.calibration)):
            self._leaning.stand()
        self._rows(output.angles)
        for repetition in output.repetitions:
            self._repetition(repetition)
            self._paths.take(repetition, self._board.rows.between(repetition.start_s, repetition.end_s))
        if frame.marks:
            self._mark(frame.marks, frame.zero_ns)
        if output.findings:
            self._board.put("findings", {"findings": [f.document() for f in self._alarms.holding]})
        now = time.monotonic()
        if now - self._looked >= LOOK_S:
            self._looked = now
            self._look(frame, now)
        new = bool(output.calibration or output.alignments)
        if new or now - self._shared >= (SHARE_S if self._guide.progress.open else GUIDE_S):
            self._shared = now
            if new or self._guide.progress.open or not self._board.get("calibration"):
                self._tell_guide(frame.now_s)
            self._tell_share(frame.now_s)
        self._tell_answers(frame)

    def stop(self, frame: Frame) -> None:
        """The session is over for those who watch it."""
        self._tell_answers(frame)
        self._over()

    def close(self, last: PipelineOutput | None) -> None:
        """Nothing is left open, also where the session was broken off before it stopped. What the server failed with is raised,
        to be told."""
        self._over()
        if (fault := self._failed()) is not None:
            raise RuntimeError(repr(fault)) from fault

    @property
    def trouble(self) -> str:
        """That there is no page any more."""
        fault = self._failed()
        return "" if fault is None else f"the live page has failed ({fault!r}); the session goes on without it"

    def _tell_answers(self, frame: Frame) -> None:
        for answer in frame.desk.since(self._answered):
            self._board.answer(answer.number, {"text": answer.text, "done": answer.done, "code": answer.code})
            self._answered = answer.number

    def _rows(self, angles: Sequence[AngleRows]) -> None:
        for rows in angles:
            if not len(rows):
                continue
            self._unjudged.append(rows)
            self._slipped = bool(rows.quality[-1] & int(Quality.SLIPPED))
            of_page = table(rows.angles, rows.sd, rows.quality)
            wrong = {key for key, flags in self._flags.items() if flags & DASHED}
            if wrong:
                self._latest.take(self._unjudged)
                self._unjudged.clear()
                dashed(of_page, [a.name for a in ANGLES if wrong & {p.value for p in a.needs}])
                self._share = None
            else:
                now = time.monotonic()
                if now - self._judged >= SHARE_S:
                    self._judged = now
                    self._latest.take(self._unjudged)
                    self._unjudged.clear()
                    self._share = share = self._latest.share_now()
                    if share is not None:
                        of_page[-1, _SHARE : _SHARE + 2] = 100.0 * share.share, 100.0 * share.sd
            self._board.append(rows.time_s, of_page)

    def _repetition(self, repetition: Repetition) -> None:
        document = repetition_document(repetition)
        if self._last is None or begins_set(self._last, repetition, self._new_sets_s):
            self._set += 1
        self._last = repetition
        self._repetitions = [
            *self._repetitions[-50:],
            (repetition.index + 1, float(repetition.start_s), float(repetition.end_s)),
        ]
        told = {"set": self._set, "sure": not kind_is_unsure(repetition.movement_confidence)}
        self._board.repetition({**document, **told, "curve": self._curve(repetition, document["side"])})
        within = [m for m in self._marks.values() if repetition.start_s <= m["time_s"] <= repetition.end_s]
        if within:
            for mark in within:
                mark["repetition"] = repetition.index + 1
            self._board.put("marks", {"marks": list(self._marks.values())})

    @property
    def _new_sets_s(self) -> list[float]:
        return [mark["time_s"] for mark in self._marks.values() if mark["label"] == NEW_SET]

    def _curve(self, repetition: Repetition, side: str) -> dict[str, Any] | None:
        """The path of lumbar spine and hips (their mean, or that of `side`), degrees; None where it is not kept any more."""
        rows = self._board.rows.between(repetition.start_s, repetition.end_s)
        if len(rows) < 2:
            return None
        at = np.unique(np.linspace(0, len(rows) - 1, CURVE_POINTS).round().astype(np.int64))
        hips = rows[at][:, [_SIDES[side]] if side in _SIDES else list(_SIDES.values())]
        there = np.isfinite(hips)
        mean = np.where(there, hips, 0.0).sum(axis=1) / np.where(there.any(axis=1), there.sum(axis=1), np.nan)
        turn = (repetition.turn_s - repetition.start_s) / max(repetition.end_s - repetition.start_s, 1e-9)
        return {
            "hip": mean.astype(float).round(1).tolist(),
            "lumbar": rows[at, _LUMBAR].astype(float).round(1).tolist(),
            "turn": round(turn * (len(at) - 1)),
        }

    def _mark(self, marks: Sequence[Mark], zero_ns: int) -> None:
        for mark in marks:
            back = undone(mark.label)
            if back is not None:
                self._marks.pop(back, None)
                continue
            document = mark_document(mark, zero_ns, self._at)
            word, *rest = mark.label.split(" ")
            if word == TARGET and len(rest) == 2 and rest[0] in self._targets:
                self._targets = {**self._targets, rest[0]: _degrees(rest[1])}
                self._board.put("targets", {"targets": self._targets})
            self._marks[mark.seq] = document
        while len(self._marks) > MOST_MARKS:
            del self._marks[next(iter(self._marks))]
        self._board.put("marks", {"marks": list(self._marks.values())})

    def _at(self, time_s: float) -> tuple[float | None, int | None]:
        """Lumbar flexion, degrees, and the number of the repetition, at a session time."""
        row = self._board.rows.at(time_s)
        degrees = None if row is None or row[_LUMBAR] != row[_LUMBAR] else round(float(row[_LUMBAR]), 1)
        return degrees, next((n for n, start_s, end_s in self._repetitions if start_s <= time_s <= end_s), None)

    def _look(self, frame: Frame, now: float) -> None:
        states = [
            self._watched.state(key, frame.now_s, frame.progress.get(key), frame.links.get(key), self._flags.get(key, 0))
            for key in self._keys
        ]
        if states != self._states or now - self._told >= (EVERY_S if self._board.rows.end else ALIVE_S):
            self._states, self._told = states, now
            slipped = {key for key, progress in frame.progress.items() if progress.slipped}
            if self._slipped and not slipped:
                # the rows say that one has, and nobody knows which
                slipped = self._worn
            sensors = [
                self._watched.document(
                    key, frame.progress.get(key), frame.links.get(key), frame.latency_ms.get(key), key in slipped
                )
                for key in self._keys
            ]
            self._board.put(
                "sensors",
                {"now_s": round(frame.now_s, 2), "sensors": sensors, "body_state": self._board.body_state},
            )
        self._board.put("trouble", {"text": frame.trouble})
        if frame.protocol is not None:
            if not self._prepared:
                self._prepared = True
                prepare()
            self._board.put("protocol", {"protocol": frame.protocol})
        if frame.result is not None:
            self._tell_result(frame.result)

    def _tell_result(self, result: Mapping[str, Any]) -> None:
        if result is not self._result:
            self._result = result
            document = result_document(
                result,
                self._session,
                self._paths.curves,
                self.before,
                worn_anew=self.worn_anew,
                own=self.own,
                baselines=self.baselines,
            )
            self._board.put("result", document)

    def _tell_guide(self, now_s: float) -> None:
        progress = self._guide.progress
        calibrated = self._guide.calibrated
        self._board.body_state = "calibrating" if progress.open else "streaming" if calibrated else "waiting"
        document = {k: v for k, v in guide_document(self._guide, now_s).items() if k not in ("instruction", "remark")}
        self._board.put(
            "calibration",
            {
                **document,
                "moving": progress.moving,
                "now_deg": {k: round(d, 1) for k, d in self._leaning.degrees().items()} if progress.open else {},
                "reports": self._reports,
                "reasons_said": reasons_said(progress.reasons),
                "body_state": self._board.body_state,
            },
        )

    def _tell_share(self, now_s: float) -> None:
        share = self._share
        if share is None or any(f & DASHED for f in self._flags.values()):
            share = self._share_since = None
        elif self._share_since is None:
            self._share_since = now_s
        self._board.put("under_way", share_document(share, self._share_since))


def _degrees(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
