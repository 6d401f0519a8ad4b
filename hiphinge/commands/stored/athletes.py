"""`hiphinge athletes`: who has sessions; another id for one of them; two ids of one person as one."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import typer
from rich.table import Table

from body_signals import HiphingeError
from dashboards.notation import DASH
from hiphinge import config, logbook
from hiphinge.afterwards.athletes import Renamed, athletes_of, rename, sessions_of, was_sent
from hiphinge.commands.command import HELP_NAMES, Command
from hiphinge.commands.options import CONFIG, console, say

athletes = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings=HELP_NAMES,
    help="List athletes; rename one, or merge two ids of one person. Recordings are not changed.",
)
_SESSIONS = typer.Option(None, "--sessions", help="The folder of sessions; else that of the settings.")
_ONLY = typer.Option(
    False, "--only-folders", help="Leave InfluxDB as it is; push removes what is there, or --keep-former keeps it."
)
_JSON = typer.Option(False, "--json", help="One JSON line.")


@athletes.command("list", cls=Command)
def list_(sessions: Path | None = _SESSIONS, as_json: bool = _JSON, config_file: Path | None = CONFIG) -> None:
    """List athletes: sessions, first and last day, how many are in InfluxDB."""
    found = athletes_of(_folder(sessions, config.load(config_file)))
    if as_json:
        print(json.dumps([one.document for one in found]))
        return
    table = Table("athlete", "sessions", "first", "last", "in InfluxDB")
    for one in found:
        table.add_row(one.athlete, str(one.sessions), _day(one.first), _day(one.last), str(one.sent))
    console().print(table if found else "No sessions.", highlight=False)


@athletes.command("rename", cls=Command)
def rename_(
    athlete: str = typer.Argument(..., metavar="OLD", help="The present id, as in session.toml."),
    into: str = typer.Argument(..., metavar="NEW", help="The new id, which no athlete has."),
    sessions: Path | None = _SESSIONS,
    only_folders: bool = _ONLY,
    as_json: bool = _JSON,
    config_file: Path | None = CONFIG,
) -> None:
    """Give an athlete another id. What was sent to InfluxDB under the former one is removed there; push sends it again."""
    _change(athlete, into, sessions, only_folders, as_json, config_file, merge=False)


@athletes.command("merge", cls=Command)
def merge_(
    athlete: str = typer.Argument(..., metavar="ID", help="The id that is given up."),
    into: str = typer.Argument(..., metavar="INTO", help="The id of the same person that stays."),
    sessions: Path | None = _SESSIONS,
    only_folders: bool = _ONLY,
    as_json: bool = _JSON,
    config_file: Path | None = CONFIG,
) -> None:
    """Make two ids of one person one. It cannot be undone: afterwards nothing tells whose sessions were under which."""
    _change(athlete, into, sessions, only_folders, as_json, config_file, merge=True)


def _change(
    athlete: str, into: str, sessions: Path | None, only_folders: bool, as_json: bool, config_file: Path | None, *, merge: bool
) -> None:
    logbook.hide(athlete, into)
    settings = config.load(config_file)
    folder = _folder(sessions, settings)
    mine = sessions_of(folder, athlete, into=into, merge=merge)
    ask = settings.influx_configured and not only_folders and was_sent(mine)
    done = rename(mine, into, settings.influx() if ask else None, folder, say)
    if as_json:
        print(json.dumps(_document(athlete, into, done)))
    else:
        _tell(athlete, into, done)
    if done.faults:
        raise done.faults[0]


def _document(athlete: str, into: str, done: Renamed) -> dict[str, object]:
    return {
        "former": athlete,
        "athlete": into,
        "sessions": [str(folder) for folder in done.folders],
        "values_deleted": sum(done.values.values()),
        "not_deleted": done.waiting,
        "exports": [str(folder) for folder in done.exports],
        "faults": [str(fault) for fault in done.faults],
    }


def _tell(athlete: str, into: str, done: Renamed) -> None:
    deleted = f"; {sum(done.values.values())} values under the former id are deleted in InfluxDB" if done.values else ""
    screen = console()
    screen.print(f"{len(done.folders)} sessions of {athlete!r} are now of {into!r}{deleted}.", highlight=False, soft_wrap=True)
    if done.values:
        screen.print("To send them under the new id: hiphinge push --all", highlight=False)
    if done.waiting:
        say(f"{len(done.waiting)} sessions may still be in InfluxDB under the former id: hiphinge push --all removes that")
    for folder in done.exports:
        say(f"{folder} holds files that were exported under the former id: export them again, or delete them")
    if any(athlete in folder.name for folder in done.folders):
        say("names of folders, and recordings, still hold the former id")


def _folder(sessions: Path | None, settings: config.Settings) -> Path:
    folder = sessions or settings.sessions
    if folder is None:
        raise HiphingeError("is not set", "HIPHINGE_SESSIONS", "Set it to the folder of your sessions, or give --sessions")
    if not folder.is_dir():
        raise HiphingeError("there is no such folder", str(folder), "Is its disk connected?")
    return folder


def _day(moment: datetime | None) -> str:
    return DASH if moment is None else f"{moment.astimezone():%Y-%m-%d}"
