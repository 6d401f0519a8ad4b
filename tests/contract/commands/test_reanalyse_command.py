"""`hiphinge reanalyse` on this machine: what is refused before anything begins; a run with sessions that fail, and the next."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from hiphinge.seasons.running import results_of_a_run
from hiphinge.session.lock import FolderLock
from tests.contract.command_line import COMMAND, child, environment, refused, tree
from tests.contract.recorded_sessions import short_sessions

_DEADLY = """
import os, sys

def watch(event, args):
    if event == "open" and "deadly" in str(args[0]) and "recording" in str(args[0]):
        os._exit(9)

sys.addaudithook(watch)
"""
"""Whoever opens the recording of the session `deadly` ends at once, as when memory runs out."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (session,) = short_sessions(tmp_path_factory.mktemp("made"), 1)
    return session


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere", "--out", "r"), "nowhere: cannot be read: No such file or directory. "),
        (("empty", "--out", "r"), "empty: no session is in this folder. Give the folder of your session folders"),
        (("s", "--out", "s"), "s: is the folder of the sessions. Give --out a folder beside SESSIONS"),
        (("s", "--out", "s/r"), "s/r: lies within the folder of the sessions. "),
        (("s", "--out", "file"), "file: cannot be "),
        (("s", "--out", "mine"), "mine: is not empty, and no folder of results: it has no results.json. "),
        (("s", "--out", "r", "--tables", "angels"), "--tables: unknown table 'angels'. Choose among angles, orientations, "),
        (("s", "--out", "r", "--estimator", "both,live"), "--estimator: unknown estimator 'both,live'. "),
        (("s", "--out", "gs://club/r"), "'gs://club/r': object storage of this kind is not supported. "),
        (("s", "--out", "r", "--scheduler", "club"), "club: is not the address of a scheduler. Write tcp://HOST:8786"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(tmp_path: Path, made: Path, words: tuple[str, ...], said: str) -> None:
    shutil.copytree(made, tmp_path / "s/evening")
    for folder in ("empty", "empty/notes", "mine"):
        (tmp_path / folder).mkdir()
    for file in ("file", "mine/notes.txt"):
        (tmp_path / file).write_text("mine")
    before = tree(tmp_path)
    assert refused("reanalyse", *words, cwd=tmp_path).startswith(said)
    assert not {path for path in tree(tmp_path) - before if path not in ("r", "r/results.json")}


def test_without_dask_it_says_what_to_install(tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    said = refused("reanalyse", made.parent, "--out", "r", cwd=tmp_path)
    assert said == ("reanalyse: many sessions need the package distributed (Dask). Install it: pip install 'hiphinge[cluster]'")


@pytest.mark.slow
def test_a_failed_session_is_named_and_the_others_are_computed(tmp_path: Path, made: Path) -> None:
    for name in ("good", "50 % of\nit", "torn", "busy", "deadly"):
        shutil.copytree(made, tmp_path / "s" / name)
    (tmp_path / "sitecustomize.py").write_text(_DEADLY)
    (tmp_path / "s/torn/recording.mcap").write_bytes(b"no recording")
    (tmp_path / "s/notes").mkdir()
    shutil.copytree(made, tmp_path / "s/unclear")
    (tmp_path / "s/unclear/edits.toml").write_text('[[repetition]]\nat_s = 6.0\nmovement = "sqat"\n')
    lock = FolderLock(tmp_path / "s/busy")
    assert lock.take()
    try:
        first = child("reanalyse", "s", "--out", "r", "--workers", "2", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    finally:
        lock.release()
    assert first.returncode == 1
    # on a busy machine it also tells from time to time how far it is
    said = sorted(line for line in first.stderr.splitlines() if not line.endswith(" to go") and ", ends " not in line)
    assert len(said) == 4, first.stderr
    assert said[0].startswith(f"hiphinge: busy: {tmp_path}/s/busy: is being recorded or computed. Run the command again")
    assert said[1].startswith("hiphinge: deadly: deadly: the worker that computed it ended, 3 times. Give each worker more")
    assert said[2].startswith(f"hiphinge: torn: {tmp_path}/s/torn/recording.mcap: ")
    assert said[3].startswith(f"hiphinge: unclear: {tmp_path}/s/unclear/edits.toml, repetition 1: movement 'sqat' is none of ")
    (line,) = first.stdout.splitlines()
    assert line.startswith("6 sessions: 2 computed (")
    assert line.endswith("4 failed: r")
    report = json.loads((tmp_path / "r/report.json").read_text())
    assert [one["session"] for one in report["failed"]] == ["busy", "deadly", "torn", "unclear"]
    assert report["counts"] == {"sessions": 6, "computed": 2, "before": 0, "failed": 4, "to_go": 0}
    assert {path.name for path in (tmp_path / "r/sessions").iterdir()} == {"good", "50%20%25%20of%0Ait"}
    (tmp_path / "sitecustomize.py").unlink()
    words = (*COMMAND, "reanalyse", "s", "--out", "r", "--workers", "1", "--json")
    with subprocess.Popen(words, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True) as again:
        assert again.stdout is not None
        said = [again.stdout.readline()]
        # nothing that it has begun can be reached from the network
        processes = (psutil.Process(again.pid), *psutil.Process(again.pid).children(recursive=True))
        found = [one.laddr.ip for process in processes for one in process.net_connections() if one.status == "LISTEN"]
        assert len(found) > 2
        assert set(found) == {"127.0.0.1"}
        # who deletes an athlete sees that it lasts
        assert results_of_a_run(tmp_path) == tmp_path / "r"
        said += again.stdout.readlines()
    assert again.returncode == 1
    assert {path.name for path in (tmp_path / "r").iterdir()} == {"results.json", "report.json", "sessions"}
    *lines, last = map(json.loads, said)
    assert {line["session"]: line["state"] for line in lines} == {
        "good": "before",
        "50 % of\nit": "before",
        "torn": "failed",
        "unclear": "failed",
        "busy": "computed",
        "deadly": "computed",
    }
    assert lines[-1]["to_go"] == 0
    assert last["counts"] == {"sessions": 6, "computed": 2, "before": 2, "failed": 2, "to_go": 0}


@pytest.mark.slow
def test_when_the_folder_of_results_goes_the_run_says_so_and_makes_no_other_one(tmp_path: Path, made: Path) -> None:
    for k in range(6):
        shutil.copytree(made, tmp_path / f"s/{k}")
    words = (*COMMAND, "reanalyse", "s", "--out", "r", "--workers", "1", "--json")
    pipe = subprocess.PIPE
    with subprocess.Popen(words, cwd=tmp_path, env=environment(), stdout=pipe, stderr=pipe, text=True) as running:
        assert running.stdout is not None
        running.stdout.readline()
        (tmp_path / "r").rename(tmp_path / "elsewhere")
        out, err = running.communicate(timeout=120)
    assert running.returncode == 1
    report = json.loads(out.splitlines()[-1])
    said = "is no longer the folder of results that the run began with"
    assert report["counts"]["failed"] >= 1
    # one that was just being written may say that a file has no folder
    assert said in {one["what"] for one in report["failed"]}
    assert report["stopped"]["what"] == said
    assert err.splitlines()[-1].startswith(f"hiphinge: r: {said}. Connect its disk again, and run the same command")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "s"]
