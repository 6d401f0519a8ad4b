"""The terminal while a session runs: lumbar and hip angles as bars, the lumbar share of the movement under way, repetitions as
they end, what the calibration said."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from body_signals.quantities import ANGLE_NAMES
from body_signals.session import PATIENCE_S as DEFAULT_PATIENCE_S
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
from dsp.results import AlignmentReport, Repetition
from dsp.rhythm.share_now import LatestRows, ShareNow
from hiphinge.engine import SensorProgress
from hiphinge.live.sinks import Frame, FreshRow, Sink
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
SENSORS_EVERY_S = 0.1
"""The sensors' table is made anew so often; results come every few milliseconds."""
NOT_ALIGNED = "none"
"""Method in the report of a sensor that nothing aligned."""


class LiveScreen(Sink):
    """The sink for the terminal; `take` brings it up to date, rich draws it.

    patience_s: for how long the session's grid waits for late samples; sensors: whether it shows what each sensor does;
    moving: a picture that is drawn anew ten times a second; False: lines every few seconds; None: neither, whoever holds
    it draws it.
    """

    name = "screen"

    def __init__(
        self, console: Console, patience_s: float = DEFAULT_PATIENCE_S, *, sensors: bool = True, moving: bool | None = None
    ) -> None:
        self._console, self._with_sensors = console, sensors
        self._now_s = 0.0
        self._sensors_s = -math.inf
        self._row = FreshRow(patience_s)
        self._latest = LatestRows()
        self._repetitions: list[Repetition] = []
        self._calibration = "calibrating, no angles yet"
        self._plain_at = math.inf
        self._sensors: Table | None = None
        self._states: dict[str, str] = {}
        self._trouble = ""
        self._picture = Live(self, console=console, refresh_per_second=10, transient=True) if moving else None
        if self._picture is not None:
            self._picture.start()
        elif moving is not None:
            self._plain_at = 0.0

    def take(self, frame: Frame) -> None:
        """What the engine gave; an angle whose row is not fresh any more, or in which it is missing, becomes a dash."""
        output, now_s = frame.output, frame.now_s
        self._now_s = now_s
        self._row.take(output)
        self._latest.take(output.angles)
        for alignment in output.alignments:
            self._calibration = calibration_words(alignment.reports)
            self._plainly(self._calibration)
        for repetition in output.repetitions:
            self._repetitions.append(repetition)
            self._plainly(sentence(repetition))
        if now_s >= self._plain_at:
            self._plain_at += PLAIN_EVERY_S
            angles = self._angles()
            shown = ", ".join(f"{label} {_degrees(angles.get(name))}" for label, name, _, _ in BARS[:3])
            self._console.print(f"{clock(now_s)}  {shown}, {now_words(self._share_now())}", highlight=False)
        if self._with_sensors and now_s >= self._sensors_s + SENSORS_EVERY_S:
            self._sensors_s = now_s
            self._show_sensors(frame)

    def stop(self, frame: Frame) -> None:
        """Leave the terminal to what the command prints."""
        if self._picture is not None:
            self._picture.stop()
        self._plain_at = math.inf

    def _show_sensors(self, frame: Frame) -> None:
        """What every sensor does, and what hinders the results on their way."""
        table, trouble = Table.grid(padding=(0, 2)), frame.trouble
        for key, link in frame.links.items():
            table.add_row(*map(Text, sensor_row(key, frame.progress.get(key), link, frame.latency_ms.get(key))))
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

    def _angles(self) -> dict[str, float]:
        """By name, degrees: those of a fresh row, NaN where one is missing in it; none where no row is fresh."""
        row = self._row.at(self._now_s)
        return {} if row is None else dict(zip(ANGLE_NAMES, np.degrees(row.angles[:, -1]).tolist(), strict=True))

    def _share_now(self) -> ShareNow | None:
        return self._latest.share_now() if self._row.at(self._now_s) is not None else None

    def _plainly(self, text: str) -> None:
        if self._plain_at != math.inf:
            self._console.print(f"{clock(self._now_s)}  {text}", highlight=False, markup=False)

    def __rich__(self) -> RenderableType:
        bars, angles = Table.grid(padding=(0, 1)), self._angles()
        for label, name, colour, full in BARS:
            value = angles.get(name, float("nan"))
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


def calibration_words(reports: Sequence[AlignmentReport]) -> str:
    """What a calibration came to, in a line. A sensor that nothing aligned is named, with its reason."""
    sure = [r.confidence for r in reports if r.method != NOT_ALIGNED]
    missing = "; ".join(f"{words(r.placement)}: {', '.join(r.reasons)}" for r in reports if r.method == NOT_ALIGNED)
    if not sure:
        return "not calibrated" + (f" ({missing})" if missing else "")
    said = f"calibrated, lowest confidence {min(sure):.2f} ({confidence_words(min(sure))})"
    return f"{said}; not calibrated: {missing}" if missing else said


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
