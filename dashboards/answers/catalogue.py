"""The catalogues of words: which languages there are, what a key says in one of them."""

from __future__ import annotations

import json
import locale
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "de")
"""The languages of answers and reports; the first one is used where the system has another."""
WORDS = Path(__file__).parent / "words"
"""The folder of the catalogues, one `<language>.json` each."""


@cache
def catalogue(language: str, folder: Path = WORDS) -> Mapping[str, str]:
    """Key → text. ValueError for a language that there is not."""
    if language not in LANGUAGES:
        raise ValueError(f"no language {language!r}: there are {', '.join(LANGUAGES)}")
    words: dict[str, str] = json.loads((folder / f"{language}.json").read_text("utf-8"))
    return words


def system_language(environment: Mapping[str, str] | None = None) -> str:
    """The language of this machine's messages if it is one of `LANGUAGES`, else English.

    As in gettext, LANGUAGE comes before LC_ALL, LC_MESSAGES and LANG; without any of them the operating system is asked.
    """
    given = os.environ if environment is None else environment
    wanted = [name for key in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG") for name in given.get(key, "").split(":") if name]
    if not wanted and environment is None:
        wanted = [locale.getlocale()[0] or ""]
    # Windows writes German_Germany
    first = wanted[0].lower().replace("-", "_").split(".")[0].split("_")[0] if wanted else ""
    return {"german": "de"}.get(first, first if first in LANGUAGES else LANGUAGES[0])
