"""`hiphinge import`: recordings that others made, as plain sessions."""

from __future__ import annotations

from pathlib import Path

import typer

from body_signals import HiphingeError
from hiphinge.commands.options import among, console
from hiphinge.session.folders import check_new
from hiphinge.session.plausible_input import check_imported
from ingest.formats import IMPORTERS, import_session, write_plain


def import_(
    format_: str = typer.Argument(
        ..., metavar="FORMAT", help="One of: " + ", ".join(IMPORTERS) + ".", autocompletion=among(IMPORTERS)
    ),
    source: Path = typer.Argument(..., metavar="PATH", help="File or folder to import."),
    out: Path = typer.Option(..., "--out", help="Folder for the plain session; must not exist yet."),
    mapping: Path | None = typer.Option(None, "--mapping", help="Mapping file (TOML) for format csv."),
    placement: list[str] = typer.Option([], "--placement", help="SENSOR=PLACEMENT, e.g. 00B42279=pelvis; repeatable."),
) -> None:
    """Write a recording of another program as a plain session."""
    check_new(out)
    placements: dict[str, str] = {}
    for word in placement:
        sensor, equals, where = word.partition("=")
        if not (sensor and equals and where):
            raise HiphingeError(f"{word!r} is not SENSOR=PLACEMENT", "--placement", "Write for example 00B42279=pelvis")
        placements[sensor] = where
    imported = import_session(format_, source, mapping=mapping, placements=placements)
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
