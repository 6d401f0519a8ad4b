"""What a Movesense sensor with the GATT SensorData app does: subscriptions to paths, batches stamped in milliseconds."""

from __future__ import annotations

import numpy as np

from firmware_protocol.movesense import (
    NOTIFY,
    RATES_HZ,
    SERVICE,
    WRITE,
    decode_command,
    encode_batch,
    encode_hello,
    encode_response,
)
from signals.blocks import Floats
from simulation.sensors import Samples
from simulation.virtual_devices.peripheral import GattCharacteristic, Outgoing

_SLOWEST_HZ = 13.0
"""A batch is what this rate would send one sample of."""
_MOST_BYTES = 244


class MovesenseFirmware:
    """One subscription to /Meas/IMU6 at a time."""

    family = "movesense"
    services: tuple[str, ...] = (SERVICE,)
    company_ids: tuple[int, ...] = ()
    gatt: tuple[GattCharacteristic, ...] = (
        GattCharacteristic(WRITE, SERVICE, ("write",)),
        GattCharacteristic(NOTIFY, SERVICE, ("notify",)),
    )

    def __init__(self, serial: str = "1") -> None:
        self.name, self._serial = f"Movesense {serial}", serial
        self.boot(0)

    def boot(self, number: int) -> None:
        """No subscription is left."""
        self.rate_hz, self.streaming, self._ref = 104.0, False, 0

    @property
    def samples_per_packet(self) -> int:
        """Samples of a batch."""
        return round(self.rate_hz / _SLOWEST_HZ)

    def connected(self) -> list[Outgoing]:
        """It waits to be asked."""
        return []

    def disconnected(self) -> None:
        """Subscriptions end with the link."""
        self.streaming = False

    def read(self, characteristic: str) -> bytes:
        """Nothing can be read."""
        return b""

    def written(self, payload: bytes, characteristic: str = "") -> list[Outgoing]:
        """HELLO, SUBSCRIBE, UNSUBSCRIBE."""
        command = decode_command(payload, {})
        if command is None:
            return []
        if command["op"] == "hello":
            return [Outgoing(encode_hello(command["ref"], self._serial), NOTIFY)]
        status = 200
        if command["op"] == "unsubscribe":
            self.streaming = False
        elif command["op"] == "subscribe":
            known = {f"/Meas/IMU6/{rate:.0f}": rate for rate in RATES_HZ}
            if command["path"] in known:
                self.rate_hz, self._ref, self.streaming = known[command["path"]], command["ref"], True
            else:
                status = 404
        return [Outgoing(encode_response(command["ref"], status), NOTIFY)]

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """A batch, in two parts where it is too long for one; the samples go with the last."""
        stamp_ms = int(np.floor(float(clock_s[0]) * 1000.0))
        parts = encode_batch(stamp_ms, [samples.acc, samples.gyr], self._ref, _MOST_BYTES)
        counts = [0] * (len(parts) - 1) + [len(samples)]
        return [Outgoing(part, NOTIFY, count) for part, count in zip(parts, counts, strict=True)]
