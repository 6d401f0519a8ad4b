"""What several commands share: options, the program's name and version, looking after orphaned sessions."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import typer
from rich.console import Console

from hiphinge.recovery import orphans, recover

CONFIG = typer.Option(None, "--config", help="Configuration file (TOML); else the one in your configuration folder.")


def software() -> str:
    """Program and version, as results state it."""
    return f"hiphinge {version('hiphinge')}"


def version_callback(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        print(software())
        raise typer.Exit


def console() -> Console:
    """Where people read; tables keep their width when the output is a file."""
    wide = Console()
    return wide if wide.is_terminal else Console(width=140)


def estimators(choice: str) -> tuple[str, ...]:
    """The estimators that an --estimator option names."""
    known = {"live": ("live",), "review": ("review",), "both": ("live", "review")}
    if choice not in known:
        raise typer.BadParameter(f"{choice!r}: choose live, review or both", param_hint="--estimator")
    return known[choice]


def look_after_orphans(sessions: Path | None) -> None:
    """Compute the results of sessions that were not closed; says on standard error what it did."""
    if sessions is None:
        return
    for folder in orphans(sessions):
        print(f"hiphinge: {folder} was not closed; computing its results from the recording", file=sys.stderr)
        result = recover(folder)
        for warning in result.warnings:
            print(f"hiphinge: {warning}", file=sys.stderr)
        if result.error is not None:
            print(f"hiphinge: {result.error}", file=sys.stderr)
