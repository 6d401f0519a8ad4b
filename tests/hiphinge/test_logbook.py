"""The program's log: private, of bounded size, without credentials and without whoever was forgotten."""

from __future__ import annotations

import logging
import re
import stat
from pathlib import Path

import pytest

from hiphinge import logbook
from on_disk import HAS_MODES
from tests.contract.command_line import done, hiphinge, refused

LOG = logging.getLogger("hiphinge.session")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "made" / "by it" / "hiphinge.log"
    monkeypatch.setenv(logbook.VARIABLE, str(file))
    return file


def test_lines_have_a_time_and_are_for_their_owner_alone(file: Path) -> None:
    logbook.begin()
    assert not file.exists(), "help leaves nothing"
    LOG.info("session %s is open", "monday")
    logging.getLogger("bleak").warning("an adapter is odd")
    logging.getLogger("bleak").info("chatter")
    logbook.end()
    first, second = file.read_text("utf-8").splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \d+ hiphinge.session: session monday is open", first)
    assert second.endswith(" WARNING bleak: an adapter is odd")
    if HAS_MODES:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    LOG.info("nobody listens")
    assert len(file.read_text("utf-8").splitlines()) == 2


def test_its_size_is_bounded(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logbook, "MOST_BYTES", 1000)
    logbook.begin()
    for number in range(200):
        LOG.info("line %d", number)
    logbook.end()
    files = sorted(file.parent.iterdir())
    assert [f.name for f in files] == ["hiphinge.log", "hiphinge.log.1", "hiphinge.log.2", "hiphinge.log.3"]
    assert all(f.stat().st_size <= 1000 for f in files)
    assert all(stat.S_IMODE(f.stat().st_mode) == 0o600 for f in files) or not HAS_MODES
    assert file.read_text("utf-8").splitlines()[-1].endswith("line 199")


def test_no_line_holds_a_credential(file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HIPHINGE_INFLUX_TOKEN", "coach:p4ssw0rd")
    logbook.begin(verbose=True)
    logbook.hide("glsa_s3cret")
    LOG.info("told coach:p4ssw0rd, p4ssw0rd, coach%%3Ap4ssw0rd, glsa_s3cret and\nmore")
    logbook.end()
    (line,) = file.read_text("utf-8").splitlines()
    shown = capsys.readouterr().err
    for text in (line, shown):
        assert "p4ssw0rd" not in text
        assert "s3cret" not in text
        assert text.strip().endswith("and more")


@pytest.mark.parametrize("where", ["/dev/full", "/proc/nothing/hiphinge.log"])
def test_a_log_that_cannot_be_written_costs_nothing(tmp_path: Path, where: str) -> None:
    result = done("decode", "witmotion-ble", "--hex", "5561", cwd=tmp_path, HIPHINGE_LOG=where)
    assert result.stderr == ""


def test_verbose_says_what_is_done_and_else_nothing_is_said(tmp_path: Path) -> None:
    words = ("grafana", "write", tmp_path / "out")
    assert done(*words, cwd=tmp_path).stderr == ""
    said = done("--verbose", *words, cwd=tmp_path).stderr.splitlines()
    assert said[0] == "hiphinge: hiphinge grafana write begins"
    assert re.fullmatch(r"hiphinge: hiphinge grafana write ends after \d+\.\d s", said[-1])
    assert done("-v", "report", "--help", cwd=tmp_path).stderr == ""


def test_an_error_is_said_once_and_kept(tmp_path: Path) -> None:
    log = tmp_path / "log"
    words = refused("report", tmp_path / "none", cwd=tmp_path, HIPHINGE_LOG=str(log))
    assert words in log.read_text("utf-8")
    shown = hiphinge("--verbose", "report", tmp_path / "none", cwd=tmp_path).stderr
    assert shown.count(words) == 1


def test_a_log_that_is_switched_off(tmp_path: Path) -> None:
    found = done("doctor", "--json", cwd=tmp_path, HIPHINGE_LOG="off").stdout
    assert '"what": "log", "ok": true, "found": "is switched off"' in found


def test_the_log_forgets_an_athlete(tmp_path: Path) -> None:
    log, sessions = tmp_path / "log", tmp_path / "sessions"
    folder = sessions / "2026-11-23T14-05-00Z_player-07"
    folder.mkdir(parents=True)
    (folder / "session.toml").write_text('schema = 1\nstart = 2026-11-23T14:05:00Z\n[athlete]\nid = "player-07"\n', "utf-8")
    old = ["1 hiphinge: 2026-11-23T14-05-00Z_player-07: computed\n", "2 hiphinge: player-071 and player-08 stay\n"]
    log.write_text("".join(old), "utf-8")
    (tmp_path / "log.1").write_text("".join(old), "utf-8")
    done("forget", "player-07", "--yes", cwd=tmp_path, HIPHINGE_LOG=str(log), HIPHINGE_SESSIONS=str(sessions))
    assert log.read_text("utf-8").startswith(old[1])
    assert not re.search(r"player-07\b", log.read_text("utf-8"))
    assert (tmp_path / "log.1").read_text("utf-8") == old[1]
