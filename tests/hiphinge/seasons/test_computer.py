"""Alike is compared with alike: program, libraries and processor are told, and what another processor does to the numbers."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from hiphinge.seasons import computer
from hiphinge.seasons.computer import Computer, this_computer
from hiphinge.seasons.place import place_of
from hiphinge.seasons.result import SessionResults, prepare
from hiphinge.seasons.run import jobs_of
from hiphinge.seasons.task import COMPUTED, Settings, compute_session
from tests.conftest import ROOT
from tests.contract.recorded_sessions import short_sessions

_ELSEWHERE = """
import sys
from hiphinge.seasons.place import place_of
from hiphinge.seasons.result import prepare
from hiphinge.seasons.run import jobs_of
from hiphinge.seasons.task import Settings, compute_session
sessions, results = map(place_of, sys.argv[1:])
(job,) = jobs_of(sessions, results, Settings(("live", "review")), prepare(results))
print(compute_session(job).state)
"""
STEP = 2.0**-22
"""Largest difference, relative: two steps of 32-bit numbers. Measured: one, in 8 of 17 million cells (docs/season.md)."""


def test_this_computer_tells_what_it_is() -> None:
    one = this_computer()
    assert one.software.startswith("hiphinge ")
    assert set(one.libraries) == {"numpy", "scipy", "vqf", "pyarrow"}
    assert one.unlike(one) == ""
    assert one.document["code"] == one.code
    assert one.processor in one.words


def test_another_version_is_told_and_so_are_other_files_of_the_same() -> None:
    one = this_computer()
    assert replace(one, software="hiphinge 9.9").unlike(one) == f"it has hiphinge 9.9, and this is {one.software}"
    assert "not the same as here" in replace(one, code="0" * 16).unlike(one)
    assert replace(one, blas="Zen").unlike(one) == ""


@pytest.mark.parametrize("part", ["processor", "instructions", "blas", "libraries"])
def test_what_rounds_otherwise_is_not_alike(part: str) -> None:
    one = this_computer()
    other: Computer = replace(one, **{part: {**one.libraries, "numpy": "9"} if part == "libraries" else "another"})
    assert other.rounds_as != one.rounds_as
    assert replace(one, software="hiphinge 9.9", code="").rounds_as == one.rounds_as


def test_every_file_of_the_program_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dsp_like").mkdir()
    (tmp_path / "dsp_like/__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(computer, "ROOMS", ("dsp_like",))
    found = [computer._code()]
    for name, text in (("a.py", "A = 1\n"), ("a.py", "A = 2\n"), ("protocols.toml", ""), ("notes.md", "")):
        (tmp_path / "dsp_like" / name).write_text(text)
        found.append(computer._code())
    assert len(set(found)) == 4
    assert found[3] == found[4]


@pytest.mark.skipif(
    not this_computer().instructions, reason="this processor has no vector instructions that numpy can do without"
)
def test_without_vector_instructions_numbers_differ_by_their_last_bits_and_the_result_says_so(tmp_path: Path) -> None:
    """Equal: rows, times, kinds, quality flags, counts. Within two steps of 32 bits: every number."""
    (session,) = short_sessions(tmp_path / "sessions", 1)
    sessions = place_of(str(session.parent))
    here, there = (place_of(str(tmp_path / name)) for name in ("here", "there"))
    (job,) = jobs_of(sessions, here, Settings(("live", "review")), prepare(here))
    assert compute_session(job).state == COMPUTED
    without = {"NPY_DISABLE_CPU_FEATURES": this_computer().instructions}
    words = [sys.executable, "-W", "ignore", "-c", _ELSEWHERE, sessions.words, there.words]
    run = subprocess.run(words, cwd=ROOT, env=os.environ | without, capture_output=True, text=True, timeout=120)
    assert run.stdout.strip() == COMPUTED, run.stderr
    folders = []
    for place in (here, there):
        one = SessionResults.of(place, session.name)
        assert one.manifest is not None
        assert (one.manifest["computed_by"]["instructions"] == "") is (place is there)
        folders.append(tmp_path / Path(place.words).name / one.folder / one.manifest["folder"])
    for estimator in ("live", "review"):
        for name in ("angles", "orientations", "repetitions"):
            mine, other = (pq.read_table(folder / estimator / f"{name}.parquet") for folder in folders)
            assert mine.num_rows == other.num_rows > 0
            for column in mine.column_names:
                a, b = mine[column].to_numpy(), other[column].to_numpy()
                if column in ("time_s", "start_s", "turn_s", "end_s") or a.dtype.kind != "f":
                    assert np.array_equal(a, b), f"{estimator}/{name} {column}"
                else:
                    np.testing.assert_allclose(b, a, rtol=STEP, atol=1e-9, err_msg=f"{estimator}/{name} {column}")
        texts = [(folder / estimator / "summary.json").read_text() for folder in folders]
        assert texts[0] == texts[1]
