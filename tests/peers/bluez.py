"""A private D-Bus daemon with a fake BlueZ: `bluez` starts both as child processes and points bleak at them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

from tests.conftest import ROOT
from tests.peers.debian import need_program
from tests.peers.worn_sensors import KEYS

_CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>custom</type><listen>unix:path={folder}/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>{more}</policy></busconfig>
"""
DENIED = '<deny send_destination="org.bluez"/>'


def device(key: str, family: str = "hiphinge-v1", **words: Any) -> dict[str, Any]:
    """A sensor in the air; worn=False: it lies on a table; present=False: not there yet; readable=False: its
    values cannot be read; handled=True: it can be tapped, and worn by
    somebody who waits for a cue, at the placement `at`."""
    return {"key": key, "family": family, "address": f"C0:00:00:00:00:0{KEYS.index(key) + 1}"} | words


class Obedient:
    """A program that says ``ready`` when it has read `about`, then answers orders, a JSON line each. `with` ends it."""

    def __init__(self, process: subprocess.Popen[str], about: object) -> None:
        self.process, self._about = process, about

    def __enter__(self) -> Self:
        try:
            self._say(self._about)
            assert self._answer() == "ready\n"
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()

    def do(self, order: str, key: str = "", **words: Any) -> Any:
        """Give an order, return the answer."""
        self._say({"do": order, "key": key} | words)
        return json.loads(self._answer() or "null")

    def _say(self, what: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


@contextmanager
def bus(folder: Path, more: str = "") -> Iterator[str]:
    """A private bus; its address, which bleak takes for the system's as long as the block lasts."""
    program = need_program("dbus-daemon", package="dbus-daemon")
    (folder / "bus.conf").write_text(_CONFIGURATION.format(folder=folder, more=more))
    command = [program, f"--config-file={folder / 'bus.conf'}", "--nofork", "--nopidfile", "--print-address=1"]
    daemon = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert daemon.stdout is not None
        address = daemon.stdout.readline().strip()
        assert address, "the bus did not start"
        with patch.dict(os.environ, {"DBUS_SYSTEM_BUS_ADDRESS": address}):
            yield address
    finally:
        daemon.terminate()
        daemon.wait(10)
        if daemon.stdout is not None:
            daemon.stdout.close()


@contextmanager
def bluez(folder: Path, devices: Sequence[dict[str, Any]], more: str = "") -> Iterator[Obedient]:
    """The fake with these `device`s on a bus of its own; its orders are those of `tests.peers.fake_bluez`."""
    with bus(folder, more):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.peers.fake_bluez"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with Obedient(process, list(devices)) as fake:
            yield fake
