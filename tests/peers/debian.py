"""Debian programs that tests talk to. Tests only look for them; `make test` installs them where it may."""

from __future__ import annotations

import shutil

from tests.conftest import missing


def need_program(name: str, package: str) -> str:
    """Path of a program; without it the test is skipped, or fails where everything is required."""
    path = shutil.which(name)
    if path is None:
        missing(f"{name} not found (Debian package {package}: apt-get install --no-install-recommends {package})")
    assert path is not None
    return path
