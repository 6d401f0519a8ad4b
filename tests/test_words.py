"""Texts name the quantity: none says *so much* or *so long* and leaves the reader to find out how much that is."""

from __future__ import annotations

import re
import subprocess

from tests.conftest import ROOT

VAGUE = re.compile(r"\bso (long|much|often|many|few)\b", re.IGNORECASE)
READ = ("*.py", "*.md", "*.toml", "*.js", "*.html")
NOT_READ = ("CHANGELOG.md", "tests/test_words.py", "fixtures/old/", "fixtures/broken/")
"""What was said of versions that are out, this file, and inputs of users."""


def vague(text: str) -> list[int]:
    """Lines that say no quantity, from 1."""
    return [number for number, line in enumerate(text.splitlines(), 1) if VAGUE.search(line)]


def test_a_vague_word_is_seen() -> None:
    assert vague("It waits for 2 s.\nIt waits for so long.\n") == [2]


def test_texts_name_the_quantity() -> None:
    listed = subprocess.run(["git", "ls-files", *READ], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = [name for name in listed.splitlines() if not name.startswith(NOT_READ)]
    assert len(names) > 500
    places = [f"{name}:{line}" for name in names for line in vague((ROOT / name).read_text("utf-8"))]
    assert not places, "say the quantity: " + ", ".join(places)
