"""The terminal while a session runs: lumbar and hip angles as bars, the lumbar share of the movement under way, repetitions as
they end, what the calibration said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from body_signals.quantities import ANGLE_NAMES
from dashboards.notation import (
    DASH,
    TRUNK,
    clock,
    confidence_words,
    movement_word,
    percent,
    quality_note,
    share_to_read,
    with_uncertainty,
    words,
)
from dsp.pipeline import PipelineOutput
from dsp.results import Repetition
from dsp.rhythm.share_now import LatestRows, ShareNow
from hiphinge.engine import SensorProgress
from ingest.links.link import LinkState, LinkStatus

BARS = (
    ("lumbar flexion", "lumbar_flexion", "#D55E00", 90.0),
    ("left hip flexion", "hip_left_flexion", "#0072B2", 120.0),
    ("right hip flexion", "hip_right_flexion", "#009E73", 120.0),
    ("pelvis tilt", "pelvis_tilt", "#CC79A7", 90.0),
)
"""Label, angle, colour (Okabe-Ito) and the angle at which the bar is full, degrees."""
WIDTH = 40
LAST = 5
PLAIN_EVERY_S = 5.0


class LiveScreen:
    """State of the screen; `take` brings it up to date, rich draws it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._now_s = 0.0
        self._angles: dict[str, float] = {}
        self._latest = LatestRows()
        self._repetitions: list[Repetition] = []
        self._calibration = "calibrating, no angles yet"
        self._plain_at = float("inf")
        self._sensors: Table | None = None
        self._states: dict[str, str] = {}
        self._trouble = ""

    def take(self, output: PipelineOutput, now_s: float) -> None:
        """What the engine gave at session time `now_s`; an angle without a fresh row becomes a dash."""
        self._now_s = now_s
        self._angles = {}
        if output.angles:
            self._latest.take(output.angles)
            last = output.angles[-1]
            self._angles = dict(zip(ANGLE_NAMES, np.degrees(last.angles[:, -1]).tolist(), strict=True))
        for alignment in output.alignments:
            confidence = min((r.confidence for r in alignment.reports), default=0.0)
            self._calibration = f"calibrated, lowest confidence {confidence:.2f} ({confidence_words(confidence)})"
            self._plainly(self._calibration)
        for repetition in output.repetitions:
            self._repetitions.append(repetition)
            self._plainly(sentence(repetition))
        if now_s >= self._plain_at:
            self._plain_at += PLAIN_EVERY_S
            shown = ", ".join(f"{label} {_degrees(self._angles.get(name))}" for label, name, _, _ in BARS[:3])
            self._console.print(f"{clock(now_s)}  {shown}, {now_words(self._share_now())}", highlight=False)

    def sensors(
        self,
        progress: Mapping[str, SensorProgress],
        links: Mapping[str, LinkStatus],
        latency_ms: Mapping[str, float],
        trouble: str = "",
    ) -> None:
        """What every sensor does, and what hinders the results on their way, empty when nothing does."""
        table = Table.grid(padding=(0, 2))
        for key, link in links.items():
            table.add_row(*map(Text, sensor_row(key, progress.get(key), link, latency_ms.get(key))))
            fault = link.fault
            if fault is not None:
                table.add_row("", Text(f"{fault.what}. {fault.remedy}", style="yellow"))
            state = link.state if fault is None else f"{link.state}: {fault}"
            if self._states.get(key) != state:
                self._states[key] = state
                self._plainly(f"{words(key)} {state}")
        if trouble and trouble != self._trouble:
            self._plainly(trouble)
        self._sensors, self._trouble = table, trouble

    @contextmanager
    def plain(self) -> Iterator[None]:
        """Lines instead of a moving picture, for output that is no terminal."""
        self._plain_at = 0.0
        yield

    def _share_now(self) -> ShareNow | None:
        return self._latest.share_now() if self._angles else None

    def _plainly(self, text: str) -> None:
        if self._plain_at != float("inf"):
            self._console.print(f"{clock(self._now_s)}  {text}", highlight=False, markup=False)

    def __rich__(self) -> RenderableType:
        bars = Table.grid(padding=(0, 1))
        for label, name, colour, full in BARS:
            value = self._angles.get(name, float("nan"))
            filled = 0 if value != value else round(WIDTH * min(max(value / full, 0.0), 1.0))
            bar = Text("█" * filled, style=colour) + Text("░" * (WIDTH - filled), style="dim")
            bars.add_row(label, bar, Text(_degrees(value).rjust(6), style="bold"))
        share = Text(now_words(self._share_now()), style="bold")
        lines = [Text(sentence(r)) for r in self._repetitions[-LAST:]]
        head = Text(f"{clock(self._now_s)}   {self._calibration}   repetitions: {len(self._repetitions)}", style="bold")
        below: list[RenderableType] = [] if self._sensors is None else [Text(""), self._sensors]
        if self._trouble:
            below.append(Text(self._trouble, style="yellow"))
        return Group(head, bars, share, *lines, *below)


def sensor_row(
    key: str, progress: SensorProgress | None, link: LinkStatus, latency_ms: float | None
) -> tuple[str, str, str, str, str, str]:
    """Sensor, state, battery, rate, loss and latency as people read them; what is not known is a dash."""
    told = progress.facts.get("battery_percent") if progress is not None else None
    battery = told if told is not None else link.battery
    rate = f"{progress.rate_hz:g} Hz" if progress is not None and progress.rate_hz is not None else DASH
    loss = DASH
    if progress is not None and progress.samples:
        share = 100.0 * progress.lost / (progress.samples + progress.lost)
        loss = f"{'' if progress.lost_exact else '≈ '}{progress.lost} lost ({share:.1f} %)"
    return (
        words(key),
        str(link.state),
        f"battery {float(battery):.0f} %" if battery is not None else f"battery {DASH}",
        rate,
        loss,
        f"{latency_ms:.0f} ms" if latency_ms is not None and link.state is LinkState.STREAMING else DASH,
    )


def sentence(repetition: Repetition) -> str:
    """One repetition in a line."""
    nan = float("nan")
    m = repetition.metrics
    share = share_to_read(repetition.movement)
    text = (
        f"{repetition.index + 1:3d} {movement_word(repetition.movement):10s} lumbar {_degrees(m.get('lumbar_rom_deg'))}, "
        f"hips {_degrees(m.get('hip_left_rom_deg'))} / {_degrees(m.get('hip_right_rom_deg'))}"
    )
    if share in m:
        text += f", lumbar share of {_whole(share)} {percent(m[share], m.get(f'{share}_sd', nan))} %"
    return text + (f"  ({quality_note(repetition.quality)})" if repetition.quality else "")


def now_words(share: ShareNow | None) -> str:
    """The lumbar share of the movement under way in words; a dash where there is none."""
    if share is None:
        return f"lumbar share now {DASH}"
    text = f"lumbar share now {percent(share.share, share.sd)} % of {_whole(share.of)}"
    return text + (f"  ({quality_note(share.quality)})" if share.quality else "")


def _whole(share: str) -> str:
    return "trunk" if share == TRUNK else "trunk on thigh"


def _degrees(value: float | None) -> str:
    return DASH if value is None or value != value else f"{with_uncertainty(value, decimals=0)}°"
