"""A session that is written down instead of measured: the real page, server, sink and orders, fed with rows of our own.

Angles are what a test says they are, at once; repetitions, findings and a calibration come when it says so. So a browser can be
asked what it shows of them within seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from body_signals import ANGLE_NAMES, ANGLES, BODY_PLACEMENTS, Cause, Mark, Placement, Sensor, Session
from dashboards.live_page import PageOrder
from dsp.alignment.alignment import Alignment
from dsp.pipeline import PipelineOutput
from dsp.progress import CalibrationProgress, Heard, Stage, wanted_of
from dsp.results import TICK_HZ, AlignmentReport, AngleRows, Finding, Repetition
from hiphinge.engine import SensorProgress
from hiphinge.guidance.orders import Orders
from hiphinge.live.sinks import Frame
from hiphinge.live_page.opening import OpenPage, PageWishes
from ingest.links import LinkState, LinkStatus

BODY = tuple(p.value for p in BODY_PLACEMENTS)
FRAME_S = 0.02
Pose = Mapping[str, float]
"""Angles in degrees, by their names; what is not named is 0."""
STANDING: Pose = {}
BENT: Pose = {
    "lumbar_flexion": 41.0,
    "pelvis_tilt": 26.0,
    "trunk_inclination": 67.0,
    "hip_left_flexion": 31.0,
    "hip_right_flexion": 33.0,
    "thigh_left_inclination": 5.0,
    "thigh_right_inclination": 7.0,
}
REASONS = (
    "stood still 4.1 s with 0.5° of sway",
    "3 bends, range 59°",
    "movement in one plane to 100 %, repetitions agree to 0.1°",
)


def a_bend(depth: float = 1.0) -> Callable[[float], Pose]:
    """Bends of 4 s, one after the other, from standing to `BENT` and back."""
    return lambda t: {name: depth * deg * 0.5 * (1 - np.cos(2 * np.pi * t / 4.0)) for name, deg in BENT.items()}


class ScriptedSession:
    """Plays rows from session time `start_s` on, in real time, until it is closed. To be used with `with`.

    pose: the angles at a session time; may be replaced while it runs. missing: sensors whose angles are not there.
    """

    def __init__(
        self, *, athlete: str = "player-07", start_s: float = 40.0, pose: Pose | Callable[[float], Pose] = STANDING
    ) -> None:
        sensors = tuple(Sensor(Placement(key), family="hiphinge-v1") for key in BODY)
        self.session = Session(datetime(2026, 11, 29, 9, 15, tzinfo=UTC), athlete, sensors)
        self.page = OpenPage(self.session, PageWishes(port=0, browser=False), simulated=True)
        self.pose = pose
        self.quality = 0
        self.missing: set[str] = set()
        self.slipped: set[str] = set()
        self.links = {
            key: LinkStatus(key, LinkState.STREAMING, battery=battery, rssi=-55)
            for key, battery in zip(BODY, (84, 79, 81, 22), strict=True)
        }
        self.now_s = start_s
        self.pace = 1.0
        """Below 1, rows come later and later, although they never stop."""
        self._away_s = 0.0
        """How long it has been held."""
        self.held = threading.Event()
        """While set, nothing comes: the program hangs."""
        self.heard: list[PageOrder] = []
        self._orders = Orders(self._mark, self._stop_asked, lambda: self.now_s)
        self._lock = threading.Lock()
        self._marks: list[Mark] = []
        self._next: list[PipelineOutput] = []
        self._seq = 0
        self._samples = 1
        self._done = threading.Event()
        self.stopped = threading.Event()
        """A page has said stop."""
        self.page._listener = self._hear
        self._frame(PipelineOutput(calibration=[CalibrationProgress(wanted=wanted_of(BODY))]))
        self._thread = threading.Thread(target=self._play, daemon=True)

    @property
    def address(self) -> str:
        """Of the operator's page."""
        return self.page.address

    def __enter__(self) -> ScriptedSession:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self.page.close()

    def give(self, output: PipelineOutput) -> None:
        """These results come with the next rows."""
        with self._lock:
            self._next.append(output)

    def calibrate(self, stage: Stage = Stage.DONE, confidence: float = 1.0, **progress: object) -> None:
        """Bring the calibration to a stage; when it is done, angles are there."""
        now = CalibrationProgress(stage=stage, time_s=self.now_s, wanted=wanted_of(BODY), **progress)  # type: ignore[arg-type]
        if stage is Stage.DONE:
            sure = {"pelvis": 0.5 * (confidence + 1.0)}
            reports = tuple(AlignmentReport(key, "standing and bends", sure.get(key, confidence), REASONS, 0.0) for key in BODY)
            now = replace(now, made=now.wanted, in_force=True, reports=reports)
            self.give(PipelineOutput(calibration=[now], alignments=[Alignment(0, 0.0, range(0), {}, reports, True, True, 0.0)]))
        else:
            self.give(PipelineOutput(calibration=[now]))

    def movements(self, *made: int, heard: Heard | None = None) -> None:
        """In the movements of a calibration: how many of each were heard."""
        wanted = wanted_of(BODY)
        counts = tuple((name, n) for (name, _), n in zip(wanted, made, strict=True))
        self.calibrate(Stage.MOVEMENTS, made=counts, heard=heard)

    def repetition(
        self, index: int, movement: str = "bend", confidence: float = 0.97, *, turned_s: float | None = None, **metrics: float
    ) -> Repetition:
        """A repetition has just ended. turned_s: session time of its deepest point; else 1.6 s ago."""
        found = {
            "lumbar_rom_deg": 41.0,
            "pelvis_rom_deg": 26.0,
            "hip_left_rom_deg": 31.0,
            "hip_right_rom_deg": 33.0,
            "lumbar_rom_sd_deg": 0.7,
            "lumbar_share_of_trunk": 0.61,
            "lumbar_share_of_trunk_sd": 0.01,
            "lumbar_share_of_trunk_early": 0.8,
            "lumbar_share_of_trunk_middle": 0.6,
            "lumbar_share_of_trunk_late": 0.4,
            "lumbar_share_of_trunk_on_thigh": 0.56,
            **metrics,
        }
        start_s = self.now_s - 3.0
        turn_s, end_s = (start_s + 1.4, start_s + 2.9) if turned_s is None else (turned_s, turned_s)
        done = Repetition(index, start_s, turn_s, end_s, movement, confidence, 0, found)
        self.give(PipelineOutput(repetitions=[done]))
        return done

    def find(self, sensor: str, cause: Cause, *, over: bool = False) -> None:
        """Something is wrong with a sensor, or not any more."""
        since = getattr(self, "_since", {}).get((sensor, cause), self.now_s)
        self._since = {**getattr(self, "_since", {}), (sensor, cause): since}
        self.give(
            PipelineOutput(findings=[Finding(sensor, cause, since, self.now_s, "what", "remedy", self.now_s if over else None)])
        )

    def lose(self, key: str) -> None:
        """A sensor's link is gone, and its angles with it."""
        self.missing.add(key)
        self.links[key] = replace(self.links[key], state=LinkState.LOST)

    def bring_back(self, key: str) -> None:
        """It streams again."""
        self.missing.discard(key)
        self.links[key] = replace(self.links[key], state=LinkState.STREAMING)

    def kill(self) -> None:
        """The program is gone from one moment to the next: nothing is said, all sockets are cut."""
        self.held.set()
        self.page.server.kill()

    def _hear(self, order: PageOrder) -> None:
        self.heard.append(order)
        self._orders.tapped(order)

    def _mark(self, label: str, seen_s: float | None = None) -> int:
        with self._lock:
            self._seq += 1
            seen_ns = None if seen_s is None else round(seen_s * 1e9)
            self._marks.append(Mark(self._seq, round(self.now_s * 1e9), label, seen_ns))
        if label == "calibrate":
            self.calibrate(Stage.STANDING, mark_s=self.now_s, still_since_s=self.now_s)
        return self._seq

    def _stop_asked(self) -> None:
        self.stopped.set()
        self._done.set()
        threading.Thread(target=self.page.close).start()

    def _play(self) -> None:
        then = time.monotonic()
        while not self._done.wait(FRAME_S):
            now = time.monotonic()
            passed, then = now - then, now
            if self.held.is_set():
                self._away_s += passed
                continue
            first = round(self.now_s * TICK_HZ) + 1
            # whole nanoseconds, as marks have them: a mark and a row of the same moment are at the same time
            self.now_s = round((self.now_s + self.pace * (passed + self._away_s)) * 1e9) / 1e9
            self._away_s = 0.0
            ticks = np.arange(first, round(self.now_s * TICK_HZ) + 1)
            with self._lock:
                pieces, self._next = self._next, []
            self._frame(PipelineOutput.join([*pieces, PipelineOutput(angles=[self._rows(ticks / TICK_HZ)])]))

    def _rows(self, time_s: np.ndarray) -> AngleRows:
        angles = np.zeros((len(ANGLE_NAMES), len(time_s)))
        for i, angle in enumerate(ANGLES):
            if self.missing & {p.value for p in angle.needs}:
                angles[i] = np.nan
            else:
                angles[i] = [
                    np.radians((self.pose(t) if callable(self.pose) else self.pose).get(angle.name, 0.0)) for t in time_s
                ]
        return AngleRows(time_s, angles, np.full_like(angles, 0.01), np.full(len(time_s), self.quality, np.int32))

    def _frame(self, output: PipelineOutput) -> None:
        self._samples += 1
        with self._lock:
            marks, self._marks = tuple(self._marks), []
        still = {key: 1 if key in self.missing else self._samples for key in BODY}
        self.page.sink.take(
            Frame(
                output,
                self.now_s,
                progress={key: SensorProgress(n, 0, True, 100.0, {}, key in self.slipped) for key, n in still.items()},
                links=dict(self.links),
                latency_ms=dict.fromkeys(BODY, 9.0),
                marks=marks,
                desk=self._orders.desk,
            )
        )
