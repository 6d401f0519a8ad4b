"""`hiphinge export`: results and samples of sessions for other programs, or everything of a person in one archive."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer

from body_signals import ESTIMATORS, HiphingeError, check_athlete
from dashboards.export import FORMATS, RAW, Choices, ExportedSession, Written, safe_name
from hiphinge import config, logbook
from hiphinge.commands.options import CONFIG, among, console, say
from hiphinge.commands.unfinished import with_results
from hiphinge.exporting import person
from hiphinge.exporting.gathering import with_computed, with_samples
from hiphinge.exporting.placing import FOLDER, MANIFEST, check_free, is_file_name, placed

_FORMATS = "; ".join(f"{name} ({one.words})" for name, one in FORMATS.items())
_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t"}


def export(
    sessions: list[Path] | None = typer.Argument(None, metavar="SESSION…", help="Session folders."),
    to: str = typer.Option(
        "",
        "--to",
        help=f"The format: {_FORMATS}.",
        autocompletion=among(FORMATS),
    ),
    out: Path | None = typer.Option(
        None, "--out", help="A file or folder; else the folder export in the session folder, which forget deletes with it."
    ),
    table: str = typer.Option(
        "",
        "--table",
        help="Of CSV: angles, repetitions or raw (samples); else all three.",
        autocompletion=among(FORMATS["csv"].tables),
    ),
    estimator: str | None = typer.Option(
        None, "--estimator", help="review or live; else review where there is one.", autocompletion=among(ESTIMATORS)
    ),
    decimal: str = typer.Option(".", "--decimal", help="Of CSV: the decimal mark, a point or a comma."),
    separator: str | None = typer.Option(
        None, "--separator", help="Of CSV: comma, semicolon or tab; else a comma, with decimal commas a semicolon."
    ),
    athlete: str | None = typer.Option(
        None,
        "--athlete",
        metavar="ID",
        help="Everything of this athlete as one zip with a manifest; needs no SESSION and no --to.",
    ),
    former: list[str] = typer.Option([], "--former", help="With --athlete: a former id of the same person; repeatable."),
    salvage: bool = typer.Option(False, "--salvage", help="Use the part of a damaged recording before the damage."),
    force: bool = typer.Option(False, "--force", help="Replace files that are there."),
    as_json: bool = typer.Option(False, "--json", help="One JSON line with the files."),
    config_file: Path | None = CONFIG,
) -> None:
    """Write results or samples of sessions for other programs (docs/exporting.md). The session stays as it is."""
    if athlete is not None:
        if sessions or to:
            raise HiphingeError("--athlete exports everything of a person", "export", "Leave SESSION and --to out")
        _export_person([check_athlete(one) for one in dict.fromkeys((athlete, *former))], out, force, as_json, config_file)
        return
    if to not in FORMATS:
        what = f"unknown format {to!r}" if to else "no format is given"
        raise HiphingeError(what, "--to", f"Formats are {', '.join(FORMATS)}; tables are written as Parquet anyway")
    if not sessions:
        raise HiphingeError("no session is given", "export", "Name session folders, or give --athlete ID")
    choices = _choices(to, table, decimal, separator)
    if len(sessions) > 1 and out is None and FORMATS[to].dataset:
        raise HiphingeError("a dataset of several sessions has no place of its own", "--out", "Give a folder: --out DIR")
    gathered = [_gathered(folder, to, choices, estimator, salvage) for folder in sessions]
    groups = [gathered] if FORMATS[to].dataset or out is not None else [[one] for one in gathered]
    written = Written([])
    for group in groups:
        one = _write(group, to, choices, out, force)
        written.files += one.files
        written.notes += [*one.notes, *(warning for session in group for warning in session.warnings())]
    if as_json:
        print(json.dumps({"format": to, "files": [str(file) for file in written.files], "notes": written.notes}))
        return
    for file in written.files[:20]:
        console().print(str(file), highlight=False, soft_wrap=True)
    if len(written.files) > 20:
        console().print(f"and {len(written.files) - 20} files more", highlight=False)
    for note in written.notes:
        say(note)


def _choices(to: str, table: str, decimal: str, separator: str | None) -> Choices:
    tables = FORMATS[to].tables
    if table and table not in tables:
        remedy = f"Choose {', '.join(tables)}" if tables else f"Leave it out: {to} has no tables to choose from"
        raise HiphingeError(f"unknown table {table!r}", "--table", remedy)
    if decimal not in (".", ","):
        raise HiphingeError(f"{decimal!r} is no decimal mark", "--decimal", "Write . or ,")
    if not tables and (decimal != "." or separator is not None):
        raise HiphingeError("only text tables have a decimal mark and a separator", f"--to {to}", "Leave them out")
    between = (";" if decimal == "," else ",") if separator is None else _SEPARATORS.get(separator, separator)
    if between not in _SEPARATORS.values():
        raise HiphingeError(f"{separator!r} is no separator", "--separator", "Choose comma, semicolon or tab")
    if between == decimal:
        raise HiphingeError(
            "decimal mark and separator are the same", "--separator", "With decimal commas choose semicolon or tab"
        )
    return Choices(table, decimal, between)


def _gathered(folder: Path, to: str, choices: Choices, estimator: str | None, salvage: bool) -> ExportedSession:
    if choices.table == RAW:
        if not folder.is_dir():
            what = "this is a file" if folder.exists() else "no such session folder"
            raise HiphingeError(what, str(folder), "Give a session folder: one that live, demo, import or replay wrote")
        return with_samples(folder, salvage=salvage)
    with_results(folder)
    samples = FORMATS[to].samples and choices.table in ("", RAW)
    return with_computed(folder, estimator, samples=samples, salvage=salvage)


def _write(group: list[ExportedSession], to: str, choices: Choices, out: Path | None, force: bool) -> Written:
    chosen = FORMATS[to]
    several = chosen.dataset or len(group) > 1 or (chosen.tables and choices.table in ("", RAW))
    if out is None:
        target, as_file = group[0].folder / FOLDER / (to if chosen.dataset else ""), False
    else:
        target, as_file = out, is_file_name(out)
    if as_file and several:
        raise HiphingeError("this export has several files", str(out), "Give --out a folder, or one session and one --table")
    written = placed(
        lambda folder: chosen.write(group, folder, choices), target, as_file=as_file, stem=group[0].stem, force=force
    )
    without = [session.folder for session in group if not session.sensors]
    if chosen.samples and choices.table in ("", RAW):
        written.notes += [f"{folder}: no samples are exported, because this folder holds results only" for folder in without]
    return written


def _export_person(ids: list[str], out: Path | None, force: bool, as_json: bool, config_file: Path | None) -> None:
    logbook.hide(*ids)
    settings = config.load(config_file)
    if settings.sessions is None:
        raise HiphingeError("is not set", "HIPHINGE_SESSIONS", "Set it to the folder of your sessions")
    if not settings.sessions.is_dir():
        raise HiphingeError("there is no such folder", str(settings.sessions), "Is its disk connected?")
    path = out or Path(f"{safe_name(ids[0])}.zip")
    if path.is_dir():
        path = path / f"{safe_name(ids[0])}.zip"
    check_free(path, force=force)
    if settings.sessions.resolve() in path.resolve().parents:
        remedy = "Give --out a place elsewhere, e.g. on the medium that you hand over"
        raise HiphingeError("an archive in the folder of sessions would be taken for a trace of its own", str(path), remedy)
    with console(stderr=True).status("Looking through the folder of sessions"):
        traces = person.found(settings.sessions, ids[0], ids[1:])
    try:
        archive = person.write_archive(path, settings.sessions, ids[0], traces)
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}"
        raise HiphingeError(what, str(error.filename or path), "Check permissions and free space") from error
    size = sum(one["bytes"] for one in archive.files)
    if as_json:
        undecided = [{"where": where, "why": why} for where, why in archive.undecided]
        print(json.dumps({"archive": str(path), "files": len(archive.files), "bytes": size, "undecided": undecided}))
    else:
        words = f"{path}: {len(archive.files)} files of {len(traces.folders)} sessions, {size / 1e6:.1f} MB, and {MANIFEST}"
        console().print(words, highlight=False, soft_wrap=True)
    for where, why in archive.undecided:
        say(f"undecided, not taken: {where}: {why}")
    if archive.undecided:
        sys.exit(1)
