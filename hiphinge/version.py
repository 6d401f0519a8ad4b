"""The program's name and version, as results state it."""

from __future__ import annotations

from importlib.metadata import version


def software() -> str:
    """E.g. ``hiphinge 0.1.0``."""
    return f"hiphinge {version('hiphinge')}"
