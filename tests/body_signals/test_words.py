"""The shared words check themselves: placements, mountings, blocks, events, sessions, errors."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from body_signals import BODY_PLACEMENTS, HiphingeError, Mounting, Packets, Placement, SampleBlock, Sensor, Session, TimedBlock

START = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)


def arrays(n=4):
    return {
        "acc": np.zeros((n, 3)),
        "gyr": np.zeros((n, 3)),
        "quat": None,
        "lost": np.zeros(n, np.int64),
        "saturated": np.zeros(n, np.bool_),
        "restart": np.zeros(n, np.bool_),
    }


def sample_block(**other):
    return SampleBlock(
        **{"rate_hz": 100.0, "packet": np.zeros(4, np.int64), "device_time_s": np.arange(4.0), **arrays(), **other}
    )


def timed_block(**other):
    times = {"seq": np.arange(4), "time_s": np.arange(4.0), "device_time_s": np.arange(4.0)}
    return TimedBlock(**{"sensor": "pelvis", "rate_hz": 100.0, **times, **arrays(), **other})


@pytest.mark.parametrize("make", [sample_block, timed_block])
def test_blocks_are_frozen(make):
    block = make()
    assert len(block) == 4
    with pytest.raises(ValueError, match="read-only"):
        block.acc[0, 0] = 1.0
    with pytest.raises(AttributeError):
        block.rate_hz = 50.0


@pytest.mark.parametrize("make", [sample_block, timed_block])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gyr", np.zeros((3, 3))),
        ("gyr", np.zeros((4, 4))),
        ("quat", np.zeros((4, 3))),
        ("lost", np.zeros(5, np.int64)),
        ("saturated", np.zeros((4, 1), np.bool_)),
        ("device_time_s", np.zeros(3)),
    ],
)
def test_arrays_must_fit(make, field, value):
    with pytest.raises(ValueError, match=field):
        make(**{field: value})


def test_what_a_device_does_not_send_may_be_missing():
    block = sample_block(device_time_s=None, gyr=None, quat=np.zeros((4, 4)))
    assert block.gyr is None
    assert not block.quat.flags.writeable


def test_packets_give_back_what_was_joined():
    single = [(3, 1000, b"abc"), (5, 1001, b""), (9, 2000, b"defgh")]
    together = Packets.join("pelvis", single)
    assert list(together) == single
    assert len(together) == 3
    assert list(Packets.one("pelvis", 3, 1000, b"abc")) == single[:1]
    with pytest.raises(ValueError, match="read-only"):
        together.seq[0] = 1


def test_packets_must_add_up():
    one = np.array([1], np.int64)
    with pytest.raises(ValueError, match="4 bytes"):
        Packets("pelvis", one, one, np.array([3], np.int64), b"abcd")
    with pytest.raises(ValueError, match="same length"):
        Packets("pelvis", np.array([1, 2], np.int64), one, np.array([4], np.int64), b"abcd")


@pytest.mark.parametrize(
    ("mounting", "up", "left"),
    [(Mounting("+x", "+y"), [1, 0, 0], [0, 1, 0]), (Mounting("-z", "+x"), [0, 0, -1], [1, 0, 0])],
)
def test_mounting_axes(mounting, up, left):
    assert mounting.up_axis.tolist() == up
    assert mounting.left_axis.tolist() == left


@pytest.mark.parametrize(("up", "left", "says"), [("x", "+y", "'x'"), ("+x", "up", "'up'"), ("+x", "-x", "same")])
def test_impossible_mountings(up, left, says):
    with pytest.raises(ValueError, match=says):
        Mounting(up, left)


def test_sensor_keys():
    assert Sensor(Placement.THIGH_LEFT).key == "thigh_left"
    assert Sensor(Placement.OTHER, "bar").key == "bar"
    for wrong in ({"placement": Placement.OTHER}, {"placement": Placement.PELVIS, "name": "hip"}):
        with pytest.raises(ValueError, match="name"):
            Sensor(**wrong)
    with pytest.raises(ValueError, match="is a placement"):
        Sensor(Placement.OTHER, "pelvis")


def test_body_is_in_table_order_without_machines():
    sensors = (Sensor(Placement.THIGH_RIGHT), Sensor(Placement.OTHER, "bar"), Sensor(Placement.LUMBAR))
    assert Session(START, "a", sensors).body == ("lumbar", "thigh_right")
    everybody = tuple(Sensor(p) for p in reversed(BODY_PLACEMENTS))
    assert Session(START, "a", everybody).body == ("lumbar", "pelvis", "thigh_left", "thigh_right")


def test_impossible_sessions():
    pelvis = Sensor(Placement.PELVIS)
    with pytest.raises(ValueError, match="at least one"):
        Session(START, "a", ())
    with pytest.raises(ValueError, match="pelvis"):
        Session(START, "a", (pelvis, pelvis))
    with pytest.raises(ValueError, match="time zone"):
        Session(START.replace(tzinfo=None), "a", (pelvis,))


def test_errors_say_what_where_and_what_to_do():
    assert str(HiphingeError("no such sensor")) == "no such sensor"
    assert str(HiphingeError("is empty", "pelvis.csv:1", "Export it again")) == "pelvis.csv:1: is empty. Export it again"
    error = HiphingeError("is empty", "pelvis.csv:1")
    assert (error.what, error.where, error.remedy) == ("is empty", "pelvis.csv:1", "")
