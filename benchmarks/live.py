"""A live session on virtual sensors, as long as asked: samples sent and decoded, latency, sensors pulled and put back.

    python -m benchmarks.live --family hiphinge-v1 --minutes 10 --rate 200 --pulls 40
    python -m benchmarks.live --mixed --minutes 120 --pulls 40   # see benchmarks.live_mixed

The sensors run in a process of their own, behind a fake BlueZ (with the unmodified bleak) or at pseudo-terminals; the
session is that of `hiphinge live`. Pulled: the sensor is out of reach or its cable out for five seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from firmware_protocol.registry import device_family
from hiphinge.live.streaming import Streaming
from hiphinge.session.in_progress import SessionInProgress
from ingest.links.event_log import EventLog
from ingest.links.kit import Kit, write_kit
from ingest.links.kit_reader import KitReader
from tests.peers.bluez import Obedient, bluez, device
from tests.peers.serial_lines import serial_lines
from tests.peers.worn_sensors import KEYS
from virtual_athlete.virtual_devices.firmware_makers import VIRTUAL_FAMILIES

AWAY_S = 5.0
LINKS = {"ble": "hiphinge-v1", "serial": "hiphinge-v1-serial"}
NEEDS = {
    "lumbar": "lumbar_flexion",
    "pelvis": "lumbar_flexion",
    "thigh_left": "hip_left_flexion",
    "thigh_right": "hip_right_flexion",
}
"""An angle that cannot be without this sensor."""
_LATE_S = 0.3
"""A gap shorter than this may be bridged."""
Pull = tuple[str, float, float, float]
"""Sensor, session times when it went and when it was back, seconds until it streamed again."""


@contextmanager
def peers(name: str, folder: Path, rate_hz: int) -> Iterator[tuple[Obedient, Kit]]:
    """The sensors' program, and a kit of them."""
    by_radio = device_family(name).ble is not None
    entries: list[dict[str, object]] = []
    for key in KEYS:
        reach = {"address": device(key)["address"]} if by_radio else {"port": str(folder / key), "baud": 921600}
        entries.append({"placement": key, "family": name, "rate_hz": rate_hz, **reach})
    kit = write_kit(folder / "kit.toml", entries)
    devices = [device(key, name) for key in KEYS]
    with bluez(folder, devices) if by_radio else serial_lines(folder, devices) as program:
        yield program, kit


async def pull(
    program: Obedient, reader: KitReader, log: EventLog, zero_ns: int, times: int, seconds: float, seed: int
) -> list[Pull]:
    """Pull sensors at random, spread over `seconds`."""
    moments = random.Random(seed)
    done: list[Pull] = []
    for _ in range(times):
        each = seconds / times
        await asyncio.sleep(max(0.5, moments.uniform(0.2, 0.8) * (each - AWAY_S)))
        key = moments.choice(KEYS)
        program.do("leave", key)
        gone = (log.clock_ns() - zero_ns) * 1e-9
        await asyncio.sleep(AWAY_S)
        before = reader.status[key].packets
        began = time.monotonic()
        back = (log.clock_ns() - zero_ns) * 1e-9
        program.do("come", key)
        # INFO and CONFIG come first
        while reader.status[key].packets < before + 5 and time.monotonic() - began < 30.0:
            await asyncio.sleep(0.01)
        done.append((key, gone, back, time.monotonic() - began))
    return done


async def session(
    program: Obedient, kit: Kit, folder: Path, seconds: float, loss: float, pulls: int
) -> tuple[Streaming, list[Pull], dict]:
    """Stream for `seconds`; the streaming, the pulls, and the devices' ledgers."""
    log = EventLog()
    zero_ns = log.clock_ns()
    running = SessionInProgress(folder / "session", kit.session(datetime.now(UTC)))
    reader = KitReader(kit, log)
    streaming = Streaming(running, reader, log)
    ledgers: dict = {}
    done: list[Pull] = []

    async def watch() -> None:
        while not reader.streaming():
            await asyncio.sleep(0.05)
        print(f"streaming {(log.clock_ns() - zero_ns) * 1e-9:.1f} s after the start", flush=True)
        log.mark("calibrate")
        for key in KEYS:
            program.do("faults", key, faults={"loss": loss})
        until = time.monotonic() + seconds
        if pulls:
            done.extend(await pull(program, reader, log, zero_ns, pulls, seconds, 1))
        await asyncio.sleep(max(0.0, until - time.monotonic()))
        for key in KEYS:
            program.do("faults", key, faults={"loss": 0.0})
        await asyncio.sleep(1.0)
        program.do("stop_sampling")
        await asyncio.sleep(0.3)
        ledgers.update(program.do("ledgers"))
        streaming.stop()

    watching = asyncio.ensure_future(watch())
    began = time.monotonic(), time.process_time()
    try:
        await streaming.run()
    finally:
        lasted, used = time.monotonic() - began[0], time.process_time() - began[1]
        print(f"the whole program takes {used / lasted:.0%} of one core", flush=True)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    running.close()
    return streaming, done, ledgers


def frozen(folder: Path, pulls: list[Pull]) -> int:
    """Rows in which an angle was given although its sensor was away."""
    angles = pq.read_table(folder / "session/live/angles.parquet")
    time_s = angles["time_s"].to_numpy()
    rows = 0
    for key, gone, back, _ in pulls:
        away = (time_s > gone + _LATE_S) & (time_s < back)
        rows += int(np.count_nonzero(np.isfinite(angles[f"{NEEDS[key]}_deg"].to_numpy()[away])))
    return rows


def main(name: str, minutes: float, rate_hz: int, pulls: int, loss: float) -> bool:
    """Run and print; False when a sample is missing without being counted, or a sensor does not come back in 3 s."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with peers(name, folder, rate_hz) as (program, kit):
            streaming, done, ledgers = asyncio.run(session(program, kit, folder, minutes * 60.0, loss, pulls))
        sensors = json.loads((folder / "session/live/summary.json").read_text())["sensors"]
        good = True
        print(f"{name}, 4 sensors at {rate_hz} Hz, {minutes:g} min, {100 * loss:g} % of the packets lost on the way")
        print("sensor          made     sent  dropped  decoded     lost  gaps")
        for key in KEYS:
            book, found = ledgers[key], sensors[key]
            print(
                f"{key:12s} {book['made']:8d} {book['sent']:8d} {book['dropped']:8d} {found['samples']:8d} {found['lost']:8d} "
                f"{found['gaps']:5d}"
            )
            if not found["lost_exact"]:
                good &= found["samples"] == book["sent"]
                continue
            # what a cable that is pulled holds was sent and is lost: it is counted, too
            good &= found["samples"] + found["lost"] == book["made"] if pulls else found["samples"] == book["sent"]
            good &= pulls > 0 or found["lost"] == book["dropped"]
        p50, p99 = (streaming.latency.percentile(p) for p in (50, 99))
        print(f"packet to angle, without the grid's own wait: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
        if done:
            back = sorted(seconds for *_, seconds in done)
            middle = statistics.median(back)
            print(f"pulled {len(done)} times for {AWAY_S:g} s: streams again after {middle:.2f} s, at most {back[-1]:.2f} s")
            print(f"rows with an angle whose sensor was away: {frozen(folder, done)}")
            good &= back[-1] <= 3.0 and frozen(folder, done) == 0
        if not all(sensors[key]["lost_exact"] for key in KEYS):
            print("lost is an estimate: these sensors have neither clock nor counter")
        print("all samples accounted for, all sensors back in time" if good else "NOT as it should be", flush=True)
        return good


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__)
    parser.add_argument("--link", choices=tuple(LINKS), default="ble", help="protocol v1 over this")
    parser.add_argument("--family", choices=VIRTUAL_FAMILIES, help="sensors of this family in place of protocol v1")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--pulls", type=int, default=0, help="how often a sensor goes for five seconds")
    parser.add_argument(
        "--mixed", action="store_true", help="four families, a sleep of the computer, a swap, a sensor that dies"
    )
    parser.add_argument("--clock-stands", action="store_true", help="with --mixed: the computer's clock stands in its sleep")
    parser.add_argument("--loss", type=float, default=0.02, help="share of the packets that are lost")
    chosen = parser.parse_args()
    if chosen.mixed:
        from benchmarks.live_mixed import mixed

        sys.exit(0 if mixed(chosen.minutes, chosen.pulls or 8, chosen.loss, stands=chosen.clock_stands) else 1)
    sys.exit(0 if main(chosen.family or LINKS[chosen.link], chosen.minutes, chosen.rate, chosen.pulls, chosen.loss) else 1)
