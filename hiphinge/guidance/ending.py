"""The end of a session in words: its faults, where its folder and its report are, and how to send it to the database."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from body_signals import ESTIMATORS, HiphingeError
from dashboards import findings
from dashboards.influx import FOLDER, missing, waiting_bytes
from dashboards.tables import available_estimators, read_summary
from hiphinge import logbook
from hiphinge.afterwards.mending import with_path
from hiphinge.comparing.own_answer import retest_comparison, screen_against_own

REPORT = "report.html"


def tell_findings(folder: Path, screen: Console, session: Path | None = None) -> None:
    """Print the findings about sensors with their times, then the other warnings of the best estimator, each once. A
    finding that only the causal estimator made is printed too. session: the folder named in commands, where it is not
    `folder`."""
    summaries = [read_summary(folder, name) for name in reversed(available_estimators(folder))]
    told: set[tuple[object, object]] = set()
    for summary in summaries:
        fresh = [f for f in summary.get("findings") or () if (f.get("placement"), f.get("cause")) not in told]
        told.update((f.get("placement"), f.get("cause")) for f in fresh)
        for finding in fresh:
            _print(screen, f"!! {findings.sentence(finding)}", "bold")
    for warning in with_path(findings.other_warnings(summaries[0]), session or folder) if summaries else ():
        _print(screen, f"note: {warning}")


def tell_answer(folder: Path, screen: Console, estimator: str = ESTIMATORS[-1]) -> None:
    """Print the answer of the session."""
    headline, *rows = answer_of_session(folder, estimator)
    _print(screen, headline, "bold")
    for row in rows:
        _print(screen, row)


def answer_of_session(folder: Path, estimator: str) -> list[str]:
    """The headline of the session's report, and the rows below it. HiphingeError where there are no results."""
    # its templates take a moment to import: not while a session starts
    from dashboards.report import answer_lines

    tell = logbook.said
    change, own = retest_comparison(folder, estimator, tell), screen_against_own(folder, estimator, tell)
    return answer_lines(folder, estimator, comparison=change, screen=own)


def write_its_report(folder: Path) -> tuple[Path | None, str]:
    """Write the report into the session folder; returns its path, or None and the reason. The results stay in any case."""
    # its templates take a moment to import: not while a session starts
    from dashboards.report import Asked
    from hiphinge.afterwards.reporting import write

    try:
        return write(folder, folder / REPORT, Asked(), logbook.said), ""
    except HiphingeError as error:
        return None, str(error)


def tell_where(folder: Path, screen: Console, *, influx: bool) -> None:
    """Write the report; print the folder, how to send it, and the report. influx: whether results were sent to a server."""
    report, why = write_its_report(folder)
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    _print(screen, f"Session folder: {folder} ({size / 1e6:.1f} MB: recording.mcap, live/, review/)")
    if not influx:
        _print(screen, f"Not sent. To send it to InfluxDB, once a server is set: hiphinge push {folder}")
    elif waiting := waiting_bytes(folder / FOLDER):
        _print(screen, f"{waiting} bytes wait for InfluxDB; to send them: hiphinge push {folder}", "bold")
    elif missing(folder):
        _print(screen, f"Not all of it was sent to InfluxDB; to send it: hiphinge push {folder}", "bold")
    else:
        _print(screen, "Sent to InfluxDB.")
    if report is not None:
        _print(screen, f"Report: {report.resolve()}")
    else:
        _print(screen, f"No report: {why}. To try again: hiphinge report {folder}", "bold")


def _print(screen: Console, text: str, style: str = "") -> None:
    logbook.said(text)
    screen.print(Text(text, style=style), highlight=False, soft_wrap=True)
