"""Exported files appear whole, for their owner alone, and never in the place of another file unless that is wished."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from body_signals import HiphingeError
from dashboards.export import Written
from on_disk import close_to_others, make_private_folder, make_private_parents

FOLDER = "export"
"""Where exports go, in the session folder: `hiphinge forget` finds them there."""
MANIFEST = "manifest.json"
"""The list of files in a person's archive, by which `hiphinge forget` knows it."""
_FORCE = "Give another --out, or add --force"


def is_file_name(out: Path) -> bool:
    """Whether a path is meant as a file: it has an ending, and is no folder."""
    return bool(out.suffix) and not out.is_dir()


def check_free(path: Path, *, force: bool) -> None:
    """HiphingeError where there is something at `path` that must not be replaced."""
    if path.is_dir():
        raise HiphingeError("this is a folder", str(path), "Give --out the name of a file")
    if path.exists() and not force:
        raise HiphingeError("exists already", str(path), _FORCE)


def placed(write: Callable[[Path], Written], out: Path, *, as_file: bool, stem: str, force: bool) -> Written:
    """Let `write` fill a scratch folder, and put its files into the folder `out`; or, as_file, the first one as `out` and the
    others beside it, `stem` in their names replaced. HiphingeError where a file is there already: then none is placed."""
    folder = out.parent if as_file else out
    if as_file:
        check_free(out, force=force)
    elif out.exists() and not out.is_dir():
        raise HiphingeError("this is a file", str(out), "Give --out the name of a folder")
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        make_private_parents(folder / "x")
        with tempfile.TemporaryDirectory(prefix=".hiphinge-export-", dir=folder) as name:
            scratch = Path(name)
            written = write(scratch)
            targets = {file: folder / file.relative_to(scratch) for file in written.files}
            if as_file:
                first, *others = written.files
                targets = {first: out} | {file: folder / file.name.replace(stem, out.stem, 1) for file in others}
            for target in targets.values():
                check_free(target, force=force)
            for file, target in targets.items():
                if target.parent != folder:
                    make_private_folder(target.parent)
                # libraries make files with the rights of that moment
                close_to_others(file)
                file.replace(target)
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}"
        raise HiphingeError(what, str(folder), "Check the folder, its permissions and the free space") from error
    finally:
        for one in made:
            # only what is empty: nothing was written
            with suppress(OSError):
                one.rmdir()
    return Written(list(targets.values()), written.notes)
