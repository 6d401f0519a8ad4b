"""Folders whose results InfluxDB would take for the same session."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from dashboards.influx import digest
from hiphinge.afterwards import ties
from tests.dashboards.synthetic_results import write_session


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_session(tmp_path / "moved", seconds=20, session="evening")


def test_a_copy_is_a_twin_only_when_it_differs(folder: Path) -> None:
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    assert ties.twin(folder) is None
    (copy / "edits.toml").write_text("[[repetition]]\nat_s = 12.0\ndeleted = true\n")
    assert ties.twin(folder) == copy
    assert ties.twin(copy) == folder


def test_the_folder_that_bears_the_name_has_no_twin(folder: Path) -> None:
    write_session(folder.with_name("evening"), seconds=25, session="evening")
    assert ties.twin(folder.with_name("evening")) is None
    assert ties.twin(folder) == folder.with_name("evening")


def test_its_own_tables_are_read_once_however_many_claim_the_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(4):
        shutil.copytree(folder, folder.with_name(f"copy-{i}"))
    read: Counter[tuple[str, str]] = Counter()

    def counted(of: Path, estimator: str) -> str:
        read[of.name, estimator] += 1
        return digest(of, estimator)

    monkeypatch.setattr(ties, "digest", counted)
    assert ties.twin(folder) is None
    assert set(read.values()) == {1}
    assert len(read) == 2 * 5


def test_a_folder_that_cannot_be_read_claims_nothing(folder: Path) -> None:
    other = write_session(folder.with_name("other"), seconds=25, session="evening")
    (other / "live/summary.json").write_text("{")
    assert ties.twin(folder) == other, "by its review"
    (other / "review/summary.json").write_text("{")
    assert ties.twin(folder) is None
