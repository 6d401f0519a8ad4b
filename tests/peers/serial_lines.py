"""A program with virtual serial sensors, each at a port of its own in a folder: for readers in another process.

`python -m tests.peers.serial_lines` reads a JSON line ``{"folder": …, "devices": [{"key", "family", "worn"}]}``, says
``ready``, then obeys JSON lines on its standard input, each answered by one: begin, leave, come, faults, stop_sampling,
ledgers.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.peers.bluez import Obedient
from tests.peers.worn_sensors import Still, motion, worn
from virtual_athlete.serial_line import PeripheralLine
from virtual_athlete.virtual_devices import VirtualPeripheral
from virtual_athlete.virtual_devices.firmware_makers import virtual_firmware

BEGAN = [time.monotonic()]


def main() -> None:
    about = json.loads(sys.stdin.readline())
    athlete = motion() if any(d.get("worn", True) for d in about["devices"]) else None
    lines: dict[str, PeripheralLine] = {}
    with ExitStack() as stack:
        for d in about["devices"]:
            firmware = virtual_firmware(d["family"], d["key"])
            if athlete is not None and d.get("worn", True):
                peripheral = worn(d["key"], firmware, athlete)
            else:
                peripheral = VirtualPeripheral(d["key"], firmware, Still())
            line = PeripheralLine(Path(about["folder"]) / d["key"], [peripheral], lambda: time.monotonic() - BEGAN[0])
            lines[d["key"]] = stack.enter_context(line)
        print("ready", flush=True)
        for line in sys.stdin:
            print(json.dumps(obey(lines, json.loads(line))), flush=True)


def obey(lines: dict[str, PeripheralLine], order: dict[str, Any]) -> object:
    do = order["do"]
    if do == "ledgers":
        return {key: asdict(line.peripherals[0].ledger) for key, line in lines.items()}
    if do == "begin":
        # nobody has opened a port yet: the body's time 0, by the system's monotonic clock
        BEGAN[0] = order["at"]
        return None
    if do == "stop_sampling":
        for line in lines.values():
            line.peripherals[0].stop_sampling()
        return None
    line = lines[order["key"]]
    if do == "leave":
        line.unplug(power=order.get("power", False))
    elif do == "come":
        line.plug()
    elif do == "faults":
        for name, value in order["faults"].items():
            setattr(line.peripherals[0].faults, name, value)
    else:
        raise ValueError(do)
    return None


@contextmanager
def serial_lines(folder: Path, devices: Sequence[dict[str, Any]]) -> Iterator[Obedient]:
    """The program with these devices; a device's port is ``folder / key``."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.peers.serial_lines"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with Obedient(process, {"folder": str(folder), "devices": list(devices)}) as program:
        yield program


if __name__ == "__main__":
    main()
