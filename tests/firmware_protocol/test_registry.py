"""The registry: families by name, and what a scan shows told apart."""

from __future__ import annotations

import struct

import pytest

from body_signals import HiphingeError
from firmware_protocol import DEVICE_FAMILIES, FAMILIES, Clock, codec_for, device_family, recognise_ble, recognise_port
from firmware_protocol.device import Ask, Read, Request, Write
from firmware_protocol.families.thingy52 import encode_config


@pytest.mark.parametrize("name", FAMILIES)
def test_each_family_is_complete(name: str) -> None:
    family = device_family(name)
    assert family.name == name
    assert family.title
    assert family.clock in Clock
    assert (family.ble is None) != (family.serial is None) or name == "capture2go"
    request = Request(rate_hz=family.default_rate_hz)
    steps = (*family.configure(request), *family.start(request), *family.stop(request))
    for step in steps:
        assert isinstance(step, Write | Read | Ask)
        uuid = step.characteristic
        assert uuid == uuid.lower()
        assert len(uuid) == (36 if family.ble is not None else 0)
        assert not isinstance(step, Write) or step.payload


def test_an_unknown_family_names_the_known_ones() -> None:
    with pytest.raises(HiphingeError, match="hiphinge-v1"):
        codec_for("abacus")


def test_a_service_names_the_family_whatever_the_case() -> None:
    uuid = DEVICE_FAMILIES["hiphinge-v1"].ble.services[0]  # type: ignore[union-attr]
    family = recognise_ble("anything", [uuid.upper()], [])
    assert family is not None
    assert family.name == "hiphinge-v1"


def test_a_stranger_is_nobody() -> None:
    assert recognise_ble("Headphones", ["0000180f-0000-1000-8000-00805f9b34fb"], [0x4C]) is None
    assert recognise_ble(None, [], []) is None
    assert recognise_port(0x1234, 0x5678) is None
    assert recognise_port(None, None) is None


@pytest.mark.parametrize(
    ("name", "rate_hz"),
    [
        ("capture2go", 100.0),
        ("metamotion", 100.0),
        ("movella-dot", 60.0),
        ("polar-pmd", 50.0),
        ("shimmer3", 128.0),
        ("thingy52", 100.0),
        ("witmotion-ble", 100.0),
        ("witmotion-serial", 100.0),
        ("ximu3", 100.0),
    ],
)
def test_a_device_that_no_rate_is_asked_of_is_asked_for_its_own(name: str, rate_hz: float) -> None:
    family = device_family(name)
    asked, said = ((*family.configure(r), *family.start(r)) for r in (Request(), Request(rate_hz=rate_hz)))
    assert asked == said


@pytest.mark.parametrize(
    ("name", "bauds"),
    [
        # what each maker's devices come with is tried first
        ("hiphinge-v1-serial", (921_600, 115_200, 460_800)),
        ("capture2go", (115_200,)),
        ("shimmer3", (115_200,)),
        ("text-csv", (115_200, 9_600, 230_400, 921_600, 57_600)),
        ("witmotion-serial", (115_200, 9_600, 230_400, 460_800, 921_600, 57_600, 38_400, 19_200)),
        ("ximu3", (115_200,)),
    ],
)
def test_the_speeds_of_serial_lines(name: str, bauds: tuple[int, ...]) -> None:
    serial = device_family(name).serial
    assert serial is not None
    assert serial.bauds == bauds


def test_a_thingys_slow_sensors_are_left_as_the_firmware_has_them() -> None:
    """Nordic, Thingy:52 motion configuration: step counter 1000 ms, temperature 5000 ms, compass 500 ms, motion, wake."""
    assert encode_config(50) == struct.pack("<4HB", 1000, 5000, 500, 50, 0)


@pytest.mark.parametrize("name", [name for name in FAMILIES if device_family(name).command is not None])
def test_a_command_is_read_again_and_parts_of_it_raise_nothing(name: str) -> None:
    """Of what a family writes, something is understood; of bytes that are cut, lengthened or all alike, fields or None."""
    family = device_family(name)
    assert family.command is not None
    request = Request(rate_hz=family.default_rate_hz)
    steps = (*family.configure(request), *family.start(request), *family.stop(request))
    written = [step.payload for step in steps if isinstance(step, Write)]
    understood = [family.command(payload, {}) for payload in written]
    assert any(understood)
    for payload in written:
        for length in range(len(payload) + 4):
            changed = (payload + bytes(4))[:length]
            found = family.command(changed, {})
            assert found is None or (isinstance(found, dict) and found)
    for octet in (0x00, 0x7F, 0xFF):
        for length in range(64):
            family.command(bytes([octet]) * length, {})


@pytest.mark.parametrize("change", [-1, 1])
def test_a_thingys_configuration_has_one_length(change: int) -> None:
    command = device_family("thingy52").command
    assert command is not None
    whole = encode_config(50)
    assert command(whole, {}) is not None
    assert command((whole + b"\0")[: len(whole) + change], {}) is None
