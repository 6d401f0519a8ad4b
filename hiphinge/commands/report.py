"""`hiphinge report`: one HTML file that opens anywhere, also without a network."""

from __future__ import annotations

from pathlib import Path

import typer

from dashboards.report import write_report
from hiphinge.commands.options import console
from hiphinge.recovery import orphans, recover


def report(
    session: Path = typer.Argument(..., metavar="SESSION", help="A session folder with results."),
    out: Path | None = typer.Option(None, "--out", help="The HTML file; else report.html in the session folder."),
    estimator: str = typer.Option("review", "--estimator", help="review or live."),
) -> None:
    """Write the report of a session as one self-contained HTML file."""
    for folder in orphans(session):
        failed = recover(folder).error
        if failed is not None:
            raise failed
    written = write_report(session, out or session / "report.html", estimator)
    console().print(f"Report: {written}", highlight=False, soft_wrap=True)
