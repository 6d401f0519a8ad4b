"""Behaviour of sensors on the market, as far as a host notices it, and of a sketch that prints lines.

`virtual_firmware` makes the firmware of any family. Bytes are made by the families' own encoders.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from body_signals import Floats
from firmware_protocol.families import capture2go, movella_dot, movesense, text_csv, ximu3
from firmware_protocol.families.witmotion import ble as witmotion_ble
from firmware_protocol.families.witmotion import serial as witmotion_serial
from firmware_protocol.families.witmotion.frames import QUAT_SCALE, UNLOCK, Register, decode_command, to_raw
from virtual_athlete.sensors import Samples
from virtual_athlete.virtual_devices.firmware_further import (
    MetaMotionFirmware,
    NgimuFirmware,
    PhyphoxFirmware,
    PolarPmdFirmware,
    Shimmer3Firmware,
    Thingy52Firmware,
    WitMotionWifiFirmware,
)
from virtual_athlete.virtual_devices.firmware_v1 import V1Firmware, V1SerialFirmware
from virtual_athlete.virtual_devices.maker import BATTERY_LEVEL, BATTERY_PERCENT, BATTERY_SERVICE, Maker
from virtual_athlete.virtual_devices.peripheral import Firmware, GattCharacteristic, Outgoing

UPRIGHT = np.array([1.0, 0.0, 0.0, 0.0])
"""The orientation that every simulated sensor reports: its own filter is not simulated."""


class WitMotionBleFirmware(Maker):
    """WT901BLE and its like: streams as soon as somebody is connected, has neither clock nor counter."""

    family = witmotion_ble.FAMILY
    services: tuple[str, ...] = (witmotion_ble.SERVICE,)
    gatt: tuple[GattCharacteristic, ...] = (
        GattCharacteristic(witmotion_ble.NOTIFY, witmotion_ble.SERVICE, ("notify",)),
        GattCharacteristic(witmotion_ble.WRITE, witmotion_ble.SERVICE, ("write-without-response", "write")),
    )

    def __init__(self, serial: str = "1", rate_hz: float = 10.0) -> None:
        super().__init__(serial, rate_hz, f"WT901BLE{serial}")

    def connected(self) -> list[Outgoing]:
        """See `Firmware.connected`."""
        self.streaming = True
        return []

    def written(self, payload: bytes, characteristic: str = "", clock_s: float = 0.0) -> list[Outgoing]:
        """The rate, and registers that are asked for."""
        fields = decode_command(payload, {})
        if fields is None:
            return []
        if fields["op"] == "write_register":
            self.rate_hz = fields.get("rate_hz", self.rate_hz)
            return []
        value = 400 if fields["reg"] == Register.BATTERY else 0
        return [Outgoing(witmotion_ble.encode_registers(fields["reg"], (value,)), witmotion_ble.NOTIFY)]

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """Frames of twenty bytes."""
        return [Outgoing(witmotion_ble.encode_samples(samples.acc, samples.gyr), witmotion_ble.NOTIFY, len(samples))]


class WitMotionSerialFirmware(Maker):
    """WT901 on a cable: streams from power on, slowly and without a clock until it is told otherwise; nothing is saved."""

    family = witmotion_serial.FAMILY

    def __init__(self, serial: str = "1", rate_hz: float = 10.0) -> None:
        super().__init__(serial, rate_hz)

    def boot(self, number: int) -> None:
        """See `Firmware.boot`."""
        super().boot(number)
        self.streaming = True
        self._content = witmotion_serial.DEFAULT_CONTENT
        self._unlocked = False
        self._heard = b""

    def disconnected(self) -> None:
        """The device does not notice."""

    def written(self, payload: bytes, characteristic: str = "", clock_s: float = 0.0) -> list[Outgoing]:
        """Commands of five bytes in a stream: the rate and the content, once it is unlocked."""
        self._heard += payload
        while len(self._heard) >= 5:
            fields = decode_command(self._heard[:5], {})
            self._heard = self._heard[1 if fields is None else 5 :]
            if fields is None or fields["op"] != "write_register":
                continue
            if (fields["reg"], fields["value"]) == (Register.KEY, UNLOCK):
                self._unlocked = True
            elif self._unlocked:
                self.rate_hz = fields.get("rate_hz", self.rate_hz)
                self._content = fields["value"] if fields["reg"] == Register.CONTENT else self._content
        return []

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """The frames of one sample that the content register names; the orientation always says upright."""
        wanted = [witmotion_serial.FIRST + bit for bit in range(16) if self._content >> bit & 1]
        timed = witmotion_serial.TIME in wanted
        data = witmotion_serial.encode_sample(samples.acc[0], samples.gyr[0], 8e8 + float(clock_s[0]) if timed else None)
        for kind in wanted:
            if kind > witmotion_serial.GYR:
                quat = to_raw(UPRIGHT, QUAT_SCALE).tobytes()
                data += witmotion_serial.encode_frame(kind, quat if kind == witmotion_serial.QUAT else bytes(8))
        return [Outgoing(data, "", 1)]


class MovesenseFirmware(Maker):
    """Movesense: batches of a subscription, in two parts where they do not fit one packet."""

    family = movesense.FAMILY
    services: tuple[str, ...] = (movesense.SERVICE,)
    gatt: tuple[GattCharacteristic, ...] = (
        GattCharacteristic(movesense.WRITE, movesense.SERVICE, ("write",)),
        GattCharacteristic(movesense.NOTIFY, movesense.SERVICE, ("notify",)),
        GattCharacteristic(BATTERY_LEVEL, BATTERY_SERVICE, ("read",)),
    )

    def __init__(self, serial: str = "1", rate_hz: float = 104.0) -> None:
        self._ref = 0
        super().__init__(serial, rate_hz, f"Movesense {serial}")

    @property
    def samples_per_packet(self) -> int:  # type: ignore[override]
        """A thirteenth of a second's samples."""
        return max(1, round(self.rate_hz / 13.0))

    def written(self, payload: bytes, characteristic: str = "", clock_s: float = 0.0) -> list[Outgoing]:
        """HELLO, SUBSCRIBE, UNSUBSCRIBE."""
        fields = movesense.decode_command(payload, {})
        if fields is None:
            return []
        if fields["op"] == "hello":
            return [Outgoing(movesense.encode_hello(fields["ref"], self._serial), movesense.NOTIFY)]
        status = 200
        if fields["op"] == "unsubscribe":
            self.streaming = False
        elif fields["op"] == "subscribe":
            rates = {f"/Meas/IMU6/{rate:.0f}": rate for rate in movesense.RATES_HZ}
            if fields["path"] in rates:
                self._ref, self.rate_hz, self.streaming = fields["ref"], rates[fields["path"]], True
            else:
                status = 404
        return [Outgoing(movesense.encode_response(fields["ref"], status), movesense.NOTIFY)]

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """One batch."""
        parts = movesense.encode_batch(math.floor(clock_s[0] * 1e3), [samples.acc, samples.gyr], self._ref, 244)
        # without its last part a batch is lost: that part stands for all of it
        counts = [0] * (len(parts) - 1) + [len(samples)]
        return [Outgoing(part, movesense.NOTIFY, count) for part, count in zip(parts, counts, strict=True)]


class MovellaDotFirmware(Maker):
    """Movella DOT: one sample per notification in the mode that was asked for, its clock in each."""

    family = movella_dot.FAMILY
    services: tuple[str, ...] = (movella_dot.CONFIGURATION_SERVICE,)
    company_ids: tuple[int, ...] = (movella_dot.COMPANY_ID,)
    gatt: tuple[GattCharacteristic, ...] = (
        GattCharacteristic(movella_dot.DEVICE_CONTROL, movella_dot.CONFIGURATION_SERVICE, ("read", "write")),
        GattCharacteristic(movella_dot.MEASUREMENT_CONTROL, movella_dot.MEASUREMENT_SERVICE, ("read", "write")),
        *(
            GattCharacteristic(movella_dot.uuid(short), movella_dot.MEASUREMENT_SERVICE, ("notify",))
            for short in ("2002", "2003", "2004")
        ),
        GattCharacteristic(movella_dot.BATTERY, movella_dot.BATTERY_SERVICE, ("read", "notify")),
    )

    def __init__(self, serial: str = "1", rate_hz: float = 60.0) -> None:
        self._mode = 26
        super().__init__(serial, rate_hz, "Movella DOT")

    def read(self, characteristic: str) -> bytes:
        """The battery."""
        return movella_dot.encode_battery(BATTERY_PERCENT, False) if characteristic == movella_dot.BATTERY else b""

    def written(self, payload: bytes, characteristic: str = "", clock_s: float = 0.0) -> list[Outgoing]:
        """The rate, start and stop of a mode."""
        fields = movella_dot.decode_command(payload, {}) or {}
        if fields.get("op") == "device_control" and not self.streaming:
            self.rate_hz = float(fields.get("rate_hz", self.rate_hz))
        elif fields.get("op") in ("start_measurement", "stop_measurement"):
            self.streaming, self._mode = fields["op"] == "start_measurement", fields["payload_mode"]
        return []

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """One sample; its own orientation filter is not simulated, it always says upright."""
        values = {"acc": samples.acc[0], "gyr": samples.gyr[0], "quat": UPRIGHT}
        data = movella_dot.encode_sample(self._mode, math.floor(clock_s[0] * 1e6), values)
        return [Outgoing(data, movella_dot.MODES[self._mode].characteristic, 1)]


class Ximu3Firmware(Maker):
    """x-IMU3 on USB: streams from power on, as it was set up the last time."""

    family = ximu3.FAMILY

    def __init__(self, serial: str = "1", rate_hz: float = 100.0) -> None:
        super().__init__(serial, rate_hz)

    def boot(self, number: int) -> None:
        """See `Firmware.boot`."""
        super().boot(number)
        self.streaming, self._heard = True, b""

    def disconnected(self) -> None:
        """The device does not notice."""

    def written(self, payload: bytes, characteristic: str = "", clock_s: float = 0.0) -> list[Outgoing]:
        """Commands are lines; each is answered by itself. Settings hold from `apply` on; here, at once."""
        *lines, self._heard = (self._heard + payload).split(b"\n")
        for line in lines:
            fields = ximu3.decode_command(line, {}) or {}
            if fields.get("op") == "inertial_message_rate_divisor":
                self.rate_hz = ximu3.SAMPLE_RATE_HZ / fields["value"]
        return [Outgoing(line + b"\r\n") for line in lines]

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """Quaternion and inertial message of one sample."""
        data = ximu3.encode_sample(math.floor(clock_s[0] * 1e6), samples.acc[0], samples.gyr[0], UPRIGHT)
        return [Outgoing(data, "", 1)]


class Capture2GoFirmware(Maker):
    """Capture2Go: single samples in frames, over Bluetooth each in a notification that begins with FF, no real-time frames.

    A host that writes to a characteristic is connected by Bluetooth.
    """

    family = capture2go.FAMILY
    services: tuple[str, ...] = (capture2go.SERVICE,)
    gatt: tuple[GattCharacteristic, ...] = (
        GattCharacteristic(capture2go.WRITE, capture2go.SERVICE, ("write",)),
        GattCharacteristic(capture2go.NOTIFY, capture2go.SERVICE, ("notify",)),
    )

    def __init__(self, serial: str = "1", rate_hz: float = 100.0) -> None:
        self._before = b""
        """Bytes before each frame."""
        super().__init__(serial, rate_hz, f"Capture2Go {serial}")

    def written(self, payload: bytes, characteristic: str = "", clock_s: float = 0.0) -> list[Outgoing]:
        """Measurement mode, start, stop."""
        self._before = b"\xff" if characteristic else b""
        op = (capture2go.decode_command(payload, {}) or {}).get("op")
        if op == "set_measurement_mode":
            modes = {capture2go.encode_measurement_mode(rate): rate for rate in capture2go.CAPTURE2GO.rates_hz}
            self.rate_hz = modes.get(payload, self.rate_hz)
        elif op in ("start_streaming", "stop_streaming"):
            self.streaming = op == "start_streaming"
        return []

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """One frame."""
        stamp = math.floor(clock_s[0] * 1e9)
        flags = capture2go.FLAG_CLIPPED if samples.saturated[0] else 0
        data = capture2go.encode_sample(self.rate_hz, stamp, samples.acc[0], samples.gyr[0], UPRIGHT, flags)
        return [Outgoing(self._before + data, capture2go.NOTIFY, 1)]


class TextCsvFirmware(Maker):
    """A student's sketch: prints a line per sample from power-on and ignores commands."""

    family = text_csv.FAMILY

    def __init__(self, serial: str = "1", rate_hz: float = 100.0) -> None:
        super().__init__(serial, rate_hz)

    def boot(self, number: int) -> None:
        """See `Firmware.boot`."""
        super().boot(number)
        self.streaming = True

    def disconnected(self) -> None:
        """The device does not notice."""

    def written(self, payload: bytes, characteristic: str = "", clock_s: float = 0.0) -> list[Outgoing]:
        """A sketch ignores commands."""
        return []

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """One line."""
        return [Outgoing(text_csv.encode_line({}, samples.acc[0], samples.gyr[0], float(clock_s[0])), "", 1)]


_FIRMWARE: dict[str, Callable[..., Firmware]] = {
    "hiphinge-v1": V1Firmware,
    "hiphinge-v1-serial": V1SerialFirmware,
    witmotion_ble.FAMILY: WitMotionBleFirmware,
    witmotion_serial.FAMILY: WitMotionSerialFirmware,
    movesense.FAMILY: MovesenseFirmware,
    movella_dot.FAMILY: MovellaDotFirmware,
    ximu3.FAMILY: Ximu3Firmware,
    capture2go.FAMILY: Capture2GoFirmware,
    text_csv.FAMILY: TextCsvFirmware,
    "ngimu": NgimuFirmware,
    "witmotion-wifi": WitMotionWifiFirmware,
    "thingy52": Thingy52Firmware,
    "metamotion": MetaMotionFirmware,
    "polar-pmd": PolarPmdFirmware,
    "shimmer3": Shimmer3Firmware,
    "phyphox": PhyphoxFirmware,
}
VIRTUAL_FAMILIES = tuple(_FIRMWARE)
"""Families that have a virtual device."""


def virtual_firmware(family: str, serial: str, **options: object) -> Firmware:
    """Firmware of a virtual device; options: words of its class, e.g. the chip of a MetaMotion. KeyError for a family without
    one."""
    return _FIRMWARE[family](serial, **options)
