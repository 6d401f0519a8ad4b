"""The live page of four sensors at 200 Hz: arrival → painted, arrival → tone, viewers that are far away or dead, memory.

    python -m benchmarks.live_page                  # two minutes
    python -m benchmarks.live_page --soak 60        # memory of server and page over an hour as well

The session is the one of `hiphinge demo` on virtual sensors, in a process of its own; Debian's chromium shows the page, and
there a blank page counts the bare frames of the display in the same run. *Arrival* is the arrival of the packet that made a row
final; *painted* is when the page has first set the row's values (`data-time`). Both are on the machine's wall clock.
*Steps* say where the time goes: from arrival to the engine's result, from there to the pipe to the page's process, from there
to the browser's message, from there to the painting.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from body_signals import ANGLE_NAMES
from dashboards.live_page import wire
from dashboards.live_page.rows import unframed
from hiphinge.live.playback import Playback, on_serial_lines
from hiphinge.live.sinks import Frame, Sink
from hiphinge.live.streaming import Streaming
from hiphinge.live_page.opening import OpenPage, PageWishes
from hiphinge.session.in_progress import SessionInProgress
from tests.dashboards.live_page.page_client import PageClient, logged_in
from virtual_athlete import SimulatedAthlete, going_on

if TYPE_CHECKING:
    from playwright.sync_api import Page

RATE_HZ, SAMPLES_PER_PACKET = 200.0, 4
SECONDS = 40.0
"""Of each of the two measurements: with the page alone, and with viewers that read nothing."""
CALIBRATED_S = 32.0
"""Session time from which on there are angles and movements."""
ROUND_TRIP_S = 0.3
ACKNOWLEDGED_EACH = 4
"""Frames, as in the page (`connection.js`)."""
TARGET_DEG = 20.0
MOST_NOTED = 60_000
"""Rows."""
OF_PAGE = ("page", "hiphinge-live page", "hiphinge-page-writer", "hiphinge-page-reader")
"""What the page costs: its process, and the threads of the session's process that write to it and hear it."""
LUMBAR = ANGLE_NAMES.index("lumbar_flexion")
WATCH = """
window.painted = []; window.tones = []; window.bare = [];
window.received = [];
const Plain = WebSocket;
window.WebSocket = class extends Plain {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({ data }) => {
      if (!(data instanceof ArrayBuffer)) return;
      const view = new DataView(data);
      window.received.push([view.getFloat64(12, true) + (view.getUint16(8, true) - 1) / 100, wall()]);
    });
  }
};
const wall = () => (performance.timeOrigin + performance.now()) / 1000;
let before = 0;
const tick = now => { if (before) window.bare.push(now - before); before = now; requestAnimationFrame(tick); };
requestAnimationFrame(tick);
addEventListener("DOMContentLoaded", () => new MutationObserver(changes => {
  for (const change of changes) {
    const body = document.body;
    if (change.attributeName === "data-time" && body.dataset.time) window.painted.push([+body.dataset.time, wall()]);
    if (change.attributeName === "data-tone") window.tones.push([body.dataset.tone, wall()]);
  }
}).observe(document.body, {attributes: true, attributeFilter: ["data-time", "data-tone"]}));
"""


class Arrivals(Sink):
    """Notes when each row was made possible: session time, lumbar flexion, wall time of its last packet's arrival.

    out, written: session and wall time of rows when the engine gave them out, and when the page's process was sent them.
    """

    name = "arrivals"
    needs_every_row = True

    def __init__(self, arrived: dict[int, float]) -> None:
        self.rows: list[tuple[float, float, float]] = []
        self.out: deque[tuple[float, float]] = deque(maxlen=MOST_NOTED)
        self.written: deque[tuple[float, float]] = deque(maxlen=MOST_NOTED)
        self._arrived, self._latest = arrived, 0.0

    def take(self, frame: Frame) -> None:
        """The next rows."""
        for seq in [seq for seq in list(self._arrived) if seq <= frame.last_seq]:
            self._latest = max(self._latest, self._arrived.pop(seq))
        for rows in frame.output.angles:
            degrees = np.degrees(rows.angles[LUMBAR]).tolist()
            self.rows += [(t, d, self._latest) for t, d in zip(rows.time_s.tolist(), degrees, strict=True)]
        del self.rows[:-MOST_NOTED]

    def given_out(self, take: Callable[[Frame], None]) -> Callable[[Frame], None]:
        """`take`, and the rows are noted."""

        def noted(frame: Frame) -> None:
            now = time.time()
            self.out.extend((t, now) for rows in frame.output.angles for t in rows.time_s.tolist())
            take(frame)

        return noted

    def handed_over(self, send: Callable[[wire.Message], None]) -> Callable[[wire.Message], None]:
        """`send`, and the rows are noted."""

        def noted(message: wire.Message) -> None:
            send(message)
            if isinstance(message, wire.Rows):
                now = time.time()
                self.written.extend((t, now) for t in message.time_s)

        return noted


def cpu_of_threads() -> dict[str, float]:
    """Seconds of computing of each thread of this process, by its name."""
    found = {}
    for thread in threading.enumerate():
        with suppress(OSError):
            found[thread.name] = cpu_of(f"/proc/self/task/{thread.native_id}/stat")
    return found


def cpu_of(stat: str) -> float:
    """Seconds of computing of a thread or process, by its file in /proc."""
    fields = Path(stat).read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(process: str | int) -> float:
    """Resident memory of a process."""
    resident = next(s for s in Path(f"/proc/{process}/status").read_text().splitlines() if s.startswith("VmRSS"))
    return int(resident.split()[1]) / 1024


def serve(folder: Path) -> None:
    """The session, until the standard input says so; told on standard output: the page's address, then a line for each line of
    the input: memory and computing time so far. At the end what `Arrivals` has noted is in the folder."""
    # the session would take its lines for a person's
    commands, sys.stdin = sys.stdin, None  # type: ignore[assignment]
    script = going_on("demo", 2, 2 * 3600.0)
    athlete = SimulatedAthlete(
        script, 2, rate_hz=RATE_HZ, samples_per_packet=SAMPLES_PER_PACKET, start=datetime.now(UTC).replace(microsecond=0)
    )
    session = replace(on_serial_lines(athlete.session))
    page = OpenPage(session, PageWishes(port=0, browser=False), simulated=True)
    print(json.dumps({"page": page.address, "viewer": page.viewer}), flush=True)
    running = SessionInProgress(folder / "session", session)

    async def stream() -> Arrivals:
        with Playback(session, athlete.events(), 1.0) as playback:
            arrived: dict[int, float] = {}
            packet = playback.log.packet

            def stamped(sensor: str, arrival_ns: int, payload: bytes) -> None:
                arrived[playback.log._seq] = time.time()
                packet(sensor, arrival_ns, payload)

            playback.log.packet = stamped  # type: ignore[method-assign]
            arrivals = Arrivals(arrived)
            page.board._send = arrivals.handed_over(page.board._send)
            running.sinks.take = arrivals.given_out(running.sinks.take)  # type: ignore[method-assign]
            assert page.sink is not None
            running.sinks.add(page.sink)
            running.sinks.add(arrivals)
            streaming = Streaming(running, playback.reader, playback.log, page)
            loop = asyncio.get_running_loop()
            threading.Thread(target=answer, args=(loop, streaming), daemon=True).start()
            playing = asyncio.ensure_future(playback.play())
            await streaming.run()
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
            return arrivals

    def answer(loop: asyncio.AbstractEventLoop, streaming: Streaming) -> None:
        for line in commands:
            if line.strip() == "stop":
                break
            own, of_page = (memory_mb(process) for process in ("self", page.server.process.pid))
            cpu = {**cpu_of_threads(), "page": cpu_of(f"/proc/{page.server.process.pid}/stat")}
            print(json.dumps({"session_mb": own, "page_mb": of_page, "cpu": cpu, "now_s": running.now_s}), flush=True)
        loop.call_soon_threadsafe(streaming.stop)

    arrivals = asyncio.run(stream())
    noted = {"rows": arrivals.rows, "out": list(arrivals.out), "written": list(arrivals.written)}
    (folder / "arrivals.json").write_text(json.dumps(noted))
    running.abandon()


class Server:
    """The session's process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        pipe = subprocess.PIPE
        words = [sys.executable, "-m", "benchmarks.live_page", "--serve", str(folder)]
        self._process = subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True)
        self.addresses = self._line()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def asked(self) -> dict[str, Any]:
        """Memory, computing time, session time."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._line()

    def stop(self) -> dict[str, list[Any]]:
        """End it; what `Arrivals` has noted."""
        self._process.communicate("stop\n", timeout=60)
        noted: dict[str, list[Any]] = json.loads((self.folder / "arrivals.json").read_text())
        return noted


@contextmanager
def far_away(port: int) -> Iterator[int]:
    """A port that leads to another one, half a round trip away each way."""
    loop = asyncio.new_event_loop()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                asyncio.get_running_loop().call_later(ROUND_TRIP_S / 2, writer.write, data)
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        with suppress(asyncio.CancelledError):
            await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    # playwright has a loop of its own in this thread
    listening = asyncio.run_coroutine_threadsafe(asyncio.start_server(accept, "127.0.0.1", 0), loop).result(10.0)
    yield listening.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])
    time.sleep(0.2)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5.0)


async def viewer(address: str, port: int, seconds: float, said: dict[str, float]) -> None:
    """A page through `port`: frames a second, and rows that it missed."""
    base, cookie = f"127.0.0.1:{port}", logged_in(address)
    frames = missed = 0
    following: int | None = None
    until = time.monotonic() + seconds
    began = None
    async with connect(
        f"ws://{base}/ws", origin=f"http://{base}", additional_headers={"Cookie": cookie}, max_size=None
    ) as socket:  # type: ignore[arg-type]
        while time.monotonic() < until:
            data = await socket.recv()
            if isinstance(data, str):
                continue
            began = began or time.monotonic()
            first, _, rows = unframed(data)
            missed += 0 if following is None else first - following
            following, frames = first + len(rows), frames + 1
            if frames % ACKNOWLEDGED_EACH == 0:
                await socket.send(json.dumps({"ack": frames}))
        said["frames_per_s"] = frames / (time.monotonic() - (began or 0.0))
        said["rows_missed"] = missed
        socket.transport.abort()


@contextmanager
def deaf(address: str, count: int) -> Iterator[None]:
    """Viewers that read nothing, and acknowledge everything in advance."""
    loop = asyncio.new_event_loop()
    base = address.partition("/#")[0]

    async def hold() -> list[ClientConnection]:
        options: dict[str, Any] = {"origin": base, "additional_headers": {"Cookie": logged_in(address)}, "max_queue": 1}
        sockets = [await connect(base.replace("http", "ws", 1) + "/ws", **options) for _ in range(count)]
        for socket in sockets:
            await socket.send('{"ack": 1000000}')
            socket.transport.pause_reading()
        return sockets

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    sockets = asyncio.run_coroutine_threadsafe(hold(), loop).result(20.0)
    yield
    for socket in sockets:
        loop.call_soon_threadsafe(socket.transport.abort)
    time.sleep(0.2)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5.0)


def heap_mb(page: Page) -> float:
    """Memory of the page's scripts after a collection."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("HeapProfiler.collectGarbage")
    devtools.send("Performance.enable")
    metrics = {m["name"]: m["value"] for m in devtools.send("Performance.getMetrics")["metrics"]}
    devtools.detach()
    return float(metrics["JSHeapUsedSize"]) / 2**20


def percentiles(name: str, values: list[float] | np.ndarray[Any, Any]) -> dict[str, float]:
    """p50 and p99, to be printed."""
    found = np.asarray(values, np.float64)
    return (
        {f"{name}_p{p}_ms".strip("_"): round(float(np.percentile(found, p)), 1) for p in (50, 99)}
        | {f"{name}_n".strip("_"): len(found)}
        if len(found)
        else {}
    )


def taken(page: Page, name: str) -> list[Any]:
    """What a page has noted since the last time."""
    found: list[Any] = page.evaluate(f"() => {{ const all = window.{name}; window.{name} = []; return all; }}")
    return found


def measure(seconds: float, soak_min: float) -> dict[str, Any]:
    """All of it; the figures."""
    from playwright.sync_api import sync_playwright

    figures: dict[str, Any] = {"load_before": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder))
        address = server.addresses["page"]
        port = int(address.rpartition(":")[2].partition("/")[0])
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        page, blank = (browser.new_context(viewport={"width": 1280, "height": 800}).new_page() for _ in range(2))
        for one in (page, blank):
            one.add_init_script(WATCH)
        blank.goto("about:blank")
        page.goto(address)
        while server.asked()["now_s"] < CALIBRATED_S:
            page.wait_for_timeout(500)
        for action in ("mode-desk", "sound-target", "mode-lift"):
            page.evaluate("name => document.querySelector(`[data-action='${name}']`)?.click()", action)
            page.wait_for_timeout(300)
        set_target(address)
        parts: dict[str, Any] = {}
        before = server.asked()
        began = time.monotonic()
        for name, dead in (("alone", 0), ("beside_deaf_viewers", 2)):
            for one, what in ((page, "painted"), (page, "received"), (page, "tones"), (blank, "bare")):
                taken(one, what)
            with deaf(address, dead), far_away(port) as far:
                said: dict[str, float] = {}
                asking = threading.Thread(target=lambda s=said, f=far: asyncio.run(viewer(address, f, seconds, s)))  # type: ignore[misc]
                asking.start()
                page.wait_for_timeout(seconds * 1000)
                asking.join()
            parts[name] = (*(taken(page, what) for what in ("painted", "received", "tones")), taken(blank, "bare"), said)
        after, passed = server.asked(), time.monotonic() - began
        shares = {t: round(100.0 * (s - before["cpu"].get(t, 0.0)) / passed, 1) for t, s in after["cpu"].items()}
        of_page = {name: shares.get(name, 0.0) for name in OF_PAGE}
        figures["share_of_core_percent"] = {**of_page, "page_in_all": round(sum(of_page.values()), 1), "of_session": shares}
        figures["rss_mb"] = {name: round(after[name], 1) for name in ("session_mb", "page_mb")}
        if soak_min:
            figures["soak"] = soak(server, page, soak_min)
        browser.close()
        noted = server.stop()
    arrivals = noted["rows"]
    for name, (painted, received, tones, bare, said) in parts.items():
        steps = {
            "arrival": {round(t, 3): wall for t, _, wall in arrivals},
            "engine": {round(t, 3): wall for t, wall in noted["out"]},
            "page_process": {round(t, 3): wall for t, wall in noted["written"]},
            "browser": {round(t, 3): wall for t, wall in received},
            "painted": first_painted(painted),
        }
        figures[name] = {
            **percentiles("arrival_to_painted", waits(steps["arrival"], steps["painted"])),
            **percentiles("bare_frame_interval", bare),
            "steps": {f"to_{b}": percentiles("", waits(steps[a], steps[b])) for a, b in pairwise(steps)},
            **percentiles("arrival_to_tone", tone_waits(tones, arrivals)),
            "viewer_at_300_ms": {k: round(v, 1) for k, v in said.items()},
        }
    figures["load_after"] = os.getloadavg()[0]
    return figures


def waits(before: Mapping[float, float], after: Mapping[float, float]) -> list[float]:
    """From one step to another, milliseconds, of the rows that both have."""
    return [1000.0 * (wall - before[t]) for t, wall in after.items() if t in before]


def first_painted(painted: list[tuple[float, float]]) -> dict[float, float]:
    """Of each row that was painted, when that was the first time: while nothing newer comes it is painted again and again."""
    first: dict[float, float] = {}
    for time_s, wall in painted:
        first.setdefault(round(time_s, 3), wall)
    return first


def set_target(address: str) -> None:
    """A line for the lumbar spine, from another operator's page."""

    with PageClient(address) as operator:
        operator.say(do="target", angle="lumbar_flexion", deg=TARGET_DEG)
        operator.of("targets")


def tone_waits(tones: list[tuple[str, float]], arrivals: list[tuple[float, float, float]]) -> list[float]:
    """From the arrival of the first row beyond the target to the tone, milliseconds, for each time that it began."""
    _, degrees, wall = (np.array(column) for column in zip(*arrivals, strict=True))
    beyond = degrees > TARGET_DEG
    crossings = wall[1:][beyond[1:] & ~beyond[:-1]]
    waits = []
    for tone, at in tones:
        earlier = crossings[(crossings <= at) & (crossings > at - 1.0)]
        if tone == "tone" and len(earlier):
            waits.append(1000.0 * (at - float(earlier[-1])))
    return waits


def soak(server: Server, page: Page, minutes: float) -> dict[str, Any]:
    """Memory of the session's process, the page's process and the page's scripts, once a minute, and by how much each grew from
    the first quarter to the last."""
    memory: dict[str, list[float]] = {"session_mb": [], "page_mb": [], "heap_mb": []}
    for _ in range(max(4, round(minutes))):
        page.wait_for_timeout(60_000 * minutes / max(4, round(minutes)))
        for name in ("painted", "received", "tones", "bare"):
            taken(page, name)
        now = server.asked() | {"heap_mb": heap_mb(page)}
        for name, values in memory.items():
            values.append(round(now[name], 2))
        print(json.dumps({name: values[-1] for name, values in memory.items()}), file=sys.stderr, flush=True)
    quarter = len(memory["heap_mb"]) // 4
    grown = {n: round(float(np.mean(v[-quarter:]) - np.mean(v[:quarter])), 2) for n, v in memory.items()}
    return {"minutes": minutes, **memory, "grown": grown}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--soak", type=float, default=0.0, metavar="MINUTES")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve is not None:
        serve(given.serve)
    else:
        print(json.dumps(measure(given.seconds, given.soak), indent=2))


if __name__ == "__main__":
    main()
