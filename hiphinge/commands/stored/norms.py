"""`hiphinge norms`: limits of the hip screen from one's own pain-free people."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from body_signals import ESTIMATORS, HiphingeError
from dsp.comparison import FEWEST_PEOPLE
from hiphinge.commands.options import among, console, say
from hiphinge.comparing.groups import norms as computed
from hiphinge.comparing.groups import norms_document, norms_toml, people
from on_disk import replace_whole


def norms(
    folders: list[Path] = typer.Argument(..., metavar="FOLDER...", help="Folders of sessions, or session folders."),
    out: Path | None = typer.Option(None, "--out", help="Write the limits into this file; else they are printed."),
    estimator: str = typer.Option(ESTIMATORS[-1], "--estimator", help="review or live.", autocompletion=among(ESTIMATORS)),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """The 10th or 90th centile of each number that the hip screen compares, from 20 or more people without pain.

    The result is a piece of the configuration file: [screen] with limits. A limit for which there are too few people stays as
    it is, and is named. Whoever reported pain in a session is left out, and named too.
    """
    if estimator not in ESTIMATORS:
        raise HiphingeError(f"unknown estimator {estimator!r}", "--estimator", "Choose live or review")
    group = people(folders, estimator, say)
    found, painful = computed(group)
    document = norms_document(group, found, painful, estimator)
    if all(one.found is None for one in found):
        what = f"for a limit {FEWEST_PEOPLE} pain-free people are needed, and {document['people']} were given"
        raise HiphingeError(what, ", ".join(map(str, folders)), "docs/validation.md has the protocol")
    text = norms_toml(document)
    if out is not None:
        try:
            replace_whole(out, text)
        except OSError as error:
            raise HiphingeError(
                f"cannot be written: {error.strerror}", str(out), "Check the path and its permissions"
            ) from None
    if as_json:
        print(json.dumps(document))
        return
    for folder, why in (*group.left_out.items(), *painful.items()):
        say(f"{folder} is left out: {why}")
    if out is None:
        print(text, end="")
        return
    few = [one.limit.name for one in found if one.found is None]
    screen = console()
    words = (
        f"{len(found) - len(few)} limits from {document['people']} people: {out}. Put its lines into your configuration file."
    )
    screen.print(words, highlight=False, soft_wrap=True)
    if few:
        screen.print(f"note: too few people for {', '.join(few)}", highlight=False, soft_wrap=True)
