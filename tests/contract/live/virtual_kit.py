"""A kit of virtual sensors at serial ports, for the command as users start it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ingest.links.kit import write_kit
from virtual_athlete.serial_line import PeripheralLine
from virtual_athlete.virtual_devices import VirtualPeripheral


@contextmanager
def kit_of(folder: Path, peripherals: list[VirtualPeripheral], rate_hz: int = 100) -> Iterator[list[PeripheralLine]]:
    """The devices behind ports, and `kit.toml` that names them."""
    sensors: list[dict[str, object]] = [
        {
            "placement": p.key,
            "family": "hiphinge-v1-serial",
            "port": str(folder / f"port-{p.key}"),
            "baud": 921600,
            "rate_hz": rate_hz,
        }
        for p in peripherals
    ]
    write_kit(folder / "kit.toml", sensors)
    with ExitStack() as stack:
        yield [stack.enter_context(PeripheralLine(folder / f"port-{p.key}", [p])) for p in peripherals]


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
