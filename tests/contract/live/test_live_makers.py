"""`hiphinge live` on sensors of four makers at once, through the unmodified bleak, and on WitMotion's serial frames."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from dashboards.tables import read_summary
from ingest.links.kit import write_kit
from tests.contract.command_line import child, done
from tests.peers.bluez import bluez, device
from tests.peers.worn_sensors import KEYS, worn
from virtual_athlete import demo
from virtual_athlete.serial_line import HAS_PSEUDO_TERMINALS, PeripheralLine
from virtual_athlete.virtual_devices.firmware_makers import WitMotionSerialFirmware

pytestmark = pytest.mark.slow
FAMILIES = {"lumbar": "witmotion-ble", "pelvis": "movesense", "thigh_left": "movella-dot", "thigh_right": "hiphinge-v1"}
RATES = {"witmotion-ble": 100, "movesense": 104, "movella-dot": 60, "hiphinge-v1": 200}


def sensors(folder: Path) -> dict[str, Any]:
    return read_summary(folder / "session", "live")["sensors"]


@pytest.mark.dbus
def test_four_makers_in_one_kit(tmp_path: Path) -> None:
    entries = [
        {"placement": k, "family": family, "address": device(k)["address"], "rate_hz": RATES[family]}
        for k, family in FAMILIES.items()
    ]
    write_kit(tmp_path / "kit.toml", entries)
    with bluez(tmp_path, [device(k, family) for k, family in FAMILIES.items()]) as fake:
        for key in KEYS:
            fake.do("faults", key, faults={"loss": 0.05} if key != "lumbar" else {})
        said = child(
            "live", "--kit", "kit.toml", "--out", "session", "--seconds", "12", "--calibrate",
            cwd=tmp_path,
        )  # fmt: skip
        books = fake.do("ledgers")
    assert said.returncode == 0, said.stderr
    found = sensors(tmp_path)
    for key, family in FAMILIES.items():
        assert found[key]["family"] == family
        assert found[key]["rate_hz"] == RATES[family]
        assert found[key]["samples"] > 4 * RATES[family]
        assert found[key]["gaps"] == 0
        assert found[key]["lost_exact"] == (family != "witmotion-ble")
    for key in ("pelvis", "thigh_left", "thigh_right"):
        # what was lost after the last packet that came nobody can know of
        assert 0 <= books[key]["dropped"] - found[key]["lost"] <= 16
        assert found[key]["lost"] > 0
    # an estimate from arrivals, which a busy computer makes late
    assert found["lumbar"]["lost"] < 0.05 * found["lumbar"]["samples"]
    assert re.search(r"p99 \d", said.stdout)


@pytest.mark.dbus
def test_batteries_that_are_read_reach_the_summary_and_its_replay(tmp_path: Path) -> None:
    """Four further families; all but the sketch have a Battery Service, none tells its battery in its stream."""
    families = dict(zip(KEYS, ("thingy52", "metamotion", "polar-pmd", "phyphox"), strict=True))
    write_kit(
        tmp_path / "kit.toml",
        [{"placement": k, "family": f, "address": device(k)["address"], "rate_hz": 100} for k, f in families.items()],
    )
    with bluez(tmp_path, [device(k, family) for k, family in families.items()]):
        said = child("live", "--kit", "kit.toml", "--out", "session", "--seconds", "8", "--calibrate", cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    found = sensors(tmp_path)
    for key, family in families.items():
        assert (found[key]["family"], found[key]["gaps"]) == (family, 0)
        assert found[key]["samples"] > 250
        assert found[key]["minutes"]["battery_percent"] == [None if family == "phyphox" else 87.0]
    done("replay", "session", "--out", "again", "--estimator", "live", cwd=tmp_path)
    assert read_summary(tmp_path / "again", "live")["sensors"] == found
    for file in ("live/angles.parquet", "live/orientations.parquet"):
        assert (tmp_path / "again" / file).read_bytes() == (tmp_path / "session" / file).read_bytes()


@pytest.mark.skipif(not HAS_PSEUDO_TERMINALS, reason="no pseudo-terminals here")
@pytest.mark.parametrize("baud", [None, 115200])
def test_witmotion_on_a_serial_line(tmp_path: Path, baud: int | None) -> None:
    peripheral = worn("pelvis", WitMotionSerialFirmware(), demo(3).motion())
    entry: dict[str, object] = {
        "placement": "pelvis",
        "family": "witmotion-serial",
        "port": str(tmp_path / "port"),
        "rate_hz": 100,
    }
    write_kit(tmp_path / "kit.toml", [entry | ({"baud": baud} if baud else {})])
    with PeripheralLine(tmp_path / "port", [peripheral]):
        said = child("live", "--kit", "kit.toml", "--out", "session", "--seconds", "5", cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    found = sensors(tmp_path)["pelvis"]
    assert found["samples"] > 250
    assert (found["lost"], found["gaps"], found["lost_exact"]) == (0, 0, True)
