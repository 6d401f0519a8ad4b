"""`hiphinge scan`: shows what is there, keeps yours in a kit, and says what to do where Bluetooth cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.links.kit import read_kit
from tests.contract.command_line import done, refused
from tests.peers.bluez import bluez, bus, device

pytestmark = pytest.mark.dbus
PELVIS, LUMBAR = device("pelvis", worn=False), device("lumbar", worn=False)


def test_it_lists_saves_and_recognises_the_kit(tmp_path: Path) -> None:
    with bluez(tmp_path, [PELVIS, LUMBAR]):
        found = json.loads(done("scan", "--ble", "--json", "--timeout", "0.5", cwd=tmp_path).stdout)
        assert {s["address"] for s in found} == {PELVIS["address"], LUMBAR["address"]}
        assert {(s["family"], s["battery"]) for s in found} == {("hiphinge-v1", None)}, "nobody's sensor is connected"
        assert all(s["rssi"] in (-60, -61) and s["name"].startswith("hiphinge") for s in found)

        place = f"{PELVIS['address'].lower()}=pelvis"
        saved = done("scan", "--ble", "--seconds", "0.5", "--save", "kit.toml", "--place", place, cwd=tmp_path)
        assert "kit.toml: pelvis" in saved.stdout
        place = f"{LUMBAR['address']}=lumbar:hiphinge-v1"
        done("scan", "--ble", "--seconds", "0.5", "--save", "kit.toml", "--place", place, cwd=tmp_path)
        kit = read_kit(tmp_path / "kit.toml")
        assert [s.key for s in kit.sensors] == ["pelvis", "lumbar"]
        assert kit.addresses == {PELVIS["address"], LUMBAR["address"]}

        shown = done("scan", "--ble", "--seconds", "0.5", "--kit", "kit.toml", cwd=tmp_path).stdout
        assert shown.count("87 %") == 2
        assert "pelvis" in shown


def test_what_it_refuses(tmp_path: Path) -> None:
    assert "PLACEMENT" in refused("scan", "--serial", "--save", "kit.toml", "--place", "x=head", cwd=tmp_path)
    assert "--save KIT" in refused("scan", "--serial", "--place", "x=pelvis", cwd=tmp_path)
    assert "PORT" not in refused("scan", "--serial", "--save", "kit.toml", "--place", "/dev/x=pelvis", cwd=tmp_path)
    assert "can be asked" in refused("scan", "--serial", "--save", "kit.toml", cwd=tmp_path)
    assert not (tmp_path / "kit.toml").exists()


def test_a_serial_sensor_is_saved_by_hand(tmp_path: Path) -> None:
    place = "/dev/serial/by-id/x=pelvis:hiphinge-v1-serial"
    done("scan", "--serial", "--save", "kit.toml", "--place", place, cwd=tmp_path)
    (sensor,) = read_kit(tmp_path / "kit.toml").sensors
    assert sensor.sensor.port == "/dev/serial/by-id/x"


def test_without_bluetooth_one_line_says_what_to_do(tmp_path: Path) -> None:
    with bus(tmp_path):
        assert "systemctl start bluetooth" in refused("scan", "--ble", "--seconds", "0.2", cwd=tmp_path)
