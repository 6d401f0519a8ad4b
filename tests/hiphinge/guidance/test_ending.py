"""The end of a session: what was wrong is said with its times, the report is there, and how the session is sent."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from body_signals import Cause
from dsp.results import Finding
from hiphinge.guidance.ending import tell_findings, tell_where
from hiphinge.session.in_progress import SessionInProgress
from virtual_athlete import simulate
from virtual_athlete.movement.script import Script

OFF = Finding("thigh_left", Cause.OFF_BODY, 12.3, 14.0, "it lies still while its neighbours move", "Put it back on", 44.0)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds that nobody calibrated."""
    script = Script(1)
    script.stand(3.0)
    simulated = simulate(script, 1)
    folder = tmp_path_factory.mktemp("ending") / "session"
    running = SessionInProgress(folder, simulated.session)
    running.take(simulated.events)
    running.close()
    return folder


def said(tell: object, *words: object, **options: object) -> list[str]:
    screen = Console(file=io.StringIO(), width=60)
    assert callable(tell)
    tell(*words, screen, **options)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue().splitlines()


def test_findings_come_first_with_their_times_and_each_warning_once(session: Path) -> None:
    for estimator, findings in (("live", [OFF]), ("review", [OFF, Finding("lumbar", Cause.CLIPPED, 1.0, 1.0, "clipped", "")])):
        path = session / estimator / "summary.json"
        summary = json.loads(path.read_text("utf-8"))
        summary["findings"] = [finding.document() for finding in findings]
        kept = [warning for warning in summary["warnings"] if "lies still" not in warning]
        summary["warnings"] = [OFF.words, *kept]
        path.write_text(json.dumps(summary), "utf-8")
    lines = said(tell_findings, session)
    assert lines[0] == "!! thigh left, 0:12 to 0:44: it lies still while its neighbours move. Put it back on."
    assert lines[1] == "!! lumbar, since 0:01: clipped."
    assert all(line.startswith("note: ") for line in lines[2:])
    assert any("not calibrated" in line for line in lines[2:])
    assert len(lines) == len(set(lines))
    assert "lies still" not in "".join(lines[2:])


def test_the_last_lines_name_folder_push_and_report(session: Path) -> None:
    (session / "report.html").unlink(missing_ok=True)
    folder, push, report = said(tell_where, session, influx=False)
    assert folder.startswith(f"Session folder: {session} (")
    assert push.endswith(f"hiphinge push {session}")
    assert report == f"Report: {session / 'report.html'}"
    assert (session / "report.html").read_text("utf-8").startswith("<!doctype html>")


def test_what_has_not_arrived_is_said_with_the_command_that_sends_it(session: Path) -> None:
    lines = said(tell_where, session, influx=True)
    assert any(line == f"Not all of it was sent to InfluxDB; to send it: hiphinge push {session}" for line in lines)


def test_a_report_that_cannot_be_written_costs_nothing_else(session: Path) -> None:
    (session / "report.html").unlink(missing_ok=True)
    (session / "report.html").mkdir()
    lines = said(tell_where, session, influx=False)
    (session / "report.html").rmdir()
    assert lines[-1].startswith("No report: ")
    assert lines[-1].endswith(f"hiphinge report {session}")
    assert any(line.startswith("Session folder: ") for line in lines)
