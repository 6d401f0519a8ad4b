"""`hiphinge repeatability`: how repeatable the numbers of the hip screen are, from people who were measured several times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.table import Table

from body_signals import ESTIMATORS, HiphingeError
from dashboards.answers import SLOPES
from dashboards.notation import DASH, with_uncertainty
from hiphinge.commands.options import among, console, say
from hiphinge.comparing.groups import ANEW, ON, PEOPLE_ADVISED, people, repeatability_document
from hiphinge.comparing.groups import repeatability as computed
from hiphinge.comparing.words import number_name

CORRELATIONS = ("icc_2_1", "icc_3_1")
NEGATIVE = (
    "An ICC below 0: these people differed less from each other than each from one session to the next. It says nothing of how "
    "repeatable the number is in people who differ more; SEM and MDC do."
)


def repeatability(
    folders: list[Path] = typer.Argument(..., metavar="FOLDER...", help="Folders of sessions, or session folders."),
    estimator: str = typer.Option(ESTIMATORS[-1], "--estimator", help="review or live.", autocompletion=among(ESTIMATORS)),
    as_json: bool = typer.Option(False, "--json", help="One JSON document, for hiphinge compare --errors too."),
) -> None:
    """ICC, standard error (SEM) and minimal detectable change (MDC) of each number of the hip screen, with limits (19 of 20).

    People are told apart by their pseudonym; each needs two sessions or more, without a treatment in between. Sessions of which
    a mark says that they retest another one with the sensors on are counted apart. docs/validation.md has the protocol.
    """
    if estimator not in ESTIMATORS:
        raise HiphingeError(f"unknown estimator {estimator!r}", "--estimator", "Choose live or review")
    group = people(folders, estimator, say)
    rows = computed(group)
    document = repeatability_document(group, rows, estimator)
    if not rows:
        several = document["people_with_two_sessions"]
        what = f"3 people with two sessions or more are needed, {PEOPLE_ADVISED} are advised, and {several} were given"
        raise HiphingeError(what, ", ".join(map(str, folders)), "docs/validation.md has the protocol")
    if as_json:
        print(json.dumps(document))
        return
    screen = console()
    for folder, why in group.left_out.items():
        say(f"{folder} is left out: {why}")
    several = document["people_with_two_sessions"]
    screen.print(f"{several} people with two sessions or more; limits hold the true value 19 times of 20.", highlight=False)
    if several < PEOPLE_ADVISED:
        screen.print(f"note: {PEOPLE_ADVISED} people are advised; with {several} the limits are wide", highlight=False)
    for kind, title in ((ANEW, "Sensors worn anew"), (ON, "Sensors stayed on")):
        some = [one for one in document["numbers"] if one["wear"] == kind]
        if some:
            screen.print(_table(some, title))
    if any(one[kind] is not None and one[kind] < 0.0 for one in document["numbers"] for kind in CORRELATIONS):
        screen.print(NEGATIVE, highlight=False, soft_wrap=True)


def _table(numbers: list[dict[str, Any]], title: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("number", "unit", "people", "ICC(2,1)", "ICC(3,1)", "SEM", "MDC90", "MDC95"):
        table.add_column(name, justify="left" if name in ("number", "unit") else "right", no_wrap=name != "number")
    for one in numbers:
        name = number_name(one)
        unit, scale, decimals = {"deg": ("°", 1.0, 1), "s": ("s", 1.0, 2)}.get(one["unit"], ("points", 100.0, 1))
        if one["measure"] in SLOPES:
            unit, scale, decimals = "", 1.0, 2
        correlations = [_three(one, kind, 1.0, 2) for kind in CORRELATIONS]
        sizes = [_three(one, kind, scale, decimals) for kind in ("sem", "mdc90", "mdc95")]
        table.add_row(name, unit, str(one["people"]), *correlations, *sizes)
    return table


def _three(one: dict[str, Any], name: str, scale: float, decimals: int) -> str:
    """A figure and its limits."""
    value, low, high = (
        DASH if one[key] is None else with_uncertainty(one[key], scale=scale, decimals=decimals)
        for key in (name, f"{name}_low", f"{name}_high")
    )
    return DASH if value == DASH else f"{value} ({low}, {high})"
