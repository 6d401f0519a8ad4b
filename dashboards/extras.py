"""Packages that only some formats need: they are installed by name, and their absence is one clear line."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from body_signals import HiphingeError


def needed(module: str, extra: str) -> Any:
    """The module of an extra. HiphingeError with the command that installs it, where it is not there."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        what = f"this needs {module}, which is not installed"
        raise HiphingeError(what, extra, f"Install it: pip install 'hiphinge[{extra}]'") from None
