"""A protocol from its first mark to summary.json: live, in the review and in a replay alike, and the retest that follows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.contract.command_line import done

OWN = """
name = "short"
title = "Short"
red_flags = false
"""
STEP = """
[[steps]]
name = "{name}"
test = "{test}"
{more}
title = "{name}"
words = "{name}"
"""
STEPS = (
    ("stand", "stand", "seconds = 5"),
    ("bends", "bend", "repetitions = 4\nfrom_calibration = true"),
    ("knee-left", "knee_raise", 'side = "left"\nrepetitions = 4\nfrom_calibration = true'),
    ("knee-right", "knee_raise", 'side = "right"\nrepetitions = 4\nfrom_calibration = true'),
    ("side-left", "side_bend", 'side = "left"\nrepetitions = 3'),
    ("fast", "fast_bend", 'repetitions = 3\nstart = "standing"'),
)


def summary(folder: Path, estimator: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / estimator / "summary.json").read_text())
    return found


@pytest.mark.slow
def test_a_protocol_is_in_the_summary_live_and_in_a_replay_alike(tmp_path: Path) -> None:
    own = tmp_path / "short.toml"
    own.write_text(OWN + "".join(STEP.format(name=n, test=t, more=m) for n, t, m in STEPS), "utf-8")
    live, again = tmp_path / "live", tmp_path / "again"
    done("demo", "--protocol", own, "--no-page", "--speed", "0", "--out", live, cwd=tmp_path)
    done("replay", live, "--out", again, cwd=tmp_path)
    for estimator in ("live", "review"):
        first, second = summary(live, estimator), summary(again, estimator)
        assert first["protocol"] == second["protocol"]
        assert first["screen"] == second["screen"]
        assert first["marks"] == second["marks"]
        protocol = first["protocol"]
        assert (protocol["name"], protocol["outcome"]) == ("short", "done")
        assert [(s["name"], s["wanted"], s["valid"]) for s in protocol["steps"]] == [
            ("stand", 0, 0),
            ("bends", 4, 4),
            ("knee-left", 4, 4),
            ("knee-right", 4, 4),
            ("side-left", 3, 3),
            ("fast", 3, 3),
        ]
        side, fast = protocol["steps"][-2:]
        assert side["measured"] == "lumbar_lateral"
        assert side["peak_deg"] == pytest.approx(22.0, abs=4.0)
        # twice as fast as at the athlete's own pace, and no bend of the screen
        assert 1.5 < fast["velocity_deg_s"]["lumbar"] / fast["own_pace_deg_s"]["lumbar"] < 2.5
        # the calibration's movements are scored, and are no rows of the table
        scored = {(t["test"], t["side"]): t["repetitions"] for t in first["screen"]["tests"]}
        assert 3 <= scored["bend", ""] <= 4
        assert scored["knee_raise", "left"] >= 3
        assert scored["knee_raise", "right"] >= 3
        assert first["repetitions"] < 12
    told = re.search(
        r"fast bends: lumbar spine (\d+)° per second, (\d+)° at own pace", (live / "report.html").read_text("utf-8")
    )
    assert told is not None
    assert [int(n) for n in told.groups()] == [round(fast[k]["lumbar"]) for k in ("velocity_deg_s", "own_pace_deg_s")]
