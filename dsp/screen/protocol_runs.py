"""What was done of protocols, from the marks of a session: which step from when to when, and how many repetitions are valid.

The marks are all that is needed, so a recording says it again without the protocol's file, live and in a replay alike:

    protocol NAME                               a protocol begins
    step NAME begin TEST [SIDE] [xN] [Ns] [calibration] [paced] [by ANGLE DEG]
    step NAME end | skipped | left | stopped    all were made; went on without; done anew; pain
    protocol NAME done | left | stopped …       all steps are over; somebody ended it; pain

A step that is begun anew replaces its former attempt, whose repetitions stay in the table and leave the hip screen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from body_signals import ANGLE_NAMES, SessionMark
from body_signals.movements import BEND, KIND_OF_TEST, SHARE_OF_TRUNK
from dsp.day import scored, side_of
from dsp.day.sets import FEWEST
from dsp.results import Repetition
from dsp.screen.protocol import FAST, PAINFUL, SIDES, STAND, SWINGS, Excursion, Protocol, Step

PROTOCOL, STEP = "protocol", "step"
BEGIN, END, SKIPPED, LEFT, STOPPED, DONE = "begin", "end", "skipped", "left", "stopped", "done"
COUNT = f"{STEP} count"
"""A person counts a repetition of a step that nothing measures."""
PACED = "paced"
OWN_PACE = frozenset(
    {"onset_delay_s", "descent_s", *(f"{segment}_peak_velocity_descent_deg_s" for segment in ("lumbar", "pelvis"))}
)
"""Metrics that are compared and mean something only at the athlete's own pace."""


@dataclass(frozen=True, slots=True)
class StepRun:
    """One attempt at a step. ended_s: None while it is under way. outcome: the word of its last mark, empty while under way;
    ``repeated`` where a later attempt replaces it. paced: a metronome gave the pace."""

    name: str
    test: str
    side: str
    wanted: int
    from_calibration: bool
    by: Excursion | None
    begun_s: float
    ended_s: float | None = None
    outcome: str = ""
    paced: bool = False

    def holds(self, time_s: float) -> bool:
        """Whether a session time lies in it."""
        return self.begun_s <= time_s <= (math.inf if self.ended_s is None else self.ended_s)

    def counts(self, repetition: Repetition) -> bool:
        """Whether a repetition is one of this step's: its deepest point lies in it, and kind and side are the test's."""
        if not self.holds(repetition.turn_s):
            return False
        if self.test == PAINFUL:
            return True
        kind = BEND if self.test == FAST else KIND_OF_TEST.get(self.test)
        return kind is not None and repetition.movement == kind.name and self._of_side(repetition)

    def told_by(self, repetition: Repetition) -> Repetition:
        """A repetition of this step with what it tells: by a metronome nothing of times and velocities."""
        if not self.paced:
            return repetition
        kept = {name: value for name, value in repetition.metrics.items() if name not in OWN_PACE}
        return replace(repetition, metrics=kept)

    def _of_side(self, repetition: Repetition) -> bool:
        side = side_of(repetition)
        return not self.side or not side or side == self.side


@dataclass(frozen=True, slots=True)
class ProtocolRun:
    """A protocol as it was done. outcome as in `StepRun`: done, left, stopped, or empty."""

    name: str
    begun_s: float
    ended_s: float | None = None
    outcome: str = ""
    steps: tuple[StepRun, ...] = ()

    @property
    def last(self) -> tuple[StepRun, ...]:
        """The attempts that nothing has replaced."""
        return tuple(step for step in self.steps if step.outcome != "repeated")


def begin_label(step: Step) -> str:
    """The mark with which a step begins."""
    words = [STEP, step.name, BEGIN, step.test, step.side]
    words += [f"x{step.repetitions}"] if step.repetitions else []
    words += [f"{step.seconds:g}s"] if step.seconds else []
    words += ["calibration"] if step.from_calibration else []
    words += [PACED] if step.tempo is not None else []
    if step.counted_by is not None:
        words += ["by", step.counted_by.angle or "tap", f"{step.counted_by.from_deg:g}"]
    return " ".join(word for word in words if word)


def protocol_label(protocol: Protocol) -> str:
    """The mark with which a protocol begins."""
    return f"{PROTOCOL} {protocol.name}"


def runs_of(marks: Iterable[SessionMark]) -> tuple[ProtocolRun, ...]:
    """The protocols of a session, in order. Marks that say nothing of a protocol, or nothing readable, are passed over."""
    runs: list[ProtocolRun] = []
    for mark in sorted(marks, key=lambda m: m.time_s):
        words = mark.label.split()
        if len(words) < 2 or words[0] not in (PROTOCOL, STEP):
            continue
        if words[0] == PROTOCOL:
            if len(words) == 2 and words[1] != "stop":
                if runs and runs[-1].ended_s is None:
                    runs[-1] = _closed(runs[-1], mark.time_s, LEFT)
                runs.append(ProtocolRun(words[1], mark.time_s))
            elif len(words) > 2 and words[2] in (DONE, LEFT, STOPPED) and runs and runs[-1].name == words[1]:
                runs[-1] = _closed(runs[-1], mark.time_s, words[2])
        elif runs and runs[-1].ended_s is None and len(words) > 2:
            runs[-1] = replace(runs[-1], steps=_with_step(runs[-1].steps, words, mark.time_s))
    # a mark of a person's own that begins with the same word is none
    return tuple(run for run in runs if run.steps)


def _closed(run: ProtocolRun, time_s: float, outcome: str) -> ProtocolRun:
    steps = run.steps
    if steps and steps[-1].ended_s is None:
        steps = (*steps[:-1], replace(steps[-1], ended_s=time_s, outcome=outcome))
    return replace(run, ended_s=time_s, outcome=outcome, steps=steps)


def _with_step(steps: tuple[StepRun, ...], words: Sequence[str], time_s: float) -> tuple[StepRun, ...]:
    name, what, rest = words[1], words[2], words[3:]
    if what == BEGIN and rest:
        before = [replace(s, ended_s=time_s if s.ended_s is None else s.ended_s) for s in steps]
        before = [replace(s, outcome="repeated") if s.name == name else s for s in before]
        return (*before, begun(name, rest, time_s))
    if what in (END, SKIPPED, LEFT, STOPPED) and steps and steps[-1].name == name and steps[-1].ended_s is None:
        return (*steps[:-1], replace(steps[-1], ended_s=time_s, outcome=what))
    return steps


def begun(name: str, rest: Sequence[str], time_s: float) -> StepRun:
    side = next((word for word in rest[1:] if word in SIDES), "")
    wanted = next((int(w[1:]) for w in rest[1:] if w[:1] == "x" and w[1:].isascii() and w[1:].isdigit() and len(w) < 5), 0)
    by = None
    if "by" in rest[1:-2]:
        at = rest.index("by")
        angle = rest[at + 1] if rest[at + 1] in (*ANGLE_NAMES, *SWINGS) else ""
        try:
            by = Excursion(angle, float(rest[at + 2]))
        except ValueError:
            by = Excursion("", 0.0)
    return StepRun(name, rest[0], side, wanted, "calibration" in rest[1:], by, time_s, paced=PACED in rest[1:])


def numbered_before(calibration: Sequence[Repetition]) -> list[Repetition]:
    """Movements of calibrations in order of time, with indices below those of the table's repetitions: −1 is the last."""
    in_order = sorted(calibration, key=lambda r: r.start_s)
    return [replace(r, index=i - len(in_order)) for i, r in enumerate(in_order)]


def screened(
    repetitions: Sequence[Repetition], calibration: Sequence[Repetition], runs: Sequence[ProtocolRun]
) -> list[Repetition]:
    """The repetitions that the session's hip screen takes, in order of time.

    Without a protocol all of the table. Else also the movements of a calibration in steps that say so. Left out: what lies in a
    step and is not its test; attempts that were replaced; and a test that is done again in a later protocol, as a retest. Those
    by a metronome are there without what only one's own pace tells.
    """
    first: dict[tuple[str, str], int] = {}
    for number, run in enumerate(runs):
        for step in run.last:
            if step.outcome != SKIPPED:
                first.setdefault((step.test, step.side), number)

    def taken(r: Repetition, *, calibrating: bool) -> Repetition | None:
        for number, run in enumerate(runs):
            for step in run.steps:
                if step.holds(r.turn_s):
                    mine = step.counts(r) and step.outcome != "repeated" and step.test not in (PAINFUL, FAST)
                    mine = mine and first.get((step.test, step.side), number) == number
                    return step.told_by(r) if mine and (step.from_calibration or not calibrating) else None
        return None if calibrating else r

    kept = [taken(r, calibrating=True) for r in calibration]
    kept += [taken(r, calibrating=False) for r in repetitions]
    return sorted((r for r in kept if r is not None), key=lambda r: r.start_s)


def of_run(repetitions: Sequence[Repetition], calibration: Sequence[Repetition], run: ProtocolRun) -> list[Repetition]:
    """The repetitions of one protocol's tests, in order of time."""
    steps = [step for step in run.last if step.test not in (STAND, PAINFUL, FAST)]
    kept = [(r, [step for step in steps if step.from_calibration and step.counts(r)]) for r in calibration]
    kept += [(r, [step for step in steps if step.counts(r)]) for r in repetitions]
    return sorted((by[0].told_by(r) for r, by in kept if by), key=lambda r: r.start_s)


def share_by_thirds(repetitions: Sequence[Repetition]) -> list[float]:
    """Lumbar share of the trunk in the early, middle and late third of the scored forward bends, medians; else empty."""
    of_kind = [r for r in repetitions if r.movement == BEND.name]
    counted = scored(of_kind).counted if of_kind else ()
    thirds = [[r.metrics.get(f"{SHARE_OF_TRUNK}_{third}", math.nan) for r in counted] for third in ("early", "middle", "late")]
    known = [[share for share in shares if math.isfinite(share)] for shares in thirds]
    return [round(median(shares), 4) + 0.0 for shares in known] if all(len(shares) >= FEWEST for shares in known) else []
