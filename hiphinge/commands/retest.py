"""`hiphinge retest BEFORE`: a session that measures again what was chosen before a treatment, and says whether it changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from body_signals import HiphingeError, Key, chosen, key_of
from dashboards.tables import available_estimators, read_summary
from hiphinge.commands.live import Asked, Retested, run
from hiphinge.commands.options import CONFIG, LAN, NO_BROWSER, NO_PAGE, PORT, TLS, say
from hiphinge.comparing.occasions import told
from hiphinge.live_page.answered import proposed
from hiphinge.live_page.opening import PageWishes


def retest(
    before: Path = typer.Argument(..., metavar="BEFORE", help="The session folder from before the treatment."),
    kit_file: Path | None = typer.Option(None, "--kit", help="Kit file: which sensors, worn where."),
    primary: str | None = typer.Option(
        None, "--primary", help="TEST:SIDE:MEASURE; else the one that was chosen in BEFORE, else its limiting test."
    ),
    worn_anew: bool = typer.Option(False, "--worn-anew", help="The sensors were taken off since then."),
    out: Path | None = typer.Option(None, "--out", help="Session folder to write; else a new one."),
    seconds: float | None = typer.Option(None, "--seconds", min=0.1, help="End after this number of seconds."),
    as_json: bool = typer.Option(False, "--json", help="For programs: as `hiphinge live --json`."),
    port: int | None = PORT,
    lan: bool = LAN,
    tls: bool = TLS,
    no_browser: bool = NO_BROWSER,
    no_page: bool = NO_PAGE,
    config_file: Path | None = CONFIG,
) -> None:
    """Measure again what was chosen before a treatment: under a minute with the sensors on.

    The comparable sign is done three times, and the limiting hip test three times. The answer stands on the page, and at the
    end in the terminal: more than the measurement can tell, or not.
    """
    retested = _retested(before, primary, worn_anew=worn_anew)
    asked = Asked(kit_file, out, retested.athlete, seconds, None, False, as_json, no_page, False, config_file)
    run(asked, PageWishes(port, lan, tls, not no_browser), retested)


def _retested(before: Path, primary: str | None, *, worn_anew: bool) -> Retested:
    """What is measured again. HiphingeError where the session has no such number."""
    there = available_estimators(before) if before.is_dir() else ()
    if not there:
        what = "no results are in this folder" if before.is_dir() else "no such session folder"
        raise HiphingeError(what, str(before), "Give the session folder from before the treatment")
    summary = read_summary(before, there[-1])
    key = _key(summary, primary, before)
    # as `hiphinge compare` has it: with a person's corrections, and of a divided session what was before the treatment
    session = told(before, there[-1], say)
    if not session.occasions:
        raise HiphingeError("no test of the hip screen was scored before", str(before), "Repeat the tests")
    return Retested(session.session, session.athlete, key, session.occasions[0], worn_anew)


def _key(summary: dict[str, Any], primary: str | None, before: Path) -> Key:
    if primary is not None:
        try:
            return key_of(primary)
        except ValueError as error:
            remedy = "Write TEST:SIDE:MEASURE, e.g. knee_raise:left:hip_peak_deg (docs/screen.md)"
            raise HiphingeError(str(error), "--primary", remedy) from None
    labels = [str(mark["label"]) for mark in summary["marks"]]
    picked = next((key for label in reversed(labels) if (key := chosen(label)) is not None), None)
    found = picked or proposed(summary["screen"])
    if found is None:
        raise HiphingeError("no test of the hip screen was scored before", str(before), "Name a number: --primary")
    return found
