"""Whether InfluxDB still has the points that a session's ledger notes as sent, and no others.

Repetitions are compared one by one, everything else by count, all within the session's own time. Angles of a session older
than a quarter of a year are not compared, because docs/operations.md allows to downsample them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dashboards.influx.delivery import identity, ledger_of, tallied
from dashboards.influx.drain import rejected_lines
from dashboards.influx.ledger import Ledger
from dashboards.influx.line_protocol import (
    TAGS,
    points,
    repetition_points,
    repetition_stamps,
    series_and_start,
    series_of,
    tags_of,
)
from dashboards.influx.outbox import FOLDER
from dashboards.influx.stored import Stored
from dashboards.tables import available_estimators, read_summary

ANGLES_KEPT = timedelta(days=90)
"""Angles of older sessions may have been deleted on purpose (docs/operations.md)."""
_BEFORE_NS = 24 * 3600 * 10**9
"""How long before its start, ns, a session may have a mark, such as `rising` (ours)."""
_SLACK_NS = 10**9
"""Tolerance, ns: the last row of a session may be later than its rounded duration (ours)."""


def differences(session_folder: Path, stored: Stored) -> list[str]:
    """Differences between InfluxDB and the tables, in words; empty where all is well. `CannotAsk` where it cannot be asked.

    Repetitions in InfluxDB that are not in the tables are noted in the ledger: the next push voids them.
    """
    estimators = available_estimators(session_folder)
    ledger, who = ledger_of(session_folder, estimators), identity(session_folder, estimators[0])
    start_ns = series_and_start(session_folder, estimators[0])[1]
    duration_s = max(float(read_summary(session_folder, e)["duration_s"]) for e in estimators)
    span = start_ns, start_ns + round(duration_s * 1e9) + _SLACK_NS
    # the mark `rising` may be long before the session
    of_marks = span[0] - _BEFORE_NS, span[1]
    rejected = [line for line, _ in rejected_lines(session_folder / FOLDER)]
    said = list(_repetitions(session_folder, estimators, ledger, stored.repetitions(who, span), rejected))
    measurements = ["session", "screen", "sensor_health"]
    if datetime.now(UTC) - datetime.fromtimestamp(start_ns / 1e9, UTC) < ANGLES_KEPT:
        measurements.insert(0, "angles")
    if not ledger.points:
        for _ in tallied(points(session_folder, estimators), ledger.points):
            pass
        ledger.write(session_folder / FOLDER)
    there = stored.counts(who, span, measurements)
    if "mark" in ledger.points:
        measurements.append("mark")
        there |= stored.counts(who, of_marks, ["mark"])
    for measurement in measurements:
        for last, n in ledger.points.get(measurement, {}).items():
            wanted = n - sum(_is_of(line, measurement, last) for line in rejected)
            found = there[measurement].get(last, 0)
            if found < wanted:
                said.append(f"{measurement} of {last}: {found} of {wanted} points")
    return said


def _repetition_lines(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if line.startswith("repetition,")]


def _repetitions(
    session_folder: Path,
    estimators: tuple[str, ...],
    ledger: Ledger,
    there: dict[str, dict[int, bool]],
    rejected: list[str],
) -> Iterator[str]:
    aside = repetition_stamps(_repetition_lines(rejected))
    extra = False
    for estimator in estimators:
        series = series_and_start(session_folder, estimator)[0]
        wanted = {stamp for _, stamp in repetition_stamps(repetition_points(session_folder, estimator)) - aside}
        found = there.get(estimator, {})
        if void := sum(found.get(stamp, False) for stamp in wanted):
            yield f"repetitions of {estimator}: {void} of {len(wanted)} are void"
        if lacking := sum(stamp not in found for stamp in wanted):
            yield f"repetitions of {estimator}: {lacking} of {len(wanted)} are missing"
        besides = {(series, stamp) for stamp, is_void in found.items() if not is_void and stamp not in wanted}
        if besides - {(series, stamp) for _, stamp in aside}:
            extra = True
            ledger.repetitions.setdefault(estimator, set()).update(besides)
            yield f"repetitions of {estimator}: {len(besides)} are not in the tables"
    if extra:
        ledger.write(session_folder / FOLDER)


def _is_of(line: str, measurement: str, last: str) -> bool:
    series = series_of(line)
    return series.startswith(f"{measurement},") and tags_of(series).get(TAGS[measurement][-1]) == last
