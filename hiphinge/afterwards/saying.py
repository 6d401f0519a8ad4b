"""Adding, moving and removing marks, notes and pain after a session, for `hiphinge mark` and the review page.

Everything is checked before edits.toml is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from body_signals import (
    ACTING,
    CALIBRATE,
    RETEST,
    RISING,
    HiphingeError,
    Note,
    Pain,
    SessionFact,
    SessionMark,
    UnclearLabel,
    check_label,
    retested,
    session_fact,
    spelled,
    time_words,
    understood,
)
from dashboards.tables import available_estimators, read_repetitions
from dsp.screen import PROTOCOL, STEP
from hiphinge import config
from hiphinge.afterwards import mending
from hiphinge.afterwards.listing import Listed, listed
from hiphinge.guidance.protocol_files import protocols
from ingest.heads import EditsFile, normal

NEAR_S = 1.0
"""Largest distance, s, between a mark and the time by which the user names it (ours)."""
EARLIEST_RISING_S = -24 * 3600.0
"""Earliest plausible time of rising, s of the session; an earlier one is a typing error (ours)."""
EXAMPLE = "e.g. hiphinge mark SESSION 0:31 calibrate"


@dataclass(frozen=True, slots=True)
class Change:
    """The marks that are added and taken away in `file`, which is not written yet. acts: numbers change by it; restored: a mark
    of the session counts again that was taken away before."""

    added: tuple[SessionMark, ...]
    removed: tuple[SessionMark, ...]
    file: EditsFile
    acts: bool
    restored: bool = False


def say_marks(session: Path, at_s: float, labels: Sequence[str]) -> Change:
    """Add marks with these labels at session time at_s. HiphingeError outside the session, or if results cannot be computed."""
    file = EditsFile(session)
    for label in labels:
        _check_retest(session, at_s, label)
        _check_protocol(label)
    marks = [SessionMark(_within(session, at_s, one), normal(one), "afterwards") for one in labels]
    acts = _acts(session, marks)
    restored = [_add(file, session, one) for one in marks]
    return Change(tuple(marks), (), file, acts, any(restored))


def say_facts(session: Path, facts: Sequence[SessionFact]) -> Change:
    """State facts of the session, as marks at its beginning. What was stated afterwards of the same names is replaced."""
    file, at_s = EditsFile(session), mending.span(session).begin_s
    labels = [fact.label for fact in facts]
    before = {mark: session_fact(mark.label) for mark in file.edits.added}
    names = {fact.name for fact in facts}
    gone = [mark for mark, fact in before.items() if fact is not None and fact.name in names and mark.label not in labels]
    for mark in gone:
        file.remove(mark)
    there = {mark.label for mark in file.edits.added}
    added = [SessionMark(at_s, label, "afterwards") for label in labels if label not in there]
    for mark in added:
        file.add(mark)
    return Change(tuple(added), tuple(gone), file, acts=False)


def move_mark(session: Path, at_s: float, words: str, to_s: float) -> Change:
    """Move the mark near at_s whose label begins with `words` to to_s. HiphingeError where there is no such one mark."""
    file, gone = EditsFile(session), _found(session, at_s, words)
    file.remove(gone)
    moved = SessionMark(_within(session, to_s, gone.label), normal(gone.label), "afterwards")
    return Change((moved,), (gone,), file, _acts(session, [gone]), _add(file, session, moved))


def take_mark_away(session: Path, at_s: float, words: str) -> Change:
    """Take the mark near at_s away whose label begins with `words`. HiphingeError where there is no such one mark."""
    file, gone = EditsFile(session), _found(session, at_s, words)
    file.remove(gone)
    return Change((), (gone,), file, _acts(session, [gone]))


def label_of(words: str, where: str | None = None) -> str:
    """The label to add, checked. HiphingeError if it is empty, or looks like a typing error."""
    if not words:
        raise HiphingeError("no label is given", "LABEL", f"Write a label, {EXAMPLE}")
    words = one_line(words, "LABEL")
    words = spelled(words)
    try:
        check_label(words)
    except UnclearLabel as error:
        raise HiphingeError(str(error), "LABEL", error.remedy) from None
    if where is None:
        return words
    pain = understood(words)
    if not isinstance(pain, Pain):
        raise HiphingeError("--where is for pain", "--where", "e.g. hiphinge mark SESSION 1:20 pain 3 --where 'left hip'")
    return Pain(pain.level, one_line(where, "--where")).label


def note_label(text: str) -> str:
    """The label of a note, checked. HiphingeError for an empty one."""
    return Note(one_line(text, "--note")).label


def one_line(text: str, option: str) -> str:
    """The words on one line. HiphingeError where there are none, or control characters among them."""
    found = " ".join(text.split())
    if not found or any(ord(c) < 32 or ord(c) == 127 or "\ud800" <= c <= "\udfff" for c in found):
        raise HiphingeError("is empty or has control characters", option, "Write it in plain words")
    return found


def _check_retest(session: Path, at_s: float, label: str) -> None:
    """HiphingeError for a retest of a session that there is not, and for one that divides nothing."""
    other = retested(label)
    if other is None and label.strip().lower() != RETEST:
        return
    beside = listed(session.resolve().parent)
    this = next((one for one in beside if one.folder.name == session.resolve().name), Listed(session))
    earlier = [
        one.folder.name
        for one in beside
        if one is not this and one.athlete == this.athlete and _is_earlier(one.start, this.start)
    ]
    names = ", ".join(earlier) or "there is none beside this one"
    there = f"Write {RETEST} and the folder's name of the session before: {names}"
    if other is not None and other[0] not in earlier:
        what = f"no earlier session of this athlete beside this one is called {other[0]!r}"
        raise HiphingeError(what, "LABEL", f"{there}; or {RETEST} alone where this recording has the tests twice")
    if other is None and not _divides(session, at_s):
        what = f"{RETEST} alone divides one recording, and at {time_words(at_s)} there are no tests on both sides of it"
        raise HiphingeError(what, "LABEL", there)


def _is_earlier(one: datetime | None, other: datetime | None) -> bool:
    return one is None or other is None or one < other


def _divides(session: Path, at_s: float) -> bool:
    """Whether something was done before and after a time: repetitions, or steps and calibrations, which marks begin."""
    begun = [mark.time_s for mark in mending.marks_of(session) if mark.label == CALIBRATE or mark.label.startswith(f"{STEP} ")]
    for estimator in available_estimators(session)[-1:]:
        begun += read_repetitions(session, estimator)["start_s"].to_pylist()
    return any(time_s < at_s for time_s in begun) and any(time_s >= at_s for time_s in begun)


def _check_protocol(label: str) -> None:
    """HiphingeError for a protocol that there is not: the session would be one that nobody led."""
    word, _, name = label.strip().partition(" ")
    if word.lower() == PROTOCOL and name:
        known = protocols(config.protocols_folder(None))
        if name.split()[0] not in known:
            raise HiphingeError(f"no protocol has the name {name!r}", "LABEL", f"There are {', '.join(sorted(known))}")


def _acts(session: Path, marks: Sequence[SessionMark]) -> bool:
    """Whether any of them changes numbers; HiphingeError where these cannot be computed anew."""
    acts = any(one.label in ACTING for one in marks)
    if acts:
        mending.check_computable(session)
    return acts


def _add(file: EditsFile, session: Path, mark: SessionMark) -> bool:
    """Add a mark, or let a removed mark of the session count again; returns True for the latter."""
    if file.restore(mark) and mending.has_source(session):
        return True
    file.add(mark)
    return False


def _within(session: Path, at_s: float, label: str) -> float:
    """The time itself. HiphingeError if it lies before or after the session."""
    span = mending.span(session)
    earliest = EARLIEST_RISING_S if label == RISING else span.begin_s
    if not earliest <= at_s <= span.end_s:
        goes = f"it goes from {time_words(span.begin_s)} to {time_words(span.end_s)}"
        raise HiphingeError(f"{time_words(at_s)} is outside this session: {goes}", str(session), "Give a time within it")
    return at_s


def _found(session: Path, at_s: float, words: str) -> SessionMark:
    """The mark that the words and the time name. HiphingeError if there is none, or if several fit."""
    marks = mending.marks_of(session)
    wanted = words.lower()
    near = [m for m in marks if abs(m.time_s - at_s) <= NEAR_S and (not wanted or m.label.lower().startswith(wanted))]
    if not near:
        there = "; ".join(f"{time_words(m.time_s)} {m.label}" for m in marks) or "none"
        what = f"no {words or 'mark'!r} is within {NEAR_S:g} s of {time_words(at_s)}"
        raise HiphingeError(what, str(session), f"There are: {there}")
    near.sort(key=lambda m: abs(m.time_s - at_s))
    if len({m.label for m in near}) > 1:
        exact = [m for m in near if m.label.lower() == wanted]
        if len({m.label for m in exact}) == 1:
            return exact[0]
        there = "; ".join(f"{time_words(m.time_s)} {m.label}" for m in near)
        raise HiphingeError(f"several are near {time_words(at_s)}", str(session), f"Say which label too: {there}")
    return near[0]
