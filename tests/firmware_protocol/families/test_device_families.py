"""What is said to each device, what its answers mean, and configurations that are refused."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from body_signals import HiphingeError
from body_signals.blocks import G0
from firmware_protocol import DEVICE_FAMILIES, Request, Write, codec_for, recognise_ble
from firmware_protocol.families import capture2go, movella_dot, movesense, ximu3
from firmware_protocol.families.movella_dot import MovellaDotCodec, encode_battery, encode_message
from firmware_protocol.families.movesense import MovesenseCodec, encode_batch, encode_hello, encode_response
from firmware_protocol.families.text_csv import LONGEST_LINE, TextCsvCodec
from firmware_protocol.families.witmotion import frames as wit
from firmware_protocol.families.witmotion import serial as witmotion_serial
from firmware_protocol.families.witmotion.ble import WitMotionBleCodec, encode_registers, encode_samples
from firmware_protocol.families.witmotion.serial import ACC, ANGLE, GYR, MAG, WitMotionSerialCodec, encode_frame, encode_sample
from firmware_protocol.families.ximu3 import Ximu3Codec, encode_command
from firmware_protocol.families.ximu3 import encode_sample as encode_ximu3
from firmware_protocol.v1 import Config, DeviceEvent, EventCode, encode_config, encode_data, encode_event, frame_serial


def said(family: str, part: str, **asked: Any) -> list[dict[str, Any] | None]:
    """The commands of a conversation, read back."""
    found = DEVICE_FAMILIES[family]
    assert found.command is not None
    steps = getattr(found, part)(Request(**asked))
    return [found.command(step.payload, asked.get("config", {})) for step in steps if isinstance(step, Write)]


def test_witmotion_is_unlocked_first_and_set_to_six_axes() -> None:
    commands = said("witmotion-serial", "configure", rate_hz=200.0, config={"save": True})
    assert commands == [
        {"op": "write_register", "reg": 0x69, "value": 0xB588},
        {"op": "write_register", "reg": 0x24, "value": 1},
        {"op": "write_register", "reg": 0x02, "value": 0x0207, "types": [0x50, 0x51, 0x52, 0x59]},
        {"op": "write_register", "reg": 0x03, "value": 0x0B, "rate_hz": 200},
        {"op": "write_register", "reg": 0x00, "value": 0},
    ]
    steps = DEVICE_FAMILIES["witmotion-serial"].configure(Request(rate_hz=100.0))
    assert all(isinstance(step, Write) and step.pause_s >= 0.1 for step in steps)
    assert len(steps) == 4  # without save nothing is written to its flash memory


def test_witmotion_ble_numbers_200_hz_by_model_and_reads_back() -> None:
    asked = {"rate_hz": 200.0, "config": {"model": "WT901BLECL"}}
    commands = said("witmotion-ble", "configure", **asked)
    assert {"op": "write_register", "reg": 3, "value": 0x0A, "rate_hz": 200} in commands
    assert [c["reg"] for c in commands if c is not None and c["op"] == "read_register"] == [0x03, 0x2E, 0x64, 0x96]
    with pytest.raises(HiphingeError, match="rate of 60 Hz"):
        DEVICE_FAMILIES["witmotion-ble"].configure(Request(rate_hz=60.0))


def test_movesense_and_dot_are_asked_for_what_we_need() -> None:
    assert said("movesense", "start", rate_hz=208.0) == [{"op": "subscribe", "ref": 99, "path": "/Meas/IMU6/208"}]
    assert said("movesense", "stop") == [{"op": "unsubscribe", "ref": 99}]
    assert said("movella-dot", "configure", rate_hz=30.0)[1] == {
        "op": "device_control",
        "characteristic": "1002",
        "rate_hz": 30,
    }
    assert said("movella-dot", "start", config={"payload_mode": 21}) == [
        {"op": "start_measurement", "payload_mode": 21, "characteristic": "2001"}
    ]
    assert {"op": "inertial_message_rate_divisor", "value": 2} in said("ximu3", "configure", rate_hz=200.0)


@pytest.mark.parametrize(
    ("family", "config", "rate_hz", "named"),
    [
        ("movella-dot", {"payload_mode": 5}, None, "payload_mode 5 has no acceleration"),
        ("movella-dot", {"payload_mode": 25}, None, "maker's own library"),
        ("movesense", {"path": "/Meas/Gyro/52"}, None, "no acceleration"),
        ("movesense", {}, 100.0, "13, 26, 52, 104, 208"),
        ("text-csv", {"columns": ("t", "x")}, None, "ax, ay, az"),
        ("text-csv", {"acc_unit": "furlong"}, None, "acc_unit"),
        ("text-csv", {"separator": "1"}, None, "separator"),
        ("witmotion-ble", {"model": "WTVB01-BT50"}, None, "vibration"),
    ],
)
def test_what_cannot_work_is_refused_with_a_reason(
    family: str, config: dict[str, Any], rate_hz: float | None, named: str
) -> None:
    with pytest.raises(HiphingeError, match=named):
        codec_for(family, config, rate_hz)


def test_rates_that_a_family_has_not_are_refused() -> None:
    for family in ("movella-dot", "ximu3", "capture2go"):
        with pytest.raises(HiphingeError, match="Choose"):
            DEVICE_FAMILIES[family].configure(Request(rate_hz=77.0))


def test_sensors_are_recognised_by_the_whole_uuid_or_by_name() -> None:
    wit_service = "0000FFE5-0000-1000-8000-00805F9A34FB"
    for name, services, companies, family in (
        (None, [wit_service], [], "witmotion-ble"),
        (None, [wit_service.replace("9A", "9B")], [], None),
        ("WT901BLE68", [], [], "witmotion-ble"),
        ("Movesense 214530000", [], [], "movesense"),
        (None, [], [0x0886], "movella-dot"),
        ("Xsens DOT", [], [], "movella-dot"),
    ):
        found = recognise_ble(name, services, companies)
        assert (found.name if found else None) == family


def test_witmotion_ble_facts() -> None:
    codec = WitMotionBleCodec()
    assert codec.feed(encode_registers(0x64, (396,)) + encode_registers(0x2E, (13113,))) == []
    assert codec.facts["battery_percent"] == 100.0
    assert codec.facts["firmware"] == "13113"
    codec.feed(encode_registers(0x96, (3,)))
    assert "0x96 is 3" in str(codec.facts["refused"])
    codec.feed(encode_registers(0x96, (0,)))
    assert "refused" not in codec.facts


def test_witmotion_ble_loss_is_not_exact() -> None:
    (block,) = WitMotionBleCodec().feed(encode_samples(np.ones((2, 3)), np.zeros((2, 3))))
    assert not block.lost_exact
    assert block.device_time_s is None
    assert len(block) == 2  # two equal frames are two samples


def test_witmotion_serial_follows_a_sensor_that_sends_something_else() -> None:
    codec = WitMotionSerialCodec()
    group = b"".join(encode_frame(kind, bytes(8)) for kind in (ACC, GYR, ANGLE, MAG))
    blocks = [block for _ in range(70) for block in codec.feed(group)]
    assert codec.health["content_changed"] == 1
    assert codec.health["incomplete"] == 50
    assert len(blocks) == 20
    assert all(block.device_time_s is None and not block.lost_exact for block in blocks)


def test_witmotion_serial_drops_a_run_with_a_missing_frame_and_counts_its_sample() -> None:
    codec = WitMotionSerialCodec(100.0)
    quat, still = np.array([1.0, 0, 0, 0]), np.zeros(3)
    runs = [encode_sample(still, still, 5.0 + i / 100.0, quat) for i in range(5)]
    runs[2] = runs[2][:22] + runs[2][33:]  # without its angular rate
    blocks = [block for run in runs for block in codec.feed(run)]
    assert [int(n) for block in blocks for n in block.lost] == [0, 0, 1, 0]
    assert codec.health == {"incomplete": 1}


def test_movesense_refusals_name_the_remedy() -> None:
    codec = MovesenseCodec("/Meas/IMU6/104")
    codec.feed(encode_hello(98, "214530000123"))
    assert codec.facts["serial"] == "214530000123"
    codec.feed(encode_response(99, 404))
    assert "Choose another rate" in str(codec.facts["refused"])
    codec.feed(encode_response(99, 409))
    assert "End that" in str(codec.facts["refused"])
    codec.feed(encode_response(99, 200))
    assert "refused" not in codec.facts
    assert codec.health == {"status": 2}


def test_movesense_takes_batches_of_another_size_after_the_first() -> None:
    codec = MovesenseCodec("/Meas/IMU6/104")
    values = np.ones((4, 3))
    notifications = [encode_batch(1000 + 38 * i, [values, values])[0] for i in range(5)]
    sizes = [sum(map(len, codec.feed(notification))) for notification in notifications]
    assert sizes == [0, 8, 4, 4, 4]  # the first was held back: it could have been the first part of eight
    assert not codec.health


@pytest.mark.parametrize("content", [0x1E, 0x0207])
def test_what_a_witmotion_sends_before_it_is_configured_is_no_loss(content: int) -> None:
    up = np.array([0.0, 0.0, 9.80665])

    def sample(t: float, content: int) -> bytes:
        data = witmotion_serial.encode_sample(up, 0 * up, 8e8 + t if content & 1 else None)
        if content & 1 << 3:
            data += witmotion_serial.encode_frame(0x53, bytes(8)) + witmotion_serial.encode_frame(0x54, bytes(8))
        return data + (witmotion_serial.encode_frame(0x59, bytes((255, 127, 0, 0, 0, 0, 0, 0))) if content & 1 << 9 else b"")

    codec = witmotion_serial.WitMotionSerialCodec(100.0)
    before = b"".join(sample(i * 0.1, content) for i in range(7))
    then = [sample(0.8 + i * 0.01, 0x0207) for i in range(50)]
    del then[20:23]
    blocks = codec.feed(before) + [block for data in then for block in codec.feed(data)]
    assert sum(map(len, blocks)) == (7 if content == 0x0207 else 0) + 47
    assert sum(int(block.lost.sum()) for block in blocks) == 3
    assert not any(block.restart.any() for block in blocks)


def _batches(n: int, most: int, count: int = 6, start_ms: int = 1000) -> list[list[bytes]]:
    """Notifications of batches of n samples at 104 Hz, each sample's numbers its own."""
    made = []
    for i in range(count):
        values = 0.1 * np.arange(i * n, (i + 1) * n)[:, None] + np.array([0.0, 0.01, 0.02])
        made.append(encode_batch(start_ms + round(i * n * 1000 / 104), [values, values], most=most))
    return made


@pytest.mark.parametrize(("n", "first"), [(8, 4), (8, 7), (16, 8)])
def test_movesense_first_parts_of_whole_samples_are_no_batches(n: int, first: int) -> None:
    batches = _batches(n, most=2 + 4 + 24 * first)
    codec = MovesenseCodec("/Meas/IMU6/104")
    blocks = [block for batch in batches for notification in batch for block in codec.feed(notification)]
    np.testing.assert_allclose(np.concatenate([block.acc for block in blocks])[:, 0], 0.1 * np.arange(6 * n), atol=1e-4)
    assert not codec.health
    # the second part of one goes missing: its batch is lost, and nothing is made up of its first part
    codec = MovesenseCodec("/Meas/IMU6/104")
    kept = [p for i, batch in enumerate(batches) for p in (batch[:1] if i == 2 else batch)]
    blocks = [block for notification in kept for block in codec.feed(notification)]
    got = np.concatenate([block.acc for block in blocks])[:, 0]
    np.testing.assert_allclose(got, 0.1 * np.delete(np.arange(6 * n), np.arange(2 * n, 3 * n)), atol=1e-4)
    assert sum(int(block.lost.sum()) for block in blocks) == n
    assert codec.health == {"missing_part": 1}


def test_movesense_batches_that_are_whole_later_are_taken_at_once() -> None:
    """A link that carries more from then on: what was joined once has the size of a batch."""
    codec = MovesenseCodec("/Meas/IMU6/104")
    split, whole = _batches(8, most=2 + 4 + 24 * 4, count=1), _batches(8, most=244, count=1, start_ms=2000)
    assert [sum(map(len, codec.feed(notification))) for (*parts,) in split for notification in parts] == [0, 8]
    assert [sum(map(len, codec.feed(notification))) for (notification,) in whole] == [8]


def test_movesense_batches_that_are_split_later_are_told_by_their_second_part() -> None:
    codec = MovesenseCodec("/Meas/IMU6/104")
    for (notification,) in _batches(4, most=244):
        codec.feed(notification)
    # another subscriber made the sensor gather eight, and the link carries four of them
    later = _batches(8, most=2 + 4 + 24 * 4, start_ms=2000)
    blocks = [block for batch in later for notification in batch for block in codec.feed(notification)]
    # one batch is taken wrongly, which its second part tells; from then on nothing is
    np.testing.assert_allclose(np.concatenate([block.acc for block in blocks])[-40:, 0], 0.1 * np.arange(8, 48), atol=1e-4)
    assert codec.health["orphan_part"] == 1


def test_dot_says_that_the_mtu_is_too_small() -> None:
    codec = MovellaDotCodec()
    assert codec.feed(movella_dot.encode_sample(26, 5, {})[:20]) == []
    assert "MTU is too small" in str(codec.facts["refused"])
    assert codec.health == {"truncated": 1}
    codec.feed(encode_battery(87, True))
    assert codec.facts["battery_percent"] == 87.0
    codec.feed(encode_message(2, bytes((0x51, 4))))
    assert codec.health == {"truncated": 1}


def test_dot_increments_become_rates() -> None:
    codec = MovellaDotCodec(19, 60.0)
    turn = 2.0 / 60.0
    dq = [np.cos(turn / 2), 0.0, np.sin(turn / 2), 0.0]
    (block,) = codec.feed(movella_dot.encode_sample(19, 5, {"dq": dq, "dv": [0.0, 0.0, 9.81 / 60.0]}))
    assert block.gyr is not None
    np.testing.assert_allclose(block.gyr[0], [0, 2.0, 0], atol=1e-5)
    np.testing.assert_allclose(block.acc[0], [0, 0, 9.81], rtol=1e-6)


def test_dot_keeps_the_sample_of_a_bad_quaternion() -> None:
    codec = MovellaDotCodec()
    (block,) = codec.feed(movella_dot.encode_sample(26, 5, {"acc": [0, 0, 9.8], "quat": [0, 0, 0, 0]}))
    assert np.isnan(block.quat).all()  # type: ignore[arg-type]
    assert codec.health == {"bad_quaternion": 1}


def test_ximu3_facts_and_its_quaternion_beside_the_sample() -> None:
    codec = Ximu3Codec(100.0)
    acc, gyr = np.array([0, 0, 9.8]), np.zeros(3)
    codec.feed(encode_command("ping", {"name": "x-IMU3", "sn": "0123"}) + encode_command("foo", {"error": "no such key"}))
    assert codec.facts["serial"] == "0123"
    assert "no such key" in str(codec.facts["refused"])
    blocks = codec.feed(encode_ximu3(1_000_000, acc, gyr))
    assert blocks[0].quat is None
    blocks = codec.feed(encode_ximu3(1_010_000, acc, gyr, np.array([1.0, 0, 0, 0])) + encode_ximu3(1_020_000, acc, gyr))
    assert blocks[0].quat is not None
    assert blocks[0].quat[0].tolist() == [1.0, 0, 0, 0]
    assert np.isnan(blocks[0].quat[1]).all()  # its own time is too far from the sample's


def test_text_lines_lose_the_first_and_nothing_else() -> None:
    codec = TextCsvCodec({"columns": "time,ax,ay,az"}, 100.0)
    (block,) = codec.feed(b"45,0,0,9.8\n10,0,0,9.8\n20,0,0,9.8\n50,0,0,9.8\n")
    assert block.gyr is None
    assert block.lost.tolist() == [0, 0, 2]
    assert codec.health == {"partial_line": 1}
    assert TextCsvCodec({}, None).feed(b"\n1,2,3,4,5,6\n")[0].lost_exact is False


@given(st.integers(0, 255), st.integers(0, 0xFFFF))
def test_register_writes_read_back(register: int, value: int) -> None:
    fields = wit.decode_command(wit.write_register(register, value), {})
    assert fields is not None
    if register == wit.Register.READ:
        assert fields == {"op": "read_register", "reg": value}
    else:
        assert (fields["reg"], fields["value"]) == (register, value)


@given(st.integers(0, 255), st.binary(min_size=1, max_size=20))
def test_messages_of_the_dot_check_themselves(mid: int, content: bytes) -> None:
    wire = encode_message(mid, content)
    assert sum(wire) % 256 == 0
    broken = bytes((*wire[:-1], wire[-1] ^ 1))
    assert movella_dot.message_fields(broken) == "checksum"


@pytest.mark.parametrize(
    ("data", "op"), [(b"\x01\x00", "heading_reset"), (b"\x07\x00", "heading_revert"), (b"\x02\x00", None), (b"\x01\x01", None)]
)
def test_movella_heading_orders_are_told(data: bytes, op: str | None) -> None:
    found = movella_dot.decode_command(data, {})
    assert (None if found is None else found["op"]) == op


def test_a_movella_notification_without_bytes_is_no_fault() -> None:
    codec = MovellaDotCodec()
    assert codec.feed(b"") == []
    assert not codec.health


@given(st.data())
def test_samples_of_the_dot_survive_the_round_trip(data: st.DataObject) -> None:
    mode = data.draw(st.sampled_from(sorted(movella_dot.MODES)))
    number = st.floats(-1000, 1000, width=32)
    values = {name: data.draw(st.lists(number, min_size=3, max_size=3)) for name in ("acc", "gyr", "euler", "free_acc", "dv")}
    wire = movella_dot.encode_sample(mode, 16667, {**values, "quat": [1, 0, 0, 0], "dq": [0, 1, 0, 0], "status": 18})
    (packet,) = movella_dot.Reader({"payload_mode": mode}).read(
        wire + bytes(data.draw(st.integers(0, 1)) if mode in (3, 21) else 0)
    )
    for name in set(values) & set(packet.fields):
        assert packet.fields[name] == pytest.approx(values[name], rel=1e-6, abs=1e-6)
    assert packet.fields["t"] == pytest.approx(0.016667)
    assert packet.fields.get("status", 18) == 18


@given(
    arrays=st.integers(1, 3),
    n=st.integers(1, 16),
    most=st.integers(20, 244),
    stamp=st.integers(0, 2**32 - 1),
)
def test_movesense_batches_survive_the_round_trip(arrays: int, n: int, most: int, stamp: int) -> None:
    path = {1: "/Meas/Acc/104", 2: "/Meas/IMU6/104", 3: "/Meas/IMU9/104"}[arrays]
    # a first part that ends with a whole sample looks like a batch; no size of packet that sensors use does that
    assume((most - 6) % (12 * arrays) != 0 or 12 * arrays * n <= most - 6)
    values = [np.random.default_rng(n).uniform(-20, 20, (n, 3)) * (1e-6 if i == 2 else 1) for i in range(arrays)]
    reader = movesense.Reader({"path": path})
    packets = [p for part in encode_batch(stamp, values, most=most) for p in reader.read(part)] + reader.finish()
    assert len(packets) == n
    assert packets[0].fields["t"] == pytest.approx(stamp / 1000)
    for name, array in zip(("acc", "gyr", "mag"), values, strict=False):
        np.testing.assert_allclose([p.fields[name] for p in packets], array, rtol=1e-6, atol=1e-9)
    assert not reader.health.counts


def test_v1_messages_are_shown_as_packets() -> None:
    config = Config.for_ranges(1, 100.0)
    acc, gyr = np.ones((2, 3)), np.zeros((2, 3))
    messages = [encode_config(config), encode_data(config, 0, 0, 1_000_000, 10_000, acc, gyr)]
    messages += [encode_data(config, 1, 4, 1_040_000, 10_000, acc, gyr), encode_event(DeviceEvent(EventCode.TAP, 9)), b"\x01"]
    for family, chunks in (("hiphinge-v1", messages), ("hiphinge-v1-serial", [frame_serial(m) for m in messages])):
        make = DEVICE_FAMILIES[family].reader
        assert make is not None
        reader = make({})
        packets = [p for chunk in chunks for p in reader.read(chunk)]
        assert [p.fields["message"] for p in packets] == ["config", "data", "data", "data", "data", "event"]
        assert [p.lost for p in packets] == [0, 0, 0, 2, 0, 0]
        assert packets[1].fields["acc"] == pytest.approx([1.0] * 3, abs=1e-3)
        assert dict(reader.health.counts) == {"length": 1}


@pytest.mark.parametrize(("share", "saturated"), [(0.985, False), (0.995, True), (1.0, True)])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_movesense_saturates_at_99_percent_of_the_range(share: float, saturated: bool, sign: float) -> None:
    for acc, gyr in ((sign * share * 8.0 * G0, 0.0), (0.0, sign * share * np.radians(2000.0))):
        codec = MovesenseCodec("/Meas/IMU6/104", acc_range_g=8.0, gyr_range_dps=2000.0)
        values = [np.array([[0.0, 0.0, acc]] * 8), np.array([[gyr, 0.0, 0.0]] * 8)]
        blocks = [block for stamp in (1000, 1077, 1154) for block in codec.feed(encode_batch(stamp, values, most=244)[0])]
        marked = np.concatenate([block.saturated for block in blocks])
        assert len(marked) >= 8
        assert bool(marked.all()) == bool(marked.any()) == saturated


def test_movesense_longer_payloads_are_not_held_for_a_second_part() -> None:
    for n, held in ((85, True), (86, False)):  # 4 + 24 n bytes: up to 2048 may be the first part of more
        codec = MovesenseCodec("/Meas/IMU6/104")
        (notification,) = encode_batch(1000, [np.zeros((n, 3))] * 2, most=4096)
        assert (codec.feed(notification) == []) == held


def test_dot_says_nothing_of_the_mtu_where_a_payload_is_too_long() -> None:
    codec = MovellaDotCodec()
    assert codec.feed(movella_dot.encode_sample(26, 5, {}) + bytes(40)) == []
    assert codec.health == {"length": 1}
    assert "refused" not in codec.facts


def test_a_counter_with_decimals_keeps_its_microseconds() -> None:
    codec = TextCsvCodec({"columns": "time,ax,ay,az", "acc_unit": "g", "time_unit": "ms"}, 100.0)
    stamps = [1000.001, 1010.003, 1020.002, 1030.007]
    blocks = [codec.feed(f"{ms:.3f},0,0,1\r\n".encode()) for ms in [990.0, *stamps]]
    times_s = [float(block.device_time_s[0]) for found in blocks for block in found if block.device_time_s is not None]
    assert np.diff(times_s) == pytest.approx(
        np.diff(1e-3 * np.array(stamps if len(times_s) == 4 else [990.0, *stamps])), abs=1e-9
    )


@pytest.mark.parametrize("family", sorted(DEVICE_FAMILIES))
def test_a_family_asks_for_a_rate_that_it_has(family: str) -> None:
    found = DEVICE_FAMILIES[family]
    if found.rates_hz:
        assert found.default_rate_hz in found.rates_hz
    elif family == "shimmer3":  # a crystal over a whole number
        assert 32768.0 % found.default_rate_hz == 0.0


def test_ximu3_counts_what_the_sensor_reports_as_an_error() -> None:
    codec = Ximu3Codec(100.0)
    codec.feed(b"F,1000000,Something failed\r\n" * 2 + b"N,1000000,Something was noted\r\n")
    assert codec.health == {"device_error": 2}


def test_ximu3_temperature_is_in_degrees() -> None:
    (temperature,) = ximu3.Reader({}).read(b"T,1000000,25.5\r\n")
    assert temperature.fields["temp_c"] == 25.5


@pytest.mark.parametrize("family", ["capture2go", "witmotion-ble", "witmotion-serial", "movella-dot", "ximu3"])
def test_a_family_of_one_range_accepts_that_range_only(family: str) -> None:
    """Their wire formats have the scale of it built in."""
    found = DEVICE_FAMILIES[family]
    assert (found.acc_ranges_g, found.gyr_ranges_dps) == ((16.0,), (2000.0,))


def test_a_dot_that_synchronises_names_the_address_of_its_root() -> None:
    """As it is written: the bytes on the wire are the other way round."""
    (packet,) = movella_dot.Reader({}).read(encode_message(2, bytes((0x01, 6, 5, 4, 3, 2, 0xD4))))
    assert packet.fields["root"] == "D4:02:03:04:05:06"


@pytest.mark.parametrize(("payload", "found"), [(7, None), (8, 26.85), (9, None)])
def test_a_movesense_temperature_has_eight_bytes(payload: int, found: float | None) -> None:
    reader = movesense.Reader({"path": "/Meas/Temp", "ref": 5})
    packets = reader.read(bytes((2, 5)) + (struct.pack("<fI", 300.0, 1000) + bytes(1))[:payload])
    assert [packet.fields["temp_c"] for packet in packets] == ([pytest.approx(found, abs=1e-3)] if found else [])
    assert dict(reader.health.counts) == ({} if found else {"length": 1})


def test_an_ximu3_that_is_heard_before_it_is_configured_has_lost_nothing_and_counts_afterwards() -> None:
    """It may run at 50 Hz until it is told otherwise."""
    codec = Ximu3Codec(100.0)
    ticks_us = [0, 20_000, 40_000, 50_000, 60_000, 90_000]
    still = (np.array([0.0, 0.0, G0]), np.zeros(3))
    blocks = [codec.feed(encode_ximu3(us, *still)) for us in ticks_us]
    lost = [sum(block.lost for block in found) for found in blocks]
    assert lost == [0, 0, 0, 0, 0, 2]


@pytest.mark.parametrize("rate_hz", [200.0, 100.0, 50.0, 25.0, 10.0])
def test_a_capture2go_says_its_rate_in_each_frame_so_that_a_hole_is_counted(rate_hz: float) -> None:
    step_ns = round(1e9 / rate_hz)
    still = (np.array([0.0, 0.0, G0]), np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0]))
    wire = b"".join(b"\xff" + capture2go.encode_sample(rate_hz, n * step_ns, *still) for n in (0, 1, 2, 6))
    packets = capture2go.Reader({"link": "serial"}).read(wire)
    assert [packet.lost for packet in packets] == [0, 0, 0, 3]


def test_what_is_no_whole_command_of_a_capture2go_is_none() -> None:
    start = capture2go.encode_frame(0x0150)
    assert capture2go.decode_command(start, {}) == {"op": "start_streaming"}
    sample = capture2go.encode_sample(100.0, 0, np.zeros(3), np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0]))
    for data in (b"", start[:-1], start + b"\x00", start + start, sample, b"\x00" * len(start)):
        assert capture2go.decode_command(data, {}) is None


@pytest.mark.parametrize("kind", [0x57, 0x58, 0x5A])
def test_what_a_witmotion_says_of_places_is_kept_as_its_eight_bytes(kind: int) -> None:
    content = bytes(range(1, 9))
    (packet,) = witmotion_serial.Reader({}).read(witmotion_serial.encode_frame(kind, content))
    assert packet.fields["data"] == content.hex()


@pytest.mark.parametrize(("more", "samples"), [(0, 1), (1, 0)])
def test_the_longest_line_of_text_is_a_sample_however_it_comes_in_pieces(more: int, samples: int) -> None:
    line = b"0,0,9.81".ljust(LONGEST_LINE + more)
    for pieces in ([line + b"\n"], [line, b"\n"], [line[:-1], line[-1:] + b"\n"]):
        codec = TextCsvCodec({"columns": "ax,ay,az"})
        codec.feed(b"a line that was cut off\n")
        assert sum(len(block.acc) for piece in pieces for block in codec.feed(piece)) == samples
