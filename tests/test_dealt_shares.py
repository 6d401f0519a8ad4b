"""The order of the tests in which several workers get like shares of each folder."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tests.conftest import ROOT, dealt


@dataclass(frozen=True)
class One:
    """A test, as far as its place goes."""

    path: Path
    number: int


def drawn(**counts: int) -> list[One]:
    """By folder, files with 1, 2, … tests."""
    paths = [(ROOT / "tests" / folder / f"test_{n:02d}.py", n + 1) for folder, files in counts.items() for n in range(files)]
    return [One(path, number) for path, size in paths for number in range(size)]


def test_every_test_is_there_once_and_files_stay_whole() -> None:
    tests = drawn(contract=9, dsp=7, ingest=5)
    found = dealt(tests, 3)
    assert sorted(found, key=str) == sorted(tests, key=str)
    assert len({one.path for one in tests}) == 1 + sum(a.path != b.path for a, b in pairwise(found))
    assert all(b.number == a.number + 1 for a, b in pairwise(found) if a.path == b.path)


def test_each_piece_has_its_part_of_each_folder() -> None:
    found = dealt(drawn(contract=16, dsp=16, ingest=16), 4)
    for worker in range(4):
        piece = found[worker * len(found) // 4 : (worker + 1) * len(found) // 4]
        for folder in ("contract", "dsp", "ingest"):
            assert 31 <= sum(one.path.parent.name == folder for one in piece) <= 37
    # one begins with whole sessions, the next with the mathematics
    assert [found[worker * len(found) // 4].path.parent.name for worker in range(4)] == ["contract", "dsp", "contract", "dsp"]
