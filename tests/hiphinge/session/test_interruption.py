"""Ctrl-C and SIGTERM wait for the end of a block that must be whole."""

from __future__ import annotations

import signal
import threading

import pytest

from hiphinge.session.interruption import uninterrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_strikes_at_the_end(number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    before = signal.signal(number, lambda *_: heard.append("signal"))
    try:
        with uninterrupted():
            signal.raise_signal(number)
            signal.raise_signal(number)
            heard.append("work")
        assert heard == ["work", "signal"]
        signal.raise_signal(number)
        assert heard == ["work", "signal", "signal"]
    finally:
        signal.signal(number, before)


def test_ctrl_c_is_ctrl_c_again_afterwards() -> None:
    # who runs the tests in the background has it ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    done = []

    def work() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append(1)

    try:
        with pytest.raises(KeyboardInterrupt):
            work()
        assert done == [1]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_error_in_the_block_passes_through() -> None:
    before = signal.getsignal(signal.SIGTERM)

    def work() -> None:
        with uninterrupted():
            raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        work()
    assert signal.getsignal(signal.SIGTERM) is before


def test_other_threads_have_no_signals() -> None:
    done: list[int] = []

    def work() -> None:
        with uninterrupted():
            done.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [1]
