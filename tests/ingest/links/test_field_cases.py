"""Exceptions, clocks, locks, ports and lines that went wrong in the field, read from the shared test material.

The same kinds, made by ourselves, are in test_ble_troubles.py, test_serial_troubles.py, tests/ingest/time/test_leaps.py,
tests/on_disk/test_windows_rules.py and tests/contract/live/test_not_understood.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import tty
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import bleak.exc
import numpy as np
import pytest
import serial
from serial.tools.list_ports_common import ListPortInfo

from hiphinge.session.lock import FolderLock
from ingest.links.bluetooth import faults as of_ble
from ingest.links.kit import write_kit
from ingest.links.serial import faults as of_serial
from ingest.links.serial.serial_port import find_port, list_ports
from ingest.time.clock import ClockMap
from tests.conftest import missing, shared_folder
from tests.contract.command_line import COMMAND, environment
from tests.peers.windows_rules import windows_rules

Case = dict[str, Any]
_FOLDER = shared_folder()
_FILE = None if _FOLDER is None else _FOLDER / "cases/wire/cases.json"
CASES: list[Case] = json.loads(_FILE.read_text()) if _FILE is not None and _FILE.is_file() else []


def words(case: Case, said: str) -> None:
    assert not [word for word in case.get("not", ()) if word in said.lower()], said
    assert [word for word in case.get("some", ("",)) if word in said.lower()], said


def serialfault(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, number = case["text"], case.get("errno")
    error = serial.SerialException(text) if number is None else OSError(number, text)
    fault = of_serial.fault_of(error, "COM3")
    words(case, str(fault))
    assert fault.persistent is case.get("persistent", fault.persistent)


def blefault(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = (
        getattr(bleak.exc, case.get("type", "BleakError"), None)
        or {"TimeoutError": TimeoutError, "OSError": OSError}[case["type"]]
    )
    fault = of_ble.fault_of(kind(case["text"]), "pelvis")
    words(case, str(fault))
    assert fault.persistent is case.get("persistent", fault.persistent)


def clock(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_s, rate = 30.0, 100.0
    host_s = np.arange(int((at_s + case["after_s"] + 5.0) * rate)) / rate
    device_s = 5.0 + host_s + np.where(host_s >= at_s, case["leap_s"], 0.0)
    packet = np.arange(len(host_s)) // 4
    arrival_s = host_s[3::4] + np.random.default_rng(1).uniform(0.002, 0.03, len(host_s) // 4)
    n = 4 * len(arrival_s)
    mapped = ClockMap().feed(device_s[:n], packet[:n], np.maximum.accumulate(arrival_s), np.zeros(n, np.bool_))
    late = host_s[:n] >= at_s + case["after_s"]
    assert np.abs(mapped - host_s[:n])[late].max() <= case["within_s"]


def lock(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with windows_rules():
        mine = FolderLock(folder)
        assert mine.take()
        mine.release()
    assert not any(folder.iterdir()), "no lock file is left in a session's folder"


def ports(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = []
    for port in case["ports"]:
        one = ListPortInfo(port["device"])
        for name, value in port.items():
            setattr(one, name, value)
        there.append(one)
    monkeypatch.setattr("ingest.links.serial.serial_port.comports", lambda: there)
    seen = list_ports()
    assert len({port.identity for port in seen}) == len(seen) == len(there)
    assert [find_port(port.identity) for port in seen] == [port["device"] for port in case["ports"]]


def live_lines(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    ended = threading.Event()

    def send() -> None:
        while not ended.wait(0.02):
            with suppress(BlockingIOError):  # nobody reads yet
                os.write(master, 2 * bytes.fromhex(case["hex"]))

    entry: dict[str, object] = {"placement": "pelvis", "family": case["family"], "port": os.ttyname(slave), "baud": 115200}
    write_kit(folder / "kit.toml", [entry | ({"config": case["config"]} if "config" in case else {})])
    command = [*COMMAND, "live", "--kit", "kit.toml", "--out", "session", "--json", "--no-page", "--seconds", "7"]
    sending = threading.Thread(target=send)
    sending.start()
    try:
        ran = subprocess.run(command, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    finally:
        ended.set()
        sending.join()
        os.close(master)
        os.close(slave)
    sensors = [json.loads(line)["sensors"][0] for line in ran.stdout.splitlines()]
    told = sensors[-1]["fault"] is not None or sensors[-1]["samples"] > 300
    assert told, sensors[-1]


RUNNERS: dict[str, Callable[[Case, Path, pytest.MonkeyPatch], None]] = {
    run.__name__: run for run in (serialfault, blefault, clock, lock, ports, live_lines)
}
OURS = [case for case in CASES if case["kind"] in RUNNERS]


def _marked(case: Case) -> Any:
    return pytest.param(case, id=case["id"], marks=[pytest.mark.slow] if case["kind"] == "live_lines" else [])


@pytest.mark.shared
@pytest.mark.parametrize("case", [*map(_marked, OURS)] or [None])
def test_what_went_wrong_in_the_field(case: Case | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if case is None:
        missing("cases of the field not found (HIPHINGE_SHARED, or ../shared)")
        return
    RUNNERS[case["kind"]](case, tmp_path, monkeypatch)


@pytest.mark.shared
def test_every_kind_of_case_has_its_runner() -> None:
    assert {case["kind"] for case in CASES} <= {*RUNNERS, "codec"}
