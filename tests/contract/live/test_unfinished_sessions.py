"""Sessions that were not closed, and new ones that start all the same; what killed programs left behind goes."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import pytest

from hiphinge.session.recovery import NOT_COMPUTED
from tests.contract.command_line import COMMAND, child, done, environment, hiphinge, tree
from tests.contract.live.virtual_kit import kit_of, until
from tests.contract.recorded_sessions import standing_demo
from tests.peers.worn_sensors import Still
from virtual_athlete.serial_line import HAS_PSEUDO_TERMINALS
from virtual_athlete.virtual_devices import VirtualPeripheral
from virtual_athlete.virtual_devices.firmware_v1 import V1SerialFirmware

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not HAS_PSEUDO_TERMINALS, reason="no pseudo-terminals here")]


def test_a_new_session_starts_beside_those_that_cannot_be_computed(tmp_path: Path) -> None:
    """A broken recording, one that only waits for its results, and half-written tables: the new session comes first."""
    sessions = tmp_path / "sessions"
    for name in ("broken", "good"):
        (sessions / name / ".live.writing").mkdir(parents=True)
    (sessions / "broken/recording.mcap").write_bytes(b"\x89MCAP0\r\n and nothing that follows")
    device = VirtualPeripheral("pelvis", V1SerialFirmware("pelvis"), Still())
    words = ["live", "--kit", "kit.toml", "--seconds", "2", "--out"]
    settings = {"HIPHINGE_SESSIONS": str(sessions)}
    with kit_of(tmp_path, [device]):
        done(*words, "first", cwd=tmp_path)
        (sessions / "good/recording.mcap").write_bytes((tmp_path / "first/recording.mcap").read_bytes())

        second = child(*words, "second", cwd=tmp_path, **settings)
        assert second.returncode == 0, second.stderr
        assert "not closed; results are computed after this session, or by hiphinge doctor" in second.stderr
        assert (tmp_path / "second/review/summary.json").is_file()
        assert (sessions / "good/review/summary.json").is_file()
        assert tree(sessions / "broken") == {"recording.mcap", NOT_COMPUTED}
        reason = json.loads((sessions / "broken" / NOT_COMPUTED).read_text())
        assert reason["what"] in second.stderr
        assert second.stdout.index("Session folder: second") > 0

        # not again at the next start
        at = (sessions / "broken" / NOT_COMPUTED).stat().st_mtime_ns
        third = child(*words, "third", cwd=tmp_path, **settings)
        assert third.returncode == 0, third.stderr
        assert third.stderr.startswith("hiphinge: set aside: ")
        assert "computing its results" not in third.stderr
        assert (sessions / "broken" / NOT_COMPUTED).stat().st_mtime_ns == at
    # but by the doctor, which goes on with everything else
    found = {f["what"]: f for f in json.loads(hiphinge("doctor", "--json", cwd=tmp_path, **settings).stdout)}
    assert not found["broken"]["ok"]
    assert "influxdb" in found
    assert (sessions / "broken" / NOT_COMPUTED).stat().st_mtime_ns > at
    # and sending sends the others
    sent = hiphinge("push", "--all", "--dry-run", cwd=tmp_path, **settings)
    assert "session=good" in sent.stdout, sent.stderr


def test_what_a_killed_demo_leaves_goes_at_the_next_start(tmp_path: Path) -> None:
    """Its folder of ports, its half-written tables; not those of one that runs, nor what somebody else has put there."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    (temporary / "hiphinge-demo-notes").mkdir()
    (temporary / "hiphinge-demo-notes/.lock").touch()
    (temporary / "hiphinge-demo-notes/mine.txt").write_text("mine")
    settings = environment(TMPDIR=str(temporary), HIPHINGE_SESSIONS=str(tmp_path / "sessions"))

    def start(seed: str) -> subprocess.Popen[bytes]:
        command = [*COMMAND, "demo", "--speed", "1", "--seed", seed, "--out", f"sessions/{seed}"]
        return subprocess.Popen(command, cwd=tmp_path, env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ports() -> set[str]:
        return {folder.name for folder in temporary.glob("hiphinge-demo-*") if folder.name != "hiphinge-demo-notes"}

    killed = start("2")
    until(lambda: bool(ports()) and any((tmp_path / "sessions").glob("*/.live.writing")))
    left = ports()
    (orphan,) = (tmp_path / "sessions").iterdir()
    killed.kill()
    killed.wait()
    assert ports() == left
    running, other = start("3"), start("4")
    try:
        until(lambda: len(ports()) == 2 and not left & ports())
        assert not (orphan / ".live.writing").exists()
        assert (temporary / "hiphinge-demo-notes/mine.txt").exists()
    finally:
        for process in (running, other):
            process.terminate()
        codes = [process.wait(60) for process in (running, other)]
    assert codes == [143, 143]
    assert ports() == set()
    assert not list((tmp_path / "sessions").glob("*/.*"))


def test_a_demo_that_is_broken_off_leaves_no_folder(tmp_path: Path) -> None:
    assert not Path(tempfile.gettempdir()).is_relative_to(tmp_path)
    settings = environment(TMPDIR=str(tmp_path))
    (tmp_path / "protocol").mkdir()
    command = [*COMMAND, *standing_demo(tmp_path / "protocol"), "--out", "s"]
    done_ = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, timeout=120)
    assert done_.returncode == 0, done_.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"protocol", "s"}
