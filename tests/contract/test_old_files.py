"""What earlier versions left on a user's disk (`fixtures/old`): it opens, replays, is reported, sent and forgotten."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from packaging.version import Version

from body_signals.quantities import ANGLE_COLUMNS, ESTIMATORS, ORIENTATION_COLUMNS, REPETITION_COLUMNS
from dashboards.edits import edited_repetitions
from dashboards.tables import available_estimators, read_angles, read_repetitions, read_summary
from hiphinge import config
from ingest.links.kit import read_kit
from tests.conftest import ROOT
from tests.contract.command_line import done, refused, tree
from tests.peers.influxdb import InfluxDB, influxdb

OLD = ROOT / "fixtures/old"
VERSIONS = sorted(path.name for path in OLD.iterdir() if (path / "sessions").is_dir())
TABLES = {
    "angles.parquet": ANGLE_COLUMNS,
    "orientations.parquet": ORIENTATION_COLUMNS,
    "repetitions.parquet": REPETITION_COLUMNS,
}
ATHLETE = "player-07"
DATABASE = "gym"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    with influxdb(tmp_path_factory.mktemp("influxdb")) as running:
        yield running


@pytest.fixture(params=VERSIONS)
def left(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """All that a version left, to be worked on."""
    shutil.copytree(OLD / request.param, tmp_path / "left")
    return tmp_path / "left"


def session_of(left: Path) -> Path:
    (session,) = (left / "sessions").iterdir()
    return session


def settings(server: InfluxDB, left: Path) -> dict[str, str]:
    given = server.fresh(DATABASE)
    return {
        "HIPHINGE_INFLUX_URL": given.url,
        "HIPHINGE_INFLUX_TOKEN": given.token,
        "HIPHINGE_INFLUX_BUCKET": given.bucket,
        "HIPHINGE_SESSIONS": str(left / "sessions"),
    }


def test_there_is_something_of_every_version() -> None:
    assert "0.1.0" in VERSIONS


def test_it_opens_with_the_edits_of_then(left: Path) -> None:
    session = session_of(left)
    assert available_estimators(session) == ESTIMATORS
    for estimator in ESTIMATORS:
        assert read_summary(session, estimator)["athlete"] == ATHLETE
        assert np.isfinite(read_angles(session, estimator)["lumbar_flexion_deg"].to_numpy()).mean() > 0.5
        kinds = read_repetitions(session, estimator)["movement"].to_pylist()
        assert kinds == ["bend", "bend", "bend"]
        assert edited_repetitions(session, estimator)["movement"].to_pylist() == ["bend", "squat"]


@pytest.mark.parametrize("version", VERSIONS)
def test_its_tables_have_the_columns_that_are_not_younger(version: str) -> None:
    (session,) = (OLD / version / "sessions").iterdir()
    for name, columns in TABLES.items():
        wanted = [q.name for q in columns if Version(q.since) <= Version(version)]
        for estimator in ESTIMATORS:
            assert pq.read_schema(session / estimator / name).names == wanted


def test_its_recording_replays(left: Path) -> None:
    session = session_of(left)
    done("replay", session, "--out", left / "again", cwd=left)
    for estimator in ESTIMATORS:
        before, now = (read_repetitions(folder, estimator) for folder in (session, left / "again"))
        assert now["movement"].to_pylist() == before["movement"].to_pylist()
        assert now["start_s"].to_numpy() == pytest.approx(before["start_s"].to_numpy(), abs=0.1)


def test_it_is_reported(left: Path) -> None:
    session = session_of(left)
    (session / "report.html").unlink()
    done("report", session, cwd=left)
    assert ATHLETE in (session / "report.html").read_text("utf-8")


def test_kit_and_configuration_are_read(left: Path) -> None:
    kit = read_kit(left / "kit.toml")
    assert [sensor.key for sensor in kit.sensors] == ["lumbar", "pelvis"]
    assert kit.sensors[1].number == 1
    given = config.load(left / "config.toml", {})
    assert given.sessions == Path("sessions")
    assert given.patience_s == 0.2
    assert dict(given.screen_limits) == {"rock_back_slack_deg": 22.0}
    assert given.influx_words["HIPHINGE_INFLUX_URL"] == "http://127.0.0.1:9"
    assert given.grafana_words["HIPHINGE_GRAFANA_URL"] == "http://127.0.0.1:3000"


@pytest.mark.influx
def test_it_is_sent_once_and_whole(left: Path, server: InfluxDB) -> None:
    given, session = settings(server, left), session_of(left)
    done("push", "--all", cwd=left, **given)
    kinds = server.rows("SELECT movement FROM repetition WHERE estimator = 'live' AND void != true", DATABASE)
    assert [row["movement"] for row in kinds] == ["bend", "squat"]
    assert len(server.rows("SELECT * FROM angles", DATABASE)) > 1000
    assert not list((session / "outbox").glob("0*.lp"))
    assert "Everything was sent" in done("push", "--all", cwd=left, **given).stdout


@pytest.mark.influx
def test_it_is_forgotten(left: Path, server: InfluxDB) -> None:
    given = settings(server, left)
    done("push", "--all", cwd=left, **given)
    done("forget", ATHLETE, "--yes", cwd=left, **given)
    assert tree(left / "sessions") == set()
    assert server.rows("SELECT * FROM angles", DATABASE) == []
    assert "nothing was found" in refused("forget", ATHLETE, "--yes", cwd=left, **given)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_the_doctor_makes_it_private(left: Path) -> None:
    session = session_of(left)
    session.chmod(0o755)
    (session / "recording.mcap").chmod(0o644)
    done("doctor", "--sessions", left / "sessions", cwd=left)
    assert session.stat().st_mode & 0o077 == 0
    assert (session / "recording.mcap").stat().st_mode & 0o077 == 0
