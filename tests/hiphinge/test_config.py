"""Settings: the environment over the file, and a file with a token that only its owner may read."""

from __future__ import annotations

from pathlib import Path

import pytest

from body_signals import HiphingeError
from hiphinge.config import default_file, load

FILE = """
sessions = "~/trainings"
[influx]
url = "http://gym:8086"
token = "from-file"
org = "club"
bucket = "players"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))
    path = tmp_path / "config.toml"
    path.write_text(FILE, "utf-8")
    path.chmod(0o600)
    return path


def test_nothing_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    settings = load(None, {})
    assert settings.sessions is None
    assert not settings.influx_configured
    with pytest.raises(HiphingeError, match="HIPHINGE_INFLUX_URL: is not set"):
        settings.influx()


def test_the_file(file: Path) -> None:
    settings = load(file, {})
    assert settings.sessions == Path.home() / "trainings"
    influx = settings.influx()
    assert (influx.url, influx.token, influx.org, influx.bucket) == ("http://gym:8086", "from-file", "club", "players")


def test_the_users_own_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    default_file().parent.mkdir()
    default_file().write_text(f'sessions = "{tmp_path.as_posix()}"', "utf-8")
    assert load(None, {}).sessions == tmp_path


@pytest.mark.parametrize("name", ["url", "token", "org", "bucket"])
def test_the_environment_wins_over_the_file(file: Path, name: str) -> None:
    values = {"url": "http://elsewhere:1", "token": "t", "org": "o", "bucket": "b"}
    influx = load(file, {f"HIPHINGE_INFLUX_{name.upper()}": values[name], "HIPHINGE_SESSIONS": "/data"}).influx()
    expected = {"url": "http://gym:8086", "token": "from-file", "org": "club", "bucket": "players"} | {name: values[name]}
    assert {n: getattr(influx, n) for n in expected} == expected
    assert load(file, {"HIPHINGE_SESSIONS": "/data"}).sessions == Path("/data")


def test_an_empty_url_in_the_environment_switches_influxdb_off(file: Path) -> None:
    assert load(file, {}).influx_configured
    assert not load(file, {"HIPHINGE_INFLUX_URL": ""}).influx_configured


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o666])
def test_a_token_that_others_can_read_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(HiphingeError, match="can be read by others") as caught:
        load(file, {})
    assert caught.value.remedy == f"Run: chmod 600 {file}"
    assert "from-file" not in str(caught.value)


def test_a_file_without_a_token_may_be_read_by_all(file: Path) -> None:
    file.write_text('sessions = "/data"\n[influx]\nurl = "http://gym:8086"\n', "utf-8")
    file.chmod(0o644)
    assert load(file, {}).sessions == Path("/data")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"sessions = \n", r"config\.toml, line 1: is not valid TOML: .*Correct this line"),
        (b"[influx]\nurl = 'a'\nurl = 'b'\n", r"config\.toml, line 3: is not valid TOML"),
        (b"sessions = '''", r"config\.toml, line 1: is not valid TOML"),
        (b"sessions = '\xff'", r"config\.toml: is not UTF-8 text"),
        (b"influx = 3", r"'influx' is not a table"),
        (b"influx = 'token'", r"'influx' is not a table"),
        (b"sessions = 3", r"sessions is not text"),
        (b"[influx]\nurl = 3", r"influx\.url is not text"),
        (b"session = '/data'", r"unknown setting 'session'.*sessions, .*in \[influx\].*in \[grafana\]"),
        (b"[influx]\ntokn = 'x'", r"unknown setting 'tokn'"),
        (b"[live]\npatience = 150", r"unknown setting 'patience'.*\[live\] patience_ms"),
        (b"[live]\npatience_ms = 'long'", r"patience_ms = 'long' is not a number"),
        (b"[live]\npatience_ms = true", r"patience_ms = True is not a number"),
        (b"[live]\npatience_ms = 5000", r"patience_ms = 5000 is out of range.*20 to 2000"),
        (b"[live]\npatience_ms = nan", r"patience_ms = nan is out of range"),
        (b"screen = 3", r"'screen' is not a table.*rock_back_slack_deg"),
        (b"[screen]\nrock_back = 3", r"unknown limit 'rock_back': there are .*rock_back_slack_deg.*docs/screen.md"),
        (b"[screen]\nrock_back_slack_deg = 'low'", r"limit rock_back_slack_deg = 'low' is not a number"),
        (b"[screen]\nbend_share_high = 63", r"limit bend_share_high = 63 is out of range: it is a part of 1, so write 0.63"),
        (b"[screen]\nhip_extension_deg = -800", r"limit hip_extension_deg = -800 deg is out of range: no body reaches it"),
        (b"[screen]\nrock_back_slack_deg = inf", r"limit rock_back_slack_deg = inf is not a number"),
    ],
)
def test_a_file_that_is_wrong_says_where(file: Path, content: bytes, message: str) -> None:
    file.write_bytes(content)
    with pytest.raises(HiphingeError, match=message) as caught:
        load(file, {})
    assert str(file) in caught.value.where
    assert caught.value.remedy


def test_the_patience_of_live(file: Path) -> None:
    assert load(file, {}).patience_s == 0.15
    file.write_text(FILE + "[live]\npatience_ms = 300\n", "utf-8")
    assert load(file, {}).patience_s == 0.3
    assert load(file, {"HIPHINGE_LIVE_PATIENCE_MS": "80"}).patience_s == 0.08


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HiphingeError, match=r"no\.toml: no such configuration file"):
        load(tmp_path / "no.toml", {})
    with pytest.raises(HiphingeError, match="no such configuration file"):
        load(tmp_path, {})


def test_grafana_is_set_like_influxdb(file: Path) -> None:
    file.write_text(FILE + '[grafana]\nurl = "http://gym:3000/"\ntoken = "glsa_x"\n', "utf-8")
    settings = load(file, {})
    assert settings.grafana().url == "http://gym:3000"
    assert settings.grafana("https://other").url == "https://other"
    assert load(file, {"HIPHINGE_GRAFANA_TOKEN": "glsa_y"}).grafana().token == "glsa_y"
    assert "glsa" not in repr(settings.grafana())
    with pytest.raises(HiphingeError, match="HIPHINGE_GRAFANA_URL: is not set"):
        load(file, {"HIPHINGE_GRAFANA_URL": ""}).grafana()
    file.chmod(0o640)
    with pytest.raises(HiphingeError, match="can be read by others"):
        load(file, {})


def test_limits_of_the_hip_screen(file: Path) -> None:
    assert load(file, {}).screen_limits == {}
    file.write_text(FILE + "[screen]\nrock_back_slack_deg = 22\nbend_share_high = 0.6\n", "utf-8")
    assert load(file, {}).screen_limits == {"rock_back_slack_deg": 22.0, "bend_share_high": 0.6}


@pytest.mark.parametrize(
    ("given", "env", "gym"), [("north", {}, "north"), ("north", {"HIPHINGE_GYM": " south  hall "}, "south hall")]
)
def test_the_gym_is_a_name(tmp_path: Path, given: str, env: dict[str, str], gym: str) -> None:
    (tmp_path / "config.toml").write_text(f'gym = "{given}"\n')
    assert load(tmp_path / "config.toml", env).gym == gym
    assert load(tmp_path / "config.toml", {"HIPHINGE_GYM": ""}).gym == ""


@pytest.mark.parametrize("wrong", ["7", '" "', '"a\\nb"', "true", '["north"]'])
def test_a_gym_that_is_no_name_is_refused(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "config.toml").write_text(f"gym = {wrong}\n")
    with pytest.raises(HiphingeError, match=r"HIPHINGE_GYM, or gym in .*: .* is not a name of a gym"):
        load(tmp_path / "config.toml", {})
