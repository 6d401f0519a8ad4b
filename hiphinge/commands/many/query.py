"""`hiphinge query`: asks a cohort in SQL, or one of the ready questions."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from body_signals import ESTIMATORS, HiphingeError
from hiphinge.cohorts.asking import Asked, described
from hiphinge.cohorts.questions import question as ready
from hiphinge.cohorts.questions import questions, words_of
from hiphinge.cohorts.written import MOST_SHOWN, lines, show, write_csv, write_json
from hiphinge.commands.options import among, console, say

BOTH = "both"


def query(
    cohort: Path = typer.Argument(..., metavar="COHORT", help="A folder that hiphinge collect made."),
    sql: str | None = typer.Argument(None, metavar="[SQL]", help='The question in the SQL of DuckDB: "SELECT …".'),
    question: str | None = typer.Option(
        None, "--question", metavar="NAME", help="A ready question instead.", autocompletion=among(questions())
    ),
    list_questions: bool = typer.Option(False, "--questions", help="List the ready questions; with --question, show its SQL."),
    columns: bool = typer.Option(False, "--columns", help="List views and columns: name, unit, meaning."),
    estimator: str = typer.Option(
        ESTIMATORS[-1], "--estimator", help="Whose results: review, live or both.", autocompletion=among((*ESTIMATORS, BOTH))
    ),
    as_csv: bool = typer.Option(False, "--csv", help="CSV."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document: a list of objects."),
) -> None:
    """Ask one question of all sessions in a cohort. It is only read, and nothing else on this computer is in reach.

    Needs DuckDB: pip install 'hiphinge[cohort]'. docs/cohort.md explains the views.
    """
    if as_csv and as_json:
        raise HiphingeError("--csv and --json exclude each other", "query", "Give one of them")
    if estimator not in (*ESTIMATORS, BOTH):
        raise HiphingeError(f"unknown estimator {estimator!r}", "--estimator", "Choose review, live or both")
    if list_questions:
        _questions(question, as_json=as_json)
        return
    if columns:
        _columns(as_json=as_json)
        return
    if (sql is None) == (question is None):
        remedy = 'Write hiphinge query COHORT "SELECT …", or --question NAME; --questions lists them'
        raise HiphingeError("no question is given" if sql is None else "two questions are given", "query", remedy)
    words = ready(question) if question is not None else sql or ""
    with Asked(cohort, None if estimator == BOTH else estimator) as asked:
        answer = asked.ask(words)
        if as_csv:
            write_csv(answer)
        elif as_json:
            write_json(answer)
        else:
            shown = show(answer, console())
            if next(answer.rows, None) is not None:
                say(f"the first {MOST_SHOWN} rows are shown; --csv and --json give all")
            elif not shown:
                console().print("No rows.", highlight=False)
        if others := asked.not_asked():
            say(f"{others} sessions have no results of estimator {estimator!r} and were not asked: --estimator both")


def _questions(name: str | None, *, as_json: bool) -> None:
    if name is not None:
        print(ready(name), end="")
    elif as_json:
        print(json.dumps([{"question": one, "asks": words_of(sql)} for one, sql in questions().items()]))
    else:
        for line in lines((one, words_of(sql)) for one, sql in questions().items()):
            print(line)


def _columns(*, as_json: bool) -> None:
    found = [
        {"view": view, "column": one.name, "type": one.kind, "unit": one.unit, "meaning": one.description}
        for view, _, one in described()
    ]
    if as_json:
        print(json.dumps(found))
        return
    for line in lines((f"{one['view']}.{one['column']}", one["unit"] or "-", one["meaning"]) for one in found):
        print(line)
