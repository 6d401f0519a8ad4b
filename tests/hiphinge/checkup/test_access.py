"""What the doctor says of serial ports and Bluetooth, from what Linux tells."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hiphinge.checkup import access

as_user = pytest.mark.skipif(os.name != "posix", reason="modes and groups of POSIX")


@as_user
def test_ports_that_may_be_opened_and_those_that_may_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    what, well, words = access.serial_ports(tmp_path)
    assert (what, well) == ("serial ports", True)
    assert words.startswith("none is plugged in")
    for name in ("ttyUSB0", "ttyACM3", "ttyS0"):
        (tmp_path / name).touch()
    assert access.serial_ports(tmp_path)[1:] == (True, f"{tmp_path}/ttyACM3, {tmp_path}/ttyUSB0 may be opened")
    # whoever runs the tests as root may open anything
    monkeypatch.setattr(os, "access", lambda path, mode: path.name != "ttyUSB0")
    _, well, words = access.serial_ports(tmp_path)
    assert not well
    assert words.startswith(f"{tmp_path}/ttyUSB0 may not be opened (group ")
    assert "sudo usermod -aG " in words


def test_bluetooth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapters, switches, bus = tmp_path / "bluetooth", tmp_path / "rfkill", tmp_path / "bus"
    assert access.bluetooth(adapters, switches, bus) == ("bluetooth", True, "there is no adapter; serial sensors need none")
    (adapters / "hci0").mkdir(parents=True)
    (adapters / "hci0:64").mkdir()
    assert access.bluetooth(adapters, switches, bus)[1:] == (
        False,
        f"hci0 is there, and no D-Bus ({bus}): install and start dbus and bluez",
    )
    bus.touch()
    assert access.bluetooth(adapters, switches, bus)[1:] == (True, "hci0 is there and switched on")
    for number, kind in enumerate(("wlan", "bluetooth")):
        switch = switches / f"rfkill{number}"
        switch.mkdir(parents=True)
        for name, content in (("type", kind), ("soft", "1"), ("hard", "0")):
            (switch / name).write_text(f"{content}\n", "ascii")
    assert access.bluetooth(adapters, switches, bus)[1:] == (True, "hci0 is switched off: rfkill unblock bluetooth")
    (switches / "rfkill1/hard").write_text("1\n", "ascii")
    assert "by a switch" in access.bluetooth(adapters, switches, bus)[2]
    (switches / "rfkill1/hard").write_text("0\n", "ascii")
    (switches / "rfkill1/soft").write_text("0\n", "ascii")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert access.bluetooth(adapters, switches, bus)[1] is False


def test_a_system_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert {(what, well) for what, well, _ in access.access()} == {("serial ports", True), ("bluetooth", True)}
