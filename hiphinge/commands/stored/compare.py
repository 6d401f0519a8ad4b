"""`hiphinge compare`: before and after a treatment, against what the measurement can tell."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from body_signals import BASELINE, ESTIMATORS, HiphingeError, SessionMark
from hiphinge import config
from hiphinge.afterwards import mending
from hiphinge.afterwards.saying import say_marks
from hiphinge.commands.options import CONFIG, among, console, say
from hiphinge.commands.unfinished import with_results
from hiphinge.comparing.courses import compared, found, history
from hiphinge.comparing.occasions import last_estimator
from hiphinge.comparing.own_errors import own_errors
from hiphinge.comparing.recordings import check_different
from hiphinge.comparing.words import history_table, lines, tables
from hiphinge.session.lock import FolderLock
from ingest.heads import EditsFile


def compare(
    sessions: list[Path] = typer.Argument(
        ...,
        metavar="SESSION",
        help="BEFORE, AFTER, then later ones: folders, or names below the sessions folder; or one that marks divide.",
    ),
    primary: str | None = typer.Option(
        None,
        "--primary",
        metavar="TEST:SIDE:MEASURE",
        help="The number to compare, e.g. knee_raise:left:hip_peak_deg; else the one chosen before, else the limiting test.",
    ),
    baseline: list[Path] = typer.Option(
        [], "--baseline", help="An earlier session without treatment; may be repeated. [default: the pinned ones]"
    ),
    same_wear: bool | None = typer.Option(
        None, "--same-wear/--worn-anew", help="Whether the sensors stayed on in all sessions, where no mark says so."
    ),
    errors: Path | None = typer.Option(
        None, "--errors", metavar="FILE", help="Own standard errors: what `hiphinge repeatability --json` printed."
    ),
    estimator: str | None = typer.Option(
        None, "--estimator", help="review or live; else review, where all have one.", autocompletion=among(ESTIMATORS)
    ),
    pin: bool = typer.Option(False, "--pin", help="Do not compare: pin these sessions as the athlete's own baseline."),
    unpin: bool = typer.Option(False, "--unpin", help="Do not compare: these sessions are no longer part of the baseline."),
    trend: bool = typer.Option(
        False, "--trend", help="Do not compare: show a session against the athlete's baseline and weeks."
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
    config_file: Path | None = CONFIG,
) -> None:
    """Compare one number before and after a treatment: did it change by more than the measurement can tell, and does it last?

    The number is chosen before the treatment (hiphinge mark BEFORE 0 "primary knee_raise:left:hip_peak_deg"), or the program
    proposes the limiting test. All other numbers are shown and never called changed. docs/comparing.md explains labels and
    figures.
    """
    folder = config.load(config_file).sessions
    folders = [found(one, folder) for one in sessions]
    if pin + unpin + trend > 1:
        raise HiphingeError("--pin, --unpin and --trend exclude each other", "compare", "Use one at a time")
    if pin or unpin:
        _pin(folders, pin=pin, as_json=as_json)
        return
    if estimator is not None and estimator not in ESTIMATORS:
        raise HiphingeError(f"unknown estimator {estimator!r}", "--estimator", "Choose live or review")
    which = estimator or last_estimator([one for one in folders if one.is_dir()])
    if trend:
        if len(folders) != 1:
            raise HiphingeError(
                "--trend is for one session", "compare", "Name the newest one: earlier ones are found beside it"
            )
        document = history(folders[0], which, say)
        if as_json:
            print(json.dumps(document))
        elif not document["numbers"]:
            remedy = "At least three repetitions of a test are needed (docs/screen.md)"
            raise HiphingeError("no test of the hip screen was scored in this session", str(folders[0]), remedy)
        else:
            console().print(history_table(document))
        return
    _, document = compared(
        folders,
        which,
        say,
        primary=primary,
        baselines=[found(one, folder) for one in baseline],
        same_wear=same_wear,
        known=None if errors is None else own_errors(errors),
    )
    if as_json:
        print(json.dumps(document))
        return
    screen = console()
    for line in lines(document):
        screen.print(line, highlight=False, soft_wrap=True)
    for table in tables(document):
        screen.print(table)


def _pin(folders: list[Path], *, pin: bool, as_json: bool) -> None:
    """Set the mark of the baseline in each session, or take it away; nothing is done twice."""
    done = []
    for folder in folders:
        with_results(folder)
    if pin:
        check_different(folders)
    for folder in folders:
        lock = FolderLock(folder)
        if not lock.take():
            raise HiphingeError("another program is using this session", str(folder), "Wait for its end, and try again")
        try:
            marks = [mark for mark in mending.marks_of(folder) if mark.label.lower() == BASELINE]
            changed = _set(folder) if pin and not marks else _taken_away(folder, marks) if marks and not pin else False
        finally:
            lock.release()
        done.append({"session": str(folder), "pinned": pin, "changed": changed})
    if as_json:
        print(json.dumps(done))
        return
    for one in done:
        words = "pinned as baseline" if pin else "not part of the baseline"
        console().print(f"{one['session']}: {words}{'' if one['changed'] else ' already'}", highlight=False, soft_wrap=True)


def _set(folder: Path) -> bool:
    change = say_marks(folder, max(mending.span(folder).begin_s, 0.0), [BASELINE])
    change.file.write()
    mending.follow(folder, numbers=False, restored=change.restored)
    return True


def _taken_away(folder: Path, marks: list[SessionMark]) -> bool:
    file = EditsFile(folder)
    for mark in marks:
        file.remove(mark)
    file.write()
    mending.follow(folder, numbers=False)
    return True
