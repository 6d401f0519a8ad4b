"""Readers of recordings from other programs; each returns a session that is written as a plain session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from body_signals import UNKNOWN_ATHLETE, UNKNOWN_START, HiphingeError
from ingest.formats.csv_mapping import import_csv
from ingest.formats.imported import ONLY, ImportedSession, with_head
from ingest.formats.plain import PlainSamples, PlainSession, session_of_samples, write_plain
from ingest.formats.ximu3_log import import_ximu3
from ingest.formats.xsens_mt import import_xsens

__all__ = [
    "IMPORTERS",
    "ONLY",
    "UNKNOWN_ATHLETE",
    "UNKNOWN_START",
    "ImportedSession",
    "PlainSamples",
    "PlainSession",
    "import_session",
    "session_of_samples",
    "write_plain",
]


IMPORTERS: Mapping[str, Callable[[Path, Path | None, Mapping[str, str]], ImportedSession]] = {
    "csv": import_csv,
    "xio-lower-body": import_ximu3,
    "xsens-opensense": import_xsens,
}


def import_session(
    format: str,
    path: Path,
    *,
    mapping: Path | None = None,
    placements: Mapping[str, str] | None = None,
    start: str | None = None,
    zone: str | None = None,
    athlete: str | None = None,
) -> ImportedSession:
    """The recording at `path` in `format`, one of `IMPORTERS`.

    mapping: the mapping file of format csv. placements: where each sensor was worn, by serial number, device name or file name;
    by `ONLY` for a single sensor. start, zone, athlete: see `with_head`.
    Raises `HiphingeError` with file, line and remedy.
    """
    if format not in IMPORTERS:
        raise HiphingeError(f"unknown format {format!r}", "import", f"Known formats are {', '.join(IMPORTERS)}.")
    if mapping is not None and format != "csv":
        raise HiphingeError("only format csv has a mapping file", str(mapping), f"Leave it out for {format}.")
    return with_head(IMPORTERS[format](path, mapping, placements or {}), start=start, zone=zone, athlete=athlete)
