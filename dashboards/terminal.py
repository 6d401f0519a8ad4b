"""A session's results as tables for the terminal: repetitions, calibration, sensors. Built here, printed elsewhere.

Names from people or devices are `Text`, so that nothing in them is taken for markup.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from rich import box
from rich.table import Table
from rich.text import Text

from body_signals.movements import kind_of
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
from dsp.day import raised_side


def repetition_table(repetitions: pa.Table, estimator: str) -> Table:
    """Repetitions as `dashboards.tables.read_repetitions` gives them: ranges, lumbar share, quality."""
    table = _table(f"Repetitions ({estimator})")
    table.caption = (
        "Range of motion in degrees; lumbar share in percent on the way down, with its uncertainty, by thirds of the way, and "
        "on the way up. Of trunk: lumbar / (lumbar + pelvis). Of trunk on thigh, where knees bend: lumbar / (lumbar + hip)."
    )
    heads = ("#", "movement", "at", "lumbar", "pelvis", "hip L/R", "lumbar\nshare", "early/mid/\nlate", "up", "of")
    for name in heads:
        table.add_column(name, justify="left" if name in ("movement", "of") else "right", no_wrap=True)
    table.add_column("note", min_width=5)
    for row in repetitions.to_pylist():
        share = share_to_read(row["movement"])
        parts = ("lumbar", "pelvis", "hip_left", "hip_right")
        rom = {part: with_uncertainty(row[f"{part}_rom_deg"], decimals=0) for part in parts}
        thirds = [percent(row[f"{share}_{third}"]) for third in ("early", "middle", "late")]
        table.add_row(
            str(row["index"] + 1),
            Text(movement_word(row["movement"], side=side_of_row(row))),
            clock(row["start_s"]),
            rom["lumbar"],
            rom["pelvis"],
            f"{rom['hip_left']}/{rom['hip_right']}",
            Text(percent(row[share], row[f"{share}_sd"]), style="bold"),
            "/".join(thirds) if set(thirds) != {DASH} else DASH,
            percent(row[f"{share}_ascent"]),
            "trunk" if share == TRUNK else "on thigh",
            Text(note := repetition_note(row), style="dim" if note == DASH else "yellow"),
        )
    return table


def side_of_row(row: Mapping[str, Any]) -> str:
    """The leg of a one-legged repetition: left or right; else empty."""
    if not kind_of(row["movement"]).one_leg:
        return ""
    return raised_side(*(_number(row[f"hip_{side}_rom_deg"]) for side in ("left", "right")))


def repetition_note(row: Mapping[str, Any]) -> str:
    """The quality flags of a repetition, and the reason if the share to read is missing; else a dash."""
    share = share_to_read(row["movement"])
    why = dict(part.split(": ", 1) for part in (row.get("missing_shares") or "").split("; ") if ": " in part).get(share)
    notes = [quality_note(row["quality"])] if row["quality"] else []
    return ", ".join([*notes, f"no share: {why}"] if why else notes) or DASH


def calibration_table(summary: Mapping[str, Any]) -> Table:
    """How each sensor was aligned to its segment, with the confidence and its reasons."""
    table = _table("Calibration")
    for name in ("sensor", "method", "confidence", "reasons"):
        table.add_column(name, overflow="fold")
    for placement, alignment in summary["calibration"].items():
        confidence = _number(alignment.get("confidence"))
        sure = Text(f"{with_uncertainty(confidence, decimals=2)}, {confidence_words(confidence)}")
        sure.stylize("green" if confidence >= 0.8 else "yellow")
        table.add_row(
            Text(words(placement)),
            Text(words(alignment.get("method") or DASH)),
            sure,
            Text("; ".join(alignment.get("reasons") or [DASH])),
        )
    if not summary["calibration"]:
        table.add_row(DASH, "none: angles are missing", DASH, "mark `calibrate` and follow the steps")
    return table


def sensors_table(summary: Mapping[str, Any]) -> Table:
    """Samples received from each sensor, and samples missing."""
    table = _table("Sensors")
    table.add_column("sensor")
    table.add_column("family")
    for name in ("rate", "samples", "lost", "gaps", "saturated"):
        table.add_column(name, justify="right", no_wrap=True)
    for placement, facts in summary["sensors"].items():
        table.add_row(Text(words(placement)), Text(facts.get("family") or DASH), *sensor_facts(facts))
    return table


def sensor_facts(facts: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    """Rate, samples, losses, gaps and saturated samples of one sensor, in words; ≈ marks an estimated loss."""
    samples, lost = _number(facts.get("samples")), _number(facts.get("lost"))
    of_all = f" ({100 * lost / (samples + lost):.1f} %)" if lost > 0 and samples + lost > 0 else ""
    estimate = "" if facts.get("lost_exact", True) or not lost > 0 else "≈ "
    rate = _number(facts.get("rate_hz"))
    return (
        f"{rate:g} Hz" if math.isfinite(rate) else DASH,
        with_uncertainty(samples, decimals=0),
        estimate + with_uncertainty(lost, decimals=0) + of_all,
        with_uncertainty(_number(facts.get("gaps")), decimals=0),
        with_uncertainty(_number(facts.get("saturated")), decimals=0),
    )


def packet_table(packets: Sequence[Mapping[str, Any]], samples: Sequence[Mapping[str, Any]] | None = None) -> Table:
    """Packets of a sensor as fields with SI values; samples: decoded from groups of packets, and shown instead of them."""
    table = _table("Packets (SI units)" if samples is None else "Samples (SI units)")
    rows = packets if samples is None else samples
    names = list(dict.fromkeys(name for row in rows for name in row))
    table.add_column("#", justify="right")
    for name in names:
        table.add_column(Text(name), overflow="fold")
    for number, row in enumerate(rows, 1):
        table.add_row(str(number), *(Text(_shown(row[name])) if name in row else Text("") for name in names))
    return table


def _shown(value: Any) -> str:
    """A field of a packet as people read it."""
    if isinstance(value, float):
        return f"{value:.10g}" if abs(value) >= 1e4 else f"{value:.6g}"
    if isinstance(value, list):
        return " ".join(_shown(one) for one in value)
    return str(value)


def _number(value: Any) -> float:
    """A number of summary.json; NaN where it is missing; a list counts."""
    if isinstance(value, list):
        return len(value)
    return float(value) if isinstance(value, (int, float)) else math.nan


def _table(title: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        caption_justify="left",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        padding=0,
    )
