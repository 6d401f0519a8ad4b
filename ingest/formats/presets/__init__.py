"""Formats that a shipped mapping describes, each named after its product; the mappings lie beside this file."""

from __future__ import annotations

import shutil
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from body_signals import HiphingeError
from ingest.formats.imported import ImportedSession, Source, check_source
from ingest.formats.mapping import MappingFile, remedies_of, sensors_of, session_of
from on_disk import open_file, read_text

_FOLDER: Final = Path(__file__).parent
_MOST_BYTES = 16 << 30
"""Most bytes in a zip file, unpacked (ours)."""
_MOST_FILES = 10_000
"""Most files in a zip file (ours)."""
_MOST_TIMES, _SMALL_BYTES = 100, 256 << 20
"""How many times its own size a zip file may unfold to, unless that is less than the second (ours): numbers pack to a tenth."""
PRESETS: Final = ("dot", "metabase", "phyphox", "sensor-logger", "shimmer", "witmotion")


def import_preset(name: str, source: Source) -> ImportedSession:
    """The session of a file, a folder or a zip file in the format `name`, one of `PRESETS`.

    What is found in the sensors' names is where they were worn. Raises `HiphingeError` with file, line and remedy.
    """
    check_source(source.path)
    folder = _unpacked(source)
    path = source.path if folder is None else _recording_in(folder)
    try:
        mapping = _FOLDER / f"{_variant(name, path)}.toml"
        plan = MappingFile(mapping)
        remedy = f"Export as the makers of {name} do, or write a mapping of your own (docs/csv-mapping.md)."
        found = sensors_of(replace(source, path=path), plan, remedy, names_tell=True)
        imported = session_of(replace(source, path=path), plan, found, dict.fromkeys(remedies_of(plan), remedy))
    except HiphingeError as error:
        _remove(folder)
        said = (_as_given(words, folder, source.path) for words in (error.what, error.where, error.remedy))
        raise HiphingeError(*said) from error
    except BaseException:
        _remove(folder)
        raise
    named = {key: partial(_where, folder, source.path, where) for key, where in imported.where.items()}
    imported = replace(imported, where=named)
    # a later check names lines of these files
    weakref.finalize(next(iter(imported.samples.values())), _remove, folder)
    unplaced = [one.words[0] for one in found if one.guess is None]
    stated = {*source.placements}
    if unplaced and not stated:
        imported.notes.append(f"worn where? {', '.join(unplaced)}: say --placement {unplaced[0]}=pelvis and so on")
    return imported


def _variant(name: str, path: Path) -> str:
    """The mapping of the format; Sensor Logger has one of its own for an iPhone that writes its own signs."""
    metadata = path / "Metadata.csv" if path.is_dir() else path.parent / "Metadata.csv"
    if name != "sensor-logger" or not metadata.is_file():
        return name
    lines = read_text(metadata, 1 << 20, "Export the recording again.").splitlines()
    said = dict(zip(lines[0].split(","), lines[1].split(","), strict=False)) if len(lines) > 1 else {}
    is_iphone = said.get("platform", "").casefold() == "ios"
    return "sensor-logger-iphone" if is_iphone and said.get("standardisation", "false").casefold() != "true" else name


def _as_given(words: str, folder: Path | None, given: Path) -> str:
    """Words in which the file that was given stands for the folder that it was unpacked into."""
    return words if folder is None else words.replace(str(folder), str(given))


def _where(folder: Path | None, given: Path, where: Callable[[float], str], at_s: float) -> str:
    return _as_given(where(at_s), folder, given)


def _unpacked(source: Source) -> Path | None:
    """A folder with the content of the zip file; None where the source is none."""
    if not source.path.is_file():
        return None
    if not zipfile.is_zipfile(source.path):
        with open_file(source.path) as file:
            if file.read(4) == b"PK\x03\x04":
                raise HiphingeError("this zip file is cut: its end is missing", str(source.path), "Copy or export it again.")
        return None
    folder = Path(tempfile.mkdtemp(prefix=".hiphinge-zip-", dir=source.scratch))
    try:
        with zipfile.ZipFile(source.path) as archive:
            members = archive.infolist()
            size = sum(member.file_size for member in members)
            bomb = size > max(_MOST_TIMES * source.path.stat().st_size, _SMALL_BYTES)
            if len(members) > _MOST_FILES or size > _MOST_BYTES or bomb:
                what = "this zip file holds more than a recording can"
                raise HiphingeError(what, str(source.path), "Unpack it, and give the folder of the recording.")
            archive.extractall(folder)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError) as error:
        _remove(folder)
        raise HiphingeError(f"this zip file cannot be unpacked: {error}", str(source.path), "Export it again.") from None
    except HiphingeError:
        _remove(folder)
        raise
    return folder


def _recording_in(folder: Path) -> Path:
    inside = [*folder.iterdir()]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


def _remove(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


IMPORT_PRESETS: Final[dict[str, Callable[[Source], ImportedSession]]] = {name: partial(import_preset, name) for name in PRESETS}
