"""A session's tables as InfluxDB line protocol (`points`), and sending them (`push`).

`points` is a pure function of the tables: timestamps are `start + time_s`, tags are always all there and in the same
order, each field keeps one type for ever, a missing value is an omitted field. Therefore sending twice changes nothing.
Works with InfluxDB 1.8, 2.x and 3.x through `/api/v2/write`. The token appears in no message and no repr.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import pyarrow as pa

from dashboards.tables import SUMMARY, angle_minutes, available_estimators, read_repetitions, read_summary
from dsp.decimation import OUTPUT_HZ, Decimator
from signals import HiphingeError
from signals.quantities import ANGLE_COLUMNS, REPETITION_COLUMNS, Kind, Quantity

TAGS: dict[str, tuple[str, ...]] = {
    "angles": ("athlete", "session", "estimator"),
    "repetition": ("athlete", "session", "estimator"),
    "session": ("athlete", "session", "estimator"),
    "sensor_health": ("athlete", "session", "placement"),
}
"""Tags of each measurement, in the order in which they are always written."""

_BOOLEAN = "boolean"
_TYPES = {Kind.FLOAT64: "float", Kind.FLOAT32: "float", Kind.INT32: "integer", Kind.STRING: "string"}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a measurement: its name, unit, InfluxDB type (float, integer, string, boolean) and meaning."""

    name: str
    unit: str
    type: str
    description: str

    @classmethod
    def of(cls, quantity: Quantity) -> Field:
        """The field that holds a table's column."""
        return cls(quantity.name, quantity.unit, _TYPES[quantity.kind], quantity.description)


FIELDS: dict[str, tuple[Field, ...]] = {
    "angles": tuple(Field.of(q) for q in ANGLE_COLUMNS if q.name != "time_s"),
    "repetition": (
        *(Field.of(q) for q in REPETITION_COLUMNS),
        Field("void", "", _BOOLEAN, "true: a later analysis or a person removed this repetition"),
    ),
    "session": (
        Field("duration_s", "s", "float", "session time of the last row"),
        Field("repetitions", "", "integer", "number of repetitions"),
        Field("sets", "", "integer", "number of sets"),
        Field("calibration_confidence", "", "float", "lowest confidence of the placements' alignments, 0 to 1"),
        Field(
            "exposure_<quantity>_<zone>",
            "s",
            "float",
            "seconds in that zone, one field per zone, e.g. lumbar_flexion_s_below_20",
        ),
        Field("software", "", "string", "program and version"),
        Field("warnings", "", "string", "what a reader should know, separated by ' | '"),
    ),
    "sensor_health": (
        Field("family", "", "string", "what kind of device"),
        Field("rate_hz", "Hz", "float", "samples per second"),
        Field("samples", "", "integer", "samples received"),
        Field("lost", "", "integer", "samples lost"),
        Field("lost_exact", "", _BOOLEAN, "lost comes from a counter or clock; false: an estimate"),
        Field("saturated", "", "integer", "samples at the end of the sensor's range"),
        Field("gaps", "", "integer", "interruptions"),
    ),
}
"""Fields of each measurement; the names are those of the tables and of summary.json."""

BATCH_LINES = 5000
_FIRST_LINES = 20
"""The first request is small: a server may hang up on a large one before its refusal (wrong token, say) can be read."""

_STEP_DEG = 1 / 64
_CLEAN_WORD = re.compile(r"\W+", re.ASCII)


def points(session_folder: Path, estimators: Sequence[str] | None = None) -> Iterator[str]:
    """Line protocol of a session's results, nanosecond timestamps, without line ends, in bounded memory.

    estimators: which to take (default: all there are). HiphingeError where tables are missing or damaged, where the
    session has no start time, or where a name cannot be a tag.
    """
    chosen = available_estimators(session_folder) if estimators is None else tuple(estimators)
    if not chosen:
        remedy = "Name a session folder that holds results (live/ or review/), or run `hiphinge replay` on the recording first"
        raise HiphingeError("no results to send", str(session_folder), remedy)
    for estimator in chosen:
        summary = read_summary(session_folder, estimator)
        head = _Head.of(summary, session_folder / estimator / SUMMARY)
        series = {m: head.series(m, estimator) for m in TAGS if m != "sensor_health"}
        yield from _angle_lines(session_folder, estimator, series["angles"], head.start_ns)
        yield from _repetition_lines(session_folder, estimator, series["repetition"], head.start_ns)
        yield _line(series["session"], _session_fields(summary), head.start_ns)
    # What the sensors did is the same for all estimators; the last one's word counts.
    for placement, facts in summary["sensors"].items():
        known = {f.name: f.type for f in FIELDS["sensor_health"]}
        fields = {name: _typed(facts.get(name), kind) for name, kind in known.items()}
        yield _line(head.series("sensor_health", placement), fields, head.start_ns)


@dataclass(frozen=True, slots=True)
class _Head:
    """What all lines of a session share."""

    athlete: str
    session: str
    start_ns: int
    file: Path

    @classmethod
    def of(cls, summary: Mapping[str, Any], file: Path) -> _Head:
        try:
            start = datetime.fromisoformat(summary["start"])
            if start.tzinfo is None:
                raise ValueError("no time zone")
        except (TypeError, ValueError):
            what = f"start = {summary['start']!r} is no calendar time with a time zone, which InfluxDB needs"
            remedy = 'Write it into session.toml, e.g. start = 2026-11-23T14:05:00Z, and run "hiphinge replay" again'
            raise HiphingeError(what, str(file), remedy) from None
        start_ns = (start - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
        return cls(str(summary["athlete"]), str(summary["session"]), start_ns, file)

    def series(self, measurement: str, last_tag: str) -> str:
        """Measurement and tags, escaped."""
        tags = zip(TAGS[measurement], (self.athlete, self.session, last_tag), strict=True)
        return ",".join([measurement, *(f"{name}={self._tag(name, value)}" for name, value in tags)])

    def _tag(self, name: str, value: str) -> str:
        if not value or value.endswith("\\") or any(ord(c) < 32 or ord(c) == 127 for c in value):
            what = f"{name} = {value!r} cannot be a tag: it is empty, ends with a backslash or holds a control character"
            raise HiphingeError(what, str(self.file), f"Choose another {name} name")
        return re.sub(r"([,= ])", r"\\\1", value)


def _angle_lines(folder: Path, estimator: str, series: str, start_ns: int) -> Iterator[str]:
    decimator: Decimator | None = None
    names = [f.name for f in FIELDS["angles"] if f.type == "float"]
    for table in angle_minutes(folder, estimator):
        time_s = table["time_s"].to_numpy()
        if decimator is None:
            decimator = Decimator(1.0 / float(np.median(np.diff(time_s))) if len(time_s) > 1 else OUTPUT_HZ)
        values = np.stack([table[name].to_numpy() for name in names], axis=1).astype(np.float64)
        time_s, values, flags = decimator.push(time_s, values, table["quality"].to_numpy().astype(np.int64))
        values = np.rint(values / _STEP_DEG) * _STEP_DEG + 0.0  # a dyadic step takes a quarter of the space; no -0
        stamps = start_ns + np.rint(time_s * 1e9).astype(np.int64)
        yield from _wide_lines(series, names, values, flags, stamps)


def _wide_lines(series: str, names: list[str], values: Any, flags: Any, stamps: Any) -> list[str]:
    """Rows as lines; one template for all rows of a chunk that miss the same values."""
    lines = [""] * len(values)
    there, which = np.unique(np.isfinite(values), axis=0, return_inverse=True)
    for i, present in enumerate(there):
        rows = np.flatnonzero(which.ravel() == i)
        fields = [f"{name}=%.15g" for name, is_there in zip(names, present, strict=True) if is_there]
        template = f"{series.replace('%', '%%')} {','.join([*fields, 'quality=%di'])} %d"
        columns = [*values[np.ix_(rows, present)].T.tolist(), flags[rows].tolist(), stamps[rows].tolist()]
        for row, numbers in zip(rows.tolist(), zip(*columns, strict=True), strict=True):
            lines[row] = template % numbers
    return lines


def _repetition_lines(folder: Path, estimator: str, series: str, start_ns: int) -> Iterator[str]:
    table = read_repetitions(folder, estimator)
    last_ns = -(2**63)
    for row in sorted(_rows(table), key=lambda r: (r["start_s"], r["index"])):
        stamp = max(start_ns + round(row["start_s"] * 1e9), last_ns + 1)
        fields = {f.name: _typed(row[f.name], f.type) for f in FIELDS["repetition"] if f.type != _BOOLEAN}
        yield _line(series, fields | {"void": "false"}, stamp)
        last_ns = stamp


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Rows with float32 values as the shortest number that means them."""
    columns = {
        f.name: [float(str(v)) for v in table[f.name].to_numpy()] if pa.types.is_float32(f.type) else table[f.name].to_pylist()
        for f in table.schema
    }
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))


def _session_fields(summary: Mapping[str, Any]) -> dict[str, str | None]:
    confidences = [c["confidence"] for c in summary["calibration"].values() if c.get("confidence") is not None]
    zones = {
        f"exposure_{_CLEAN_WORD.sub('_', f'{quantity}_{zone}')}": seconds
        for quantity, times in summary["exposure"].items()
        for zone, seconds in times.items()
    }
    return {
        "duration_s": _typed(summary["duration_s"], "float"),
        "repetitions": _typed(summary["repetitions"], "integer"),
        "sets": _typed(len(summary["sets"]), "integer"),
        "calibration_confidence": _typed(min(confidences, default=None), "float"),
        **{name: _typed(seconds, "float") for name, seconds in zones.items()},
        "software": _typed(summary["software"], "string"),
        "warnings": _typed(" | ".join(summary["warnings"]), "string"),
    }


def _typed(value: Any, kind: str) -> str | None:
    """A field value in line protocol, None where it is missing."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if kind == "float":
        return repr(float(value))
    if kind == "integer":
        return f"{len(value) if isinstance(value, list) else int(value)}i"
    if kind == _BOOLEAN:
        return "true" if value else "false"
    text = " ".join(str(value).split()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _line(series: str, fields: Mapping[str, str | None], stamp_ns: int) -> str:
    there = ",".join(f"{name}={value}" for name, value in fields.items() if value is not None)
    return f"{series} {there} {stamp_ns}"


@dataclass(frozen=True, slots=True)
class InfluxSettings:
    """Where results go. token: `user:password` for 1.8; bucket: `db/rp` for 1.8; org may stay empty for 1.8 and 3.x."""

    url: str
    token: str = field(repr=False)
    org: str
    bucket: str

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> InfluxSettings:
        """Settings from HIPHINGE_INFLUX_URL, _TOKEN, _ORG and _BUCKET. HiphingeError names the variable that is wrong."""
        url, token, org, bucket = (env.get(f"HIPHINGE_INFLUX_{name}", "").strip() for name in ("URL", "TOKEN", "ORG", "BUCKET"))
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            what = "is not set" if not url else "is no address of the form http://host:8086"
            raise HiphingeError(
                what, "HIPHINGE_INFLUX_URL", "Set it to the address of your InfluxDB, e.g. http://localhost:8086"
            )
        if parts.username is not None:
            remedy = "Put user:password into HIPHINGE_INFLUX_TOKEN"
            raise HiphingeError("holds a user name or password", "HIPHINGE_INFLUX_URL", remedy)
        if not bucket:
            remedy = "Set it to the bucket (InfluxDB 2), the database (3), or database/retention-policy (1.8)"
            raise HiphingeError("is not set", "HIPHINGE_INFLUX_BUCKET", remedy)
        if not all(32 < ord(c) < 127 for c in token):
            remedy = "Copy the token again; for 1.8 it is user:password"
            raise HiphingeError("holds a character that no token has", "HIPHINGE_INFLUX_TOKEN", remedy)
        return cls(urlunsplit(parts), token, org, bucket)


@dataclass(frozen=True, slots=True)
class PushReport:
    """What was sent: lines by measurement, requests, bytes, seconds."""

    lines: int
    by_measurement: Mapping[str, int]
    requests: int
    bytes: int
    seconds: float


def push(
    session_folder: Path,
    settings: InfluxSettings,
    estimators: Sequence[str] | None = None,
    *,
    timeout_s: float = 30.0,
    progress: Callable[[int], None] | None = None,
) -> PushReport:
    """Send a session's points, at most 5000 lines a request; `progress` hears the lines sent so far.

    HiphingeError when InfluxDB cannot be reached or refuses; what was sent before stays, and sending again is harmless.
    """
    # These take half a second to import, which the other commands need not pay.
    from influxdb_client import InfluxDBClient  # type: ignore[attr-defined]
    from influxdb_client.client.write_api import SYNCHRONOUS
    from influxdb_client.rest import ApiException
    from urllib3.exceptions import HTTPError

    began = time.monotonic()
    sent = requests = size = 0
    counts: dict[str, int] = {}
    lines = points(session_folder, estimators)
    with closing(InfluxDBClient(settings.url, settings.token, org=settings.org, timeout=int(timeout_s * 1000))) as client:
        api = client.write_api(write_options=SYNCHRONOUS)
        while batch := list(itertools.islice(lines, BATCH_LINES if requests else _FIRST_LINES)):
            body = "\n".join(batch).encode()
            try:
                api.write(bucket=settings.bucket, org=settings.org, record=body)
            except ApiException as error:
                raise _refusal(error.status, str(_server_words(error)), settings, sent) from None
            except HTTPError as error:
                raise _no_answer(error, settings, sent) from None
            sent, requests, size = sent + len(batch), requests + 1, size + len(body)
            for line in batch:
                measurement = line[: line.index(",")]
                counts[measurement] = counts.get(measurement, 0) + 1
            if progress is not None:
                progress(sent)
    return PushReport(sent, counts, requests, size, time.monotonic() - began)


def reachable(settings: InfluxSettings, *, timeout_s: float = 5.0) -> str:
    """Ask the server who it is: its address and version in words. HiphingeError when it does not answer."""
    from influxdb_client import InfluxDBClient  # type: ignore[attr-defined]
    from influxdb_client.rest import ApiException
    from urllib3.exceptions import HTTPError

    with closing(InfluxDBClient(settings.url, settings.token, org=settings.org, timeout=int(timeout_s * 1000))) as client:
        try:
            return f"{settings.url} answers, version {client.version()}"
        except ApiException as error:
            raise _refusal(error.status, str(_server_words(error)), settings, 0) from None
        except HTTPError as error:
            raise _no_answer(error, settings, 0) from None


def _server_words(error: Any) -> str:
    """The server's own message, out of whichever form its version uses."""
    message = error.message.decode("utf-8", "replace") if isinstance(error.message, bytes) else str(error.message)
    try:
        document = json.loads(message)
    except ValueError:
        return " ".join(message.split())
    return str(document.get("error", message)) if isinstance(document, dict) else message


def _refusal(status: int, words: str, settings: InfluxSettings, sent: int) -> HiphingeError:
    if "retention policy not found" in words:
        what, remedy = "does not know the retention policy", "Check the part after the slash in HIPHINGE_INFLUX_BUCKET"
    elif status == 401:
        what, remedy = "does not accept the token", "Check HIPHINGE_INFLUX_TOKEN (user:password for InfluxDB 1.8)"
    elif status == 403:
        what, remedy = "does not let this token write", "Give it the right to write to the bucket, or set HIPHINGE_INFLUX_TOKEN"
    elif status == 404 and "page not found" in words:
        what, remedy = "has no /api/v2/write", "It takes InfluxDB 1.8 or later; check HIPHINGE_INFLUX_URL"
    elif status == 404:
        what, remedy = "does not know the bucket or organisation", "Check HIPHINGE_INFLUX_BUCKET and HIPHINGE_INFLUX_ORG"
    elif status in (400, 422):
        what = "rejected lines of this session (the others of the request are stored)"
        remedy = (
            "A type conflict means that other software wrote these fields: use a bucket of its own. Sending again is harmless"
        )
    elif status == 413:
        what, remedy = "takes only smaller requests", "Raise max-body-size of the server to 25 MB or more"
    elif status == 429 or status >= 500:
        what, remedy = "cannot take lines now", "Wait and push again: sending twice changes nothing"
    else:
        what, remedy = "gave an answer that is not understood", "Check HIPHINGE_INFLUX_URL"
    told = f" ({_without_token(words, settings)[:300]})" if words else ""
    return HiphingeError(f"InfluxDB {what}: status {status}{told}, after {sent} lines", _place(settings), remedy)


def _no_answer(error: Exception, settings: InfluxSettings, sent: int) -> HiphingeError:
    kind, why = type(error).__name__, error.__cause__ or error.__context__
    remedy = "Check HIPHINGE_INFLUX_URL and that InfluxDB runs; then push again: sending twice changes nothing"
    if "NameResolution" in kind:
        what = "there is no computer of this name"
    elif "NewConnection" in kind:
        what = f"InfluxDB cannot be reached ({getattr(why, 'strerror', None) or 'no connection'})"
    elif "Timeout" in kind or isinstance(why, TimeoutError):
        what = "InfluxDB did not answer in time"
    elif "SSL" in kind:
        what, remedy = (
            "the encrypted connection failed",
            "Check http or https in HIPHINGE_INFLUX_URL, and the server's certificate",
        )
    else:
        what = "the connection to InfluxDB broke"
    return HiphingeError(f"{what}, after {sent} lines", _place(settings), remedy)


def _place(settings: InfluxSettings) -> str:
    return f"{settings.url}, bucket {settings.bucket}"


def _without_token(words: str, settings: InfluxSettings) -> str:
    for secret in (settings.token, settings.token.partition(":")[2]):
        if len(secret) > 2:
            words = words.replace(secret, "…")
    return words
