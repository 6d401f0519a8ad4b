"""Our x-IMU3 and Capture2Go codecs beside the makers' own packages, which bring their own I/O."""

from __future__ import annotations

import threading
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import capture2go as maker
import numpy as np
import pytest
import ximu3 as xio
from hypothesis import given, settings
from hypothesis import strategies as st

from body_signals.blocks import G0
from firmware_protocol.families import capture2go, ximu3
from firmware_protocol.families.capture2go import encode_frame, encode_measurement_mode, encode_sample, packed_quaternion


def _messages() -> tuple[bytes, list[tuple[int, np.ndarray, np.ndarray]]]:
    random = np.random.default_rng(2)
    stream, samples = b"", []
    for i in range(200):
        time_us = 10_000_000 + 10_007 * i
        acc, gyr = random.uniform(-150, 150, 3), random.uniform(-30, 30, 3)
        values = (*np.degrees(gyr), *(acc / G0))
        stream += (ximu3.encode_ascii if i % 5 == 0 else ximu3.encode_binary)("I", time_us, values)
        samples.append((time_us, acc, gyr))
    return stream, samples


def test_ximu3_reads_what_the_makers_package_reads(tmp_path: Path) -> None:
    stream, samples = _messages()
    file = tmp_path / "stream.ximu3"
    file.write_bytes(b"rubbish\n" + stream)
    seen: list[tuple[int, list[float]]] = []
    done = threading.Event()

    def take(message: xio.InertialMessage) -> None:
        m = message
        gyr = [m.gyroscope_x, m.gyroscope_y, m.gyroscope_z]
        seen.append((m.timestamp, [*gyr, m.accelerometer_x, m.accelerometer_y, m.accelerometer_z]))
        if len(seen) == len(samples):
            done.set()

    connection = xio.Connection(xio.FileConnectionConfig(str(file)))
    connection.add_inertial_callback(take)
    connection.open()
    assert done.wait(20.0)
    connection.close()

    codec = ximu3.Ximu3Codec(100.0)
    (block,) = codec.feed(file.read_bytes())
    assert block.device_time_s is not None
    assert block.gyr is not None
    np.testing.assert_allclose(block.device_time_s, [t / 1e6 for t, _ in seen], rtol=1e-12)
    theirs = np.array([values for _, values in seen])
    np.testing.assert_allclose(np.degrees(block.gyr), theirs[:, :3], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(block.acc / G0, theirs[:, 3:], rtol=1e-6, atol=1e-6)
    assert codec.health == {"unknown_type": 1}


_KINDS = {
    "A": "euler_angles",
    "B": "battery",
    "C": "ltc",
    "E": "earth_acceleration",
    "F": "error",
    "H": "high_g_accelerometer",
    "I": "inertial",
    "L": "linear_acceleration",
    "M": "magnetometer",
    "N": "notification",
    "O": "button",
    "Q": "quaternion",
    "R": "rotation_matrix",
    "S": "serial_accessory",
    "T": "temperature",
    "U": "ahrs_status",
    "W": "rssi",
    "Y": "sync",
}
"""Letter → what the maker's package calls the message."""
_MANUAL_ONLY = {("L", 7), ("E", 7), ("B", 2)}
"""Letter and number of values of messages that the manual or older firmware has and the package has not."""


def test_ximu3_knows_the_kinds_of_messages_that_the_makers_package_knows(tmp_path: Path) -> None:
    """Every letter with every number of values up to ten: the same are messages, and by the same names."""
    unit = (1.0, 0.0, 0.0, 0.0)
    sent = {
        (letter, n): unit[:n] if n <= 4 else tuple(float(i) for i in range(n)) for letter in ascii_uppercase for n in range(11)
    }
    wire = {key: ximu3.encode_binary(key[0], 1_000_000 + key[1], values) for key, values in sent.items()}
    file = tmp_path / "kinds.ximu3"
    file.write_bytes(b"".join(wire.values()) + ximu3.encode_binary("T", 2_000_000, (36.6,)))
    seen: set[tuple[str, int]] = set()
    done = threading.Event()
    connection = xio.Connection(xio.FileConnectionConfig(str(file)))

    def listen(letter: str, kind: str) -> None:
        def take(message: Any) -> None:
            if message.timestamp == 2_000_000:
                done.set()
            else:
                seen.add((letter, message.timestamp - 1_000_000))

        getattr(connection, f"add_{kind}_callback")(take)

    for letter, kind in _KINDS.items():
        listen(letter, kind)
    connection.open()
    assert done.wait(20.0)
    connection.close()
    ours = {key for key, data in wire.items() if ximu3.Reader({}).read(data)}
    assert ours == seen | _MANUAL_ONLY
    assert {letter for letter, _ in seen} == set(_KINDS)


@given(
    time_ns=st.integers(0, 2**62),
    acc=st.lists(st.floats(-150, 150), min_size=3, max_size=3),
    gyr=st.lists(st.floats(-34, 34), min_size=3, max_size=3),
    quat=st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.1),
    rate=st.sampled_from([200.0, 100.0, 50.0, 25.0, 10.0, 1.0]),
    flags=st.integers(0, 31),
)
@settings(max_examples=100, deadline=None)
def test_capture2go_reads_what_the_makers_package_reads(
    time_ns: int, acc: list[float], gyr: list[float], quat: list[float], rate: float, flags: int
) -> None:
    unit = np.array(quat) / np.linalg.norm(quat)
    wire = encode_sample(rate, time_ns, np.array(acc), np.array(gyr), unit, flags)
    unpacker = maker.pkg  # the classes of its packets
    frame = unpacker.SensorSerialPackage.frombytes(wire)
    theirs = unpacker.packages[frame.header].frombytes(wire[8:]).parse()
    (packet,) = capture2go.Reader({"link": "serial"}).read(wire)
    ours = packet.fields
    assert ours["t_ns"] == time_ns == theirs["timestamp"]
    np.testing.assert_allclose(ours["acc"], np.ravel(theirs["acc"]), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours["gyr"], np.ravel(theirs["gyr"]), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours["quat"], np.ravel(theirs["quat"]), rtol=1e-9, atol=1e-9)
    assert abs(np.dot(ours["quat"], unit)) == pytest.approx(1.0, abs=1e-9)
    assert ours["flags"] == flags
    np.testing.assert_allclose(ours["acc"], acc, atol=16 * 9.81 / 32768)


def test_capture2go_commands_are_the_makers() -> None:
    pkg = maker.pkg
    assert encode_frame(0x0070) == pkg.CmdGetDeviceInfo().pack()
    assert encode_frame(0x0150) == pkg.CmdStartStreaming().pack()
    assert encode_frame(0x0152) == pkg.CmdStopStreaming().pack()
    mode = pkg.CmdSetMeasurementMode(fullFixedMode=pkg.SamplingMode.MODE_100HZ, statusMode=1, disableMagData=True)
    assert encode_measurement_mode(100.0) == mode.pack()


def test_capture2go_device_info_and_status_become_facts() -> None:
    pkg = maker.pkg
    info = pkg.DataDeviceInfo(protocolVersion=1, serial=b"C2G042", firmwareVersion=b"1.4.0").pack()
    status = pkg.DataStatus(timestamp=5, battery=0x80 + 71).pack()
    refusal = pkg.SensorError(errorCode=0xF2, command=0x0150).pack()
    codec = capture2go.Capture2GoCodec(100.0)
    assert codec.feed(bytes((0xFF,)) + info + status) == []
    assert codec.facts["serial"] == "C2G042"
    assert codec.facts["firmware"] == "1.4.0"
    assert codec.facts["battery_percent"] == 71.0
    codec.feed(bytes((0xFF,)) + refusal)
    assert "start_streaming" in str(codec.facts["refused"])
    assert codec.health == {"status": 1}


def test_a_packed_quaternion_keeps_its_flags() -> None:
    word = packed_quaternion(np.array([0.1, -0.9, 0.3, 0.3]) / np.linalg.norm([0.1, 0.9, 0.3, 0.3]), resting=True)
    quat, resting, disturbed = capture2go.unpacked_quaternion(word)
    assert quat is not None
    assert quat[1] > 0  # the component that is left out
    assert (resting, disturbed) == (True, False)


def test_a_packed_quaternion_that_is_longer_than_one_is_none() -> None:
    every_component_largest = (1 << 60) - 1
    assert capture2go.unpacked_quaternion(every_component_largest) == (None, False, False)
