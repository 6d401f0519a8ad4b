"""The kit file: which sensors belong together, where each is worn, how it is reached and how it is configured.

It is also the list of sensors that may be used: a reader connects to these sensors and to no others. TOML:

    name = "gym 1"
    [[sensor]]
    placement = "pelvis"
    family = "hiphinge-v1"
    address = "C0:00:00:00:00:02"      # or port = "/dev/serial/by-id/…", "usb:10C4:EA60:A1B2" (vendor:product:serial number),
                                       # "usb:1A86:7523@1-1.2" (a USB place), "tcp://192.168.4.1:7000", "udp://…", "tcp-in://…"
    rate_hz = 100                      # optional, like range_g, range_dps, baud, model, payload_mode, mounting, config
    strap = "A"                        # optional: what people call it; worn: how it was worn last time (the program's)
    serial = "0002"                    # optional: the number that the sensor tells of itself; another one that answers is told
    advertised = "Movesense 0002"      # optional: its Bluetooth name, by which it is known where its address is another Mac's

Behind a gateway, sensors share a port and are told apart by `number`. Faults are `HiphingeError` with file and line.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from body_signals import NO_LIMITS, PATIENCE_S, HiphingeError, Sensor, Session, Setting, check_athlete
from firmware_protocol import FAMILIES, DeviceFamily, Request, device_family
from ingest.heads.session_toml import KIT_KEYS, Address, HeadReader, line_of
from ingest.links.network import network_address
from on_disk import read_toml, shown, toml_document, toml_text, with_tables, write_toml

GATEWAY_FAMILY = "hiphinge-v1-serial"
"""Sensors of a gateway are of this family in the kit, with a number each."""
MESSAGE_FAMILY = "hiphinge-v1"
"""What is recorded of a gateway's sensor: its messages, taken out of the gateway's stream."""
_TABLES = {"name", "athlete", "sensor"}
_FASTEST_HZ = 2000.0
"""Largest rate in a kit, Hz; sensors of all families are slower (ours)."""
_WRITTEN_AS = {"acc_range_g": "range_g", "gyr_range_dps": "range_dps"}
"""Words of a family's configuration that have another name in a kit."""
OVER_UART = frozenset({GATEWAY_FAMILY, "text-csv"})
"""Families of serial lines whose bytes may come over Nordic's UART service."""
_ADDRESS = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_WIDEST = 65_535.0
"""Largest range: devices that take a range in g or °/s use 16-bit integers."""


@dataclass(frozen=True, slots=True)
class KitSensor:
    """One sensor of a kit. sensor: its name in the session. family: of the device itself. number: behind a gateway. serial: the
    number that the device tells of itself. advertised: its name over Bluetooth."""

    sensor: Sensor
    family: DeviceFamily
    request: Request
    baud: int | None = None
    number: int | None = None
    serial: str | None = None
    advertised: str | None = None

    @property
    def key(self) -> str:
        """See `body_signals.Sensor.key`."""
        return self.sensor.key


@dataclass(frozen=True, slots=True)
class Kit:
    """Sensors that are used together."""

    sensors: tuple[KitSensor, ...]
    name: str = ""
    athlete: str | None = None

    @property
    def addresses(self) -> frozenset[str]:
        """The Bluetooth addresses that may be connected, in upper case."""
        return frozenset(s.sensor.address.upper() for s in self.sensors if s.sensor.address is not None)

    def session(
        self,
        start: datetime,
        athlete: str | None = None,
        software: str = "",
        patience_s: float = PATIENCE_S,
        screen_limits: Mapping[str, float] = NO_LIMITS,
    ) -> Session:
        """Head of a session with this kit. `HiphingeError` where `athlete` names nobody or everybody."""
        # an unset shell variable must not silently become the kit's athlete
        who = (self.athlete or "athlete") if athlete is None else _stated(athlete)
        return Session(
            start.astimezone(UTC),
            who,
            tuple(s.sensor for s in self.sensors),
            software=software,
            patience_s=patience_s,
            screen_limits=screen_limits,
        )


def _stated(athlete: str) -> str:
    try:
        return check_athlete(athlete)
    except HiphingeError as error:
        raise HiphingeError(error.what, "--athlete", "Name one athlete, or leave --athlete out: then it is the kit's") from None


def read_kit(path: Path) -> Kit:
    """The kit that the file at `path` describes."""
    head, text = read_toml(path, "Make one with: hiphinge scan --save KIT")
    return _Reader(head, text, path).kit()


class _Reader:
    def __init__(self, head: Mapping[str, Any], text: str, path: Path) -> None:
        self._head = head
        self._fields = HeadReader(head, lambda address: f"{path}, line {line_of(text, address)}")

    def kit(self) -> Kit:
        fields = self._fields
        fields.no_slips(self._head, _TABLES, ())
        name = fields.optional(self._head, "name", ()) or ""
        athlete = fields.optional(self._head, "athlete", ())
        if athlete is not None:
            fields.check_athlete(athlete, ("athlete",))
        sensors: list[KitSensor] = []
        for i, entry in enumerate(fields.entries("sensor")):
            sensor = self._sensor(entry, i)
            self._alone(sensor, sensors, ("sensor", i))
            sensors.append(sensor)
        if not sensors:
            fields.fail("no sensor", ("sensor",), "Add a [[sensor]] table for each sensor, or run: hiphinge scan --save KIT")
        return Kit(tuple(sensors), name, athlete)

    def _sensor(self, entry: Mapping[str, Any], i: int) -> KitSensor:
        at: Address = ("sensor", i)
        fields = self._fields
        fields.no_slips(
            entry,
            {"placement", "name", "family", "mounting", "address", "port", "rate_hz", "config", "worn", "strap", *KIT_KEYS},
            at,
        )
        sensor = fields.sensor(entry, i)
        if "family" not in entry:
            fields.fail("family is missing", at, f"Add one of {', '.join(FAMILIES)}.")
        if sensor.file is not None:
            fields.fail("a kit has no files", (*at, "file"), "Remove this line.")
        try:
            family = device_family(sensor.family)
        except HiphingeError as error:
            fields.fail(error.what, (*at, "family"), error.remedy)
        number = self._whole(entry, "number", at, 0, 255)
        baud = self._whole(entry, "baud", at, 300, 12_000_000)
        self._reached(sensor, family, number, at)
        acc_range, gyr_range = (self._range(entry, key, at) for key in ("range_g", "range_dps"))
        config: dict[str, Setting] = dict(sensor.config)
        for key in ("model", "payload_mode"):
            if key in entry:
                if not isinstance(entry[key], str | int | float):
                    fields.fail(
                        f"{key} = {shown(entry[key])} is neither text nor a number", (*at, key), "Write one of the maker's."
                    )
                config[key] = entry[key]
        for word, value in (("acc_range_g", acc_range), ("gyr_range_dps", gyr_range)):
            if value is not None and word in family.config_words:
                config[word] = value
        rate = sensor.rate_hz
        if rate is not None and rate > _FASTEST_HZ:
            fields.fail(f"rate_hz = {rate:g} is too fast", (*at, "rate_hz"), f"Sensors give up to {_FASTEST_HZ:g} Hz.")
        if rate is None and family.rates_hz:
            rate = family.default_rate_hz
        request = Request(rate, acc_range, gyr_range, config)
        try:
            family.codec(config, rate)
            family.configure(request)
            family.start(request)
        except HiphingeError as error:
            written = _WRITTEN_AS.get(error.where, error.where)
            word = written if written in entry else "config" if error.where in config else "family"
            fields.fail(error.what, (*at, word), error.remedy)
        except (ValueError, TypeError, KeyError, OverflowError, struct.error) as error:
            # a value for which this device has no code
            what = f"{family.name} cannot be set up like this ({type(error).__name__}: {error})"
            fields.fail(what, at, "Check range_g, range_dps, rate_hz and config against the device's own values.")
        recorded = MESSAGE_FAMILY if number is not None else sensor.family
        named = replace(sensor, family=recorded, rate_hz=rate, config=config)
        serial, advertised = (fields.optional(entry, key, at) for key in ("serial", "advertised"))
        return KitSensor(named, family, request, baud, number, serial, advertised)

    def _reached(self, sensor: Sensor, family: DeviceFamily, number: int | None, at: Address) -> None:
        if (sensor.address is None) == (sensor.port is None):
            self._fields.fail(
                "needs either an address or a port", at, 'Add address = "C0:…" (Bluetooth) or port = "…" (serial).'
            )
        if sensor.address is not None and family.ble is None and family.name not in OVER_UART:
            remedy = f"Give its port, or choose a family with Bluetooth: {_speaking('ble')}."
            self._fields.fail(f"{family.name} has no Bluetooth", (*at, "address"), remedy)
        if sensor.address is not None and family.ble is None and not _ADDRESS.fullmatch(sensor.address):
            remedy = "Give its port, or the address of a sensor that sends its bytes over Nordic's UART service: C0:00:…"
            self._fields.fail(f"{family.name} has no Bluetooth of its own", (*at, "address"), remedy)
        if sensor.port is not None and family.serial is None:
            remedy = f"Give its address, or choose a family with a serial port: {_speaking('serial')}."
            self._fields.fail(f"{family.name} has no serial port", (*at, "port"), remedy)
        try:
            place = network_address(sensor.port or "")
        except ValueError as error:
            remedy = "Write tcp://ADDRESS:PORT (or tcp-in://, udp://) with the sensor's address in this network."
            self._fields.fail(f"{sensor.port}: {error}", (*at, "port"), remedy)
        datagrams = family.serial is not None and family.serial.datagrams
        if sensor.port is not None and datagrams and (place is None or place.scheme != "udp"):
            remedy = 'Let it send to this computer, and write port = "udp://ADDRESS:PORT" with the sensor\'s address.'
            self._fields.fail(f"{family.name} is heard over UDP alone", (*at, "port"), remedy)
        if number is not None and (family.name != GATEWAY_FAMILY or sensor.port is None):
            remedy = f"Remove it; gateways are of the family {GATEWAY_FAMILY} and have a port."
            self._fields.fail("only a sensor behind a gateway has a number", (*at, "number"), remedy)

    def _alone(self, sensor: KitSensor, before: list[KitSensor], at: Address) -> None:
        mine = sensor.sensor
        for other in before:
            if other.key == sensor.key:
                remedy = "Give each sensor a placement of its own, or remove one."
                self._fields.fail(f"two sensors on one placement: {sensor.key}", (*at, "placement"), remedy)
            theirs = other.sensor
            if mine.address is not None and theirs.address is not None and mine.address.upper() == theirs.address.upper():
                remedy = "Each sensor has an address of its own: hiphinge scan shows them."
                self._fields.fail(f"{other.key} has the same address", (*at, "address"), remedy)
            if mine.port is not None and mine.port == theirs.port:
                if sensor.number is None or other.number is None:
                    remedy = "Each sensor has a port of its own, or a number where a gateway collects several."
                    self._fields.fail(f"{other.key} has the same port", (*at, "port"), remedy)
                if sensor.number == other.number:
                    self._fields.fail(f"{other.key} has the same number", (*at, "number"), "Numbers tell sensors apart.")

    def _range(self, entry: Mapping[str, Any], key: str, at: Address) -> float | None:
        if key not in entry:
            return None
        value = self._fields.number(entry, key, at)
        if not 0.0 < value <= _WIDEST:
            self._fields.fail(
                f"{key} = {value:g} is not a range", (*at, key), "Write one of the device's, e.g. 16 g or 2000 deg/s."
            )
        return value

    def _whole(self, entry: Mapping[str, Any], key: str, at: Address, least: int, most: int) -> int | None:
        if key not in entry:
            return None
        value = self._fields.number(entry, key, at)
        if value != int(value) or not least <= value <= most:
            self._fields.fail(f"{key} = {value:g} is out of range", (*at, key), f"Write a whole number, {least} to {most}.")
        return int(value)


def _speaking(link: str) -> str:
    return ", ".join(name for name in FAMILIES if getattr(device_family(name), link) is not None)


def is_bluetooth_address(place: str) -> bool:
    """Whether a place is a Bluetooth address: six bytes, or the UUID that a Mac has made for a sensor."""
    return _ADDRESS.fullmatch(place) is not None


def write_kit(path: Path, sensors: list[dict[str, object]], name: str = "", athlete: str = "") -> Kit:
    """Write a kit file with these `[[sensor]]` entries and return the kit; an unusable one is not written.

    Raises `HiphingeError` when an entry is at fault or the file cannot be written.
    """
    head = {key: value for key, value in (("name", name), ("athlete", athlete)) if value}
    return _write(toml_text(head | {"sensor": sensors}, path), path)


def add_to_kit(path: Path, sensors: list[dict[str, object]]) -> Kit:
    """Put these entries into the kit file, which is created if missing; each replaces an entry with its placement or its
    address.

    The rest of the file stays, with its comments. Raises `HiphingeError` as `write_kit` and `read_kit` do.
    """
    if not path.exists():
        return write_kit(path, sensors, path.stem)
    read_kit(path)
    _, text = read_toml(path, "")
    return _write(with_tables(text, "sensor", sensors, _replaces, path), path)


def kit_of(sensors: list[dict[str, object]], where: Path) -> Kit:
    """The kit of these `[[sensor]]` entries, which stand in no file; `where` is named in faults."""
    text = toml_text({"sensor": sensors}, where)
    return _Reader(toml_document(text, where), text, where).kit()


def _replaces(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    if old["placement"] == new["placement"] != "other" or _upper(old) == _upper(new) is not None:
        return True
    return any(key in old and old[key] == new.get(key) for key in ("name", "port"))


def _upper(entry: Mapping[str, Any]) -> str | None:
    return str(entry["address"]).upper() if "address" in entry else None


def _write(text: str, path: Path) -> Kit:
    kit = _Reader(toml_document(text, path), text, path).kit()
    # it holds no health data: a kit may be shared
    write_toml(path, text, owner_only=False)
    return kit
