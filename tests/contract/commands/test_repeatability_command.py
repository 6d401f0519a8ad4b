"""`hiphinge repeatability` and `hiphinge norms`: from session folders of several people to numbers that the program uses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from body_signals import LIMITS
from hiphinge import config
from tests.contract.command_line import done, refused
from tests.hiphinge.comparing.screened_sessions import screen_day, screened

PEOPLE = 22


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """22 people; the first six were measured three times, the third time as a retest with the sensors on."""
    place = tmp_path_factory.mktemp("clinic")
    random = np.random.default_rng(7)
    for i in range(PEOPLE):
        own = 95.0 + random.normal(0.0, 10.0)
        times = 3 if i < 6 else 1
        for k in range(times):
            marks = [(0.0, f"retest p{i:02}-1")] if k == 2 else []
            screened(
                place / f"p{i:02}-{k}",
                screen_day(own + random.normal(0.0, 2.0), slack=None if i % 3 else 30.0),
                athlete=f"player-{i:02}",
                start=f"2026-11-{2 + 5 * min(k, 1):02}T{9 + (k == 2):02}:00:00Z",
                marks=marks,
                pain=[(5.0, 4.0)] if i == PEOPLE - 1 else [(5.0, 0.0)],
                estimators=("review",),
            )
    return place


def test_repeatability_has_every_figure_with_its_limits(clinic: Path) -> None:
    found = json.loads(done("repeatability", clinic, "--json", cwd=clinic).stdout)
    assert (found["people"], found["sessions"], found["people_with_two_sessions"]) == (PEOPLE, PEOPLE + 12, 6)
    rows = {(r["test"], r["side"], r["measure"], r["wear"]): r for r in found["numbers"]}
    knee = rows["knee_raise", "left", "hip_peak_deg", "anew"]
    assert (knee["people"], knee["sessions"], knee["sessions_each"]) == (6, 12, 2)
    assert 0.8 < knee["sem"] < 4.5
    assert knee["mdc95"] == pytest.approx(2.7719 * knee["sem"], rel=1e-3)
    assert knee["mdc90"] == pytest.approx(2.3264 * knee["sem"], rel=1e-3)
    for name in ("icc_2_1", "icc_3_1", "sem", "mdc90", "mdc95"):
        assert knee[f"{name}_low"] < knee[name] < knee[f"{name}_high"]
    on = rows["knee_raise", "left", "hip_peak_deg", "on"]
    assert (on["people"], on["sessions"]) == (6, 12)
    # all the same in everybody: nothing to correlate, and no error
    bend = rows["bend", "", "lumbar_rom_deg", "anew"]
    assert (bend["icc_2_1"], bend["sem"]) == (None, 0.0)


def test_an_icc_below_zero_is_explained(clinic: Path, tmp_path: Path) -> None:
    for name, days in {"a": (95.0, 105.0), "b": (105.0, 95.0), "c": (99.0, 101.0)}.items():
        for k, left in enumerate(days):
            start = f"2026-11-{2 + k:02}T09:00:00Z"
            screened(tmp_path / f"{name}{k}", screen_day(left), athlete=name, start=start, estimators=("review",))
    said = " ".join(done("repeatability", tmp_path, cwd=tmp_path).stdout.split())
    assert "An ICC below 0: these people differed less from each other than each from one session to the next." in said
    assert "ICC below 0" not in done("repeatability", clinic, cwd=tmp_path).stdout


def test_the_table_says_the_same(clinic: Path) -> None:
    text = done("repeatability", clinic, cwd=clinic).stdout
    found = json.loads(done("repeatability", clinic, "--json", cwd=clinic).stdout)
    knee = next(r for r in found["numbers"] if (r["side"], r["measure"], r["wear"]) == ("left", "hip_peak_deg", "anew"))
    row = re.compile(r"knee raise left, hip(?: peak)?\s+°\s+6\s+(.*)")
    line = next(found[1] for x in text.splitlines() if (found := row.search(x)))
    assert text.index("worn anew") < text.index(line) < text.index("stayed on")
    assert line.startswith(f"{knee['icc_2_1']:.2f} ({knee['icc_2_1_low']:.2f}, {knee['icc_2_1_high']:.2f})")
    assert f"{knee['sem']:.1f} ({knee['sem_low']:.1f}, {knee['sem_high']:.1f})" in line
    assert f"{knee['mdc95']:.1f} ({knee['mdc95_low']:.1f}, {knee['mdc95_high']:.1f})" in line
    assert "10 people are advised" in text


def test_own_errors_replace_the_published_ones(clinic: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    file.write_text(done("repeatability", clinic, "--json", cwd=clinic).stdout)
    knee = next(
        r
        for r in json.loads(file.read_text())["numbers"]
        if (r["side"], r["measure"], r["wear"]) == ("left", "hip_peak_deg", "anew")
    )
    words = ("compare", "p00-0", "p00-1", "--primary", "knee_raise:left:hip_peak_deg", "--json")
    plain = json.loads(done(*words, cwd=clinic).stdout)
    own = json.loads(done(*words, "--errors", file, cwd=clinic).stdout)
    assert plain["sd_reworn_deg"] == 2.5
    assert own["sd_reworn_deg"] == pytest.approx(knee["sem"], abs=1e-3)
    assert own["sd_sources"]["reworn"] == "own repeatability, own.json"
    assert "published_error_only" not in own["warnings"]
    for wrong in ("[]", "{}", '{"numbers": [{}]}', '{"numbers": []}', '{"numbers": [{"test": 1}]}', "no json"):
        file.write_text(wrong)
        assert "own.json" in refused(*words, "--errors", file, cwd=clinic)


def test_norms_are_centiles_that_the_configuration_takes(clinic: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    said = done("norms", clinic, "--out", file, cwd=clinic)
    assert "21 people" in said.stdout
    assert "player-21 is left out: pain 4 was reported" in said.stderr
    found = json.loads(done("norms", clinic, "--json", cwd=clinic).stdout)
    limits = {one["name"]: one for one in found["limits"]}
    knee = limits["knee_raise_hip_deg"]
    (today,) = (limit for limit in LIMITS if limit.name == "knee_raise_hip_deg")
    assert (knee["people"], knee["centile"], knee["proposal"], knee["today"]) == (21, 10, today.proposal, today.value)
    assert knee["low"] < knee["value"] < knee["high"]
    # both sides of everybody
    raises = _numbers(clinic, "knee_raise", "hip_peak_deg", but="player-21")
    assert knee["value"] == pytest.approx(float(np.quantile(raises, 0.1, method="median_unbiased")), abs=1e-3)
    assert limits["squat_butt_wink_deg"]["value"] is None
    assert limits["squat_butt_wink_deg"]["why"] == "0 of 20 people"
    settings = config.load(file, {})
    assert settings.screen_limits["knee_raise_hip_deg"] == knee["value"]
    assert "squat_butt_wink_deg" not in settings.screen_limits
    assert done("norms", clinic, cwd=clinic).stdout == file.read_text()


def _numbers(place: Path, test: str, measure: str, but: str) -> list[float]:
    people: dict[tuple[str, str], list[float]] = {}
    for path in sorted(place.glob("*/review/summary.json")):
        summary = json.loads(path.read_text())
        for one in summary["screen"]["tests"]:
            if one["test"] == test and measure in one["measures"] and summary["athlete"] != but:
                people.setdefault((summary["athlete"], one["side"]), []).append(one["measures"][measure]["median"])
    return [float(np.median(values)) for values in people.values()]


def test_too_few_people_are_said_to_be(clinic: Path, tmp_path: Path) -> None:
    assert "pain-free people are needed" in refused("norms", clinic / "p00-0", clinic / "p01-0", cwd=clinic)
    assert "and 0 were given" in refused("repeatability", clinic / "p00-0", clinic / "p07-0", cwd=clinic)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "0 were given" in refused("repeatability", empty, cwd=clinic)
    assert "no such folder" in refused("repeatability", tmp_path / "nowhere", cwd=clinic)
    assert "this is a file" in refused("norms", clinic / "p00-0/review/summary.json", cwd=clinic)
    assert "unknown estimator" in refused("norms", clinic, "--estimator", "best", cwd=clinic)
    assert "unknown estimator" in refused("repeatability", clinic, "--estimator", "best", cwd=clinic)
    assert "cannot be written" in refused("norms", clinic, "--out", tmp_path / "no" / "file.toml", cwd=clinic)


def test_a_session_that_cannot_be_read_is_named_and_left_out(clinic: Path, tmp_path: Path) -> None:
    broken = tmp_path / "more"
    for name, athlete in (("x", "player-50"), ("u", "unknown")):
        screened(broken / name, screen_day(), athlete=athlete, estimators=("review",))
    (broken / "x/review/summary.json").write_text("{")
    found = json.loads(done("repeatability", clinic, broken, clinic, "--json", cwd=clinic).stdout)
    assert {Path(f).name for f in found["left_out"]} == {"x", "u"}
    assert found["sessions"] == PEOPLE + 12
