"""`hiphinge import`: converts recordings of other programs to plain sessions."""

from __future__ import annotations

from pathlib import Path

import typer

from body_signals import HiphingeError
from hiphinge.commands.options import among, console
from hiphinge.session.folders import check_new
from hiphinge.session.plain.plausible_input import check_imported
from ingest.formats import IMPORTERS, ONLY, import_session, write_plain


def import_(
    format_: str = typer.Argument(
        ..., metavar="FORMAT", help="One of: " + ", ".join(IMPORTERS) + ".", autocompletion=among(IMPORTERS)
    ),
    source: Path = typer.Argument(..., metavar="PATH", help="File or folder to import."),
    out: Path = typer.Option(..., "--out", help="Folder for the plain session; must not exist yet."),
    mapping: Path | None = typer.Option(None, "--mapping", help="Mapping file (TOML) for format csv."),
    placement: list[str] = typer.Option(
        [],
        "--placement",
        help="PLACEMENT of a single sensor, or FILE=PLACEMENT, e.g. hip.csv=pelvis; repeatable.",
    ),
    start: str | None = typer.Option(
        None, "--start", help="Start of the recording: 2026-11-23T14:05:00+01:00, or local time; else as stated in the file."
    ),
    zone: str | None = typer.Option(
        None, "--zone", help="Time zone of a local start: Europe/Berlin or +01:00; else this computer's for --start."
    ),
    athlete: str | None = typer.Option(None, "--athlete", help="The athlete's pseudonym."),
) -> None:
    """Convert a recording of another program to a plain session."""
    check_new(out)
    placements = _placements(placement)
    imported = import_session(format_, source, mapping=mapping, placements=placements, start=start, zone=zone, athlete=athlete)
    doubts = check_imported(imported)
    write_plain(out, imported.session, imported.samples)
    screen = console()
    for doubt in doubts:
        screen.print(f"note: {doubt.words}", highlight=False, markup=False, soft_wrap=True)
    for note in imported.notes:
        screen.print(f"note: {note}", highlight=False, soft_wrap=True)
    for key, samples in imported.samples.items():
        screen.print(f"{key}: {len(samples.time_s)} samples, {samples.time_s[-1] - samples.time_s[0]:.1f} s", highlight=False)
    screen.print(f"Plain session: {out}", highlight=False, soft_wrap=True)


def _placements(words: list[str]) -> dict[str, str]:
    """Where each sensor was worn, by the word that identifies the sensor, or `ONLY`."""
    found: dict[str, str] = {}
    for word in words:
        sensor, equals, where = word.rpartition("=")
        # a file may be given by its path
        key = Path(sensor).name or sensor if equals else ONLY
        if not where.strip() or (equals and not key):
            remedy = "Write for example hip.csv=pelvis, or for a single sensor pelvis"
            raise HiphingeError(f"{word!r} is not a placement", "--placement", remedy)
        if key in found:
            what = f"two placements of {key!r}" if key else "two placements, and no sensor is named"
            raise HiphingeError(what, "--placement", "Give FILE=PLACEMENT for each sensor")
        found[key] = where.strip()
    if ONLY in found and len(found) > 1:
        raise HiphingeError("a placement without its sensor", "--placement", "Give FILE=PLACEMENT for each sensor")
    return found
