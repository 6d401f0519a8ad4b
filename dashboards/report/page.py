"""Puts the report together: tables in, one HTML file out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from body_signals import ANGLE_NAMES, HiphingeError
from dashboards.edits import edited_repetitions
from dashboards.notation import (
    DASH,
    TRUNK,
    calendar,
    movement_word,
    percent,
    quality_note,
    share_to_read,
    with_uncertainty,
    words,
)
from dashboards.report import content, hip_screen, plots
from dashboards.tables import available_estimators, read_angles, read_summary
from dashboards.terminal import screen_sentences, side_of_row
from on_disk import check_file, make_private_parents, replace_whole

MOST_LOOPS = 24
"""Most loops drawn for one movement (ours); of more repetitions an even selection is drawn."""

PRINTED_ROWS = 40
"""Rows of a table in print, a page of A4 (ours); the screen shows all."""

_LARGEST = ("lumbar_flexion", "hip_left_flexion", "hip_right_flexion")
_ESTIMATOR_WORDS = {
    "review": "review (two-sided: each angle from what came before and after)",
    "live": "live (causal: each angle from what came before)",
}


def write_report(session_folder: Path, out: Path, estimator: str = "review") -> Path:
    """Write the report of a session's results to `out` and return its path.

    Where there is no review, live is reported; the page names the estimator. HiphingeError where there are no results, they
    are damaged, or `out` cannot be written; no partial file is left.
    """
    there = available_estimators(session_folder)
    if estimator not in there:
        estimator = "live" if estimator == "review" and "live" in there else estimator
    html = report_html(session_folder, estimator)
    try:
        if out.exists():
            # a report may be replaced, a device may not
            check_file(out)
        make_private_parents(out)
        replace_whole(out, html, durable=False)
    except OSError as error:
        what = f"cannot write the report: {error.strerror or error}"
        raise HiphingeError(what, str(out), "Check free space and permissions, or name another file") from error
    return out


def report_html(session_folder: Path, estimator: str) -> str:
    """The page as text."""
    summary = read_summary(session_folder, estimator)
    repetitions = edited_repetitions(session_folder, estimator).to_pylist()
    angles = _angles(session_folder, estimator)
    groups = content.movements(repetitions)
    chosen = _spread(repetitions, MOST_LOOPS)
    any_angle = len(angles["time_s"]) > 1 and any(np.isfinite(angles[name]).any() for name in plots.PLOTTED)
    has_loop = any_angle and np.isfinite(angles["lumbar_flexion_deg"]).any()
    limits = plots.loop_limits(angles, chosen) if has_loop else None
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("dashboards.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(
        summary=summary,
        start=calendar(summary["start"]),
        findings=content.findings(summary),
        warnings=content.warnings(summary),
        missing_shares=content.missing_shares(repetitions),
        estimator_words=_ESTIMATOR_WORDS[estimator],
        headline=content.headline(groups),
        tiles=content.tiles(summary, _largest(angles)),
        groups=groups,
        share_names=content.SHARE_NAMES,
        share_pictures=[(g, Markup(plots.shares(g))) for g in groups if g.measured > 1],
        screen=screen_sentences(summary["screen"]),
        screen_left_out=hip_screen.left_out(summary["screen"]),
        screen_rows=hip_screen.rows(summary["screen"]),
        screen_sources=hip_screen.sources(summary["screen"]),
        pictures=[(told, Markup(svg)) for told, svg in plots.angles_over_time(angles, repetitions)] if any_angle else [],
        loops=[(row, Markup(plots.loop(angles, row, limits))) for row in chosen] if limits is not None else [],
        repetitions=len(repetitions),
        printed_rows=PRINTED_ROWS,
        range_rows=[content.range_row(r) for r in repetitions],
        share_rows=[content.share_row(r) for r in repetitions],
        trunk=TRUNK,
        share_to_read=share_to_read,
        flags=content.flags_used(repetitions),
        calibration=content.calibration_rows(summary),
        sensors=content.sensor_rows(summary),
        exposure=content.exposure_rows(summary),
        said=content.said_rows(summary),
        others=_other_estimators(session_folder, estimator),
        estimator=estimator,
        movement_word=lambda row: movement_word(row["movement"], side=side_of_row(row)),
        quality_note=quality_note,
        words=words,
        percent=percent,
        Markup=Markup,
    )


def _angles(session_folder: Path, estimator: str) -> dict[str, Any]:
    wanted = ["time_s", "quality", *plots.PLOTTED, *(f"{name}_sd_deg" for name in _LARGEST)]
    table = read_angles(session_folder, estimator, wanted)
    return {name: table[name].to_numpy() for name in wanted}


def _largest(angles: Mapping[str, Any]) -> dict[str, tuple[float, float, float, int]]:
    """Largest value of each headline angle that was measured, with its uncertainty, its time and the flags of its row."""
    found = {}
    for name in (n for n in ANGLE_NAMES if n in _LARGEST):
        values = angles[f"{name}_deg"]
        if np.isfinite(values).any():
            i = int(np.nanargmax(values))
            known = (float(angles[f"{name}_sd_deg"][i]), float(angles["time_s"][i]), int(angles["quality"][i]))
            found[name] = (float(values[i]), *known)
    return found


def _other_estimators(session_folder: Path, estimator: str) -> list[dict[str, str]]:
    """One row per estimator where there are two, with the results of each on the same session."""
    there = available_estimators(session_folder)
    if len(there) < 2:
        return []
    rows = []
    for name in sorted(there, key=lambda e: e != estimator):
        summary = read_summary(session_folder, name)
        groups = content.movements(edited_repetitions(session_folder, name).to_pylist())
        confidences = [c["confidence"] for c in summary["calibration"].values() if c.get("confidence") is not None]
        said = [
            f"{g.count}: {percent(g.median(g.share))} % {content.SHARE_NAMES[g.share].removeprefix('lumbar ')}"
            for g in groups
            if g.measured
        ]
        rows.append(
            {
                "estimator": name,
                "repetitions": str(summary["repetitions"]),
                "shares": "; ".join(said) or DASH,
                "confidence": with_uncertainty(min(confidences), decimals=2) if confidences else DASH,
                "warnings": str(len(summary["warnings"])),
            }
        )
    return rows


def _spread(rows: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """All rows, or an even selection that keeps the first and the last."""
    if len(rows) <= most:
        return rows
    return [rows[i] for i in np.linspace(0, len(rows) - 1, most).round().astype(int)]
