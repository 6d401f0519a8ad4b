"""A day in a gym in one live session: four families over radio and cable, pulled and put back; a sleep of the computer; a
sensor that is exchanged for another one, and one that dies for good. Every sample is accounted for. Every row is compared with
the athlete's true angles: none may be stale, and none wrong without a flag.

Run by `python -m benchmarks.live --mixed --minutes 120 --pulls 40`. The sleep stops the whole program, and all links are cut
meanwhile; with `--clock-stands` the computer's clock stands too, as where there is no CLOCK_BOOTTIME.
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.live import AWAY_S, NEEDS, Pull, frozen
from body_signals import Quality
from firmware_protocol.registry import device_family
from hiphinge.live.streaming import Streaming
from hiphinge.session.in_progress import SessionInProgress
from ingest.links.event_log import EventLog
from ingest.links.kit import Kit, write_kit
from ingest.links.kit_reader import KitReader
from ingest.time import HOST_CLOCK_NS
from tests.peers.bluez import Obedient, bluez, device
from tests.peers.serial_lines import serial_lines
from tests.peers.worn_sensors import motion
from virtual_athlete.virtual_devices.firmware_v1 import V1Firmware

FAMILIES = {
    "lumbar": "hiphinge-v1",
    "pelvis": "movella-dot",
    "thigh_left": "hiphinge-v1-serial",
    "thigh_right": "ximu3",
}
RATE_HZ = {"hiphinge-v1": 100, "movella-dot": 60, "hiphinge-v1-serial": 100, "ximu3": 100}
SLEEP_S = 30.0
CALIBRATES_S = 50.0
"""The athlete calibrates meanwhile, and nothing goes wrong yet, s."""
WRONG_DEG, SIGMAS = 12.0, 5.0
"""A row is wrong where it is off by more than this, and by more than five of its own standard uncertainties."""
DOUBT = ~int(Quality.FAST | Quality.DEVICE_ORIENTATION)
"""Any other flag says that a row is in doubt."""
COUNTING = ("lumbar", "thigh_left")
"""Sensors that count every sample since they were switched on: what is missing is known to one. The others tell a loss by their
clock, also of the time when they were told to be silent, or were dead."""
HELD = 64
"""Samples that a connection holds when it is cut: sent, and never heard of."""


@dataclass
class Day:
    """What happened: pulls, session times of the sleep, the swap and the death; ledgers at the end, and at the death."""

    pulls: list[Pull] = field(default_factory=list)
    slept: tuple[float, float] = (0.0, 0.0)
    swapped_s: float = 0.0
    died_s: float = 0.0
    ledgers: dict[str, dict[str, int]] = field(default_factory=dict)
    cuts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FAMILIES, 0))


class Sensors:
    """The programs of the sensors, by sensor."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        radio = [k for k, f in FAMILIES.items() if device_family(f).ble is not None]
        air = stack.enter_context(bluez(folder, [device(k, FAMILIES[k]) for k in radio]))
        cables = [device(k, FAMILIES[k]) for k in FAMILIES if k not in radio]
        lines = stack.enter_context(serial_lines(folder, cables))
        self.programs: dict[str, Obedient] = {k: air if k in radio else lines for k in FAMILIES}

    def do(self, order: str, key: str, **words: object) -> object:
        """Give an order to the program of a sensor."""
        return self.programs[key].do(order, key, **words)

    def ledgers(self) -> dict[str, dict[str, int]]:
        """What became of the samples of each sensor."""
        return {key: program.do("ledgers")[key] for key, program in self.programs.items()}


def mixed(minutes: float, pulls: int, loss: float, *, stands: bool = False) -> bool:
    """Run and print; False where anything is not as it should be."""
    seconds = 60.0 * minutes
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        sensors = Sensors(stack, folder)
        entries: list[dict[str, object]] = []
        for key, family in FAMILIES.items():
            reach: dict[str, object] = {"address": device(key)["address"]}
            if device_family(family).ble is None:
                # to find a baud rate is to start a sensor: its first samples would be nobody's
                reach = {"port": str(folder / key), "baud": 921_600}
            entries.append({"placement": key, "family": family, "rate_hz": RATE_HZ[family], **reach})
        kit = write_kit(folder / "kit.toml", entries)
        began = time.monotonic()
        for key in FAMILIES:
            sensors.do("begin", key, at=began)
        day, zero_s, streaming = asyncio.run(_session(sensors, kit, folder, seconds, loss, pulls, stands))
        return _judged(folder, day, zero_s - began, streaming, minutes, stands)


async def _session(
    sensors: Sensors, kit: Kit, folder: Path, seconds: float, loss: float, pulls: int, stands: bool
) -> tuple[Day, float, Streaming]:
    """What happened, the monotonic time of session time 0, and the streaming."""
    stood_ns = 0
    log = EventLog(lambda: HOST_CLOCK_NS() - stood_ns)
    zero_ns, zero_s = log.clock_ns(), time.monotonic()
    running = SessionInProgress(folder / "session", kit.session(datetime.now(UTC)))
    reader = KitReader(kit, log)
    streaming = Streaming(running, reader, log)
    day, chance = Day(), random.Random(1)

    def now_s() -> float:
        return (log.clock_ns() - zero_ns) * 1e-9

    async def away(key: str, for_s: float = AWAY_S) -> None:
        sensors.do("leave", key)
        day.cuts[key] += 1
        gone = now_s()
        await asyncio.sleep(for_s)
        before, back, came = reader.status[key].packets, now_s(), time.monotonic()
        sensors.do("come", key)
        while reader.status[key].packets < before + 5 and time.monotonic() - came < 30.0:
            await asyncio.sleep(0.01)
        day.pulls.append((key, gone, back, time.monotonic() - came))

    async def sleep() -> None:
        nonlocal stood_ns
        for key in FAMILIES:
            sensors.do("leave", key)
            day.cuts[key] += 1
        gone = now_s()
        await asyncio.sleep(0.2)
        time.sleep(SLEEP_S)
        stood_ns += round(SLEEP_S * 1e9) if stands else 0
        back = now_s()
        for key in FAMILIES:
            sensors.do("come", key)
        day.slept = (gone, back)

    async def watch() -> None:
        while not reader.streaming():
            await asyncio.sleep(0.02)
        print(f"streaming {now_s():.1f} s after the start", flush=True)
        log.mark("calibrate")
        await asyncio.sleep(CALIBRATES_S)
        for key in FAMILIES:
            sensors.do("faults", key, faults={"loss": loss})
        each = max(1.0, (seconds - CALIBRATES_S - SLEEP_S) / (pulls + 4))
        plan = ["pull"] * pulls
        for at, what in ((0.35, "sleep"), (0.65, "swap"), (0.8, "die")):
            plan.insert(round(at * len(plan)), what)
        for what in plan:
            until = time.monotonic() + each
            if what == "pull":
                await away(
                    chance.choice([k for k in FAMILIES if not day.died_s or k != "thigh_right"]), min(AWAY_S, 0.4 * each)
                )
            elif what == "sleep":
                await sleep()
            elif what == "swap":
                day.swapped_s = now_s()
                day.cuts["lumbar"] += 1
                sensors.do("swap", "lumbar", serial="another one")
            else:
                sensors.do("faults", "thigh_right", faults={"loss": 0.0})
                await asyncio.sleep(0.5)
                sensors.do("leave", "thigh_right")
                day.cuts["thigh_right"] += 1
                day.died_s = now_s()
            await asyncio.sleep(max(0.5, until - time.monotonic()))
        for key in FAMILIES:
            sensors.do("faults", key, faults={"loss": 0.0})
        await asyncio.sleep(1.0)
        for key in FAMILIES:
            sensors.do("stop_sampling", key)
        await asyncio.sleep(0.5)
        day.ledgers = sensors.ledgers()
        streaming.stop()

    watching = asyncio.ensure_future(watch())
    try:
        await streaming.run(seconds + 600.0)
    finally:
        watching.cancel()
        for result in await asyncio.gather(watching, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
    running.close()
    return day, zero_s, streaming


def _judged(folder: Path, day: Day, zero_s: float, streaming: Streaming, minutes: float, stands: bool) -> bool:
    """Print what came of it. zero_s: time of the body at session time 0."""
    summary = json.loads((folder / "session/live/summary.json").read_text())
    good = True
    clock = "stands" if stands else "runs on"
    print(
        f"{', '.join(FAMILIES.values())}: {minutes:g} min, {len(day.pulls)} pulls, a sleep of {SLEEP_S:g} s (the clock {clock})"
    )
    print("sensor           made     sent  dropped  decoded     lost unaccounted")
    for key in FAMILIES:
        book, found = day.ledgers[key], summary["sensors"][key]
        # sent and never heard: what a connection held when it was cut; made and never told: after a death, or before a swap
        missing = book["sent"] - found["samples"]
        accounted = 0 <= missing <= HELD * day.cuts[key]
        rest = book["made"] - found["samples"] - found["lost"]
        if key in COUNTING:
            accounted &= rest == 0
        good &= accounted
        counts = (book["made"], book["sent"], book["dropped"], found["samples"], found["lost"])
        print(f"{key:12s}" + "".join(f"{n:9d}" for n in counts) + (f"{rest:9d}" if key in COUNTING else "        –"))
    back = sorted(seconds for *_, seconds in day.pulls)
    if back:
        print(f"streams again after {back[len(back) // 2]:.2f} s, at most {back[-1]:.2f} s")
        good &= back[-1] <= 3.0
    asleep = [(key, day.slept[0], day.slept[1], 0.0) for key in FAMILIES]
    dead = [("thigh_right", day.died_s, summary["duration_s"], 0.0)]
    stale = frozen(folder, [*day.pulls, *asleep, *dead])
    wrong, rows, worst = _wrong(folder, day, zero_s, stands)
    print(f"rows with an angle whose sensor was away: {stale}")
    print(f"rows that are wrong without a flag: {wrong} of {rows} (largest error {worst:.1f} deg)")
    leaps = [f for f in summary["findings"] if "leapt" in f["what"]]
    others = [f for f in summary["findings"] if f["cause"] == "other_sensor"]
    print(f"told: {len(leaps)} clocks leapt, {len(others)} other sensor")
    good &= stale == 0 and wrong == 0 and rows > 0 and len(others) == 1 and (len(leaps) >= 3 if stands else not leaps)
    p50, p99 = (streaming.latency.percentile(p) for p in (50, 99))
    print(f"packet to angle, without the grid's own wait: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    print("all as it should be" if good else "NOT as it should be", flush=True)
    return good


def _wrong(folder: Path, day: Day, zero_s: float, stands: bool) -> tuple[int, int, float]:
    """Rows without a flag that are wrong, rows without a flag, and the largest error of these, degrees."""
    table = pq.read_table(folder / "session/live/angles.parquet")
    time_s, quality = table["time_s"].to_numpy(), table["quality"].to_numpy()
    body_s = time_s + zero_s + np.where(stands & (time_s >= day.slept[1]), SLEEP_S, 0.0)
    truth = motion(1).truth(body_s)
    plain = quality & DOUBT == 0
    wrong = np.zeros(len(time_s), np.bool_)
    seen = np.zeros(len(time_s), np.bool_)
    worst = 0.0
    for name in sorted(set(NEEDS.values())):
        shown, sd = table[f"{name}_deg"].to_numpy(), table[f"{name}_sd_deg"].to_numpy()
        zero = truth.zeros[0][name] if truth.zeros else 0.0
        off = np.abs(shown - np.degrees(truth.angles[name] - zero))
        given = plain & np.isfinite(shown)
        seen |= given
        wrong |= given & (off > WRONG_DEG) & (off > SIGMAS * sd)
        worst = max(worst, float(off[given].max(initial=0.0)))
    return int(wrong.sum()), int(seen.sum()), worst


assert V1Firmware.family == FAMILIES["lumbar"], "the sensor that is exchanged says who it is"
