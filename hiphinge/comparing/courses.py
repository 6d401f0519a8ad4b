"""Which sessions are compared: those that are named, those that retest them, and the athlete's own baseline.

A baseline is pinned by the mark ``baseline`` in a session (`hiphinge compare --pin`, or `hiphinge mark SESSION 0 baseline`); it
stands in the session's edits.toml, is mended like any mark, and goes with the session when an athlete is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from body_signals import HiphingeError, choice, retested
from dashboards.tables import available_estimators, read_summary
from dsp.comparison import (
    Baseline,
    Comparison,
    Day,
    Key,
    Occasion,
    PublishedError,
    Week,
    baseline,
    compare,
    key_of,
    proposed_primary,
    rounded,
    trend,
    unit_of,
    weeks,
    words_of,
)
from hiphinge.afterwards.listing import FINISHED, listed
from hiphinge.comparing.occasions import Told, check_one_athlete, is_pinned, told
from hiphinge.comparing.recordings import Recordings, check_different, counted_already, is_replay

Tell = Callable[[str], None]
"""Hears what the person at the terminal should know."""


def found(name: Path, sessions: Path | None) -> Path:
    """A session folder by its path, or by its name below the sessions folder."""
    if name.exists() or sessions is None or name.is_absolute():
        return name
    below = sessions / name
    return below if below.is_dir() else name


def compared(
    folders: Sequence[Path],
    estimator: str,
    tell: Tell,
    *,
    primary: str | None = None,
    baselines: Sequence[Path] = (),
    same_wear: bool | None = None,
    known: Mapping[Key, PublishedError] | None = None,
    held: Path | None = None,
) -> tuple[Comparison, dict[str, Any]]:
    """Compare BEFORE, AFTER and later sessions of one athlete, or the parts of one session; and the comparison's document.

    primary: TEST:SIDE:MEASURE; else the one that was chosen in BEFORE, else the limiting test of its screen. same_wear: whether
    the sensors stayed on in all of them, where no mark says so. held: the one whose lock this program holds.
    HiphingeError where they cannot be compared.
    """
    _check_different(folders)
    several = [told(folder, estimator, tell, held=folder == held) for folder in folders]
    check_different(folders)
    athlete = check_one_athlete(several)
    pinned = _pinned(several, estimator, baselines, tell)
    check_one_athlete([several[0], *pinned])
    before, later = _before_and_later(several, same_wear)
    key, how = _primary(several[0], before, primary)
    if len(folders) == 1:
        # among the protocols of a session one may be of other tests
        later = [one for one in later if key in one.values] or later
    for one, whose in zip((before, *later), _folders(several, before, later), strict=True):
        _check_there(key, one, whose)
    own = one_wear(_untreated(pinned), several)
    comparison = compare(
        before, *later, primary=key, baselines=own, treated=_treated(several, later[0]), known=(known or {}).get(key)
    )
    document = {
        "athlete": athlete,
        "estimator": estimator,
        "primary_chosen": how,
        **comparison.document(),
        "baseline_sessions": [session.session for session in pinned],
    }
    return comparison, document


def with_the_retested(folder: Path, estimator: str, tell: Tell, *, held: bool = False) -> dict[str, Any] | None:
    """The comparison of a session with the one beside it that it retests, by its marks; None where it retests none, and where
    they cannot be compared, of which `tell` hears. held: this program holds the folder's lock."""
    labels = [str(mark["label"]) for mark in read_summary(folder, estimator)["marks"]]
    other = next((found for label in reversed(labels) if (found := retested(label)) is not None), None)
    if other is None:
        return None
    before = _named(folder.resolve(), other[0], estimator)
    if before is None:
        tell(f"not compared: the session {other[0]} is not beside this one; hiphinge report --before names its folder")
        return None
    primary = next((words for label in reversed(labels) if (words := choice(label))), None)
    try:
        return compared([before, folder], estimator, tell, primary=primary, held=folder if held else None)[1]
    except HiphingeError as error:
        tell(f"not compared with {before.name}: {error}")
        return None


def with_itself(folder: Path, estimator: str, tell: Tell, *, held: bool = False) -> dict[str, Any] | None:
    """The comparison of the parts of a session, by its marks or protocols; None where it has one part only, and where they
    cannot be compared, of which `tell` hears. held: this program holds the folder's lock."""
    try:
        if len(told(folder, estimator, tell, held=held).occasions) < 2:
            return None
        return compared([folder], estimator, tell, held=folder if held else None)[1]
    except HiphingeError as error:
        tell(f"not compared with what was before: {error}")
        return None


def _named(folder: Path, name: str, estimator: str) -> Path | None:
    """The folder beside a session that has this name, or holds the session of this name and was renamed since; else None."""
    there = folder.parent / name
    if there.is_dir():
        return there
    beside = (one.folder for one in listed(folder.parent) if one.folder.resolve() != folder and estimator in one.estimators)
    return next((one for one in beside if read_summary(one, estimator)["session"] == name), None)


def own_occasions_of(folder: Path, athlete: str, start: datetime, estimator: str, tell: Tell) -> list[Occasion]:
    """The athlete's own occasions from before a treatment for a session in `folder`, of which nothing is read: of the sessions
    beside it that were pinned and are earlier; empty without any."""
    session = Told(folder, folder.name, athlete, start, (), "", None)
    return _untreated(_pinned([session], estimator, (), tell))


def history(folder: Path, estimator: str, tell: Tell, *, held: bool = False) -> dict[str, Any]:
    """How each number of a session went over the athlete's earlier sessions, against the pinned baseline: for report and page.
    held: this program holds the folder's lock.

    `beyond`: above or below the expected range of the baseline, empty inside it, null without one.
    """
    session = told(folder, estimator, tell, held=held)
    several = [*_earlier_beside([session], estimator, tell), session]
    pinned = [one for one in several[:-1] if is_pinned(one.folder, estimator)]
    own = baseline(_untreated(pinned))
    everything = [one for told_one in several for one in told_one.occasions]
    now = {k: v for one in session.occasions for k, v in one.values.items()}
    return {
        "session": session.session,
        "athlete": session.athlete,
        "estimator": estimator,
        "sessions": [one.session for one in several],
        "baseline_sessions": [one.session for one in pinned],
        "numbers": [_number(key, value.median, own.get(key), trend(key, everything)) for key, value in now.items()],
    }


def _number(key: Key, now: float, own: Baseline | None, days: Sequence[Day]) -> dict[str, Any]:
    return {
        **dict(zip(("test", "side", "measure"), key, strict=True)),
        "unit": unit_of(key),
        "now": rounded(now),
        "baseline": _baseline_document(own),
        "beyond": None if own is None else "below" if now < own.low else "above" if now > own.high else "",
        "days": [_day(one) for one in days],
        "weeks": [_week(one) for one in weeks(days)],
    }


def _baseline_document(own: Baseline | None) -> dict[str, object] | None:
    if own is None:
        return None
    numbers = {"median": own.median, "low": own.low, "high": own.high, "sd": own.sd}
    return {**{name: rounded(value) for name, value in numbers.items()}, "sessions": own.sessions, "days": own.days}


def _day(one: Day) -> dict[str, object]:
    numbers = {"median": one.median, "low": one.low, "high": one.high}
    return {"day": one.day.isoformat(), **{n: rounded(v) for n, v in numbers.items()}, "sessions": one.sessions}


def _week(one: Week) -> dict[str, object]:
    numbers = {"median": one.median, "low": one.low, "high": one.high}
    return {"monday": one.monday.isoformat(), **{n: rounded(v) for n, v in numbers.items()}, "days": one.days}


def _check_different(folders: Sequence[Path]) -> None:
    seen: set[Path] = set()
    for folder in folders:
        if folder.resolve() in seen:
            raise HiphingeError("this session is named twice", str(folder), "Name each session once")
        seen.add(folder.resolve())


def _before_and_later(several: Sequence[Told], same_wear: bool | None) -> tuple[Occasion, list[Occasion]]:
    """The occasions in order. HiphingeError where there is none to compare with, or where AFTER is earlier than BEFORE."""
    for one in several:
        if not one.occasions:
            what = "no test of the hip screen was scored in this session"
            raise HiphingeError(what, str(one.folder), "At least three repetitions of a test are needed (docs/screen.md)")
    first = several[0]
    names = [one.session for one in several]
    for one in several[1:]:
        if names.count(one.session) > 1:
            what = f"this folder holds results of the session {one.session}, like another one that is named"
            raise HiphingeError(what, str(one.folder), "Name each session once")
        if first.start is not None and one.start is not None and one.start < first.start:
            what = f"this session is earlier than {first.folder.name}"
            raise HiphingeError(what, str(one.folder), "Name BEFORE first, then AFTER, then later ones")
    occasions = one_wear([one for session in several for one in session.occasions], several)
    if len(occasions) < 2:
        remedy = f"Name a later session too, or divide it: hiphinge mark {first.folder} 5:00 treatment"
        raise HiphingeError("there is nothing to compare this session with", str(first.folder), remedy)
    if same_wear is not None:
        occasions = [
            replace(one, wear=occasions[0].wear if same_wear else f"{one.session} {i}") for i, one in enumerate(occasions)
        ]
    before, *later = occasions
    if all(one.start is not None for one in later):
        later.sort(key=lambda one: (one.start is None, one.start))
    return before, later


def one_wear(occasions: Sequence[Occasion], several: Sequence[Told]) -> list[Occasion]:
    """The occasions, each wear under one name: that of the first session of it. A session may retest one that was itself a
    retest, and a folder may have been renamed."""
    names = {one.folder.resolve().name: one.session for one in several}
    wears = {one.session: one.occasions[0].wear for one in several if one.occasions}

    def first(wear: str) -> str:
        seen: set[str] = set()
        while wear not in seen:
            seen.add(wear)
            wear = wears.get(names.get(wear, wear), names.get(wear, wear))
        return wear

    return [replace(one, wear=first(one.wear)) for one in occasions]


def _primary(session: Told, before: Occasion, asked: str | None) -> tuple[Key, str]:
    words, where, how = (asked, "--primary", "command") if asked else (session.primary, str(session.folder), "mark")
    if words:
        try:
            return key_of(words), how
        except ValueError as error:
            raise HiphingeError(str(error), where, "Write TEST:SIDE:MEASURE, e.g. knee_raise:left:hip_peak_deg") from None
    proposed = proposed_primary(before.screen)
    if proposed is None:
        raise HiphingeError("no test of the hip screen was scored before", str(session.folder), "Repeat the tests")
    return (proposed["test"], proposed["side"], proposed["measure"]), "proposed"


def _folders(several: Sequence[Told], before: Occasion, later: Sequence[Occasion]) -> list[Path]:
    """The folder of each occasion."""
    by_name = {one.session: session.folder for session in several for one in session.occasions}
    return [by_name[one.session] for one in (before, *later)]


def _check_there(key: Key, one: Occasion, folder: Path) -> None:
    if key in one.values:
        return
    known = ", ".join(words_of(k) for k in one.values) or "none"
    what = f"{words_of(key)} was not measured in {one.session}"
    raise HiphingeError(what, str(folder), f"Repeat that test (three repetitions), or choose another --primary: {known}")


def _pinned(several: Sequence[Told], estimator: str, named: Sequence[Path], tell: Tell) -> list[Told]:
    """The baseline sessions: those named, or else the pinned ones beside the first session that are earlier than it."""
    if named:
        _check_different([*named, *(one.folder for one in several)])
        found = [told(folder, estimator, tell) for folder in named]
        check_different([*(one.folder for one in several), *named])
        return found
    return list(_earlier_beside(several, estimator, tell, lambda folder: is_pinned(folder, estimator)))


def _untreated(pinned: Sequence[Told]) -> list[Occasion]:
    """What pinned sessions tell of the athlete from before a treatment: of a session that marks or protocols divide, its first
    part."""
    return [one for session in pinned for one in session.occasions[:1]]


def _earlier_beside(
    several: Sequence[Told], estimator: str, tell: Tell, wanted: Callable[[Path], bool] = lambda folder: True
) -> Iterator[Told]:
    """The finished sessions of this athlete in the folder of sessions that are earlier than the first of `several` and none of
    them, in order of time. One that cannot be read, or is of a recording that is there already, is named and left out."""
    first, met = several[0], Recordings()
    mine = {one.folder.resolve() for one in several}
    for session in several:
        # one that is only beginning has nothing to be known by
        if available_estimators(session.folder):
            met.first(session.folder)
    beside = listed(first.folder.resolve().parent)
    for one in sorted(beside, key=lambda one: (one.start is None, one.start, is_replay(one.folder))):
        of_this_athlete = one.athlete == first.athlete and one.folder.resolve() not in mine
        if not of_this_athlete or one.state != FINISHED or estimator not in one.estimators:
            continue
        if one.start is None or first.start is None or one.start >= first.start:
            continue
        try:
            if not wanted(one.folder):
                continue
            session, other = told(one.folder, estimator, tell), met.first(one.folder)
            if other is None:
                yield session
            else:
                tell(f"{one.folder.name} is left out: {counted_already(other)}")
        except HiphingeError as error:
            tell(f"{one.folder.name} is left out: {error}")


def _treated(several: Sequence[Told], after: Occasion) -> datetime | None:
    """When the treatment before the first later occasion began, where a mark says so."""
    times = [one.treated for one in several if one.treated is not None and after.start is not None]
    return max((at for at in times if after.start is not None and at <= after.start), default=None)
