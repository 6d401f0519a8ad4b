"""The terminal while a session runs: lumbar and hip angles as bars, the lumbar share of the movement under way, the guide
through the calibration, what is wrong with the sensors, repetitions as they end, the answer to each key, and the keys."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from body_signals import ANGLE_NAMES, BODY_PLACEMENTS, Quality
from body_signals import PATIENCE_S as DEFAULT_PATIENCE_S
from dashboards import findings as finding_words
from dashboards.notation import (
    DASH,
    TRUNK,
    clock,
    movement_word,
    percent,
    quality_note,
    share_to_read,
    with_uncertainty,
    words,
)
from dsp.results import AngleRows, Finding, Repetition
from dsp.rhythm import LatestRows, ShareNow
from hiphinge.engine import SensorProgress
from hiphinge.guidance.alarms import DASHED, Alarms
from hiphinge.guidance.guide import WELL_DONE_S, Guide, calibration_words, heard_words
from hiphinge.guidance.orders import LEGEND, LINES, Desk
from hiphinge.guidance.protocol_words import protocol_lines
from hiphinge.live.picture import ALARM, Picture, columns
from hiphinge.live.sinks import Frame, FreshRow, Sink
from hiphinge.live.status_lines import battery_of
from ingest.links import LinkState, LinkStatus

_LUMBAR, _PELVIS, _LEFT, _RIGHT = (p.value for p in BODY_PLACEMENTS)
BARS = (
    ("lumbar flexion", "lumbar_flexion", "#56B4E9", 90.0, (_LUMBAR, _PELVIS)),
    ("left hip flexion", "hip_left_flexion", "#1DB38A", 120.0, (_PELVIS, _LEFT)),
    ("right hip flexion", "hip_right_flexion", "#DB94BC", 120.0, (_PELVIS, _RIGHT)),
    ("pelvis tilt", "pelvis_tilt", "#E69F00", 90.0, (_PELVIS,)),
)
"""Label, angle, colour (Okabe-Ito), the angle at which the bar is full, degrees, and the sensors that it is made of."""
WIDTH = 40
LAST = 5
PLAIN_EVERY_S = 5.0
SMALL = 20
"""In a picture of fewer lines an alarm comes before the share and the guide's remark (ours)."""
SENSORS_EVERY_S = 0.1
"""The sensors' rows are made anew at this interval; results come every few milliseconds."""
ANSWER_S = 10.0
"""How long an answer to a key stays on the screen, session time (ours)."""
STATES = {
    Quality.OFF_BODY: "off body",
    Quality.UNCALIBRATED: "other one",
    Quality.IMPLAUSIBLE: "implausible",
    Quality.CLOCK_DISAGREES: "clock off",
    Quality.SATURATED: "saturated",
}
"""What a sensor's row says while a finding of such a flag holds; the first that does."""
SLIPPED = "a sensor stands differently than at the calibration"
SLIPPED_REMEDY = "Look whether a strap has moved, then stand still and calibrate again."
_COUNTDOWN = re.compile(r"… \d+ s")


class LiveScreen(Sink):
    """The sink for the terminal; `take` brings it up to date, rich draws it.

    patience_s: for how long the session's grid waits for late samples; sensors: whether it shows what each sensor does;
    moving: a picture that is drawn anew ten times a second; False: lines every few seconds; None: neither, whoever holds
    it draws it. body: keys of the worn sensors. keyboard: whether keys are pressed or lines are sent. bell: whether a terminal
    rings once when something is found wrong with a sensor. remark: what the picture says besides, where there is room.
    """

    name = "screen"

    def __init__(
        self,
        console: Console,
        patience_s: float = DEFAULT_PATIENCE_S,
        *,
        sensors: bool = True,
        moving: bool | None = None,
        body: Sequence[str] = (_LUMBAR, _PELVIS, _LEFT, _RIGHT),
        keyboard: bool = True,
        bell: bool = True,
        remark: str = "",
    ) -> None:
        self._console, self._with_sensors, self._remark = console, sensors, remark
        self._legend = LEGEND if keyboard else f"Lines: {LINES}"
        self._rings = bell and console.is_terminal
        self._now_s = 0.0
        self._sensors_s = -math.inf
        self._row = FreshRow(patience_s)
        self._latest = LatestRows()
        self._repetitions: list[Repetition] = []
        self._guide = Guide(body, keyboard=keyboard)
        self._guided = ""
        self._protocol: Mapping[str, Any] | None = None
        self._alarms = Alarms()
        self._slipped_s: float | None = None
        """Session time since which rows say that a sensor has slipped; None while they do not."""
        self._desk = Desk()
        self._plain_at = math.inf
        self._sensors: list[tuple[tuple[str, ...], str]] = []
        """Of each sensor its row, and what is wrong with its link."""
        self._states: dict[str, str] = {}
        self._trouble = ""
        self._picture = Live(self, console=console, refresh_per_second=10, screen=True) if moving else None
        if self._picture is not None:
            self._picture.start()
        elif moving is not None:
            self._plain_at = 0.0
            self._plainly(f"Keys: {LEGEND}" if keyboard else f"Lines on standard input: {LINES}")

    def take(self, frame: Frame) -> None:
        """What the engine gave; an angle whose row is not fresh any more, or in which it is missing, becomes a dash."""
        output, now_s = frame.output, frame.now_s
        self._now_s = now_s
        self._row.take(output)
        self._latest.take(output.angles)
        for rows in output.angles:
            self._watch_slips(rows)
        self._show_answers(frame.desk)
        self._show_findings(output.findings)
        self._guide.take(output)
        self._protocol = frame.protocol
        self._show_guide()
        for alignment in output.alignments:
            self._plainly(calibration_words(alignment.reports))
        for repetition in output.repetitions:
            self._repetitions.append(repetition)
            self._plainly(sentence(repetition))
        if now_s >= self._plain_at:
            self._plain_at += PLAIN_EVERY_S
            shown = ", ".join(f"{label} {self._value(name, sensors)[0]}" for label, name, _, _, sensors in BARS[:3])
            self._console.print(f"{clock(now_s)}  {shown}, {now_words(self._share_now())}", highlight=False)
        if self._with_sensors and now_s >= self._sensors_s + SENSORS_EVERY_S:
            self._sensors_s = now_s
            self._show_sensors(frame)

    def stop(self, frame: Frame) -> None:
        """Leave the terminal to what the command prints."""
        self._show_answers(frame.desk)
        if self._picture is not None:
            self._picture.stop()
        self._plain_at = math.inf

    def _show_answers(self, desk: Desk) -> None:
        last = self._desk.answers[-1].number if self._desk.answers else 0
        for answer in desk.since(last):
            self._plainly(answer.text)
        self._desk = desk

    def _show_findings(self, findings: Sequence[Finding]) -> None:
        changed = self._alarms.take(findings)
        for finding in changed.begun:
            self._plainly(f"{ALARM}{finding_words.sentence(finding.document())}")
        for finding in changed.ended:
            self._plainly(f"over: {finding_words.sentence(finding.document())}")
        if changed.begun and self._rings:
            self._console.bell()

    def _watch_slips(self, rows: AngleRows) -> None:
        slipped = np.flatnonzero(rows.quality & int(Quality.SLIPPED))
        if not len(slipped):
            self._slipped_s = None
        elif self._slipped_s is None:
            self._slipped_s = float(rows.time_s[slipped[0]])
            self._plainly(f"{ALARM}{SLIPPED}. {SLIPPED_REMEDY}")
            if self._rings:
                self._console.bell()

    def _show_guide(self) -> None:
        """In lines, what the guide says, when it says something else; a countdown is one sentence."""
        if self._plain_at == math.inf:
            return
        said = "; ".join(filter(None, self._lines()))
        if _COUNTDOWN.sub("", said) != _COUNTDOWN.sub("", self._guided):
            self._guided = said
            if said:
                self._plainly(said)

    def _lines(self) -> tuple[str, str]:
        """The instruction and the remark: of a protocol, and for some seconds of its end; else of the calibration."""
        led, now_s = self._protocol, self._now_s
        long_over = led is not None and led["ended_s"] is not None and now_s - led["ended_s"] > WELL_DONE_S
        if led is None or (long_over and led["pain"]["stopped_by"] is None):
            return self._guide.lines(now_s)
        instruction, remark = protocol_lines(led, now_s)
        heard = self._guide.progress.heard
        if self._guide.progress.open and heard is not None and not heard.number and now_s - heard.time_s < WELL_DONE_S:
            # what does not count must be done again
            remark = heard_words(heard)
        return instruction, remark

    def _show_sensors(self, frame: Frame) -> None:
        """What every sensor does, and what hinders the results on their way."""
        rows: list[tuple[tuple[str, ...], str]] = []
        trouble, flags = frame.trouble, self._alarms.flags()
        for key, link in frame.links.items():
            row = sensor_row(key, frame.progress.get(key), link, frame.latency_ms.get(key), flags.get(key, 0))
            fault = link.fault
            rows.append((row, "" if fault is None else f"{fault.what}. {fault.remedy}"))
            state = link.state if fault is None else f"{link.state}: {fault}"
            if self._states.get(key) != state:
                self._states[key] = state
                self._plainly(f"{words(key)} {state}")
        if trouble and trouble != self._trouble:
            self._plainly(trouble)
        self._sensors, self._trouble = rows, trouble

    def _value(self, name: str, sensors: Sequence[str]) -> tuple[str, float, str]:
        """An angle in words, its degrees (NaN where it is missing), and why it is missing or doubtful, if that is known."""
        row = self._row.at(self._now_s)
        value = math.nan if row is None else float(np.degrees(row.angles[ANGLE_NAMES.index(name), -1]))
        flags = self._alarms.flags()
        wrong = [(key, flags[key]) for key in sensors if key in flags]
        note = ", ".join(f"{words(key)} {_state(flag)}" for key, flag in wrong)
        if any(flag & DASHED for _, flag in wrong):
            value = math.nan
        doubtful = bool(wrong) or (row is not None and self._slipped_s is not None)
        text = _degrees(value)
        return (f"{text} ?" if doubtful and text != DASH else text), value, note

    def _share_now(self) -> ShareNow | None:
        if any(flag & DASHED for flag in self._alarms.flags().values()):
            return None
        return self._latest.share_now() if self._row.at(self._now_s) is not None else None

    def _plainly(self, text: str) -> None:
        if self._plain_at != math.inf:
            self._console.print(f"{clock(self._now_s)}  {text}", highlight=False, markup=False, soft_wrap=True)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        picture = Picture(options.max_width, console.encoding)
        height = options.size.height - 1
        self._draw_alarms(picture, small=height < SMALL)
        self._draw_top(picture, short=height < SMALL and bool(picture.alarms))
        picture.middle = [picture.line(short_sentence(r)) for r in self._repetitions[-LAST:]]
        self._draw_sensors(picture)
        picture.bottom = [self._answer_line(picture), picture.line(self._legend, "bold")]
        yield from picture.laid_out(height)

    def _draw_top(self, picture: Picture, *, short: bool) -> None:
        head = f"{clock(self._now_s)}   {self._guide.state()}   repetitions: {len(self._repetitions)}"
        picture.top.append(picture.line(head, "bold"))
        long, wide = max(10, min(WIDTH, picture.width - 48)), 6 + len(picture.plain("°"))
        for label, name, colour, full, sensors in BARS:
            text, value, note = self._value(name, sensors)
            filled = 0 if value != value else round(long * min(max(value / full, 0.0), 1.0))
            line = Text(label.ljust(18))
            line.append(picture.plain("█" * filled), style=colour).append(picture.plain("░" * (long - filled)), style="dim")
            line.append(picture.plain(text).rjust(wide), style="bold").append(f"  {note}" if note else "")
            picture.top.append(picture.fit(line))
        instruction, remark = self._lines()
        guided = [picture.line(instruction, "bold reverse"), picture.line(remark)]
        share = picture.line(now_words(self._share_now()), "bold")
        picture.top += guided[:1] if short else [share, *guided]

    def _draw_alarms(self, picture: Picture, *, small: bool) -> None:
        said = [(finding_words.sentence({**f.document(), "remedy": ""}), f.remedy) for f in self._alarms.holding]
        if self._slipped_s is not None:
            said.append((f"since {clock(self._slipped_s)}: {SLIPPED}", SLIPPED_REMEDY))
        for what, remedy in said:
            picture.alarms += picture.lines(what, "bold reverse", first=ALARM, most=1 if small else 2)
            picture.alarms += picture.lines(remedy, "bold", first=" " * len(ALARM), most=1 if small else 2)

    def _draw_sensors(self, picture: Picture) -> None:
        rows = [tuple(picture.plain(cell) for cell in row) for row, _ in self._sensors]
        table = columns(rows, (11, 11, 12, 6, 15, 6), (3, 5), picture.width) if rows else []
        for line, (_, fault) in zip(table, self._sensors, strict=True):
            picture.spare.append(picture.line(line))
            picture.spare += picture.lines(fault, "yellow", first="   ") if fault else []
        picture.spare += picture.lines(self._trouble, "yellow") if self._trouble else []
        picture.spare += picture.lines(self._remark) if self._remark else []

    def _answer_line(self, picture: Picture) -> Text:
        """What is being typed, else the latest answer."""
        if self._desk.prompt:
            prompt = picture.plain(self._desk.prompt)
            # of a long note the end is seen
            over = len(prompt) - picture.width
            return picture.line(prompt if over <= 0 else f"..{prompt[over + 2 :]}", "bold reverse")
        latest = self._desk.answers[-1] if self._desk.answers else None
        fresh = latest is not None and self._now_s - latest.time_s < ANSWER_S
        return picture.line(latest.text if latest is not None and fresh else "", "bold")


def sensor_row(
    key: str,
    progress: SensorProgress | None,
    link: LinkStatus,
    latency_ms: float | None,
    flags: Quality | int = 0,
) -> tuple[str, str, str, str, str, str]:
    """Sensor, state, battery, rate, loss and latency as people read them; what is not known is a dash.

    flags: of the findings that hold; while it streams they are its state.
    """
    battery = battery_of(progress, link)
    rate = f"{progress.rate_hz:g} Hz" if progress is not None and progress.rate_hz is not None else DASH
    loss = DASH
    if progress is not None and progress.samples:
        share = 100.0 * progress.lost / (progress.samples + progress.lost)
        loss = f"{'' if progress.lost_exact else '≈ '}{progress.lost} lost ({share:.1f} %)"
    return (
        words(key),
        _state(flags) if flags and link.state is LinkState.STREAMING else str(link.state),
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


def short_sentence(repetition: Repetition) -> str:
    """One repetition in 80 columns; what is cut in a narrower terminal is least needed."""
    m, share = repetition.metrics, share_to_read(repetition.movement)
    nan = float("nan")
    text = f"{repetition.index + 1:3d} {movement_word(repetition.movement):10s} lumbar {_degrees(m.get('lumbar_rom_deg')):>4}"
    if share in m:
        text += f", share {percent(m[share], m.get(f'{share}_sd', nan))} % {'of trunk' if share == TRUNK else 'on thigh'}"
    text += f", hips {_degrees(m.get('hip_left_rom_deg'))} / {_degrees(m.get('hip_right_rom_deg'))}"
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


def _state(flags: Quality | int) -> str:
    return next((word for flag, word in STATES.items() if flag & flags), "doubtful")
