"""Health data are for their owner alone, under the usual umask and the groups' one; other files keep what the umask says."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.influx.drain import set_aside
from dashboards.influx.ledger import Ledger
from dashboards.influx.outbox import FOLDER, Outbox
from hiphinge.checkup.privacy import close_sessions
from ingest.links.kit import add_to_kit
from tests.contract.command_line import done, hiphinge
from tests.contract.recorded_sessions import brief_session, plain_session

pytestmark = pytest.mark.skipif(os.name != "posix", reason="this system has no such modes")


@pytest.fixture(params=[0o022, 0o002], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    # nobody has changed it meanwhile
    assert os.umask(before) == request.param


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_ones(root: Path) -> list[str]:
    return [str(p) for p in (root, *root.rglob("*")) if mode(p) != (0o700 if p.is_dir() else 0o600)]


def test_whatever_holds_health_data_is_for_its_owner_alone(tmp_path: Path, umask: int) -> None:
    tmp_path.chmod(0o755)
    session = brief_session(tmp_path / "sessions/s")
    with Outbox(session / FOLDER) as outbox:
        outbox.append(["a b=1 1"])
    set_aside(session / FOLDER, [(b"a b=1 1", "no")])
    Ledger({"live": "x"}).write(session / FOLDER)
    (session / "edits.toml").write_text("")
    (tmp_path / "made").mkdir(0o755)
    done("replay", session, "--out", "made", cwd=tmp_path)
    done("replay", session, "--out", "deep/er", "--estimator", "live", cwd=tmp_path)
    done("report", session, cwd=tmp_path)
    done("report", session, "--out", "elsewhere.html", cwd=tmp_path)
    plain_session(tmp_path / "plain")
    (session / "edits.toml").chmod(0o600)
    for name in ("sessions", "made", "deep", "plain", "elsewhere.html"):
        assert open_ones(tmp_path / name) == []
    assert mode(tmp_path) == 0o755


def test_imported_sessions_too(tmp_path: Path, umask: int) -> None:
    rows = "\n".join(f"{i / 100},0,9.81,0,0,0,0" for i in range(50))
    (tmp_path / "pelvis.csv").write_text(f"t,ax,ay,az,gx,gy,gz\n{rows}\n")
    (tmp_path / "map.toml").write_text(
        'time = { column = "t", unit = "s" }\nacc = { columns = ["ax", "ay", "az"], unit = "m/s2" }\n'
        'gyr = { columns = ["gx", "gy", "gz"], unit = "rad/s" }\n'
    )
    done("import", "csv", "pelvis.csv", "--mapping", "map.toml", "--out", "out", cwd=tmp_path)
    assert open_ones(tmp_path / "out") == []


def test_what_others_must_read_keeps_what_the_umask_says(tmp_path: Path, umask: int) -> None:
    done("grafana", "write", "g", cwd=tmp_path)
    assert {mode(p) for p in (tmp_path / "g").rglob("*")} == {0o777 & ~umask, 0o666 & ~umask}
    entry: dict[str, object] = {"placement": "pelvis", "family": "hiphinge-v1", "address": "C0:00:00:00:00:02"}
    add_to_kit(tmp_path / "kit.toml", [entry])
    assert mode(tmp_path / "kit.toml") == 0o666 & ~umask


def opened(session: Path) -> int:
    """Give a session the rights that an earlier version gave it; how many files and folders that are."""
    paths = [session, *session.rglob("*")]
    for path in paths:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return len(paths)


def test_doctor_closes_old_ones_and_says_how_many(tmp_path: Path) -> None:
    sessions = tmp_path / "sessions"
    brief_session(sessions / "deeper/s")
    n = opened(sessions / "deeper/s")
    loose = sessions / "copy.mcap"
    loose.write_bytes(b"")
    other = sessions / "notes"
    other.mkdir()
    (other / "mine.txt").write_text("")
    (sessions / "deeper/s/link").symlink_to(other / "mine.txt")
    for path in (loose, other, other / "mine.txt"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    result = hiphinge("doctor", "--json", cwd=tmp_path, HIPHINGE_SESSIONS=str(sessions))
    found = {f["what"]: f for f in json.loads(result.stdout)}["private"]
    assert found["ok"]
    folders = sum(p.is_dir() for p in [sessions / "deeper/s", *(sessions / "deeper/s").rglob("*")])
    assert found["found"].startswith(
        f"{n - folders + 1} files and {folders} folders could be read by others and are now private"
    )
    (sessions / "deeper/s/link").unlink()
    assert open_ones(sessions / "deeper/s") == []
    # somebody else's files are not ours to close
    assert (mode(loose), mode(other), mode(other / "mine.txt")) == (0o600, 0o755, 0o644)
    again = done("doctor", cwd=tmp_path, HIPHINGE_SESSIONS=str(sessions)).stdout
    assert "private: only their owner may read them" in " ".join(again.split())


def test_demos_in_the_current_folder_and_a_session_by_itself(tmp_path: Path) -> None:
    session = brief_session(tmp_path / "demo-session-1")
    n = opened(session)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/session.toml").write_text("")
    (tmp_path / "other/session.toml").chmod(0o644)
    closed = close_sessions(*sorted(tmp_path.glob("demo-session-*")))
    assert closed.files + closed.folders == n
    assert mode(tmp_path / "other/session.toml") == 0o644
    opened(session)
    assert close_sessions(session).folders > 0
    assert open_ones(session) == []


def test_a_folder_that_the_first_session_will_make_is_nothing_to_mend(tmp_path: Path) -> None:
    said = done("doctor", cwd=tmp_path, HIPHINGE_SESSIONS=str(tmp_path / "later")).stdout
    assert "private: only their owner may read them" in " ".join(said.split())


def test_what_cannot_be_closed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hiphinge.checkup import privacy

    def refused(path: Path) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    opened(brief_session(tmp_path / "s"))
    monkeypatch.setattr(privacy, "close_to_others", refused)
    result = hiphinge("doctor", cwd=tmp_path, HIPHINGE_SESSIONS=str(tmp_path))
    assert result.returncode == 1
    assert "NOT private" in result.stdout
    assert "Operation not permitted" in result.stdout
