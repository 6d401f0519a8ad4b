"""Finds a codec by the name of its family, and the family of a sensor by what it advertises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from body_signals import NO_SETTINGS, HiphingeError, Setting
from firmware_protocol.codec import Codec
from firmware_protocol.device import DeviceFamily
from firmware_protocol.families.capture2go import CAPTURE2GO
from firmware_protocol.families.metamotion import METAMOTION
from firmware_protocol.families.movella_dot import MOVELLA_DOT
from firmware_protocol.families.movesense import MOVESENSE
from firmware_protocol.families.ngimu import NGIMU
from firmware_protocol.families.phyphox import PHYPHOX
from firmware_protocol.families.polar_pmd import POLAR_PMD
from firmware_protocol.families.shimmer3.family import SHIMMER3
from firmware_protocol.families.text_csv import TEXT_CSV
from firmware_protocol.families.thingy52 import THINGY52
from firmware_protocol.families.witmotion.ble import WITMOTION_BLE
from firmware_protocol.families.witmotion.serial import WITMOTION_SERIAL
from firmware_protocol.families.witmotion.wifi import WITMOTION_WIFI
from firmware_protocol.families.ximu3 import XIMU3
from firmware_protocol.v1.family import V1_BLE, V1_SERIAL

_ALL = (
    WITMOTION_BLE,
    WITMOTION_SERIAL,
    WITMOTION_WIFI,
    MOVESENSE,
    MOVELLA_DOT,
    TEXT_CSV,
    XIMU3,
    NGIMU,
    CAPTURE2GO,
    METAMOTION,
    SHIMMER3,
    POLAR_PMD,
    THINGY52,
    PHYPHOX,
    V1_BLE,
    V1_SERIAL,
)
DEVICE_FAMILIES: Mapping[str, DeviceFamily] = MappingProxyType({family.name: family for family in _ALL})
"""Every family by its name in kits and sessions."""
FAMILIES: tuple[str, ...] = tuple(DEVICE_FAMILIES)


def device_family(name: str) -> DeviceFamily:
    """The family of this name. Raises `HiphingeError` that names the known families."""
    try:
        return DEVICE_FAMILIES[name]
    except KeyError:
        raise HiphingeError(
            f"unknown sensor family {name!r}", "sensor family", f"Known families: {', '.join(FAMILIES)}."
        ) from None


def codec_for(family: str, config: Mapping[str, Setting] = NO_SETTINGS, rate_hz: float | None = None) -> Codec:
    """A fresh codec of `family`; config and rate_hz as in `body_signals.Sensor`.

    Raises `HiphingeError` that names the known families, or the word of `config` that is at fault.
    """
    return device_family(family).codec(config, rate_hz)


def recognise_ble(name: str | None, services: Iterable[str], company_ids: Iterable[int]) -> DeviceFamily | None:
    """The family of an advertisement: by service, else by manufacturer or the beginning of its name; None if unknown.

    services: 128-bit UUIDs in any case.
    """
    ble = [(family, family.ble) for family in DEVICE_FAMILIES.values() if family.ble is not None]
    seen, companies = {uuid.lower() for uuid in services}, set(company_ids)
    for family, link in ble:
        if seen.intersection(link.services):
            return family
    for family, link in ble:
        if companies.intersection(link.company_ids) or (name is not None and name.startswith(link.name_prefixes or ("\0",))):
            return family
    return None


def recognise_port(vendor: int | None, product: int | None) -> DeviceFamily | None:
    """The family that is certainly behind a USB serial port, or None: most use a common bridge chip."""
    for family in DEVICE_FAMILIES.values():
        if family.serial is not None and (vendor, product) in family.serial.usb_ids:
            return family
    return None
