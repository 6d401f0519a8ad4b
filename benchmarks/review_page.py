"""How long it takes until an hour is open in the browser: from the click on the address to the painted overview and body.

    python -m benchmarks.review_page --minutes 60

The session is a simulated evening, repeated until it lasts that long; both estimators, some 600 repetitions in an hour.
Measured on loopback: what the server needs for the document, the overview and the first minute of rows, and, in Debian's
chromium where it is there, the whole of it from navigation to paint.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from body_signals import ANGLE_NAMES, ESTIMATORS
from dashboards.review_page.server import review_server
from dashboards.review_page.traces import overview, stretch
from dashboards.tables import TableWriter, read_angles, read_repetitions, read_summary, repetition_of
from dsp.results import TICK_HZ, AngleRows
from hiphinge.afterwards.reviewing import Reviewing
from hiphinge.session.in_progress import SessionInProgress
from virtual_athlete import simulate

CHROMIUM = Path("/usr/bin/chromium")
BAR_MS = 1000.0
RUNS = 5
_PAINTED = """() => document.body?.dataset.time !== undefined && document.querySelectorAll('svg.overview .trace').length === 3
    && document.querySelector('svg.loops .middle') !== null"""


def long_session(folder: Path, minutes: float) -> Path:
    """A session of this length: a simulated evening, again and again."""
    short = folder / "short"
    simulated = simulate("demo", 2, athlete="player-07")
    running = SessionInProgress(short, simulated.session)
    for begin in range(0, len(simulated.events), 50):
        running.take(simulated.events[begin : begin + 50])
    running.close()
    long = folder / "long"
    long.mkdir()
    (long / "session.toml").write_bytes((short / "session.toml").read_bytes())
    for estimator in ESTIMATORS:
        _repeat(short, long, estimator, minutes)
    return long


def _repeat(short: Path, long: Path, estimator: str, minutes: float) -> None:
    table, summary = read_angles(short, estimator), read_summary(short, estimator)
    time_s = table["time_s"].to_numpy()
    angles, sd = (np.radians([table[f"{name}{tail}"].to_numpy() for name in ANGLE_NAMES]) for tail in ("_deg", "_sd_deg"))
    quality = table["quality"].to_numpy()
    repetitions = [repetition_of(row) for row in read_repetitions(short, estimator).to_pylist()]
    length_s = float(time_s[-1]) + 1.0 / TICK_HZ
    times = max(1, round(minutes * 60.0 / length_s))
    with TableWriter(long, estimator) as writer:
        for i in range(times):
            shift_s = i * length_s
            writer.angles(AngleRows(time_s + shift_s, angles, sd, quality))
            for r in repetitions:
                moved = (r.start_s + shift_s, r.turn_s + shift_s, r.end_s + shift_s)
                index = i * len(repetitions) + r.index
                writer.repetition(replace(r, index=index, start_s=moved[0], turn_s=moved[1], end_s=moved[2]))
        end_s = round(float(time_s[-1]) + (times - 1) * length_s, 6)
        writer.close(summary | {"session": long.name, "duration_s": end_s, "repetitions": times * len(repetitions)})


def _median_ms(what: Callable[[], Any]) -> float:
    what()
    taken = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        what()
        taken.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(taken)


def in_browser(address: str, runs: int = RUNS) -> list[float]:
    """Milliseconds from navigation to the painted overview, body and loops, each in a window that knows nothing yet."""
    from playwright.sync_api import sync_playwright

    taken = []
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        for _ in range(runs):
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            window = context.new_page()
            begin = time.perf_counter()
            window.goto(address, wait_until="commit")
            window.wait_for_function(_PAINTED)
            taken.append(1e3 * (time.perf_counter() - begin))
            context.close()
        browser.close()
    return taken


def main(minutes: float = 60.0) -> bool:
    """Print the figures; whether the page is open in time."""
    with tempfile.TemporaryDirectory(prefix="hiphinge-review-") as place:
        folder = long_session(Path(place), minutes)
        reviewing = Reviewing(folder, print)
        document = reviewing.document(folder.name, "review")
        rows, count = round(document["duration_s"] * TICK_HZ), len(document["repetitions"])
        sets = len(document["sets"])
        print(f"{minutes:g} min, {rows} rows, {count} repetitions in {sets} sets; load {os.getloadavg()[0]:.1f}")
        parts = {
            "document": _median_ms(lambda: reviewing.document(folder.name, "review")),
            "overview": _median_ms(lambda: overview(folder, "review", 0.0, document["duration_s"], 900)),
            "a minute of rows": _median_ms(lambda: stretch(folder, "review", 60.0, 120.0)),
        }
        print("server, median: " + ", ".join(f"{name} {ms:.0f} ms" for name, ms in parts.items()))
        total = sum(parts.values())
        if CHROMIUM.exists():
            server, address = review_server(reviewing, port=0)
            server.start()
            try:
                found = in_browser(address)
            finally:
                server.stop()
            total = statistics.median(found)
            each = ", ".join(f"{ms:.0f}" for ms in found)
            print(f"browser, from navigation to the painted page: median {total:.0f} ms ({each}); bar {BAR_MS:.0f} ms")
        reviewing.close()
        return total < BAR_MS


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.review_page", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    raise SystemExit(0 if main(parser.parse_args().minutes) else 1)
