"""Ready questions: a file of SQL each, whose first line says in a comment what is asked."""

from __future__ import annotations

from importlib.resources import files

from body_signals import HiphingeError

_ENDING = ".sql"


def questions() -> dict[str, str]:
    """The SQL of all ready questions, by name."""
    here = files(__package__)
    found = {one.name.removesuffix(_ENDING): one.read_text("utf-8") for one in here.iterdir() if one.name.endswith(_ENDING)}
    return dict(sorted(found.items()))


def question(name: str) -> str:
    """The SQL of a ready question. HiphingeError where there is none of this name."""
    known = questions()
    if name not in known:
        raise HiphingeError(f"no question is called {name!r}", "--question", f"There are {', '.join(known)}")
    return known[name]


def words_of(sql: str) -> str:
    """What a ready question asks, in words."""
    return sql.splitlines()[0].removeprefix("/*").removesuffix("*/").strip()
