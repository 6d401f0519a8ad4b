"""Where protocols are found: those that come with the program, a person's own in the configuration folder, or a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import as_file, files
from pathlib import Path

from body_signals import HiphingeError
from dsp.screen import Protocol, protocol_of
from on_disk import read_toml

RED_FLAGS = (
    "saddle numbness, new bladder or bowel trouble",
    "leg weakness that gets worse",
    "a major accident, or a suspected fracture",
    "fever, or weight loss without a reason, with the back pain",
    "a history of cancer",
    "pain at night that does not ease",
    "a first episode before 20 or after 55 years of age",
)
"""Asked before a protocol: general practice knowledge, to be approved by the clinic. The page says the same in its words."""


def protocol_file(path: Path) -> Protocol:
    """The protocol in a file. HiphingeError names the file and the key that is wrong."""
    document, _ = read_toml(path, "Give the path of a protocol, or a name: hiphinge live --help")
    return protocol_of(document, str(path))


def shipped() -> dict[str, Protocol]:
    """The protocols that come with the program, by name."""
    with as_file(files("dsp.screen") / "protocols") as folder:
        found = [protocol_file(path) for path in sorted(folder.glob("*.toml"))]
    return {protocol.name: protocol for protocol in found}


def protocols(folder: Path, tell: Callable[[str], object] | None = None) -> dict[str, Protocol]:
    """All protocols by name; those in `folder` (which need not exist) win over the program's own. tell: hears of a file that is
    wrong, which is left out then: it keeps nobody from a session that does not need it."""
    found = shipped()
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
        try:
            own = protocol_file(path)
        except HiphingeError as error:
            if tell is None:
                raise
            tell(f"a protocol is left out: {error}")
        else:
            found[own.name] = own
    return found


def chosen(name: str, known: Mapping[str, Protocol]) -> Protocol:
    """The protocol of a name, or of a file's path. HiphingeError where there is none."""
    if name in known:
        return known[name]
    if name.endswith(".toml") or "/" in name:
        return protocol_file(Path(name))
    raise HiphingeError(
        f"no protocol has the name {name!r}", "--protocol", f"There are {', '.join(sorted(known))}, or give a file"
    )
