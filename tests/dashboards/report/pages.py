"""A report as a reader sees it: text, table cells, ids; and sessions that are hard to fit on paper."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

from body_signals import Cause
from body_signals.quality import Quality
from body_signals.quantities import ANGLE_NAMES
from dashboards.tables import TableWriter
from dsp.results import AngleRows, Finding, Repetition
from dsp.screen.pattern import screen_of
from tests.dashboards.synthetic_results import angle_rows, repetitions, summary, write_session
from tests.dsp.screen_by_hand import Day

HOSTILE = "<script>alert(1)</script>\"'&amp; " + "W" * 400
"""A name as nobody should have it."""
COURSE: dict[str, Any] = {
    "primary": {"test": "knee_raise", "side": "left", "measure": "hip_peak_deg"},
    "unit": "deg",
    "before": 75.6,
    "after": 87.0,
    "change_deg": 4.2,
    "smallest_detectable_deg": 6.9,
    "sd_worn_deg": 1.4,
    "sd_reworn_deg": 2.5,
    "same_wear": False,
    "label": "not_more_than_measurement",
    "kept_percent": 64.0,
    "kept_percent_low": 32.0,
    "kept_percent_high": 96.0,
    "half_life_min": None,
    "pain": {"before": 5, "after": 4},
    "points": [
        {"start": "2026-11-29T09:10:00+01:00", "minutes_after": None, "value": 75.6, "label": "", "pain": 5},
        {
            "start": "2026-11-29T09:32:00+01:00",
            "minutes_after": 0,
            "value": 87.0,
            "change_deg": 11.4,
            "label": "changed",
            "pain": 2,
            "same_wear": True,
            "smallest_detectable_deg": 3.8,
        },
        {
            "start": "2026-11-29T10:31:00+01:00",
            "minutes_after": 60,
            "value": 83.0,
            "change_deg": 7.4,
            "label": "partly_kept",
            "pain": 3,
            "same_wear": True,
            "smallest_detectable_deg": 3.8,
            "kept_percent": 64.0,
        },
        {
            "start": "2026-11-30T09:15:00+01:00",
            "minutes_after": 1430,
            "value": 79.8,
            "change_deg": 4.2,
            "label": "not_more_than_measurement",
            "pain": 4,
        },
    ],
    "warnings": ["time_of_day", "published_error_only"],
    "others": [
        {
            "test": "knee_raise",
            "side": "right",
            "measure": "hip_peak_deg",
            "unit": "deg",
            "before": 108.4,
            "after": 107.0,
            "change": -1.4,
        },
        {
            "test": "bend",
            "side": "",
            "measure": "lumbar_share_of_trunk",
            "unit": "",
            "before": 0.8,
            "after": 0.72,
            "change": -0.08,
        },
    ],
}
"""A comparison as `hiphinge compare --json` prints it."""


class Page(HTMLParser):
    """Ids, addresses, table cells and text of a page; complains about tags that are not closed."""

    _VOID = frozenset({"meta", "br", "hr", "img", "link", "input"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.words = ""
        self.drawn = ""
        self.feed(html)
        self.close()
        assert self.open == []

    @property
    def text(self) -> str:
        """The text without that of pictures, with single blanks."""
        return " ".join(self.words.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self._VOID:
            self.open.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.addresses += [value for name, value in attrs if name in ("src", "href", "xlink:href") and value]
        self.drawn += "".join(f" {value}" for name, value in attrs if name == "aria-label" and value)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "dd":
            self.words += " "

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self._VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "svg" in self.open:
            self.drawn += f" {data}"
        elif "style" not in self.open:
            # letters of one word may be printed bold
            self.words += data if {"b", "dd"} & set(self.open) else f" {data}"
        if self.open and {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def hip_check(folder: Path, **changes: Any) -> Path:
    """A day of the hip screen's tests with a left hip that ends at 70°."""
    day = Day().bends(lumbar_share_of_trunk=0.80).knee_raises(left=70.0).rock_backs().bows(count=3)
    return write_session(folder, "review", screen=screen_of(day.repetitions).document(), **changes)


def many_repetitions(folder: Path, count: int = 200) -> Path:
    """Two hundred repetitions, or `count`, of all kinds in fifty sets, many notes and pains."""
    kinds = ("bend", "squat", "deadlift", "hinge", "sit_down", "stand_up", "knee_raise", "rock_back", "other")
    rows = angle_rows(1220.0, gap=None)
    with TableWriter(folder, "review") as out:
        out.angles(rows)
        for rep in repetitions(rows)[:count]:
            out.repetition(replace(rep, movement=kinds[(rep.index // 4) % len(kinds)]))
        sets = [
            {"movement": kinds[i % len(kinds)], "side": "", "start_s": 24.0 * i, "end_s": 24.0 * i + 20, "repetitions": 4}
            for i in range(50)
        ]
        notes = [{"time_s": 10.0 * i, "said": "afterwards", "text": HOSTILE} for i in range(30)]
        pain = [
            {"time_s": 11.0 * i, "said": "live", "score": i % 11, "level": float(i % 11), "where": HOSTILE} for i in range(30)
        ]
        warnings = [f"{HOSTILE} {i}" for i in range(40)]
        findings = [
            Finding(place, cause, 40.0 * i, 41.0 * i, "its values stand still " * 9, "Switch it off and on", None).document()
            for i, (place, cause) in enumerate((p, c) for p in ("lumbar", "pelvis", "thigh_left") for c in list(Cause)[:4])
        ]
        changes = {"sets": sets, "notes": notes, "pain": pain, "warnings": warnings, "findings": findings}
        out.close(summary("review", count, athlete=HOSTILE, session=HOSTILE[:200], duration_s=1219.99, **changes))
    return folder


def not_calibrated(folder: Path) -> Path:
    """No angle at all."""
    rows = angle_rows(20)
    nothing = np.full_like(rows.angles, np.nan)
    with TableWriter(folder, "review") as out:
        out.angles(AngleRows(rows.time_s, nothing, nothing, np.full(len(rows), int(Quality.UNCALIBRATED), np.int32)))
        out.close(summary("review", 0, calibration={}, sets=[], warnings=[], exposure={}))
    return folder


def two_sensors(folder: Path) -> Path:
    """Trunk and thigh inclination only: no lumbar angle and no hip, but repetitions and their times."""
    rows = angle_rows(40, gap=None)
    angles = rows.angles.copy()
    angles[[i for i, n in enumerate(ANGLE_NAMES) if n not in ("trunk_inclination", "thigh_left_inclination")]] = np.nan
    with TableWriter(folder, "review") as out:
        out.angles(AngleRows(rows.time_s, angles, np.full_like(angles, np.nan), rows.quality))
        for rep in repetitions(rows):
            kept = {k: v for k, v in rep.metrics.items() if k.startswith("trunk") or k.endswith("_s")}
            out.repetition(Repetition(rep.index, rep.start_s, rep.turn_s, rep.end_s, rep.movement, 0.2, 0, kept))
        out.close(summary("review", 4))
    return folder


def nothing_at_all(folder: Path) -> Path:
    """Neither rows nor a start."""
    with TableWriter(folder, "review") as out:
        out.close(summary("review", 0, duration_s=None, start=None, sensors={}, calibration={}))
    return folder


def one_thigh(folder: Path) -> Path:
    """A hip check whose right thigh had no sensor."""
    rows = angle_rows(40, gap=None)
    angles = rows.angles.copy()
    angles[[i for i, n in enumerate(ANGLE_NAMES) if "right" in n]] = np.nan
    day = Day().bends(lumbar_share_of_trunk=0.80).knee_raises(left=70.0, sides=("left",))
    with TableWriter(folder, "review") as out:
        out.angles(AngleRows(rows.time_s, angles, np.full_like(angles, 0.02), rows.quality))
        for rep in repetitions(rows):
            kept = {k: v for k, v in rep.metrics.items() if "right" not in k}
            out.repetition(replace(rep, metrics=kept))
        out.close(summary("review", 4, screen=screen_of(day.repetitions).document()))
    return folder


HARD = (many_repetitions, not_calibrated, two_sensors, nothing_at_all, one_thigh)
