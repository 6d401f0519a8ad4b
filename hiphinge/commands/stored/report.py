"""`hiphinge report`: one HTML file that opens anywhere, even offline; two pages of A4, or one for the athlete."""

from __future__ import annotations

from pathlib import Path

import typer

from body_signals import ESTIMATORS, HiphingeError
from dashboards.answers import LANGUAGES
from hiphinge import config
from hiphinge.afterwards import ties
from hiphinge.afterwards.mending import settled
from hiphinge.afterwards.printing import found_browser, print_pdf
from hiphinge.commands.options import among, console, say
from hiphinge.commands.unfinished import with_results

AUDIENCES = ("physio", "athlete")


def report(
    session: Path = typer.Argument(..., metavar="SESSION", help="A session folder with results."),
    out: Path | None = typer.Option(
        None, "--out", help="The HTML file; else report.html (or report-athlete.html) in the session folder."
    ),
    estimator: str | None = typer.Option(
        None, "--estimator", help="review or live; else review where there is one.", autocompletion=among(ESTIMATORS)
    ),
    audience: str = typer.Option(
        "physio", "--for", help="physio: two pages; athlete: one, in plain words.", autocompletion=among(AUDIENCES)
    ),
    language: str | None = typer.Option(
        None, "--language", help="en or de; else that of this system.", autocompletion=among(LANGUAGES)
    ),
    before: list[Path] = typer.Option(
        [],
        "--before",
        metavar="BEFORE",
        help="A session before the treatment, with which this one is compared; repeated: it, then those in between.",
    ),
    trend: bool = typer.Option(
        False,
        "--trend",
        help="With the athlete's earlier sessions beside this one, and the range that the pinned ones let expect.",
    ),
    pdf: bool = typer.Option(
        False, "--pdf", help="Also as PDF beside it, printed by a Chromium, Chrome or Edge that is there."
    ),
) -> None:
    """Write the report of a session as one self-contained HTML file, which prints on A4."""
    if audience not in AUDIENCES:
        raise HiphingeError(f"unknown reader {audience!r}", "--for", f"Choose {' or '.join(AUDIENCES)}")
    if language is not None and language not in LANGUAGES:
        raise HiphingeError(f"unknown language {language!r}", "--language", f"Choose {' or '.join(LANGUAGES)}")
    there = with_results(session)
    if estimator is not None and estimator not in there:
        raise HiphingeError(f"no results of estimator {estimator!r}", str(session), f"Choose {' or '.join(there)}")
    if pdf:
        # said before anything is written
        found_browser()
    ties.check(session)
    settled(session, there)
    # the templates take a moment to import
    from dashboards.report import Asked
    from hiphinge.afterwards.reporting import report_name, seen_from, write

    earlier = tuple(seen_from(session, one) for one in _folders(before))
    asked = Asked(language, estimator, earlier, trend)
    written = write(session, out or session / report_name(audience), asked, say, audience=audience)
    console().print(f"Report: {written.resolve()}", highlight=False, soft_wrap=True)
    if pdf:
        printed = print_pdf(written, written.with_suffix(".pdf"))
        console().print(f"PDF: {printed.resolve()}", highlight=False, soft_wrap=True)


def _folders(named: list[Path]) -> list[Path]:
    """Sessions by their paths, or by their names below the sessions folder."""
    if not named:
        return []
    # the statistics take a moment to import
    from hiphinge.comparing.courses import found

    sessions = config.load(None).sessions
    return [found(one, sessions) for one in named]
