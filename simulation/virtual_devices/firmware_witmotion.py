"""What WitMotion's sensors do: they stream from power on, over Bluetooth LE or a serial line, and obey register writes."""

from __future__ import annotations

from firmware_protocol import witmotion_serial
from firmware_protocol.witmotion import RATES_HZ, UNLOCK, Register, decode_command
from firmware_protocol.witmotion_ble import NOTIFY, SERVICE, WRITE, encode_registers, encode_samples
from signals.blocks import Floats
from simulation.sensors import Samples
from simulation.virtual_devices.peripheral import GattCharacteristic, Outgoing

_BATTERY_CENTIVOLT = 390
_BOOT_RATE_HZ = 10.0
_VERSION = 1


class WitMotionBleFirmware:
    """A WT901BLECL: no clock, no counter; four frames a notification."""

    family = "witmotion-ble"
    services: tuple[str, ...] = (SERVICE,)
    company_ids: tuple[int, ...] = ()
    gatt: tuple[GattCharacteristic, ...] = (
        GattCharacteristic(NOTIFY, SERVICE, ("notify",)),
        GattCharacteristic(WRITE, SERVICE, ("write", "write-without-response")),
    )

    def __init__(self, serial: str = "1", samples_per_packet: int = 4) -> None:
        self.name = f"WT901BLE {serial}"
        self.samples_per_packet = samples_per_packet
        self.boot(0)

    def boot(self, number: int) -> None:
        """Settings that were not saved are gone."""
        self.rate_hz, self.streaming, self._unlocked = _BOOT_RATE_HZ, True, False

    def connected(self) -> list[Outgoing]:
        """It says nothing of itself."""
        return []

    def disconnected(self) -> None:
        """It streams on, to nobody."""

    def read(self, characteristic: str) -> bytes:
        """Nothing can be read."""
        return b""

    def written(self, payload: bytes, characteristic: str = "") -> list[Outgoing]:
        """One command of five bytes."""
        command = decode_command(payload, {})
        if command is None:
            return []
        if command["op"] == "read_register":
            return [self._reply(command["reg"])]
        register, value = command["reg"], command["value"]
        if (register, value) == (Register.KEY, UNLOCK):
            self._unlocked = True
        elif self._unlocked and register == Register.RATE and value in RATES_HZ:
            self.rate_hz = RATES_HZ[value]
        elif self._unlocked:
            self._set(register, value)
        return []

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """Frames one after another, with nothing that tells their time."""
        return [Outgoing(encode_samples(samples.acc, samples.gyr), NOTIFY, len(samples))]

    def _set(self, register: int, value: int) -> None:
        """Other registers change nothing that is seen here."""

    def _reply(self, register: int) -> Outgoing:
        return Outgoing(encode_registers(register, (self._value(register),)), NOTIFY)

    def _value(self, register: int) -> int:
        codes = {rate: code for code, rate in RATES_HZ.items()}
        known = {Register.RATE: codes[self.rate_hz], Register.BATTERY: _BATTERY_CENTIVOLT, Register.VERSION: _VERSION}
        return known.get(Register(register), 0) if register in set(Register) else 0


class WitMotionSerialFirmware(WitMotionBleFirmware):
    """A WT901 on a serial line; its time frame is there when the host asks for it. The clock starts at a boot."""

    family = "witmotion-serial"
    services: tuple[str, ...] = ()
    gatt: tuple[GattCharacteristic, ...] = ()
    _SINCE_2000_S = 8.0e8
    """The calendar of a device that was never set goes on from its battery's life; any moment will do."""

    def __init__(self, serial: str = "1") -> None:
        super().__init__(serial, samples_per_packet=1)
        self._heard = b""

    def boot(self, number: int) -> None:
        """See `Firmware.boot`."""
        super().boot(number)
        self._content = witmotion_serial.DEFAULT_CONTENT

    def written(self, payload: bytes, characteristic: str = "") -> list[Outgoing]:
        """Commands as a stream of bytes."""
        self._heard += payload
        out: list[Outgoing] = []
        while len(self._heard) >= 5:
            if decode_command(self._heard[:5], {}) is None:
                self._heard = self._heard[1:]
                continue
            command, self._heard = self._heard[:5], self._heard[5:]
            out += super().written(command)
        return out

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """The frames of one sample."""
        timed = self._content & 1
        payload = b"".join(
            witmotion_serial.encode_sample(acc, gyr, self._SINCE_2000_S + float(t) if timed else None)
            for acc, gyr, t in zip(samples.acc, samples.gyr, clock_s, strict=True)
        )
        return [Outgoing(payload, "", len(samples))]

    def _set(self, register: int, value: int) -> None:
        if register == Register.CONTENT:
            self._content = value

    def _reply(self, register: int) -> Outgoing:
        value = self._value(register).to_bytes(2, "little")
        return Outgoing(witmotion_serial.encode_frame(witmotion_serial.REGISTERS, value + bytes(6)))
