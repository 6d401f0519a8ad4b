"""The same motion as each device family would send it, packet by packet: for tests, throughput and fuzzing of codecs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from body_signals.blocks import G0, Floats
from body_signals.session import Setting
from firmware_protocol.codec import Codec
from firmware_protocol.families import (
    capture2go,
    metamotion,
    movella_dot,
    movesense,
    ngimu,
    phyphox,
    polar_pmd,
    text_csv,
    thingy52,
    ximu3,
)
from firmware_protocol.families.shimmer3 import family as shimmer3
from firmware_protocol.families.witmotion import ble as witmotion_ble
from firmware_protocol.families.witmotion import serial as witmotion_serial
from firmware_protocol.families.witmotion import wifi as witmotion_wifi
from firmware_protocol.registry import codec_for
from firmware_protocol.v1 import Config, encode_config, encode_data, frame_serial

TEXT: dict[str, Setting] = {
    "columns": ("time", "ax", "ay", "az", "gx", "gy", "gz"),
    "time_unit": "us",
    "acc_unit": "m/s^2",
    "gyr_unit": "rad/s",
    "just_opened": False,
}


@dataclass(frozen=True)
class Stream:
    """A stream of one sensor: packets in order with the number of samples that each brings, and what was measured."""

    family: str
    rate_hz: float
    config: dict[str, Setting]
    packets: list[bytes]
    samples: list[int]
    time_s: Floats
    acc: Floats
    gyr: Floats
    steps: tuple[float, float, float]
    """Largest errors of time s, acc m/s² and gyr rad/s that the wire format brings; gyr is empty where none is sent."""
    serial: bool = False

    def codec(self) -> Codec:
        """A fresh decoder."""
        return codec_for(self.family, self.config, self.rate_hz)


def motion(n: int, rate_hz: float, seed: int = 1) -> tuple[Floats, Floats, Floats]:
    """Device time (n,), acc (n, 3), gyr (n, 3), quat is the identity: something that moves within the ranges."""
    random = np.random.default_rng(seed)
    time_s = 100.0 + np.arange(n) / rate_hz
    acc = random.uniform(-150.0, 150.0, (n, 3))
    gyr = random.uniform(-34.0, 34.0, (n, 3))
    return time_s, acc, gyr


_QUAT = np.array([0.5, 0.5, -0.5, 0.5])
_INT16 = (16 * 9.81 / 32768, np.radians(2000.0) / 32768)


def _witmotion_ble(n: int, rate_hz: float) -> Stream:
    time_s, acc, gyr = motion(n, rate_hz)
    packets = [witmotion_ble.encode_samples(acc[i : i + 1], gyr[i : i + 1]) for i in range(n)]
    return Stream("witmotion-ble", rate_hz, {}, packets, [1] * n, time_s, acc, gyr, (0.0, *_INT16))


def _witmotion_serial(n: int, rate_hz: float) -> Stream:
    time_s, acc, gyr = motion(n, rate_hz)
    packets = [witmotion_serial.encode_sample(acc[i], gyr[i], time_s[i], _QUAT) for i in range(n)]
    return Stream("witmotion-serial", rate_hz, {}, packets, [1] * n, time_s, acc, gyr, (1e-3, *_INT16), serial=True)


def _witmotion_wifi(n: int, rate_hz: float) -> Stream:
    time_s, acc, gyr = motion(n, rate_hz)
    packets = [witmotion_wifi.encode_sample(time_s[i], acc[i], gyr[i]) for i in range(n)]
    return Stream("witmotion-wifi", rate_hz, {}, packets, [1] * n, time_s, acc, gyr, (1e-3, *_INT16), serial=True)


def _movesense(n: int, rate_hz: float) -> Stream:
    rate_hz = min(movesense.RATES_HZ, key=lambda r: abs(r - rate_hz))
    each = round(rate_hz / 13.0)
    time_s, acc, gyr = motion(n // each * each, rate_hz)
    packets: list[bytes] = []
    samples: list[int] = []
    for i in range(0, len(acc), each):
        parts = movesense.encode_batch(round(time_s[i] * 1000), [acc[i : i + each], gyr[i : i + each]], most=182)
        packets += parts
        samples += [0] * (len(parts) - 1) + [each]
    return Stream("movesense", rate_hz, {}, packets, samples, time_s, acc, gyr, (1e-3, 1e-5, 1e-5))


def _movella_dot(n: int, rate_hz: float) -> Stream:
    time_s, acc, gyr = motion(n, rate_hz)
    packets = [
        movella_dot.encode_sample(26, round(time_s[i] * 1e6), {"quat": _QUAT, "acc": acc[i], "gyr": gyr[i]}) for i in range(n)
    ]
    return Stream("movella-dot", rate_hz, {}, packets, [1] * n, time_s, acc, gyr, (1e-6, 1e-5, 1e-5))


def _text_csv(n: int, rate_hz: float) -> Stream:
    time_s, acc, gyr = motion(n, rate_hz)
    packets = [text_csv.encode_line(TEXT, acc[i], gyr[i], time_s[i]) for i in range(n)]
    return Stream("text-csv", rate_hz, TEXT, packets, [1] * n, time_s, acc, gyr, (1e-6, 1e-6, 1e-6), serial=True)


def _ximu3(n: int, rate_hz: float) -> Stream:
    time_s, acc, gyr = motion(n, rate_hz)
    packets = [ximu3.encode_sample(round(time_s[i] * 1e6), acc[i], gyr[i], _QUAT) for i in range(n)]
    return Stream("ximu3", rate_hz, {}, packets, [1] * n, time_s, acc, gyr, (1e-6, 1e-4, 1e-4), serial=True)


def _ngimu(n: int, rate_hz: float) -> Stream:
    time_s, acc, gyr = motion(n, rate_hz)
    packets = [packet for i in range(n) for packet in ngimu.encode_sample(time_s[i], acc[i], gyr[i], _QUAT)]
    return Stream("ngimu", rate_hz, {}, packets, [0, 1] * n, time_s, acc, gyr, (1e-6, 1e-4, 1e-4))


def _capture2go(n: int, rate_hz: float) -> Stream:
    time_s, acc, gyr = motion(n, rate_hz)
    packets = [capture2go.encode_sample(rate_hz, round(time_s[i] * 1e9), acc[i], gyr[i], _QUAT) for i in range(n)]
    config: dict[str, Setting] = {"link": "serial"}
    return Stream("capture2go", rate_hz, config, packets, [1] * n, time_s, acc, gyr, (1e-6, *_INT16), serial=True)


def _metamotion(n: int, rate_hz: float) -> Stream:
    time_s, acc, gyr = motion(n // 3 * 3, rate_hz)
    scales = (G0 / 2048.0, np.radians(1.0) / 16.4)
    packets: list[bytes] = []
    for i in range(0, len(acc), 3):
        packets.append(metamotion.encode_packed(metamotion.ACC, acc[i : i + 3], scales[0]))
        packets.append(metamotion.encode_packed(metamotion.GYR, gyr[i : i + 3], scales[1]))
    return Stream("metamotion", rate_hz, {}, packets, [0, 3] * (len(acc) // 3), time_s, acc, gyr, (0.0, *scales))


def _shimmer3(n: int, rate_hz: float) -> Stream:
    time_s, acc, gyr = motion(n, rate_hz)
    time_s, acc = time_s - 99.0, acc / 10.0
    packets = [shimmer3.encode_sample(time_s[i], acc[i], gyr[i], 2000.0) for i in range(n)]
    config: dict[str, Setting] = {"gyr_range_dps": 2000}
    steps = (1.0 / 32768, 1.0 / 83, np.radians(1.0) / 16.4)
    return Stream("shimmer3", rate_hz, config, packets, [1] * n, time_s, acc, gyr, steps, serial=True)


def _polar_pmd(n: int, rate_hz: float) -> Stream:
    each = 8
    time_s, acc, _ = motion(n // each * each, rate_hz)
    acc = acc / 4.0
    packets = [polar_pmd.encode_frame(round(time_s[i + each - 1] * 1e9), acc[i : i + each]) for i in range(0, len(acc), each)]
    no_gyr = np.empty((0, 3))
    return Stream("polar-pmd", rate_hz, {}, packets, [each] * len(packets), time_s, acc, no_gyr, (1e-6, 0.01, 0.0))


def _thingy52(n: int, rate_hz: float) -> Stream:
    time_s, acc, gyr = motion(n, rate_hz)
    gyr = gyr / 2.0
    packets = [thingy52.encode_raw(acc[i], gyr[i]) for i in range(n)]
    steps = (0.0, thingy52.ACC_SCALE, thingy52.GYR_SCALE)
    return Stream("thingy52", rate_hz, {}, packets, [1] * n, time_s, acc, gyr, steps)


def _phyphox(n: int, rate_hz: float) -> Stream:
    time_s, acc, gyr = motion(n, rate_hz)
    packets = [phyphox.encode_channels(np.concatenate((acc[i], gyr[i]))) for i in range(n)]
    config: dict[str, Setting] = {"columns": ("ax", "ay", "az", "gx", "gy", "gz")}
    return Stream("phyphox", rate_hz, config, packets, [1] * n, time_s, acc, gyr, (0.0, 1e-5, 1e-5))


def _v1(n: int, rate_hz: float, serial: bool = False) -> Stream:
    each = 8
    time_s, acc, gyr = motion(n // each * each, rate_hz)
    config = Config.for_ranges(1, rate_hz)
    span = round((each - 1) * 1e6 / rate_hz)
    messages = [encode_config(config)] + [
        encode_data(config, i // each, i, round(time_s[i] * 1e6), span, acc[i : i + each], gyr[i : i + each])
        for i in range(0, len(acc), each)
    ]
    packets = [frame_serial(message) for message in messages] if serial else messages
    samples = [0] + [each] * (len(packets) - 1)
    family = "hiphinge-v1-serial" if serial else "hiphinge-v1"
    return Stream(family, rate_hz, {}, packets, samples, time_s, acc, gyr, (1e-6, *_INT16), serial=serial)


STREAMS: dict[str, Callable[[int, float], Stream]] = {
    "witmotion-ble": _witmotion_ble,
    "witmotion-serial": _witmotion_serial,
    "witmotion-wifi": _witmotion_wifi,
    "movesense": _movesense,
    "movella-dot": _movella_dot,
    "text-csv": _text_csv,
    "ximu3": _ximu3,
    "ngimu": _ngimu,
    "capture2go": _capture2go,
    "metamotion": _metamotion,
    "shimmer3": _shimmer3,
    "polar-pmd": _polar_pmd,
    "thingy52": _thingy52,
    "phyphox": _phyphox,
    "hiphinge-v1": _v1,
    "hiphinge-v1-serial": lambda n, rate_hz: _v1(n, rate_hz, serial=True),
}
"""Makes about n samples at about this rate (Movesense has its own) as each family sends them."""
