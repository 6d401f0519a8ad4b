"""The demo, as a new user starts it: it ends well, shows repetitions, and leaves a whole session folder and a report."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from body_signals.quantities import ANGLE_COLUMNS, ORIENTATION_COLUMNS, REPETITION_COLUMNS, SUMMARY_KEYS, Quantity
from tests.contract.command_line import COMMAND, child, done, environment, tree

pytestmark = pytest.mark.slow

RESULTS = {"angles.parquet", "orientations.parquet", "repetitions.parquet", "summary.json"}
NAME = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ_simulated"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The session folder of a demo that ran with HIPHINGE_SESSIONS, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    result = child("demo", "--speed", "0", cwd=folder, HIPHINGE_SESSIONS=str(folder / "sessions"))
    assert (result.returncode, result.stderr) == (0, "")
    (session,) = (folder / "sessions").iterdir()
    return session, result.stdout


def test_it_shows_the_repetitions_and_where_the_report_is(demo: tuple[Path, str]) -> None:
    session, printed = demo
    table = printed[printed.index("Repetitions (review)") :]
    rows = re.findall(
        r"^ *(\d+) (bend|squat|deadlift|sit down|stand up) +\d:\d\d +\d+ +\d+ +\d+/\d+ +(?:\d+ ± \d|–)", table, re.M
    )
    assert [kind for _, kind in rows] == ["bend"] * 4 + ["squat"] * 4 + ["deadlift"] * 4 + ["sit down", "stand up"]
    assert "Calibration" in printed
    assert printed.splitlines()[-1] == f"Report: {session / 'report.html'}"
    assert max(map(len, table.splitlines()[:-3])) <= 140


def test_the_session_folder_holds_what_it_should_and_nothing_else(demo: tuple[Path, str]) -> None:
    session, _ = demo
    assert re.fullmatch(NAME, session.name)
    results = {f"{estimator}/{name}" for estimator in ("live", "review") for name in RESULTS}
    assert tree(session) == {"session.toml", "recording.mcap", "report.html", "live", "review"} | results


@pytest.mark.parametrize("estimator", ["live", "review"])
@pytest.mark.parametrize(
    ("file", "columns"),
    [
        ("angles.parquet", ANGLE_COLUMNS),
        ("orientations.parquet", ORIENTATION_COLUMNS),
        ("repetitions.parquet", REPETITION_COLUMNS),
    ],
)
def test_tables_have_the_columns_of_the_schema(
    demo: tuple[Path, str], estimator: str, file: str, columns: tuple[Quantity, ...]
) -> None:
    table = pq.read_table(demo[0] / estimator / file)
    arrow = {"float64": "double", "float32": "float", "int32": "int32", "string": "string"}
    assert [(f.name, str(f.type)) for f in table.schema] == [(q.name, arrow[q.kind]) for q in columns]
    assert table.num_rows > 0


@pytest.mark.parametrize("estimator", ["live", "review"])
def test_the_summary_says_who_when_what(demo: tuple[Path, str], estimator: str) -> None:
    summary = json.loads((demo[0] / estimator / "summary.json").read_text("utf-8"))
    # a session without a protocol has no such entry
    assert list(summary) == [q.name for q in SUMMARY_KEYS if q.name != "protocol"]
    assert (summary["session"], summary["athlete"], summary["estimator"]) == (demo[0].name, "simulated", estimator)
    assert set(summary["sensors"]) == set(summary["calibration"]) == {"lumbar", "pelvis", "thigh_left", "thigh_right"}
    assert summary["repetitions"] == pq.read_table(demo[0] / estimator / "repetitions.parquet").num_rows == 14


def test_the_report_opens_without_a_network(demo: tuple[Path, str]) -> None:
    page = (demo[0] / "report.html").read_text("utf-8")
    loaded = re.findall(r"""(?:src|href|srcset|poster|data|action)\s*=\s*["']([^"']*)""", page)
    assert [word for word in loaded if not word.startswith(("#", "data:"))] == []
    assert re.findall(r"(?:url\(|@import)\s*['\"]?(?!#|data:)", page) == []
    assert "<script" not in page
    assert "deadlift" in page


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopping_leaves_a_recording_that_the_next_start_finishes(tmp_path: Path, number: int, code: int) -> None:
    """No folder for sessions is set: the demo's session is made in the current folder, and found there again."""
    command = [*COMMAND, "demo", "--speed", "5"]
    stopped = subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert stopped.stdout is not None
    for line in stopped.stdout:
        if line.startswith("0:10"):
            break
    stopped.send_signal(number)
    _, said = stopped.communicate(timeout=20)
    assert stopped.returncode == code, said
    (session,) = tmp_path.iterdir()
    assert re.fullmatch(f"demo-session-{NAME}", session.name)
    assert tree(session) == {"session.toml", "recording.mcap"}
    assert said == (
        f"hiphinge: {session.name}/recording.mcap is kept; to compute its results: hiphinge doctor --sessions {session.name}\n"
    )
    found = done("doctor", cwd=tmp_path).stdout
    assert f"ok  {session.name}: was not closed, results computed from its recording\n" in found
    assert {f"live/{name}" for name in RESULTS} | {f"review/{name}" for name in RESULTS} <= tree(session)
    assert ": 0 unfinished" in done("doctor", cwd=tmp_path).stdout


def test_help_and_mistakes_answer_at_once(tmp_path: Path) -> None:
    """Nothing heavy is imported for them: the time is that of Python, typer and rich."""
    shown = child("--help", cwd=tmp_path)
    assert shown.returncode == 0
    assert all(f" {name} " in shown.stdout for name in ("demo", "replay", "import", "report", "push", "doctor"))
    best = min(_seconds(tmp_path) for _ in range(3))
    assert best < 1.0  # 0.3 s on an idle machine


def _seconds(folder: Path) -> float:
    began = time.monotonic()
    child("--help", cwd=folder)
    return time.monotonic() - began
