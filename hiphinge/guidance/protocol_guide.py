"""The guide through a protocol: what to do now, how many, what is next; when a step begins, is done, or is stopped.

A pure state machine: results and marks of a session in, marks to be set out. Everything that a person orders comes as a mark
too (`step skip`, `protocol stop` …), and everything that the guide decides becomes one (`dsp.screen.protocol_runs`), so that a
recording tells the whole course without this module.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from body_signals import ANGLE_NAMES, CALIBRATE, RETEST, Floats, Key, Pain, SessionMark, chosen, understood
from dsp.pipeline import PipelineOutput
from dsp.progress import CalibrationProgress, Stage
from dsp.results import AngleRows
from dsp.screen import (
    STAND,
    STANDING,
    SWINGS,
    TAP,
    ExcursionCounter,
    Protocol,
    Step,
    StepRun,
    Swing,
    begin_label,
    protocol_label,
)
from hiphinge.guidance.protocol_retest import OF_CALIBRATION, retest_of
from hiphinge.guidance.protocol_words import DONE, LEFT, RUNNING, STOPPED, step_document

PROTOCOL = "protocol"
SKIP, REPEAT, BACK, START, COUNT = "step skip", "step repeat", "step back", "step start", "step count"
STOP = "protocol stop"
ORDERS = (SKIP, REPEAT, BACK, START, COUNT, STOP)
"""What a person may order while a protocol runs, each a mark."""
UPRIGHT_DEG, STILL_DEG, STILL_S = 20.0, 4.0, 1.0
"""The athlete stands: trunk and thighs are inclined by less than the first, and move by less than the second for the third, s
(ours)."""
_POSTURE = [ANGLE_NAMES.index(name) for name in ("trunk_inclination", "thigh_left_inclination", "thigh_right_inclination")]
_LOOK_ROWS = 10


class State:
    """How a step of a protocol stands, and a protocol."""

    RUNNING, DONE, LEFT, STOPPED = RUNNING, DONE, LEFT, STOPPED
    WAITING, READY, GOING, SKIPPED = "waiting", "ready", "going", "skipped"


@dataclass(slots=True)
class _Posture:
    """Whether the athlete stands upright and still, from ten rows a second."""

    _kept: deque[tuple[float, float, float]] = field(default_factory=deque)
    """Session time, and the smallest and largest inclination then."""
    _next: int = 0

    def take(self, rows: AngleRows) -> None:
        at = np.arange(self._next, len(rows), _LOOK_ROWS)
        self._next = (int(at[-1]) + _LOOK_ROWS if len(at) else self._next) - len(rows)
        for i in at.tolist():
            angles = [a for a in np.degrees(rows.angles[_POSTURE, i]).tolist() if a == a]
            self._kept.append((float(rows.time_s[i]), min(angles, default=math.nan), max(angles, default=math.nan)))
        while self._kept and self._kept[0][0] < self._kept[-1][0] - 2.0 * STILL_S:
            self._kept.popleft()

    def stands(self, since_s: float) -> bool:
        """For `STILL_S`, all of it after session time `since_s`. Where no angle is known, time alone tells."""
        last_s = self._kept[-1][0] if self._kept else -math.inf
        window = [(low, high) for time_s, low, high in self._kept if time_s >= last_s - STILL_S]
        if last_s - STILL_S < since_s or not window:
            return False
        known = [(low, high) for low, high in window if low == low]
        if not known:
            return True
        lows, highs = [low for low, _ in known], [high for _, high in known]
        moved = max(max(lows) - min(lows), max(highs) - min(highs))
        return len(known) == len(window) and min(lows) > -UPRIGHT_DEG and max(highs) < UPRIGHT_DEG and moved < STILL_DEG

    def moved(self) -> bool:
        """Whether the newest posture differs from the oldest that is kept."""
        known = [(low, high) for _, low, high in self._kept if low == low]
        if len(known) < 2:
            return False
        return max(abs(known[-1][0] - known[0][0]), abs(known[-1][1] - known[0][1])) > STILL_DEG


@dataclass(slots=True)
class _Running:
    """A protocol under way. at: the number of the present step, as many as there are once all are over."""

    protocol: Protocol
    begun_s: float
    at: int = 0
    state: str = State.RUNNING
    ended_s: float | None = None
    made: dict[str, int] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    ready_since_s: float = 0.0
    step: StepRun | None = None
    """The present step, once it has begun."""
    still_since_s: float = 0.0
    made_before: int = 0
    """Calibration movements of its kind before it began."""
    counted: int = 0
    counter: ExcursionCounter | None = None
    swing: Swing | None = None
    """Where the counter follows one."""
    first_pain: float | None = None
    last_pain: float | None = None
    stopped_by: float | None = None

    @property
    def present(self) -> Step | None:
        """The step that is led now, or awaits its beginning."""
        steps = self.protocol.steps
        return steps[self.at] if self.state == State.RUNNING and self.at < len(steps) else None


class ProtocolGuide:
    """Follows a session that may be led through the protocols `known`, by name. Everything but `take` only tells."""

    def __init__(self, known: Mapping[str, Protocol]) -> None:
        self.known = dict(known)
        self._run: _Running | None = None
        self._progress: CalibrationProgress | None = None
        self._calibrated = False
        self._posture = _Posture()
        self._pain: float | None = None
        """The last that was said before a protocol."""
        self.primary: Key | None = None
        """The number that was chosen before a treatment; `limiting` the one that limits the athlete most."""
        self.limiting: Key | None = None
        self.begun = self.finished = 0
        """Number of protocols that have begun, and of those whose last mark has come."""

    @property
    def running(self) -> bool:
        """Whether a protocol is under way."""
        return self._run is not None and self._run.state == State.RUNNING

    def take(self, output: PipelineOutput, now_s: float, marks: Sequence[SessionMark] = ()) -> list[str]:
        """The next results and marks, at session time `now_s`; the labels of marks to be set there, in order."""
        said: list[str] = []
        if output.calibration:
            self._progress = output.calibration[-1]
        if output.alignments:
            self._calibrated = bool(output.alignments[-1].to_segment)
        self._calibrated |= any(progress.in_force for progress in output.calibration)
        for mark in marks:
            self._hear(mark, now_s, said)
        for rows in output.angles:
            self._posture.take(rows)
        run = self._run
        if run is not None and run.state == State.RUNNING:
            self._count(run, output)
            self._advance(run, now_s, said)
        return said

    def _hear(self, mark: SessionMark, now_s: float, said: list[str]) -> None:
        label, run = mark.label, self._run
        words = label.split()
        pain = understood(label)
        if isinstance(pain, Pain):
            self._feel(pain.level, now_s, said)
        elif (key := chosen(label)) is not None:
            self.primary = key
        elif len(words) == 2 and words[0] == PROTOCOL and words[1] in self.known:
            if run is not None and run.state == State.RUNNING:
                self._close(run, now_s, State.LEFT, said)
            self._run = _Running(self._protocol(words[1]), mark.time_s, ready_since_s=now_s, first_pain=self._pain)
            self.begun += 1
        elif run is not None and run.state != State.RUNNING and words[:1] == [PROTOCOL] and words[2:]:
            self.finished += 1
        elif run is not None and run.state == State.RUNNING and label in ORDERS:
            self._order(run, label, now_s, said)

    def _protocol(self, name: str) -> Protocol:
        """The protocol of this name; a retest is that of the numbers that were chosen."""
        keys = [key for key in (self.primary, self.limiting) if key is not None]
        if name != RETEST or not keys:
            return self.known[name]
        return retest_of(self.known[name], keys, self.known.values(), calibrated=self._calibrated)

    def _feel(self, level: float, now_s: float, said: list[str]) -> None:
        run = self._run
        if run is None or run.state != State.RUNNING:
            self._pain = level
            return
        run.first_pain = level if run.first_pain is None else run.first_pain
        run.last_pain = self._pain = level
        if level >= run.protocol.stop_at or level - run.first_pain >= run.protocol.stop_rise:
            run.stopped_by = level
            self._close(run, now_s, State.STOPPED, said, f" pain {level:g}")

    def _order(self, run: _Running, order: str, now_s: float, said: list[str]) -> None:
        step = run.present
        assert step is not None
        if order == STOP:
            self._close(run, now_s, State.LEFT, said)
        elif order == SKIP:
            enough = run.step is not None and 0 < step.least <= run.counted
            self._end(run, now_s, "end" if enough else "skipped", said)
        elif order == REPEAT and run.step is not None:
            self._leave(run, said)
            self._ready(run, now_s)
        elif order == BACK and run.at > 0:
            self._leave(run, said)
            run.states[step.name] = State.WAITING
            run.at -= 1
            self._ready(run, now_s)
        elif order == START and run.step is None:
            self._begin(run, step, now_s, said)
        elif order == COUNT and run.step is not None and step.counted_by is not None and not step.counted_by.angle:
            run.counted += 1

    def _leave(self, run: _Running, said: list[str]) -> None:
        if run.step is not None:
            said.append(f"step {run.step.name} left")
            run.step = None

    def _close(self, run: _Running, now_s: float, state: str, said: list[str], why: str = "") -> None:
        if run.step is not None:
            said.append(f"step {run.step.name} {state}")
            run.states[run.step.name] = state
            run.step = None
        said.append(f"{protocol_label(run.protocol)} {state}{why}")
        run.state, run.ended_s = state, now_s

    def _ready(self, run: _Running, now_s: float) -> None:
        """The present step awaits its beginning."""
        run.step, run.counted, run.ready_since_s = None, 0, now_s
        step = run.present
        if step is not None:
            run.states[step.name], run.made[step.name] = State.READY, 0

    def _begin(self, run: _Running, step: Step, now_s: float, said: list[str]) -> None:
        said.append(begin_label(step))
        run.step = StepRun(step.name, step.test, step.side, step.repetitions, step.from_calibration, step.counted_by, now_s)
        run.states[step.name], run.made[step.name] = State.GOING, 0
        run.still_since_s, run.counted, run.made_before = now_s, 0, self._of_calibration(step)
        by = step.counted_by
        run.counter = ExcursionCounter(by) if by is not None and by.angle else None
        run.swing = Swing(by.from_deg) if by is not None and by.angle in SWINGS else None
        if step.test == STAND and self._must_calibrate():
            said.append(CALIBRATE)

    def _must_calibrate(self) -> bool:
        return not self._calibrated and (self._progress is None or not self._progress.open)

    def _of_calibration(self, step: Step) -> int:
        movement = OF_CALIBRATION.get((step.test, step.side))
        return 0 if self._progress is None or movement is None else dict(self._progress.made).get(movement, 0)

    def _count(self, run: _Running, output: PipelineOutput) -> None:
        step = run.step
        if step is None:
            return
        run.counted += sum(step.counts(r) for r in output.repetitions)
        if run.counter is None or step.by is None:
            return
        found: list[Floats] = []
        if run.swing is not None:
            worn = [rows for rows in output.orientations if rows.sensor == SWINGS[step.by.angle]]
            found = [run.swing.degrees(rows.quat[rows.time_s >= step.begun_s]) for rows in worn]
        else:
            place = ANGLE_NAMES.index(step.by.angle)
            found = [np.degrees(rows.angles[place, rows.time_s >= step.begun_s]) for rows in output.angles]
        for degrees in found:
            run.counted += sum(map(run.counter.take, degrees.tolist()))

    def _so_many(self, run: _Running, step: Step) -> int:
        return run.counted + max(0, self._of_calibration(step) - run.made_before)

    def _advance(self, run: _Running, now_s: float, said: list[str]) -> None:
        """Begin and end steps as far as their rules say so now."""
        while (step := run.present) is not None:
            if run.step is None:
                if not self._may_begin(run, step):
                    return
                self._begin(run, step, now_s, said)
            run.made[step.name] = self._so_many(run, step)
            if step.test == STAND:
                if not self._stood(run, step, now_s, said):
                    return
            elif run.made[step.name] < step.repetitions:
                return
            self._end(run, now_s, "end", said)

    def _may_begin(self, run: _Running, step: Step) -> bool:
        if step.start == TAP:
            return False
        return step.start != STANDING or self._posture.stands(run.ready_since_s)

    def _stood(self, run: _Running, step: Step, now_s: float, said: list[str]) -> bool:
        progress = self._progress
        if (
            progress is not None
            and progress.stage is Stage.REFUSED
            and not self._calibrated
            and progress.time_s > run.still_since_s
        ):
            # it did not work: once more
            self._leave(run, said)
            self._begin(run, step, now_s, said)
            return False
        if progress is not None and progress.stage is Stage.STANDING:
            run.still_since_s = max(run.still_since_s, progress.still_since_s)
            return False
        if self._posture.moved():
            run.still_since_s = now_s
        return now_s - run.still_since_s >= step.seconds

    def _end(self, run: _Running, now_s: float, how: str, said: list[str]) -> None:
        step = run.present
        assert step is not None
        if run.step is None:
            # a step that was never begun is marked too
            said.append(begin_label(step))
        said.append(f"step {step.name} {how}")
        run.states[step.name] = State.DONE if how == "end" else State.SKIPPED
        run.at += 1
        self._ready(run, now_s)
        if run.present is None:
            self._close(run, now_s, State.DONE, said)

    def document(self) -> dict[str, Any] | None:
        """How it stands, for pages and terminals; None before the first protocol."""
        run = self._run
        if run is None:
            return None
        protocol, present = run.protocol, run.present
        steps = [
            {
                **step_document(step),
                "made": run.made.get(step.name, 0),
                "state": run.states.get(step.name, State.WAITING),
            }
            for step in protocol.steps
        ]
        still = present is not None and present.test == STAND and run.step is not None
        return {
            "name": protocol.name,
            "title": dict(protocol.title),
            "state": run.state,
            "at": run.at if present is not None else None,
            "going": run.step is not None,
            "steps": steps,
            "begun_s": round(run.begun_s, 3),
            "ended_s": None if run.ended_s is None else round(run.ended_s, 3),
            "expected_s": protocol.expected_s,
            "still_until_s": round(run.still_since_s + (present.seconds if present else 0.0), 1) if still else None,
            "pain": {
                "first": run.first_pain,
                "last": run.last_pain,
                "stop_at": protocol.stop_at,
                "stop_rise": protocol.stop_rise,
                "stopped_by": run.stopped_by,
            },
        }
