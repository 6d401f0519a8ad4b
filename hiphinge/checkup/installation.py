"""Checks that all packages that the program needs are installed. The list comes from the packages' own metadata.

Nothing is imported here before it is known to be installed: the check must work even where most packages are missing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement

PROGRAM = "hiphinge"
Finding = tuple[str, bool, str]
"""The subject, whether it is in order, and the finding in words."""


def installation(program: str = PROGRAM) -> Iterator[Finding]:
    """Each package that `program` requires here: its version, or its fault with a remedy. Packages that these require in turn
    are listed only where they have a fault."""
    try:
        from packaging.requirements import Requirement
    except ImportError as error:
        yield "packaging", False, f"cannot be used ({error}): {_remedy('packaging')}"
        return
    try:
        needed = [Requirement(text) for text in distribution(program).requires or ()]
    except PackageNotFoundError:
        yield program, False, "is not installed as a package, so what it needs is not known: install it with pip or pipx"
        return
    modules = _modules(tuple(sys.path))
    seen: set[str] = set()
    for requirement in _here(needed, ()):
        yield _found(requirement, modules)
        yield from _below(requirement, seen)


def _here(needed: list[Requirement], extras: tuple[str, ...]) -> list[Requirement]:
    """The requirements that apply on this system, for the package itself and these extras."""
    return [r for r in needed if r.marker is None or any(r.marker.evaluate({"extra": extra}) for extra in ("", *extras))]


def _found(requirement: Requirement, modules: dict[str, list[str]]) -> Finding:
    name = requirement.name
    wrong = _wrong(requirement)
    if wrong:
        return name, False, wrong
    for module in modules.get(_plain(name)) or _recorded(name):
        try:
            import_module(module)
        except Exception as error:  # a broken package may raise anything while it is imported
            return name, False, f"cannot be used ({type(error).__name__}: {error}): {_remedy(str(requirement))}"
    return name, True, distribution(name).version


def _wrong(requirement: Requirement) -> str:
    """The fault of the installed package of this name; empty when there is none."""
    wanted = f"{requirement.name}{requirement.specifier}"
    try:
        version = distribution(requirement.name).version
    except PackageNotFoundError:
        return f"is not installed: {_remedy(wanted)}"
    if not requirement.specifier.contains(version, prereleases=True):
        return f"is {version}, but {requirement.specifier} is needed: {_remedy(wanted)}"
    return ""


def _below(requirement: Requirement, seen: set[str]) -> Iterator[Finding]:
    from packaging.requirements import InvalidRequirement, Requirement

    who = f"{_plain(requirement.name)}[{','.join(sorted(requirement.extras))}]"
    if who in seen:
        return
    seen.add(who)
    try:
        needed = [Requirement(text) for text in distribution(requirement.name).requires or ()]
    except (PackageNotFoundError, InvalidRequirement):
        # reported already, or an old package whose metadata cannot be read
        return
    for one in _here(needed, tuple(requirement.extras)):
        wrong = _wrong(one)
        if wrong:
            yield one.name, False, f"{wrong} (for {requirement.name})"
        yield from _below(one, seen)


@lru_cache(maxsize=1)
def _modules(path: tuple[str, ...]) -> dict[str, list[str]]:
    """By package on this path of folders, which is Python's own, the modules to import: that of its own name, if there is
    one."""
    found: dict[str, list[str]] = {}
    for module, packages in packages_distributions().items():
        if module.isidentifier() and not module.startswith("_"):
            for package in packages:
                found.setdefault(_plain(package), []).append(module)
    return {package: [package] if package in modules else modules for package, modules in found.items()}


def _recorded(name: str) -> list[str]:
    """The modules that a package was installed with, whether they are still there or not: newer libraries pass over files that
    have gone."""
    lines = (distribution(name).read_text("RECORD") or "").splitlines()
    paths = [PurePosixPath(line.split(",")[0]) for line in lines]
    tops = [path.parts[0] if len(path.parts) > 1 else path.stem for path in paths if path.suffix == ".py"]
    return list(dict.fromkeys(top for top in tops if top.isidentifier() and not top.startswith("_")))


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")


def _remedy(wanted: str) -> str:
    return f"install hiphinge again, or: {sys.executable} -m pip install '{wanted}'"
