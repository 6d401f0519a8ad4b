"""One number everywhere: of a hip screen the page, the terminal, the report, Parquet, InfluxDB and Grafana say the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboards.grafana import all_dashboards
from dashboards.grafana.offline import View, influxql
from dashboards.influx.delivery import push
from dashboards.influx.line_protocol import points
from dashboards.report import write_report
from dashboards.tables import read_repetitions, read_summary, repetition_of
from dashboards.terminal import repetition_table
from dsp.screen import screen_of
from hiphinge.live_page.answered import result_document
from hiphinge.session.in_progress import SessionInProgress
from tests.contract.recorded_sessions import taken
from tests.dashboards.report.pages import Page
from tests.peers.influxdb import any_server
from virtual_athlete import simulate

pytestmark = [pytest.mark.influx, pytest.mark.slow]
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ESTIMATOR = "review"


def test_a_number_of_the_hip_screen_is_the_same_wherever_it_is_read(tmp_path: Path) -> None:
    simulated = simulate("screen", 4, athlete="player-07", start=START)
    session = replace(simulated.session)
    folder = tmp_path / "2026-11-23T09-00-00Z_player-07"
    running = SessionInProgress(folder, session)
    taken(running, simulated.events)
    # the page hears the live estimator while the session runs
    on_page = result_document(running.screened(), session, {})
    running.close()
    summary = read_summary(folder, ESTIMATOR)
    measured = {
        (t["test"], t["side"], name): m for t in summary["screen"]["tests"] for name, m in t["measures"].items() if m["valid"]
    }
    hips = {side: measured["knee_raise", side, "hip_peak_deg"]["median"] for side in ("left", "right")}
    share = measured["bend", "", "lumbar_share_of_trunk"]["median"]
    assert hips["left"] < 85.0 < hips["right"]

    # Parquet: the screen of the stored repetitions
    rows = [repetition_of(row) for row in read_repetitions(folder, ESTIMATOR).to_pylist()]
    again: Any = screen_of(rows).document()
    assert numbers(again) == pytest.approx(numbers(summary["screen"]), abs=2e-3)

    # the page: of the live estimator, whose summary has the very same
    live = read_summary(folder, "live")["screen"]
    assert numbers(on_page["screen"]) == numbers(live)
    assert on_page["screen"]["answer"] == live["answer"]
    apart = abs(round(numbers(live)["knee_raise", "", "hip_difference_deg"]))
    assert f"differ by {apart}\u00a0±" in " ".join(on_page["said"]["en"]["reasons"])

    # the report
    page = Page(write_report(folder, tmp_path / "r.html", ESTIMATOR, language="en").read_text("utf-8"))
    assert f"left {round(hips['left'])}°, right {round(hips['right'])}°" in page.drawn
    assert f"{round(100 * share)} %; published" in page.text

    # the terminal: each repetition rounded
    table = repetition_table(read_repetitions(folder, ESTIMATOR), ESTIMATOR)
    raised = [r for r in rows if r.movement == "knee_raise"]
    joined = " ".join(" ".join(str(c) for c in column.cells) for column in table.columns)
    for repetition in raised:
        assert f"{repetition.metrics['hip_left_rom_deg']:.0f}/{repetition.metrics['hip_right_rom_deg']:.0f}" in joined

    # InfluxDB and Grafana
    (line,) = [one for one in points(folder, [ESTIMATOR]) if one.startswith("screen,")]
    assert f"knee_raise_left_hip_peak_deg={hips['left']!r}" in line
    assert f"bend_lumbar_share_of_trunk={share!r}" in line
    (tmp_path / "influx").mkdir()
    with any_server(tmp_path / "influx", "hip") as settings:
        assert push(folder, settings).rejected == 0
        run = influxql(settings.url, settings.bucket.partition("/")[0], token=settings.token)
        rhythm = next(one for one in all_dashboards() if one["title"] == "Lumbo-pelvic rhythm")
        begin_ms, end_ms = (round((START + timedelta(hours=h)).timestamp() * 1000) for h in (-1, 1))
        view = View(rhythm, run, begin_ms, end_ms, {"athlete": "player-07"})
        panel = next(p for p in rhythm["panels"] if p["title"] == "Hip screen")
        (row,) = view.answers(panel)[0].rows()
    assert (row["left knee raise"], row["right knee raise"], row["bend, lumbar share"]) == (hips["left"], hips["right"], share)


def numbers(screen: dict[str, Any]) -> dict[tuple[str, str, str], float]:
    """The medians of a screen."""
    return {
        (t["test"], t["side"], name): m["median"] for t in screen["tests"] for name, m in t["measures"].items() if m["valid"]
    }
