"""Every query of every dashboard against a real InfluxDB that holds a training day; its numbers against the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dashboards.answers import answer_of, sentences
from dashboards.grafana import all_dashboards
from dashboards.grafana.offline import Answer, View, influxql, joined
from dashboards.grafana.queries import BASELINE_DAYS
from dashboards.grafana.training_day import zones
from dashboards.influx.delivery import push
from dashboards.influx.line_protocol import points, void_line
from dashboards.influx.sending.sender import InfluxSettings, Sender
from dashboards.notation import movement_word
from dashboards.tables import read_angles, read_repetitions, read_summary
from dsp.day import side_of
from dsp.results import Repetition
from tests.dashboards.training_days import DAY, PLAYERS, SCREENED, record
from tests.peers.influxdb import any_server

pytestmark = pytest.mark.influx

ROMS = ("hip_left_rom_deg", "hip_right_rom_deg")
EMPTY_IS_RIGHT = {"hinge", "knee_raise", "rock_back", "hip_extension", "other"}
"""Movements that the simulated athletes do not do, but for the hip screen."""


@dataclass(frozen=True)
class Gym:
    """A server that holds the sessions of `folders`."""

    settings: InfluxSettings
    folders: list[Path]

    def view(self, title: str, *, begin: datetime = DAY, end: datetime = DAY + timedelta(days=1), **chosen: Any) -> View:
        page = next(page for page in all_dashboards() if page["title"] == title)
        run = influxql(self.settings.url, self.settings.bucket.partition("/")[0], token=self.settings.token)
        return View(page, run, _ms(begin), _ms(end), chosen)

    def of(self, athlete: str, begin: datetime = DAY, end: datetime = DAY + timedelta(days=1)) -> list[Path]:
        heads = [(folder, read_summary(folder, "live")) for folder in self.folders]
        found = [f for f, head in heads if head["athlete"] == athlete and begin <= datetime.fromisoformat(head["start"]) < end]
        assert found or athlete == PLAYERS[2]
        return found

    def repetitions(self, folders: list[Path], estimator: str = "review", **equal: str) -> dict[str, np.ndarray]:
        table = pa.concat_tables([read_repetitions(folder, estimator) for folder in folders])
        columns = {name: np.array(table[name].to_pylist()) for name in table.column_names}
        keep = np.all([columns[name] == value for name, value in equal.items()] or [np.ones(len(table), bool)], axis=0)
        return {name: values[keep] for name, values in columns.items()}


def _ms(when: datetime) -> int:
    return round(when.timestamp() * 1000)


@pytest.fixture(scope="module")
def gym(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gym]:
    folders = record(tmp_path_factory.mktemp("days"))
    with any_server(tmp_path_factory.mktemp("influxdb"), "hip") as settings:
        for folder in folders:
            assert push(folder, settings).rejected == 0
        yield Gym(settings, folders)


def panel(view: View, title: str) -> tuple[dict[str, Any], list[Answer]]:
    found = next(p for p in view.dashboard["panels"] if p["title"] == title)
    return found, view.answers(found)


def only(answer: Answer) -> dict[str, Any]:
    (row,) = answer.rows()
    return row


@pytest.mark.parametrize("title", [page["title"] for page in all_dashboards()])
@pytest.mark.parametrize("athlete", PLAYERS)
def test_every_query_answers_with_its_columns(gym: Gym, title: str, athlete: str) -> None:
    end = DAY + timedelta(hours=23)
    if title == "Live session":
        head = read_summary(gym.of(athlete)[-1], "live")
        end = datetime.fromisoformat(head["start"]) + timedelta(seconds=head["duration_s"])
    begin = end - timedelta(minutes=5) if title == "Live session" else DAY
    view = gym.view(title, begin=begin, end=end, athlete=athlete)
    athletes = next(v for v in view.dashboard["templating"]["list"] if v["name"] == "athlete")
    assert set(PLAYERS) <= set(view.values(athletes))
    for one in view.dashboard["panels"]:
        answers = view.answers(one)  # other columns, errors and macros that are left over raise
        for answer in answers:
            rows = answer.rows()
            before = "d AND time <" in answer.query
            empty = EMPTY_IS_RIGHT if athlete != SCREENED else {"other", "hip_extension"}
            if 'FROM "screen"' in answer.query and athlete != SCREENED:
                assert all(row["confidence"] == "" for row in rows), [(row["answer"], row["confidence"]) for row in rows]
                continue
            if (before and athlete == PLAYERS[2]) or any(f"\"movement\" = '{kind}'" in answer.query for kind in empty):
                assert all(v in (None, 0) for row in rows for k, v in row.items() if k not in ("time", "athlete")), answer.query
                continue
            if "\"side\" = ''" in answer.query:
                assert rows == [], "every knee raise has its leg"
                continue
            if "clock_ppm" in answer.query and athlete != SCREENED:
                assert rows == [], "a minute and a third tells no clock's rate"
                continue
            assert rows, answer.query
            for name in answer.series[0]["columns"][1:]:
                assert name == "knee of the lines" or any(row[name] is not None for row in rows), (one["title"], name)


def test_live_shows_the_latest_values_and_nothing_that_is_old(gym: Gym) -> None:
    folder = gym.of(PLAYERS[1])[0]
    start = datetime.fromisoformat(read_summary(folder, "live")["start"])
    angles = read_angles(folder, "live", ["time_s", "lumbar_flexion_deg", "hip_right_flexion_deg"])
    at_s = 75.0
    view = gym.view(
        "Live session",
        begin=start,
        end=start + timedelta(seconds=at_s),
        athlete=PLAYERS[1],
        lumbar_target="50",
        hip_target="80",
    )
    assert view.chosen["estimator"] == "live"
    row = only(panel(view, "Angles now")[1][0])
    last = np.flatnonzero(angles["time_s"].to_numpy() <= at_s)[-4:]  # a row of the database is the mean of four ticks
    for shown, name in (("lumbar", "lumbar_flexion_deg"), ("right hip", "hip_right_flexion_deg")):
        near = angles[name].to_numpy()[last[0] - 4 : last[-1] + 1]
        assert near.min() - 0.02 <= row[shown] <= near.max() + 0.02
    part = only(panel(view, "Lumbar flexion, part of the target")[1][0])
    assert part["lumbar"] == pytest.approx(row["lumbar"] / 50.0 * 100.0)
    hips = only(panel(view, "Hip flexion, part of the target")[1][0])
    assert hips["right hip"] == pytest.approx(row["right hip"] / 80.0 * 100.0)
    reps = gym.repetitions([folder], "live")
    shown = panel(view, "Last repetitions")[1][0].rows()
    done = np.flatnonzero(reps["start_s"] <= at_s)[::-1][:10]
    assert [r["movement"] for r in shown] == list(reps["movement"][done])
    assert [r["lumbar"] for r in shown] == pytest.approx(list(reps["lumbar_rom_deg"][done]), rel=1e-6)
    delivered = panel(view, "What the sensors deliver")[1][0].rows()
    rates = [r["lumbar"] for r in delivered[-40:-2]]
    assert np.median(rates) == max(rates) == 25.0
    # a minute after the session's end the bars are empty
    later = gym.view("Live session", end=start + timedelta(minutes=30), athlete=PLAYERS[1])
    for title in ("Angles now", "Lumbar flexion, part of the target", "Hip flexion, part of the target"):
        assert panel(later, title)[1][0].rows() == []


def test_a_sensor_that_is_away_is_a_gap(gym: Gym) -> None:
    start = datetime.fromisoformat(read_summary(gym.of(PLAYERS[2])[0], "live")["start"])
    view = gym.view("Live session", begin=start, end=start + timedelta(seconds=78), athlete=PLAYERS[2])
    seconds = {
        name: [(row["time"] - _ms(start)) / 1000 for row in panel(view, "Hips")[1][0].rows() if row[name] is None]
        for name in ("left hip", "right hip")
    }
    inside = [t for t in seconds["left hip"] if 61 <= t <= 65.5]
    assert len(inside) > 20
    assert len([t for t in seconds["right hip"] if 61 <= t <= 65.5]) < 3


def test_rhythm_is_that_of_the_repetitions_and_of_the_days_before(gym: Gym) -> None:
    view = gym.view("Lumbo-pelvic rhythm", athlete=PLAYERS[0], movement=["bend", "squat"], side="right")
    assert view.chosen["estimator"] == "review"
    today = gym.repetitions(gym.of(PLAYERS[0]))
    kept = np.isin(today["movement"], ["bend", "squat"])
    shown = panel(view, "Lumbar against hip")[1][0].rows()
    assert [(r["hip"], r["lumbar"]) for r in shown] == [
        pytest.approx(pair, rel=1e-6)
        for pair in zip(today["hip_right_rom_deg"][kept], today["lumbar_rom_deg"][kept], strict=True)
    ]
    medians, count = (only(a) for a in panel(view, "Medians in the time range")[1])
    for third in ("early", "middle", "late"):
        assert medians[third] == pytest.approx(np.nanmedian(today[f"lumbar_share_of_trunk_{third}"][kept]), rel=1e-6)
    assert count["repetitions"] == np.isfinite(today["lumbar_share_of_trunk"][kept]).sum()
    earlier = gym.repetitions(gym.of(PLAYERS[0], DAY - timedelta(days=BASELINE_DAYS), DAY))
    kept = np.isin(earlier["movement"], ["bend", "squat"])
    baseline, _ = (only(a) for a in panel(view, "Own baseline")[1])
    assert baseline["late"] == pytest.approx(np.nanmedian(earlier["lumbar_share_of_trunk_late"][kept]), rel=1e-6)


def test_the_trend_is_that_of_each_session_and_the_baseline_that_of_the_pinned_ones(gym: Gym) -> None:
    view = gym.view("Lumbo-pelvic rhythm", athlete=PLAYERS[0])
    assert view.chosen["movement"] == ["bend"]
    folders = gym.of(PLAYERS[0], DAY - timedelta(days=42), DAY + timedelta(days=1))
    shares = {f.name: gym.repetitions([f], movement="bend")["lumbar_share_of_trunk"] for f in folders}
    rows = {row["session"]: row for row in panel(view, "Session by session")[1][0].rows()}
    assert len(rows) == 3
    for name, values in shares.items():
        assert rows[name]["share"] == pytest.approx(np.nanmedian(values), rel=1e-6)
        assert (rows[name]["least"], rows[name]["repetitions"]) == (pytest.approx(np.nanmin(values), rel=1e-6), len(values))
    days = panel(view, "Day by day")[1][0].rows()
    assert days[0]["most"] == pytest.approx(np.nanmax(shares[folders[0].name]), rel=1e-6)
    # a baseline before a treatment of today is pinned by its name
    noon = DAY + timedelta(hours=12)
    view = gym.view("Lumbo-pelvic rhythm", begin=noon, athlete=PLAYERS[0], baseline=[folders[1].name])
    pinned, count = (only(a) for a in panel(view, "Own baseline")[1])
    thirds = gym.repetitions([folders[1]], movement="bend")["lumbar_share_of_trunk_late"]
    assert pinned["late"] == pytest.approx(np.nanmedian(thirds), rel=1e-6)
    assert count["repetitions"] == len(shares[folders[1].name])


def test_what_was_said_of_sessions_is_shown_and_counts_by_the_match_day(gym: Gym) -> None:
    view = gym.view("Training day", athlete=PLAYERS[0])
    first, _ = panel(view, "Said of the sessions")[1][0].rows()
    assert (first["group"], first["gym"], first["match day"]) == ("forwards", "north", -2)
    assert (first["load"], first["sRPE"], first["soreness"]) == (60.0, 6.0, 2.0)
    minutes = read_summary(gym.of(PLAYERS[0])[0], "review")["duration_s"] / 60.0
    assert first["session load"] == pytest.approx(6.0 * minutes)
    exertion = panel(view, "By match day: sRPE")[1][0].rows()
    assert [(row["match day"], row["sRPE"]) for row in exertion] == [(-2, 6.0)] * 3


def test_who_has_no_session_today_is_apart_and_marks_by_chance_are_counted(gym: Gym) -> None:
    view = gym.view("Squad", begin=DAY + timedelta(hours=12))
    one, answers = panel(view, "No session in the time range")
    assert {row["athlete"] for row in joined(answers, one["transformations"])} == set(PLAYERS[1:])
    one, answers = panel(view, "Lumbar share in bends, who changed")
    assert [row["athlete"] for row in joined(answers, one["transformations"])] == [PLAYERS[0]]
    chance = only(panel(gym.view("Squad"), "Marks to expect by chance")[1][0])
    assert (chance["players"], chance["marked by chance"]) == (3, pytest.approx(0.15))


def test_the_hip_screen_is_that_of_the_summary(gym: Gym) -> None:
    view = gym.view("Lumbo-pelvic rhythm", athlete=SCREENED)
    screens = [read_summary(folder, "review")["screen"] for folder in gym.of(SCREENED)]
    rows = panel(view, "Hip screen")[1][0].rows()
    # the latest first
    done = [s for s in screens[::-1] if any(t["test"] in ("bend", "bow", "knee_raise", "rock_back") for t in s["tests"])]
    assert [row["answer"] for row in rows] == [s["pattern_words"] for s in done]
    said, row = screens[-1], rows[0]
    assert row["answer"] == sentences("en").answer(answer_of(said))
    assert row["side"] == said["side"]
    assert (row["exercises agree"], row["confidence"]) == (said["agreeing"], said["confidence"])
    for shown, place, name in (
        ("bend, lumbar share", ("bend", ""), "lumbar_share_of_trunk"),
        ("bow, slack", ("bow", ""), "slack_deg"),
        ("left knee raise", ("knee_raise", "left"), "hip_peak_deg"),
        ("right rock-back", ("rock_back", "right"), "excursion_deg"),
    ):
        (test,) = [t for t in said["tests"] if (t["test"], t["side"]) == place]
        assert row[shown] == test["measures"][name]["median"]


def test_a_training_day_is_that_of_the_tables(gym: Gym) -> None:
    view = gym.view("Training day", athlete=PLAYERS[0])
    folders = gym.of(PLAYERS[0])
    assert len(folders) == 2
    today = gym.repetitions(folders)
    summaries = [read_summary(folder, "review") for folder in folders]
    work, sets = (only(a) for a in panel(view, "Work")[1])
    assert work["repetitions"] == len(today["index"])
    assert (sets["sets"], sets["sessions"]) == (sum(len(s["sets"]) for s in summaries), 2)
    seconds = only(panel(view, "Time in zones of lumbar flexion")[1][0])
    for name, stored in zones().items():
        zone = stored.removeprefix("exposure_lumbar_flexion_s_")
        assert seconds[name] == pytest.approx(sum(s["exposure"]["lumbar_flexion_s"][zone] for s in summaries))
    drawn: dict[str, int] = {}
    for answer in panel(view, "Sets over the day")[1]:
        for row in answer.rows():
            (kind,) = row.keys() - {"time"}
            drawn[kind] = drawn.get(kind, 0) + row[kind]
            assert row[kind] > 0  # nothing is drawn where nothing was done
    columns = zip(today["movement"], *(today[name] for name in ROMS), strict=True)
    kinds = [Repetition(0, 0.0, 0.0, 0.0, m, 1.0, 0, dict(zip(ROMS, roms, strict=True))) for m, *roms in columns]
    done = Counter(movement_word(r.movement, side=side_of(r)) for r in kinds)
    assert drawn == done
    worst = panel(view, "The 5 repetitions with most lumbar flexion")[1][0].rows()
    order = np.argsort(-today["lumbar_peak_deg"], kind="stable")[:5]
    assert sorted(r["lumbar"] for r in worst) == pytest.approx(sorted(today["lumbar_peak_deg"][order]), rel=1e-6)
    assert {(r["movement"], r["repetition"]) for r in worst} == {(today["movement"][i], today["index"][i] + 1) for i in order}
    assert {r["session"] for r in worst} <= {folder.name for folder in folders}
    drift = panel(view, "Drift of the lumbar share")[1]
    bends = today["movement"] == "bend"
    assert [r["bends"] for r in drift[0].rows()] == pytest.approx(list(today["lumbar_share_of_trunk"][bends]), rel=1e-6)
    assert len(drift[1].rows()) == np.isfinite(today["lumbar_share_of_trunk_on_thigh"][~bends]).sum()
    whole = panel(view, "Lumbar flexion over the day")[1][0].rows()
    there = [row for row in whole if row["most"] is not None]
    assert (
        max(row["most"] for row in there)
        <= max(np.nanmax(read_angles(f, "review")["lumbar_flexion_deg"].to_numpy()) for f in folders) + 0.02
    )
    assert len(there) < len(whole) / 10  # two sessions of three minutes in a day: the rest is gap


def test_the_squad_against_its_baseline(gym: Gym) -> None:
    view = gym.view("Squad")
    work = {row["athlete"]: row for row in panel(view, "Work")[1][0].rows()}
    assert set(work) == set(PLAYERS)
    one, answers = panel(view, "Lumbar share in bends, who changed")
    rows = {row["athlete"]: row for row in joined(answers, one["transformations"])}
    for athlete in PLAYERS:
        today = gym.repetitions(gym.of(athlete), movement="bend")
        assert work[athlete]["repetitions"] == len(gym.repetitions(gym.of(athlete))["index"])
        # percent, so that the change is in points
        assert rows[athlete]["now"] == pytest.approx(100.0 * np.nanmedian(today["lumbar_share_of_trunk"]), rel=1e-6)
        if athlete == PLAYERS[2]:
            assert rows[athlete]["change"] is None
            continue
        before = gym.repetitions(gym.of(athlete, DAY - timedelta(days=BASELINE_DAYS), DAY), movement="bend")
        change = np.nanmedian(today["lumbar_share_of_trunk"]) - np.nanmedian(before["lumbar_share_of_trunk"])
        assert rows[athlete]["change"] == pytest.approx(100.0 * change, abs=1e-4)
    change_look = next(o for o in one["fieldConfig"]["overrides"] if o["matcher"]["options"] == "change")
    assert {"id": "unit", "value": "suffix: points"} in change_look["properties"]


def test_sensors_are_those_of_the_summaries(gym: Gym) -> None:
    view = gym.view("Sensors", athlete=[PLAYERS[2]])
    health = read_summary(gym.of(PLAYERS[2])[0], "live")["sensors"]
    rows = {row["placement"]: row for row in panel(view, "Sensors, session by session")[1][0].rows()}
    assert set(rows) == set(health)
    for placement, row in rows.items():
        facts = health[placement]
        assert (row["samples"], row["lost"], row["gaps"], row["counted"]) == (
            facts["samples"],
            facts["lost"],
            facts["gaps"],
            facts["lost_exact"],
        )
        assert row["late or silent"] == facts["late_s"]
    for title, name in (("Battery", "battery_percent"), ("Lost, minute by minute", "lost"), ("Delay on the way", "delay_ms")):
        answer = panel(view, title)[1][0]
        shown = {series["tags"]["placement"]: [value for _, value in series["values"]] for series in answer.series}
        assert shown.keys() == health.keys()
        for placement, facts in health.items():
            # the session's two minutes, which may lie in one interval
            minutes, values = facts["minutes"][name], [v for v in shown[placement] if v is not None]
            if name == "lost":
                assert sum(values) == sum(minutes)
            else:
                assert 1 <= len(values) <= len(minutes)
                assert min(minutes) <= min(values) <= max(values) <= max(minutes)
    assert health["pelvis"]["minutes"]["battery_percent"][0] < 90
    assert rows["thigh_left"]["gaps"] == 1
    assert rows["thigh_left"]["late or silent"] > 5.0


def test_a_removed_repetition_is_shown_nowhere(gym: Gym) -> None:
    folder = gym.of(PLAYERS[1])[0]
    first = next(line for line in points(folder, ["review"]) if line.startswith("repetition,"))
    view = gym.view("Training day", athlete=PLAYERS[1])
    before = only(panel(view, "Work")[1][0])["repetitions"]
    stamp = int(first.rsplit(" ", 1)[1])
    series = first[: first.index(" index=")]
    write(gym, void_line(series, stamp))
    try:
        assert only(panel(view, "Work")[1][0])["repetitions"] == before - 1
        assert stamp // 10**6 not in {row["time"] for row in panel(view, "Drift of the lumbar share")[1][0].rows()}
    finally:
        write(gym, first)
    assert only(panel(view, "Work")[1][0])["repetitions"] == before


def write(gym: Gym, line: str) -> None:
    with Sender(gym.settings) as sender:
        sender.send(line.encode())
