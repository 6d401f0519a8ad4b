"""The registry: families by name, and what a scan shows told apart."""

from __future__ import annotations

import pytest

from body_signals import HiphingeError
from firmware_protocol import DEVICE_FAMILIES, FAMILIES, Clock, codec_for, device_family, recognise_ble, recognise_port
from firmware_protocol.device import Read, Request, Write


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
        assert isinstance(step, Write | Read)
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
