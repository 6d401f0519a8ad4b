"""Further sensors, as far as a host notices their behaviour: Thingy:52, MetaMotion, Polar PMD, Shimmer3, phyphox; in a network
NGIMU and WitMotion's."""

from __future__ import annotations

import numpy as np

from body_signals import G0, Floats
from firmware_protocol import Fields
from firmware_protocol.families import metamotion, ngimu, phyphox, polar_pmd, thingy52
from firmware_protocol.families.shimmer3 import family as shimmer3
from firmware_protocol.families.shimmer3 import stream as shimmer3_stream
from firmware_protocol.families.shimmer3.calibration import GYR_PER_DPS, default_acc, encode_reply
from firmware_protocol.families.witmotion import wifi as witmotion_wifi
from firmware_protocol.osc import encode_bundle, encode_message, messages_of
from virtual_athlete.sensors import Samples
from virtual_athlete.virtual_devices.maker import BATTERY_LEVEL, BATTERY_SERVICE, Maker
from virtual_athlete.virtual_devices.peripheral import GattCharacteristic, Outgoing

_BATTERY = GattCharacteristic(BATTERY_LEVEL, BATTERY_SERVICE, ("read",))


class Thingy52Firmware(Maker):
    """Thingy:52: streams to every host that is connected, at the rate that was written last."""

    family = thingy52.FAMILY
    services: tuple[str, ...] = (thingy52.CONFIGURATION_SERVICE,)
    gatt: tuple[GattCharacteristic, ...] = (
        GattCharacteristic(thingy52.CONFIG, thingy52.MOTION_SERVICE, ("read", "write")),
        GattCharacteristic(thingy52.RAW, thingy52.MOTION_SERVICE, ("notify",)),
        _BATTERY,
    )

    def __init__(self, serial: str = "1", rate_hz: float = 50.0) -> None:
        super().__init__(serial, rate_hz, "Thingy")

    def connected(self) -> list[Outgoing]:
        """See `Firmware.connected`."""
        self.streaming = True
        return []

    def written(self, payload: bytes, characteristic: str = "", clock_s: float = 0.0) -> list[Outgoing]:
        """A configuration."""
        fields = thingy52.decode_command(payload, {})
        if fields is not None:
            self.rate_hz = float(fields["motion_hz"])
        return []

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """One sample."""
        return [Outgoing(thingy52.encode_raw(samples.acc[0], samples.gyr[0]), thingy52.RAW, 1)]


class MetaMotionFirmware(Maker):
    """MetaMotion: two streams, packed three by three, each switched on by itself; with either of its chips."""

    family = metamotion.FAMILY
    services: tuple[str, ...] = (metamotion.SERVICE,)
    gatt: tuple[GattCharacteristic, ...] = (
        GattCharacteristic(metamotion.COMMAND, metamotion.SERVICE, ("write", "write-without-response")),
        GattCharacteristic(metamotion.NOTIFY, metamotion.SERVICE, ("notify",)),
        _BATTERY,
    )
    samples_per_packet = 3

    def __init__(self, serial: str = "1", rate_hz: float = 100.0, chip: str = metamotion.BMI160) -> None:
        self._chip = chip
        super().__init__(serial, rate_hz, "MetaWear")

    def boot(self, number: int) -> None:
        """See `Firmware.boot`."""
        super().boot(number)
        self._on: set[str] = set()
        self._ranges = (16.0, 2000.0)

    def disconnected(self) -> None:
        """It stops, and forgets who had subscribed."""
        super().disconnected()
        self._on.clear()

    def written(self, payload: bytes, characteristic: str = "", clock_s: float = 0.0) -> list[Outgoing]:
        """Rates, ranges, and what is switched on."""
        fields = metamotion.decode_command(payload, {"chip": self._chip})
        if fields is None:
            return []
        op = str(fields["op"])
        if op == "ask_chip":
            return [Outgoing(metamotion.encode_chip(payload[0], self._chip), metamotion.NOTIFY)]
        if op.endswith("config"):
            self.rate_hz = fields["rate_hz"]
            acc, gyr = self._ranges
            self._ranges = (fields.get("range_g", acc), fields.get("range_dps", gyr))
        elif op.endswith("stop"):
            self._on.discard(op.replace("stop", "start"))
        else:
            self._on.add(op)
        needed = {f"{sensor}_{what}" for sensor in ("acc", "gyr") for what in ("packed_subscribe", "enable", "start")}
        self.streaming = needed <= self._on
        return []

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """Three samples: acceleration, then the angular rate that completes them."""
        scales = (G0 / metamotion.ACC_LSB[self._ranges[0]], np.radians(1.0) / metamotion.GYR_LSB[self._ranges[1]])
        acc = metamotion.encode_packed(metamotion.ACC, samples.acc, scales[0], self._chip)
        gyr = metamotion.encode_packed(metamotion.GYR, samples.gyr, scales[1], self._chip)
        return [Outgoing(acc, metamotion.NOTIFY, 0), Outgoing(gyr, metamotion.NOTIFY, len(samples))]


class PolarPmdFirmware(Maker):
    """A Polar H10: frames of acceleration, stamped with their last sample's time."""

    family = polar_pmd.FAMILY
    services: tuple[str, ...] = (polar_pmd.SERVICE,)
    gatt: tuple[GattCharacteristic, ...] = (
        GattCharacteristic(polar_pmd.CONTROL, polar_pmd.SERVICE, ("read", "write", "indicate")),
        GattCharacteristic(polar_pmd.DATA, polar_pmd.SERVICE, ("notify",)),
        _BATTERY,
    )
    samples_per_packet = 16

    def __init__(self, serial: str = "1", rate_hz: float = 50.0) -> None:
        super().__init__(serial, rate_hz, f"Polar H10 {serial}")

    def written(self, payload: bytes, characteristic: str = "", clock_s: float = 0.0) -> list[Outgoing]:
        """Start and stop."""
        fields = polar_pmd.decode_command(payload, {})
        if fields is None or fields["type"] != "acc":
            return []
        self.streaming = fields["op"] == "start"
        self.rate_hz = float(fields.get("rate_hz", self.rate_hz))
        factor = 1.0 if self.streaming else None
        return [Outgoing(polar_pmd.encode_answer(payload[0], factor=factor), polar_pmd.CONTROL)]

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """One frame."""
        return [Outgoing(polar_pmd.encode_frame(round(clock_s[-1] * 1e9), samples.acc), polar_pmd.DATA, len(samples))]


_KXTC9 = (2253.0, 92.0)
"""Offset and LSB per m/s² of the accelerometer of later devices: not the default, the host must ask."""


class Shimmer3Firmware(Maker):
    """A Shimmer3 on its serial port over Bluetooth classic: acknowledges, tells its calibration, streams when it is started."""

    family = shimmer3.FAMILY

    def __init__(self, serial: str = "1", rate_hz: float = 51.2) -> None:
        super().__init__(serial, rate_hz)

    def boot(self, number: int) -> None:
        """See `Firmware.boot`."""
        super().boot(number)
        self._heard = b""
        self._gyr_range = 500.0

    def written(self, payload: bytes, characteristic: str = "", clock_s: float = 0.0) -> list[Outgoing]:
        """Commands, one after another in a stream."""
        self._heard += payload
        out: list[Outgoing] = []
        while self._heard:
            size = shimmer3.COMMAND_BYTES.get(self._heard[0], 1)
            if len(self._heard) < size:
                break
            fields = shimmer3.decode_command(self._heard[:size], {})
            self._heard = self._heard[size:]
            if fields is not None:
                out += self._obey(fields)
        return out

    def _obey(self, fields: Fields) -> list[Outgoing]:
        if fields["op"] == "inquiry":
            return [Outgoing(shimmer3.encode_inquiry_reply(self.rate_hz))]
        self.rate_hz = fields.get("rate_hz", self.rate_hz)
        self._gyr_range = fields.get("range_dps", self._gyr_range)
        if fields["op"] == "get_calibration":
            reply = encode_reply(_KXTC9, GYR_PER_DPS[self._gyr_range])
            return [Outgoing(bytes((shimmer3_stream.ACK,)) + reply)]
        if fields["op"] in ("start_streaming", "stop_streaming"):
            self.streaming = fields["op"] == "start_streaming"
        return [Outgoing(bytes((shimmer3_stream.ACK,)))]

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """One sample of the low-noise accelerometer and the gyroscope."""
        acc, gyr = samples.acc[0], samples.gyr[0]
        data = shimmer3.encode_sample(float(clock_s[0]), acc, gyr, self._gyr_range, default_acc(*_KXTC9))
        return [Outgoing(data, "", 1)]


class PhyphoxFirmware(Maker):
    """A sketch with phyphox's library: sends six numbers in SI units for each sample, to every subscriber."""

    family = phyphox.FAMILY
    services: tuple[str, ...] = (phyphox.EXPERIMENT_SERVICE,)
    gatt: tuple[GattCharacteristic, ...] = (
        GattCharacteristic(phyphox.DATA, phyphox.SERVICE, ("read", "write", "notify")),
        GattCharacteristic(phyphox.CONFIG, phyphox.SERVICE, ("read", "write", "notify")),
    )

    def __init__(self, serial: str = "1", rate_hz: float = 100.0) -> None:
        super().__init__(serial, rate_hz, f"Bar {serial}")

    def connected(self) -> list[Outgoing]:
        """See `Firmware.connected`."""
        self.streaming = True
        return []

    def written(self, payload: bytes, characteristic: str = "", clock_s: float = 0.0) -> list[Outgoing]:
        """The sketch ignores it."""
        return []

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """One sample."""
        values = np.concatenate((samples.acc[0], samples.gyr[0]))
        return [Outgoing(phyphox.encode_channels(values), phyphox.DATA, 1)]


_SINCE_1900_S = 3_155_673_600.0
"""1 January 2000: where an NGIMU's clock begins that nobody has set (ours)."""
_PHASE_S = 0.003
"""By how much later, s, the first sample is taken after each start of the device: no two starts are alike (ours)."""


class NgimuFirmware(Maker):
    """An NGIMU in the network: sends datagrams from power on, and answers a setting with its value."""

    family = ngimu.FAMILY

    def __init__(self, serial: str = "1", rate_hz: float = 50.0) -> None:
        super().__init__(serial, rate_hz)

    def boot(self, number: int) -> None:
        """See `Firmware.boot`."""
        super().boot(number)
        self.streaming, self._phase_s = True, _PHASE_S * number

    def disconnected(self) -> None:
        """The device does not notice."""

    def written(self, payload: bytes, characteristic: str = "", clock_s: float = 0.0) -> list[Outgoing]:
        """Settings, asked for or written."""
        found = messages_of(payload)
        out = []
        for message in [] if isinstance(found, str) else found:
            if message.address == ngimu.RATE_OF_SENSORS and message.types == "f":
                self.rate_hz = float(str(message.values[0]))
            value = self._serial if message.address == ngimu.SERIAL_NUMBER else self.rate_hz
            out.append(Outgoing(encode_bundle(1, encode_message(message.address, value))))
        return out

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """One sample."""
        (data,) = ngimu.encode_sample(_SINCE_1900_S + self._phase_s + float(clock_s[0]), samples.acc[0], samples.gyr[0])
        return [Outgoing(data, "", 1)]


class WitMotionWifiFirmware(Maker):
    """A WT901WIFI: sends frames from power on, at the rate that was set in the maker's program."""

    family = witmotion_wifi.FAMILY

    def __init__(self, serial: str = "1", rate_hz: float = 50.0) -> None:
        super().__init__(serial, rate_hz)

    def boot(self, number: int) -> None:
        """See `Firmware.boot`."""
        super().boot(number)
        self.streaming, self._phase_s = True, _PHASE_S * number

    def disconnected(self) -> None:
        """The device does not notice."""

    def written(self, payload: bytes, characteristic: str = "", clock_s: float = 0.0) -> list[Outgoing]:
        """Nothing that we know is understood."""
        return []

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """One frame."""
        time_s = self._phase_s + float(clock_s[0])
        number = "55" + "".join(c for c in self._serial if c.isdigit()).rjust(8, "0")[-8:]
        return [Outgoing(witmotion_wifi.encode_sample(time_s, samples.acc[0], samples.gyr[0], number), "", 1)]
