"""The reports in a session's folder: written as they are asked for, and again the same way after a correction."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from body_signals import ESTIMATORS, HiphingeError
from dashboards.report import AUDIENCES, Asked, asked_of, write_report
from dashboards.tables import available_estimators
from hiphinge.comparing.own_answer import retest_comparison, screen_against_own

Tell = Callable[[str], None]


def report_name(audience: str) -> str:
    """The file of a report in the session's folder."""
    return "report.html" if audience == AUDIENCES[0] else f"report-{audience}.html"


def seen_from(folder: Path, other: Path) -> str:
    """A session's folder as `Asked.before` has it: a report is sent to others, and says nothing of this machine's folders."""
    try:
        return os.path.relpath(other.resolve(), folder.resolve())
    except ValueError:
        # on another drive of Windows
        return str(other.resolve())


def write(
    folder: Path,
    out: Path,
    asked: Asked,
    tell: Tell,
    *,
    audience: str = AUDIENCES[0],
    held: bool = False,
    compares: bool = True,
) -> Path:
    """Write a report of a session to `out` and return its path. held: this program holds the folder's lock. compares: with the
    sessions before, where some are asked for.

    HiphingeError as `write_report`, and where a session before cannot be compared.
    """
    there = available_estimators(folder) or ESTIMATORS[-1:]
    which = asked.estimator if asked.estimator in there else there[-1]
    comparison: Mapping[str, Any] | None = None
    if asked.before and compares:
        # the statistics take a moment to import
        from hiphinge.comparing.courses import compared

        before = [folder / one for one in asked.before]
        comparison = compared([*before, folder], which, tell, held=folder if held else None)[1]
    elif not asked.before:
        comparison = retest_comparison(folder, which, tell, held=held)
    earlier = None
    if asked.trend:
        from hiphinge.comparing.courses import history

        earlier = history(folder, which, tell, held=held)
    own = screen_against_own(folder, which, tell)
    return write_report(
        folder,
        out,
        which,
        language=asked.language,
        asked=asked,
        audience=audience,
        comparison=comparison,
        history=earlier,
        screen=own,
    )


def write_again(folder: Path, tell: Tell) -> list[str]:
    """Write those reports again that are in the folder, each as it was asked for. Call it with the folder's lock held. Returns,
    in words, what is missing in them or is out of date beside them."""
    warnings: list[str] = []
    for audience in AUDIENCES:
        there = folder / report_name(audience)
        if not there.is_file():
            continue
        asked = asked_of(there)
        try:
            write(folder, there, asked, tell, audience=audience, held=True)
        except HiphingeError as error:
            if not asked.before:
                raise
            warnings.append(f"{there.name} is without its comparison: {error}")
            write(folder, there, asked, tell, audience=audience, held=True, compares=False)
        if there.with_suffix(".pdf").is_file():
            warnings.append(f"{there.with_suffix('.pdf').name} is as it was before: print it anew with hiphinge report --pdf")
    return warnings
