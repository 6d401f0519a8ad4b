"""`hiphinge import`: converts recordings of other programs to plain sessions."""

from __future__ import annotations

import tempfile
from pathlib import Path

import typer

from body_signals import HiphingeError
from hiphinge.commands.options import among, console
from hiphinge.session.folders import check_new
from hiphinge.session.plain.plausible_input import check_imported
from ingest.formats import IMPORTERS, ONLY, guess, import_session, write_plain
from on_disk import write_toml


def import_(
    format_: str = typer.Argument(
        ..., metavar="FORMAT", help="One of: " + ", ".join(IMPORTERS) + ".", autocompletion=among(IMPORTERS)
    ),
    source: Path | None = typer.Argument(None, metavar="PATH", help="File or folder to import."),
    out: Path | None = typer.Option(
        None, "--out", help="Folder for the plain session, or with --guess file for the mapping; must not exist yet."
    ),
    propose_for: Path | None = typer.Option(
        None, "--guess", metavar="FILE", help="Print a mapping for this CSV file, with what is sure of it, and import nothing."
    ),
    mapping: Path | None = typer.Option(None, "--mapping", help="Mapping file (TOML) for formats csv and mat."),
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
    rate: float | None = typer.Option(
        None, "--rate", help="Samples per second, where the file does not state them or repeats its times."
    ),
) -> None:
    """Convert a recording of another program to a plain session (docs/importing.md)."""
    if propose_for is not None:
        _propose(format_, propose_for, out)
        return
    if source is None or out is None:
        missing = "PATH" if source is None else "--out"
        raise HiphingeError(f"{missing} is missing", "import", "Say hiphinge import FORMAT PATH --out FOLDER")
    check_new(out)
    placements = _placements(placement)
    scratch = next(folder for folder in out.absolute().parents if folder.is_dir())
    imported = import_session(
        format_,
        source,
        mapping=mapping,
        placements=placements,
        start=start,
        zone=zone,
        athlete=athlete,
        rate_hz=rate,
        scratch=scratch,
    )
    doubts = check_imported(imported)
    write_plain(out, imported.session, imported.samples)
    screen = console()
    for doubt in doubts:
        screen.print(f"note: {doubt.words}", highlight=False, markup=False, soft_wrap=True)
    for note in imported.notes:
        screen.print(f"note: {note}", highlight=False, markup=False, soft_wrap=True)
    for key, samples in imported.samples.items():
        screen.print(f"{key}: {len(samples)} samples, {samples.last_s - samples.first_s:.1f} s", highlight=False)
    screen.print(f"Plain session: {out}", highlight=False, soft_wrap=True)


def _propose(format_: str, file: Path, out: Path | None) -> None:
    """Write a mapping for `file`, and what came of trying it, to `out` or the terminal."""
    if format_ != "csv":
        raise HiphingeError("only format csv is guessed", "--guess", "Say hiphinge import csv --guess FILE")
    text = guess(file).text()
    with tempfile.TemporaryDirectory() as folder:
        mapping = Path(folder) / "mapping.toml"
        write_toml(mapping, text)
        try:
            imported = import_session("csv", file, mapping=mapping)
            check_imported(imported)
            samples = sum(len(one) for one in imported.samples.values())
            tried = f"tried: {samples} samples of {len(imported.samples)} sensor(s), which gravity does not contradict"
        except HiphingeError as error:
            tried = f"tried, and refused: {error.what} {error.remedy}".replace(str(mapping), "this mapping")
    if out is None:
        print(f"{text}# {tried}")
        return
    if out.exists():
        raise HiphingeError("exists already", str(out), "Choose a file that does not exist yet")
    write_toml(out, f"{text}# {tried}\n")
    console().print(f"{tried}\nMapping: {out}", highlight=False, markup=False, soft_wrap=True)


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
