"""The C encoder of the reference firmware, compiled here, beside the conformance vectors and the host's own encoder."""

from __future__ import annotations

import ctypes
import json
import math
import re
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_protocol import codec_for
from firmware_protocol.v1 import Setup, Start, encode_setup, encode_start, frame_serial
from tests.conftest import ROOT, missing

SOURCE = ROOT / "examples/firmware/xiao_nrf52840_sense/hiphinge_v1.c"
VECTORS = json.loads((ROOT / "fixtures/vectors/v1/vectors.json").read_text())
ROOM = 2048


class Info(ctypes.Structure):
    _fields_ = [
        ("model", ctypes.c_char_p),
        ("serial", ctypes.c_char_p),
        ("firmware", ctypes.c_char_p),
        ("boot_id", ctypes.c_uint32),
        ("clock_ppm", ctypes.c_float),
        ("rates_hz", ctypes.POINTER(ctypes.c_float)),
        ("rates", ctypes.c_size_t),
        ("acc_ranges_g", ctypes.POINTER(ctypes.c_uint16)),
        ("acc_ranges", ctypes.c_size_t),
        ("gyr_ranges_dps", ctypes.POINTER(ctypes.c_uint16)),
        ("gyr_ranges", ctypes.c_size_t),
        ("battery_percent", ctypes.c_int),
    ]


class Config(ctypes.Structure):
    _fields_ = [
        ("epoch", ctypes.c_uint8),
        ("rate_hz", ctypes.c_double),
        ("acc_scale", ctypes.c_double),
        ("gyr_scale", ctypes.c_double),
    ]


class Sample(ctypes.Structure):
    _fields_ = [("acc", ctypes.c_int16 * 3), ("gyr", ctypes.c_int16 * 3)]


class Data(ctypes.Structure):
    _fields_ = [
        ("sequence", ctypes.c_uint16),
        ("first_index", ctypes.c_uint32),
        ("first_time_us", ctypes.c_uint32),
        ("span_us", ctypes.c_uint32),
        ("epoch", ctypes.c_uint8),
        ("overrun", ctypes.c_bool),
    ]


class DeviceSetup(ctypes.Structure):
    _fields_ = [("rate_hz", ctypes.c_float), ("acc_range_g", ctypes.c_uint16), ("gyr_range_dps", ctypes.c_uint16)]


class DeviceStart(ctypes.Structure):
    _fields_ = [("boot_id", ctypes.c_uint32), ("device_time_us", ctypes.c_uint64)]


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    compiler = shutil.which("cc")
    if compiler is None:
        missing("no C compiler `cc` (Debian: gcc)")
    assert compiler is not None
    library = tmp_path_factory.mktemp("firmware") / "hiphinge_v1.so"
    strict = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O2", "-shared", "-fPIC"]
    subprocess.run([compiler, *strict, str(SOURCE), "-o", str(library)], check=True, capture_output=True, text=True)
    loaded = ctypes.CDLL(str(library))
    for name in ("info", "config", "data", "event"):
        getattr(loaded, f"hh_encode_{name}").restype = ctypes.c_size_t
    loaded.hh_frame.restype = loaded.hh_answer_sync.restype = ctypes.c_size_t
    loaded.hh_decode_setup.restype = loaded.hh_decode_start.restype = ctypes.c_bool
    return loaded


def written(function: Any, *arguments: Any, room: int = ROOM) -> bytes:
    """What an encoder wrote; bytes behind its room must stay as they were."""
    out = (ctypes.c_uint8 * (room + 8))(*([0xA5] * (room + 8)))
    length = function(out, ctypes.c_size_t(room), *arguments)
    assert bytes(out)[room:] == b"\xa5" * 8
    assert length <= room
    return bytes(out)[:length]


def vectors(*kinds: str) -> list[dict[str, Any]]:
    """What the firmware can send: it has no temperature and no quaternion (byte 17 of DATA, the layout)."""
    known = [v for v in VECTORS["messages"] if v["kind"] in kinds and not v.get("decode_only")]
    return [v for v in known if v["kind"] != "data" or not bytes.fromhex(v["hex"])[17]]


def info(record: dict[str, Any]) -> Info:
    rates = record.get("rates_hz", [])
    ranges = {key: record.get(key, []) for key in ("acc_ranges_g", "gyr_ranges_dps")}
    made = {key: (ctypes.c_uint16 * len(values))(*values) for key, values in ranges.items()}
    return Info(
        *(record[key].encode() if record.get(key) else None for key in ("model", "serial", "firmware")),
        record["boot_id"],
        record.get("clock_ppm") or 0.0,
        (ctypes.c_float * len(rates))(*rates),
        len(rates),
        made["acc_ranges_g"],
        len(ranges["acc_ranges_g"]),
        made["gyr_ranges_dps"],
        len(ranges["gyr_ranges_dps"]),
        record.get("battery_percent", -1),
    )


def data_of(message: bytes) -> tuple[Data, Any, int]:
    """The arguments that make this DATA message of acceleration and angular rate."""
    _, _, sequence, index, time_us, span, count, layout, epoch, flags = struct.unpack_from("<BBHIIIBBBB", message)
    assert layout == 0
    raw = struct.unpack_from(f"<{6 * count}h", message, 20)
    samples = (Sample * count)()
    for i in range(count):
        samples[i].acc[:], samples[i].gyr[:] = raw[6 * i : 6 * i + 3], raw[6 * i + 3 : 6 * i + 6]
    return Data(sequence, index, time_us, span, epoch, bool(flags & 2)), samples, count


@pytest.mark.parametrize("vector", vectors("info", "config", "event", "data"), ids=lambda v: v["name"])
def test_messages_are_those_of_the_vectors(encoder: ctypes.CDLL, vector: dict[str, Any]) -> None:
    wanted, record = bytes.fromhex(vector["hex"]), vector["record"]
    if vector["kind"] == "info":
        got = written(encoder.hh_encode_info, ctypes.byref(info(record)))
    elif vector["kind"] == "config":
        config = Config(*(record[key] for key in ("epoch", "rate_hz", "acc_scale", "gyr_scale")))
        got = written(encoder.hh_encode_config, ctypes.byref(config))
    elif vector["kind"] == "event":
        got = written(
            encoder.hh_encode_event, record["code"], ctypes.c_uint32(record["time_us"]), ctypes.c_int32(record["value"])
        )
    else:
        data, samples, count = data_of(wanted)
        got = written(encoder.hh_encode_data, ctypes.byref(data), samples, ctypes.c_uint8(count))
    assert got == wanted


def test_a_sync_is_answered_as_in_the_vectors(encoder: ctypes.CDLL) -> None:
    asked, answered = (bytes.fromhex(v["hex"]) for v in vectors("sync"))
    boot_id, received, sent = struct.unpack_from("<4xI8xQQ", answered)
    arguments = (asked, len(asked), ctypes.c_uint32(boot_id), ctypes.c_uint64(received), ctypes.c_uint64(sent))
    assert written(encoder.hh_answer_sync, *arguments) == answered
    assert written(encoder.hh_answer_sync, asked[:-1], len(asked) - 1, *arguments[2:]) == b""


@settings(max_examples=200, deadline=None)
@given(message=st.binary(min_size=1, max_size=1024) | st.integers(1, 1024).map(lambda n: b"\x01" * n))
def test_frames_are_those_of_the_host(encoder: ctypes.CDLL, message: bytes) -> None:
    assert written(encoder.hh_frame, message, ctypes.c_size_t(len(message))) == frame_serial(message)


@pytest.mark.parametrize("length", [0, 1025])
def test_an_impossible_length_is_no_frame(encoder: ctypes.CDLL, length: int) -> None:
    assert written(encoder.hh_frame, b"\x01" * 1025, ctypes.c_size_t(length)) == b""


def test_nothing_is_written_beyond_the_room(encoder: ctypes.CDLL) -> None:
    vector = next(v for v in vectors("info") if v["name"] == "INFO with every tag")
    whole = bytes.fromhex(vector["hex"])
    given_info = info(vector["record"])
    for room in range(len(whole)):
        assert written(encoder.hh_encode_info, ctypes.byref(given_info), room=room) == b""
    frame = frame_serial(whole)
    for room in range(1, len(frame)):
        assert written(encoder.hh_frame, whole, ctypes.c_size_t(len(whole)), room=room) == b""


def test_what_the_host_asks_is_understood(encoder: ctypes.CDLL) -> None:
    setup, start = DeviceSetup(), DeviceStart()
    asked = encode_setup(Setup(208.0, 16, 2000)) + b"later"
    assert encoder.hh_decode_setup(asked, ctypes.c_size_t(len(asked)), ctypes.byref(setup))
    assert (setup.rate_hz, setup.acc_range_g, setup.gyr_range_dps) == (208.0, 16, 2000)
    begin = encode_start(Start(0xDEADBEEF, 2**40 + 5))
    assert encoder.hh_decode_start(begin, ctypes.c_size_t(len(begin)), ctypes.byref(start))
    assert (start.boot_id, start.device_time_us) == (0xDEADBEEF, 2**40 + 5)
    for wrong in (begin[:-1], asked, begin[:1] + b"\x02" + begin[2:], b""):
        assert not encoder.hh_decode_start(wrong, ctypes.c_size_t(len(wrong)), ctypes.byref(start))


def test_a_stream_of_the_firmware_decodes_to_what_it_measured(encoder: ctypes.CDLL) -> None:
    """INFO, CONFIG and DATA as the sketch sends them, through the program's own codec."""
    rng = np.random.default_rng(4)
    raw = rng.integers(-32000, 32000, (40, 6))
    acc_scale, gyr_scale = 0.488e-3 * 9.80665, math.radians(70e-3)
    codec = codec_for("hiphinge-v1")
    codec.feed(written(encoder.hh_encode_info, ctypes.byref(info({"model": "xiao", "boot_id": 9}))))
    codec.feed(written(encoder.hh_encode_config, ctypes.byref(Config(1, 208.0, acc_scale, gyr_scale))))
    blocks = []
    for k in range(0, 40, 8):
        samples = (Sample * 8)()
        for i in range(8):
            samples[i].acc[:], samples[i].gyr[:] = raw[k + i, :3].tolist(), raw[k + i, 3:].tolist()
        data = Data(k // 8, k, 4808 * k, 4808 * 7, 1, False)
        blocks += codec.feed(written(encoder.hh_encode_data, ctypes.byref(data), samples, ctypes.c_uint8(8)))
    assert np.concatenate([b.acc for b in blocks]) == pytest.approx(raw[:, :3] * acc_scale)
    assert np.concatenate([b.gyr for b in blocks]) == pytest.approx(raw[:, 3:] * gyr_scale)
    assert sum(int(b.lost.sum()) for b in blocks) == 0
    assert not codec.health


def test_the_sketch_uses_what_the_encoder_offers() -> None:
    """The sketch cannot be compiled here; at least it calls nothing that is not declared."""
    header = SOURCE.with_suffix(".h").read_text()
    declared = set(re.findall(r"\b(hh_\w+|HH_\w+)", header))
    used = set(re.findall(r"\b(hh_\w+|HH_\w+)", Path(SOURCE.parent / "xiao_nrf52840_sense.ino").read_text()))
    assert used
    assert used <= declared
