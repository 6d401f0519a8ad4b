"""What computes: the program's version and files, its libraries, the kind of processor. Alike in all of it, results have the
same bits.

numpy chooses instructions, and its linear algebra a kernel, by what the processor has. Between AVX-512 and none of it single
cells of a million differ in the seventh digit (docs/season.md has the figures). So each result states what computed it, and one
run takes workers of one kind only, unless told otherwise.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hiphinge.version import software

ROOMS = ("body_signals", "on_disk", "firmware_protocol", "ingest", "dsp", "dashboards", "hiphinge")
_READ = (".py", ".toml")
_LIBRARIES = ("numpy", "scipy", "vqf", "pyarrow")
_CORE_NAMES = ("scipy_openblas_get_corename64_", "openblas_get_corename64_", "openblas_get_corename")


@dataclass(frozen=True, slots=True)
class Computer:
    """code: digest of the program's files, since its version stays while it is being changed. instructions: those that numpy
    uses beyond its least. blas: the kernel of its linear algebra, empty where that cannot be told."""

    software: str
    code: str
    libraries: Mapping[str, str]
    processor: str
    instructions: str
    blas: str

    @property
    def document(self) -> dict[str, Any]:
        """For a manifest."""
        return asdict(self)

    @property
    def rounds_as(self) -> tuple[str, ...]:
        """What decides how numbers are rounded: alike in this, two computers give the same bits with the same program."""
        return (*self.libraries.values(), self.processor, self.instructions, self.blas)

    @property
    def words(self) -> str:
        """The kind of processor and the libraries, for a person."""
        last = self.instructions.split()[-1] if self.instructions else "no vector instructions beyond the least"
        libraries = ", ".join(f"{name} {number}" for name, number in self.libraries.items())
        return f"{self.processor} with {last}{f' ({self.blas})' if self.blas else ''}, {libraries}"

    def unlike(self, wanted: Computer) -> str:
        """Why this is no worker for a run of the program `wanted`; empty where it is one."""
        if self.software != wanted.software:
            return f"it has {self.software}, and this is {wanted.software}"
        if self.code != wanted.code:
            return f"its files of {self.software} are not the same as here"
        return ""


@cache
def this_computer() -> Computer:
    """What computes in this process. Asked once: the program's files may change while it runs."""
    return Computer(
        software(),
        _code(),
        {name: version(name) for name in _LIBRARIES},
        platform.machine(),
        _instructions(),
        _blas(),
    )


def _code() -> str:
    digest = hashlib.sha256()
    for room in ROOMS:
        (folder,) = import_module(room).__path__
        for path in sorted(path for path in Path(folder).rglob("*") if path.suffix in _READ and path.is_file()):
            digest.update(f"{room}/{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _instructions() -> str:
    import numpy as np

    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    return " ".join(simd.get("found", []))


def _blas() -> str:
    """The kernel that OpenBLAS has chosen for this processor."""
    forced = os.environ.get("OPENBLAS_CORETYPE", "")
    try:
        from numpy.linalg import _umath_linalg

        library = ctypes.CDLL(_umath_linalg.__file__)
    except (ImportError, OSError, TypeError):  # numpy was built otherwise
        return forced
    for name in _CORE_NAMES:
        if (tell := getattr(library, name, None)) is not None:
            tell.restype = ctypes.c_char_p
            return str(tell().decode())
    return forced
