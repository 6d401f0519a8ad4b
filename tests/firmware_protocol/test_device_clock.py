"""A device's own clock, worked by hand: wraps, restarts, what is lost, repeated packets, and the rate it really has."""

from __future__ import annotations

import pytest

from firmware_protocol.device_clock import DeviceClock, Stamp

MS = 1e-3


def stamps(clock: DeviceClock, *raw: int, count: int = 1) -> list[Stamp]:
    return [clock.stamp(one, count) for one in raw]


def test_a_clock_that_wraps_goes_on() -> None:
    clock = DeviceClock(0.0, MS, 1 << 16)
    assert [s.ticks for s in stamps(clock, 65_500, 65_530, 24, 60_000)] == [65_500, 65_530, 65_560, 60_000]


@pytest.mark.parametrize(("raw", "stamp"), [(7_767, Stamp(7_767, 0, True)), (40_534, Stamp(40_534, 0, False))])
def test_back_by_less_than_half_is_a_restart(raw: int, stamp: Stamp) -> None:
    """From 40 000 of 65 536: 7 767 is 32 233 back; 40 534 is ahead."""
    clock = DeviceClock(0.0, MS, 1 << 16)
    clock.stamp(40_000)
    assert clock.stamp(raw) == stamp


@pytest.mark.parametrize(("step", "restart"), [(32_767, False), (32_768, True), (-1, True)])
def test_half_of_the_range_is_the_border_of_wrap_and_restart(step: int, restart: bool) -> None:
    clock = DeviceClock(0.0, MS, 1 << 16)
    clock.stamp(40_000)
    assert clock.stamp((40_000 + step) % (1 << 16)).restart == restart


def test_a_clock_without_a_wrap_that_falls_back_began_anew() -> None:
    clock = DeviceClock(0.0, MS, 0)
    assert stamps(clock, 10, 20, 5, 7) == [Stamp(10, 0, False), Stamp(20, 0, False), Stamp(5, 0, True), Stamp(7, 0, False)]


@pytest.mark.parametrize(("leap_s", "restart"), [(86_400, False), (86_401, True)])
def test_a_clock_that_leaps_by_more_than_a_day_was_set(leap_s: int, restart: bool) -> None:
    clock = DeviceClock(0.0, 1.0, 0)
    clock.stamp(100)
    assert clock.stamp(100 + leap_s).restart == restart


def test_loss_is_what_is_missing_at_the_rate() -> None:
    """At 100 Hz with 4 samples a packet, 40 ms apart: after 120 ms two packets are missing."""
    clock = DeviceClock(100.0, MS, 0)
    assert [s.lost for s in stamps(clock, 0, 40, 80, 200, 240, 240, count=4)] == [0, 0, 0, 8, 0, 0]


def test_without_a_rate_nothing_is_lost() -> None:
    assert [s.lost for s in stamps(DeviceClock(0.0, MS, 0), 0, 10, 900)] == [0, 0, 0]


def test_the_last_64_stamps_are_remembered() -> None:
    clock = DeviceClock(0.0, MS, 0)
    stamps(clock, *range(100, 164))
    assert clock.repeated(100)
    clock.stamp(164)
    assert (clock.repeated(100), clock.repeated(101), clock.repeated(164)) == (False, True, True)
    # a clock that began anew says them again
    clock.stamp(5)
    assert not clock.repeated(150)


@pytest.mark.parametrize(("packets", "lost"), [(195, 2), (196, 1)])
def test_the_rate_is_measured_after_two_seconds(packets: int, lost: int) -> None:
    """A sample in 10.3 ms of a sensor said to have 100 Hz: 195 steps take over two seconds. A gap of 25.5 ms is 2.55 samples
    at the nominal rate and 2.48 at the measured one; one has come."""
    clock = DeviceClock(100.0, 1e-4, 0)
    for k in range(packets):
        clock.stamp(k * 103)
    assert clock.stamp((packets - 1) * 103 + 255).lost == lost


def test_a_rate_far_from_the_nominal_one_is_not_believed() -> None:
    """A sample in 10.48 ms is 4.6 % slow, one in 10.54 ms 5.1 %: for the second the nominal rate counts."""
    for period, believed in ((1048, True), (1054, False)):
        clock = DeviceClock(100.0, 1e-5, 0)
        for k in range(300):
            clock.stamp(k * period)
        lost = clock.stamp(299 * period + 120_000).lost
        assert lost == (round(120_000 / period) - 1 if believed else 119)


def test_a_sensor_that_settles_loses_nothing_until_it_runs_at_the_rate() -> None:
    clock = DeviceClock(100.0, MS, 0, settles=True)
    # 30 ms apart, then at the rate, then a gap of three samples
    assert [s.lost for s in stamps(clock, 0, 30, 60, 70, 110)] == [0, 0, 0, 0, 3]
    # after a restart again
    assert [s.lost for s in stamps(clock, 5, 45, 55, 85)] == [0, 0, 0, 2]
