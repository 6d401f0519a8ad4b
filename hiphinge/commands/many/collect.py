"""`hiphinge collect`: makes a cohort of all sessions, one file an athlete, or brings it up to date."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer
from rich.console import Console

from hiphinge.cohorts.collecting import collect as collected
from hiphinge.cohorts.known import remember
from hiphinge.commands.options import CONFIG, console, say


def collect(
    sessions: Path = typer.Argument(..., metavar="SESSIONS", help="Folder of sessions, or results of hiphinge reanalyse."),
    out: Path = typer.Option(
        ..., "--out", metavar="COHORT", help="The cohort: a folder that hiphinge collect made, or a new one."
    ),
    anew: bool = typer.Option(False, "--anew", help="Read all sessions, also those that have not changed."),
    as_json: bool = typer.Option(False, "--json", help="One JSON line."),
    config_file: Path | None = CONFIG,
) -> None:
    """Collect repetitions, hip screens and summaries of all sessions into one file an athlete, for hiphinge query.

    Run it again after new sessions or corrections: only what changed is read, and what was deleted goes. A session that cannot
    be used is named and left out; where one is damaged, the exit code is 1. docs/cohort.md says what is in a cohort.
    """
    with Console(stderr=True).status("Looking for what changed") as status:

        def progress(done: int, of: int) -> None:
            status.update(f"{done} of {of} sessions read")

        found = collected(sessions, out, say, progress, anew=anew)
    remember(out, config_file)
    for name, why in sorted(found.left_out.items()):
        say(f"{name} is left out: {why}")
    if as_json:
        words = {"athletes": found.athletes, "sessions": found.sessions, "read": found.read, "gone": found.gone}
        print(json.dumps({"cohort": str(out), **words, "bytes": found.bytes, "left_out": found.left_out}))
    else:
        text = (
            f"{out}: {found.sessions} sessions of {found.athletes} athletes, {found.bytes / 1e6:.1f} MB; "
            f"{found.read} were read, {found.gone} have gone, {len(found.left_out)} are left out."
        )
        console().print(text, highlight=False, soft_wrap=True)
    if found.faulty:
        sys.exit(1)
