"""`hiphinge report`: one HTML file that opens anywhere, also without a network."""

from __future__ import annotations

from pathlib import Path

import typer

from body_signals import ESTIMATORS, HiphingeError
from hiphinge.afterwards import ties
from hiphinge.afterwards.mending import settled
from hiphinge.commands.options import among, console, with_results


def report(
    session: Path = typer.Argument(..., metavar="SESSION", help="A session folder with results."),
    out: Path | None = typer.Option(None, "--out", help="The HTML file; else report.html in the session folder."),
    estimator: str | None = typer.Option(
        None, "--estimator", help="review or live; else review where there is one.", autocompletion=among(ESTIMATORS)
    ),
) -> None:
    """Write the report of a session as one self-contained HTML file."""
    there = with_results(session)
    if estimator is not None and estimator not in there:
        raise HiphingeError(f"no results of estimator {estimator!r}", str(session), f"Choose {' or '.join(there)}")
    ties.check(session)
    settled(session, there)
    # the plotting library takes half a second to import
    from dashboards.report import write_report

    written = write_report(session, out or session / "report.html", estimator or there[-1])
    console().print(f"Report: {written.resolve()}", highlight=False, soft_wrap=True)
