"""Everything about one athlete in a sessions folder: session folders and loose files, at any depth, and undecided places.

A session folder is the athlete's when every sign in it says so: session.toml, the recording's head, summaries, ledger, lines,
reports. If none of them can be read, their legible parts count; without any, the folder's name. A folder that also
names another athlete is undecided (its id was edited afterwards: a person must decide whose it is, or that both ids are the
same person). So is everything of another athlete that contains the id, and everything unreadable, because it proves nothing.
Links are not followed; a target outside is undecided too.

An athlete's folder in a cohort, and that of a session in a season's results, are decided in the same way: the first names its
athlete in its index, the second in its manifests.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from body_signals import UNKNOWN_ATHLETE
from hiphinge.cohorts.places import INDEX
from hiphinge.exporting.placing import FOLDER as EXPORTS
from hiphinge.forgetting.identifier import Identifier, named_after
from hiphinge.forgetting.signs import Whose, holds, is_ours, stands_alone, whose
from hiphinge.seasons.result import MANIFEST, MARKER, REPORT
from hiphinge.session.lock import LOCK

_PARTS = ("live", "review", "outbox", ".live.writing", ".review.writing", ".live.old", ".review.old")
_INSIDE = ("summary.json", "angles.parquet", "orientations.parquet", "repetitions.parquet", "ledger.json", "cursor.json")
_HEADS = ("session.toml", "recording.mcap", INDEX)


@dataclass(frozen=True, slots=True)
class Undecided:
    """A place that may hold data of the athlete, and why this is unknown."""

    path: Path
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


@dataclass(slots=True)
class Traces:
    """folders: session folders of the athlete; files: loose ones; named: other folders whose name is the athlete's, and in
    which no file stays; sessions: names under which InfluxDB may have them; others: further ids that undecided session folders
    name."""

    folders: list[Path] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    named: list[Path] = field(default_factory=list)
    undecided: list[Undecided] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    nested: dict[Path, list[Path]] = field(default_factory=dict)
    """By session folder of the athlete, the session folders within it that must not be deleted with it."""

    @property
    def any(self) -> bool:
        """Whether there is anything to delete."""
        return bool(self.folders or self.files or self.named)

    def add(self, other: Traces) -> None:
        """Take in what was found below another folder."""
        self.folders += other.folders
        self.files += other.files
        self.named += other.named
        self.undecided += other.undecided
        self.sessions |= other.sessions
        self.others |= other.others
        self.nested |= other.nested


@dataclass(slots=True)
class _Tree:
    """The files below a folder, by the session folder to which they belong; loose files under None."""

    folders: list[Path] = field(default_factory=list)
    units: dict[Path | None, list[Path]] = field(default_factory=lambda: {None: []})
    links: list[Path] = field(default_factory=list)
    closed: list[Undecided] = field(default_factory=list)


def search(root: Path, athlete: str, former: frozenset[str] = frozenset()) -> Traces:
    """Everything about an athlete below `root`, or in it where it is a file. former: other ids of the same person."""
    tree = _walk(root)
    signs = {path: whose(path) for files in tree.units.values() for path in files}
    ids = {athlete, *former}
    known = {one for found in signs.values() for one in (*found.athletes, *found.legible)} - ids
    looker = _Looker([Identifier(one, known) for one in sorted(ids)], ids, signs)
    traces = Traces(undecided=tree.closed)
    for unit, files in tree.units.items():
        if unit is None:
            looker.loose(files, traces)
        elif unit == root:
            looker.root(unit, files, traces)
        else:
            looker.session(unit, files, traces)
    looker.links(root, tree.links, traces)
    mine = set(traces.folders)
    for folder in tree.folders:
        if folder not in tree.units and looker.named(folder.name) and not mine & set(folder.parents):
            traces.named.append(folder)
    _with_files(tree, traces)
    for unit in filter(None, tree.units):
        for folder in mine.intersection(unit.parents):
            traces.nested.setdefault(folder, []).append(unit)
    # the deepest first
    traces.folders.sort(key=lambda path: (-len(path.parts), path))
    traces.named.sort(key=lambda path: (-len(path.parts), path))
    traces.undecided.sort(key=lambda one: one.path)
    return traces


def _with_files(tree: _Tree, traces: Traces) -> None:
    """A folder named after the athlete in which files remain is undecided: they may be the athlete's."""
    mine, going = set(traces.folders), set(traces.files)
    there = [path for unit, files in tree.units.items() if unit not in mine for path in files if path not in going]
    there += [link for link in tree.links if next(filter(tree.units.__contains__, link.parents), None) not in mine]
    staying = {folder for path in there for folder in path.parents}
    # what cannot be read may have files in it
    staying |= {folder for one in tree.closed for folder in (one.path, *one.path.parents)}
    for folder in traces.named:
        if folder in staying:
            traces.undecided.append(Undecided(folder, "its name holds the id, and it is not empty"))
    traces.named = [folder for folder in traces.named if folder not in staying]


@dataclass(slots=True)
class _Looker:
    identifiers: list[Identifier]
    ids: set[str]
    signs: dict[Path, Whose]

    def named(self, name: str) -> bool:
        """Whether a name contains the id."""
        return any(one.in_text(name) for one in self.identifiers)

    def holds(self, path: Path) -> tuple[bool, str]:
        """Whether a file, or its name, contains the id, and why this is unknown."""
        fault = ""
        for one in self.identifiers:
            found, fault = holds(path, one)
            if found or one.in_text(path.name):
                return True, fault
        return False, fault

    def session(self, unit: Path, files: list[Path], traces: Traces) -> None:
        """Decide on a session folder."""
        signs = [self.signs[path] for path in files]
        said = {one for found in signs for one in found.athletes}
        # the placeholder id of an import until its athlete was stated
        said = said - {UNKNOWN_ATHLETE} or said
        if not said:
            self._unsaid(unit, files, traces)
        elif said <= self.ids:
            self._take(unit, signs, traces)
        elif said & self.ids:
            who = "; ".join(
                f"{path.relative_to(unit)} says {', '.join(map(repr, sorted(self.signs[path].athletes)))}"
                for path in files
                if self.signs[path].athletes
            )
            traces.others |= said - self.ids
            traces.sessions |= {name for found in signs for name in found.sessions}
            remedy = f"if they are one person, add --former {sorted(said - self.ids)[0]!r}"
            traces.undecided.append(Undecided(unit, f"it names several athletes ({who}); {remedy}"))
        else:
            self._of_another(unit, files, said, traces)

    def _take(self, unit: Path, signs: list[Whose], traces: Traces) -> None:
        traces.folders.append(unit)
        traces.sessions |= {unit.name, *(name for found in signs for name in found.sessions)}

    def _unsaid(self, unit: Path, files: list[Path], traces: Traces) -> None:
        """No file with a known format names the athlete: legible parts decide, then the folder's name; else it is undecided."""
        signs = [self.signs[path] for path in files]
        legible = {one for found in signs for one in found.legible}
        named = named_after(unit.name)
        faults = "; ".join(f"{path.relative_to(unit)} {self.signs[path].fault}" for path in files if self.signs[path].fault)
        why = f"nothing readable in it names its athlete{f' ({faults})' if faults else ''}"
        if legible and legible <= self.ids:
            self._take(unit, signs, traces)
        elif legible:
            traces.undecided.append(Undecided(unit, f"{why}; legible: {', '.join(map(repr, sorted(legible)))}"))
        elif named is not None and named in {one.plain for one in self.identifiers} and self.named(unit.name):
            self._take(unit, signs, traces)
        elif any(path.name != LOCK for path in files):
            held = any(self.holds(path)[0] for path in files) or self.named(unit.name)
            traces.undecided.append(Undecided(unit, f"{why}; it contains the id" if held else why))

    def _of_another(self, unit: Path, files: list[Path], said: set[str], traces: Traces) -> None:
        """Another athlete's session: nothing of it is deleted, but it is searched."""
        owner = ", ".join(map(repr, sorted(said)))
        if self.named(unit.name):
            traces.undecided.append(Undecided(unit, f"its name holds the id; its content names {owner}"))
        for path in files:
            held, fault = self.holds(path)
            ours = (self.signs[path].fault and is_ours(path)) or self.signs[path].nameless or path.suffix == ".parquet"
            # made of this very session, whatever the format
            ours = ours or path.parent == unit / EXPORTS
            if held:
                traces.undecided.append(Undecided(path, f"it holds the id, in a session of {owner}"))
            elif fault and (not ours or fault.startswith("cannot be read:")):
                traces.undecided.append(Undecided(path, fault))

    def root(self, unit: Path, files: list[Path], traces: Traces) -> None:
        """The sessions folder is itself a session folder: it is not deleted, so its content is at most undecided."""
        said = {one for path in files for one in self.signs[path].athletes}
        if said & self.ids or any(self.holds(path)[0] for path in files):
            why = "a session of the athlete lies in the folder of sessions itself: move it into a folder of its own"
            traces.undecided.append(Undecided(unit, why))
        elif not said:
            traces.undecided.append(Undecided(unit, "it contains a session that does not name its athlete"))

    def loose(self, files: list[Path], traces: Traces) -> None:
        """Decide on each file outside session folders."""
        for path in files:
            found = self.signs[path]
            says = found.athletes or found.legible
            if says and says <= self.ids and stands_alone(path):
                traces.files.append(path)
                traces.sessions |= found.sessions
                continue
            held, fault = self.holds(path)
            if held and path.name == REPORT and path.with_name(MARKER).is_file():
                # the next run writes another one; results go by their manifests
                traces.files.append(path)
                continue
            if says & self.ids:
                also = says - self.ids
                why = (
                    f"it also names {', '.join(map(repr, sorted(also)))}" if also else "it names the athlete, outside a session"
                )
            elif held:
                why = "it holds the id, outside a session"
            elif fault:
                why = fault
            elif found.fault and not found.athletes:
                why = found.fault
            elif found.nameless:
                why = "a table outside a session does not name its athlete"
            else:
                continue
            traces.undecided.append(Undecided(path, why))

    def links(self, root: Path, links: list[Path], traces: Traces) -> None:
        """Links are not followed: their targets are elsewhere in the folder, or are not searched."""
        inside = root.resolve()
        for link in links:
            try:
                target, text = link.resolve(), os.readlink(link)
            except (OSError, RuntimeError) as error:
                traces.undecided.append(Undecided(link, f"a link that cannot be read ({error})"))
                continue
            mine = not set(traces.folders).isdisjoint(link.parents)
            if not target.is_relative_to(inside) and target.exists():
                traces.undecided.append(Undecided(link, f"a link to {target}, which is outside and not looked at"))
            elif not mine and (self.named(link.name) or self.named(text)):
                traces.undecided.append(Undecided(link, "the name of this link, or of what it leads to, holds the id"))


def _walk(root: Path) -> _Tree:
    """Everything below a folder; links are not followed."""
    tree = _Tree()
    if root.is_file():
        tree.units[None].append(root)
        return tree
    waiting: list[tuple[Path, Path | None]] = [(root, None)]
    while waiting:
        folder, unit = waiting.pop()
        try:
            entries = sorted(folder.iterdir())
        except OSError as error:
            tree.closed.append(Undecided(folder, f"cannot be read: {error.strerror or error}"))
            continue
        kinds = dict(_kinds(entries, tree))
        if _is_session(kinds, top=folder == root):
            unit = folder
            tree.units.setdefault(unit, [])
        for path, kind in kinds.items():
            if stat.S_ISLNK(kind):
                tree.links.append(path)
            elif stat.S_ISDIR(kind):
                tree.folders.append(path)
                waiting.append((path, unit))
            else:
                tree.units[unit].append(path)
    return tree


def _kinds(entries: list[Path], tree: _Tree) -> Iterator[tuple[Path, int]]:
    for path in entries:
        try:
            yield path, path.lstat().st_mode
        except FileNotFoundError:
            continue
        except OSError as error:
            tree.closed.append(Undecided(path, f"cannot be read: {error.strerror or error}"))


def _is_session(kinds: dict[Path, int], *, top: bool) -> bool:
    """Whether a folder with these entries is a session folder, or the rest of one."""
    names = {path.name for path, kind in kinds.items() if not stat.S_ISDIR(kind)}
    if names & set(_HEADS) or any(map(MANIFEST.fullmatch, names)):
        return True
    parts = [path for path, kind in kinds.items() if stat.S_ISDIR(kind) and path.name in _PARTS]
    return not top and any(_has_part(path) for path in parts)


def _has_part(part: Path) -> bool:
    try:
        names = [entry.name for entry in os.scandir(part)]
    except OSError:
        return True
    return part.name.startswith(".") or any(name in _INSIDE or name.endswith(".lp") for name in names)
