"""docs/adding.md: its code is applied to a copy of the program, which then has a kind, a metric and a sink more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import applied_page
from tests.applied_page import blocks, named, run
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "adding.md"
CHANGED = ("body_signals", "dsp", "virtual_athlete", "hiphinge")
KIND, METRIC = "goblet_squat", "ascent_of_descent"
SESSION = """
import json, sys
from pathlib import Path
from rich.console import Console
from dashboards.edits import Edit, edited
from dashboards.influx.line_protocol import points
from dashboards.report import write_report
from dashboards.report.movements import movements
from dashboards.tables import read_repetitions
from dashboards.terminal import repetition_table
from hiphinge.live.followers import follow
from hiphinge.session.in_progress import SessionInProgress
from virtual_athlete import SimulatedAthlete
from virtual_athlete.movement.script import Script

script = Script(1)
script.calibrate()
for depth in (78.0, 82.0, 86.0):
    script.goblet_squat(depth)
script.squat()
script.stand(1.0)
athlete = SimulatedAthlete(script, 1)
folder = Path(sys.argv[1])
running = SessionInProgress(folder, athlete.session)
follow(running, Console(stderr=True, width=140), sensors=False)
batch = []
for event in athlete.events():
    batch.append(event)
    if len(batch) == 50:
        running.take(batch)
        batch = []
running.take(batch)
running.close()
table = read_repetitions(folder, "live")
rows = table.to_pylist()
console = Console(width=200)
with console.capture() as shown:
    console.print(repetition_table(table, "live"))
print(json.dumps({
    "kinds": [row["movement"] for row in rows],
    "confidence": [row["movement_confidence"] for row in rows],
    "metric": [row["ascent_of_descent"] for row in rows],
    "truth": [r.movement for r in athlete.repetitions()],
    "report": write_report(folder, folder / "r.html", "live", language="en").read_text("utf-8"),
    "counts": [[len(group.rows), group.movement] for group in movements(rows)],
    "terminal": shown.get(),
    "edited": edited(table, [Edit(rows[-1]["turn_s"], "goblet_squat")])["movement"].to_pylist(),
    "lines": [line for line in points(folder, ["live"]) if line.startswith("repetition,")],
    "scoreboard": (folder / "scoreboard.txt").read_text(),
    "faults": {name: repr(fault) for name, fault in running.sinks.faults.items()},
}))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program with what the page says."""
    return applied_page.applied(PAGE, tmp_path_factory.mktemp("copy"), CHANGED)


@pytest.fixture(scope="module")
def session(copy: Path) -> dict[str, Any]:
    """What the copy makes of three goblet squats and a squat."""
    result = run(copy, "-c", SESSION, str(copy / "session"))
    assert result.returncode == 0, result.stderr
    return dict(json.loads(result.stdout))


def test_the_page_names_as_many_files_as_it_says() -> None:
    text = PAGE.read_text("utf-8")
    parts = {title: text.split(f"\n## {title}\n")[1].split("\n## ")[0] for title in ("A movement kind", "A metric", "A sink")}
    files = {}
    for title, part in parts.items():
        changed = [line.removeprefix("--- ") for line in part.splitlines() if line.startswith("--- ")]
        made = [line.removeprefix("# ") for line in part.splitlines() if line.startswith("# ")]
        files[title] = len({*changed, *made})
    assert files == {"A movement kind": 3, "A metric": 2, "A sink": 2}


def test_the_kind_is_found_and_in_tables_report_and_terminal(session: dict[str, Any]) -> None:
    assert session["truth"][-4:] == [KIND, KIND, KIND, "squat"]
    assert session["kinds"] == [KIND, KIND, KIND, "squat"]
    assert min(session["confidence"]) > 0.3
    assert sorted(session["counts"]) == [[1, "squat"], [3, KIND]]
    assert "goblet squat" in session["report"]
    assert session["terminal"].count("goblet squat") == 3
    assert session["edited"] == [KIND] * 4


def test_the_metric_is_in_the_table_and_in_influxdb(session: dict[str, Any]) -> None:
    assert all(0.5 < value < 1.5 for value in session["metric"])
    assert len(session["lines"]) == 4
    assert all(f",{METRIC}=" in line for line in session["lines"])
    assert sum(f'movement="{KIND}"' in line for line in session["lines"]) == 3


def test_the_documents_know_both(copy: Path) -> None:
    quantities, influx = (run(copy, "-m", module).stdout for module in ("dashboards.reference", "dashboards.influx.reference"))
    assert f"| `{METRIC}` |" in quantities
    assert KIND in quantities
    assert METRIC in influx


def test_grafana_offers_the_kind(copy: Path) -> None:
    shown = run(copy, "-c", "from dashboards.grafana import all_dashboards as all; import json; print(json.dumps(all()))")
    assert shown.returncode == 0, shown.stderr
    assert f"= '{KIND}'" in shown.stdout


def test_the_sink_follows_the_session(session: dict[str, Any]) -> None:
    assert session["scoreboard"].splitlines() == [
        *("1 goblet squat", "2 goblet squat", "3 goblet squat", "4 squat"),
        "well done",
    ]
    assert session["faults"] == {}


def test_its_code_is_formatted_and_typed_as_ours(copy: Path) -> None:
    (code,) = blocks(PAGE, "python")
    path = named(code)
    for words in (("ruff", "format", "--check", path), ("ruff", "check", path)):
        result = run(copy, "-m", *words)
        assert result.returncode == 0, result.stdout + result.stderr
