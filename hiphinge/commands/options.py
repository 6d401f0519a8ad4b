"""Shared by several commands: options, and what is said on the screen."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

import typer
from rich.console import Console

from body_signals import ESTIMATORS, HiphingeError
from hiphinge import logbook

CONFIG = typer.Option(None, "--config", help="Configuration file (TOML); else the one in your configuration folder.")

PORT = typer.Option(None, "--port", min=0, max=65535, help="Of the live page; 0: any free one. [default: 8642, if free]")
LAN = typer.Option(False, "--lan", help="Open the live page to tablets in this network; each needs an invitation.")
TLS = typer.Option(False, "--tls", help="Encrypt the live page with a certificate of an own authority (docs/live-page.md).")
NO_BROWSER = typer.Option(False, "--no-browser", help="Open no browser; the page is there all the same.")
NO_PAGE = typer.Option(False, "--no-page", help="No live page, only the terminal.")


def among(words: Iterable[str]) -> Callable[[str], list[str]]:
    """For a shell's completion: those of `words` that begin with the letters typed."""
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


def console(*, stderr: bool = False) -> Console:
    """The console for people to read; tables keep their width when the output is a file.

    Text is shown as it is: a name in brackets or between colons is not markup.
    """
    wide = Console(stderr=stderr, markup=False, emoji=False)
    return wide if wide.is_terminal else Console(stderr=stderr, width=140, markup=False, emoji=False)


def say(text: str) -> None:
    """A remark on standard error, and in the log."""
    logbook.said(text)
    with suppress(OSError):  # the reader has gone
        print(f"hiphinge: {text}", file=sys.stderr, flush=True)


def tell_faults(faults: Mapping[str, Exception]) -> None:
    """Report which of the session's sinks failed, and that the session itself did not."""
    for name, fault in faults.items():
        say(f"the {name} failed ({fault!r}); the session was recorded without it")


def estimators(choice: str) -> tuple[str, ...]:
    """The estimators that an --estimator option names."""
    known = {name: (name,) for name in ESTIMATORS} | {"both": ESTIMATORS}
    if choice not in known:
        raise HiphingeError(f"unknown estimator {choice!r}", "--estimator", "Choose live, review or both")
    return known[choice]
