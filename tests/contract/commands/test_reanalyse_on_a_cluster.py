"""`hiphinge reanalyse` on real processes: a Dask scheduler, workers that are killed, an S3 server, two programs at once."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from body_signals import ESTIMATORS
from hiphinge.seasons.computer import this_computer
from hiphinge.seasons.place import Place, place_of
from hiphinge.seasons.result import SessionResults, sign_of
from hiphinge.seasons.run import jobs_of
from hiphinge.seasons.task import BEFORE, Settings, compute_session
from hiphinge.version import software
from tests.contract.command_line import COMMAND, done, environment
from tests.contract.live.virtual_kit import until
from tests.contract.recorded_sessions import short_sessions
from tests.peers.cluster import BUCKET, WAIT_S, Cluster, cluster, ended, s3_server

pytestmark = pytest.mark.slow
COUNT = 12
_ANOTHER_VERSION = """
import importlib.metadata as metadata

version = metadata.version
metadata.version = lambda name: "9.9" if name == "hiphinge" else version(name)
"""


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("season") / "sessions"
    short_sessions(folder, COUNT)
    return folder


@pytest.fixture(scope="module")
def replays(sessions: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """By session: the digest of each file that `hiphinge replay` gives."""
    folder = tmp_path_factory.mktemp("replays")
    found = {}
    for session in sorted(sessions.iterdir()):
        done("replay", session, "--out", folder / session.name, "--json", cwd=folder)
        files = (path for path in (folder / session.name).rglob("*") if path.is_file())
        found[session.name] = {
            path.relative_to(folder / session.name).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
        }
    return found


def reanalyse(cwd: Path, *words: str | Path, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "reanalyse", *map(str, words), "--json"],
        cwd=cwd,
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def report_of(running: subprocess.Popen[str], code: int = 0) -> tuple[dict[str, Any], str]:
    """The last line, and what was said on standard error."""
    out, err = running.communicate(timeout=WAIT_S)
    assert running.returncode == code, out + err
    assert out, err
    report: dict[str, Any] = json.loads(out.splitlines()[-1])
    return report, err


def manifests(results: Path) -> list[Path]:
    return list(results.glob("sessions/*/manifest-*.json"))


def check_all_done_once(results: Place, replays: Mapping[str, Mapping[str, str]]) -> None:
    """Every session has one manifest, and the files that it names are those of a replay."""
    assert sorted(results.inside("sessions")[0]) == sorted(replays)
    for session, expected in replays.items():
        one = SessionResults.of(results, session)
        assert one.manifest is not None
        assert one.manifest["session"] == session
        assert session.endswith(one.manifest["athlete"])
        assert [file for file in results.inside(one.folder)[1] if file.startswith("manifest")] == ["manifest-000001.json"]
        files = {path: results.read(f"{one.folder}/{one.manifest['folder']}/{path}") or b"" for path in expected}
        assert {path: hashlib.sha256(content).hexdigest() for path, content in files.items()} == expected
        assert {path: file["sha256"] for path, file in one.manifest["files"].items()} == expected


@pytest.fixture(scope="module")
def storage() -> Iterator[dict[str, str]]:
    """Variables of the environment that lead to an S3 server."""
    with s3_server() as settings:
        yield settings


@pytest.fixture(scope="module")
def dask(storage: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler with two workers, which know the S3 server."""
    with cluster(tmp_path_factory.mktemp("dask"), **storage) as one:
        yield one


def test_a_killed_worker_loses_no_session(
    tmp_path: Path, dask: Cluster, sessions: Path, replays: dict[str, dict[str, str]]
) -> None:
    results = tmp_path / "results"
    running = reanalyse(tmp_path, sessions, "--out", results, "--scheduler", dask.address)
    try:
        until(lambda: len(manifests(results)) >= 1, WAIT_S)
        # it stands still with what it was given, while the other one does the rest; then it is killed
        victim = dask.workers[0].computing
        victim.send_signal(signal.SIGSTOP)
        until(lambda: len(manifests(results)) >= COUNT - 4, WAIT_S)
        victim.kill()
        report, _ = report_of(running)
    finally:
        ended(running)
    assert report["counts"]["failed"] == report["counts"]["to_go"] == 0
    check_all_done_once(place_of(str(results)), replays)


@pytest.fixture
def unlike(tmp_path: Path, dask: Cluster) -> Iterator[list[str]]:
    """Two more workers: of another version, and of another kind of processor; why each is not used."""
    (tmp_path / "sitecustomize.py").write_text(_ANOTHER_VERSION)
    more = [
        dask.start_worker(nanny=False, PYTHONPATH=str(tmp_path)),
        dask.start_worker(nanny=False, NPY_DISABLE_CPU_FEATURES=this_computer().instructions),
    ]
    until(lambda: dask.count() == 4, WAIT_S)
    yield [f"it has hiphinge 9.9, and this is {software()}", "its processor or libraries round otherwise ("]
    for worker in more:
        ended(worker.child)
        dask.workers.remove(worker)


@pytest.mark.skipif(
    not this_computer().instructions, reason="this processor has no vector instructions that numpy can do without"
)
def test_two_programs_at_once_have_one_result_of_each_session_and_unlike_workers_are_not_used(
    tmp_path: Path, dask: Cluster, unlike: list[str], sessions: Path, replays: dict[str, dict[str, str]]
) -> None:
    results = tmp_path / "results"
    both = [reanalyse(tmp_path, sessions, "--out", results, "--scheduler", dask.address) for _ in range(2)]
    try:
        reports = [report_of(one) for one in both]
    finally:
        for one in both:
            ended(one)
    counts = [report["counts"] for report, _ in reports]
    assert counts[0]["computed"] + counts[1]["computed"] == COUNT
    assert [one["computed"] + one["before"] for one in counts] == [COUNT, COUNT]
    check_all_done_once(place_of(str(results)), replays)
    # nothing is left of what was computed twice
    assert len(list(results.glob("sessions/*/attempt-*"))) == COUNT
    for report, said in reports:
        assert len(report["refused_workers"]) == 2
        for why in unlike:
            assert sum(line.startswith("hiphinge: worker tcp://") and why in line for line in said.splitlines()) == 1, said


def test_object_storage_gives_the_same_files_though_both_workers_are_killed(
    tmp_path: Path, dask: Cluster, storage: dict[str, str], sessions: Path, replays: dict[str, dict[str, str]]
) -> None:
    with patch.dict(os.environ, storage):
        there, results = place_of(f"s3://{BUCKET}/a season/sessions"), place_of(f"s3://{BUCKET}/results")
        for session in sessions.iterdir():
            for file in session.iterdir():
                there.put(f"{session.name}/{file.name}", file)
        words = (there.words, "--out", results.words, "--scheduler", dask.address)
        running = reanalyse(tmp_path, *words, **storage)
        try:
            until(lambda: len(results.inside("sessions")[0]) >= 2, WAIT_S)
            # their nannies begin new ones: nobody is left of those that the sessions were given to
            for worker in dask.workers:
                worker.computing.kill()
            report, _ = report_of(running)
        finally:
            ended(running)
        assert report["counts"]["failed"] == report["counts"]["to_go"] == 0
        check_all_done_once(results, replays)
        for job in jobs_of(there, results, Settings(ESTIMATORS), sign_of(results))[:2]:
            assert compute_session(job).state == BEFORE


def test_a_killed_scheduler_is_told_and_the_same_command_goes_on(
    tmp_path: Path, dask: Cluster, sessions: Path, replays: dict[str, dict[str, str]]
) -> None:
    results = tmp_path / "results"
    words = (sessions, "--out", results, "--scheduler", dask.address)
    running = reanalyse(tmp_path, *words)
    try:
        until(lambda: len(manifests(results)) >= 1, WAIT_S)
        for worker in dask.workers:
            worker.computing.send_signal(signal.SIGSTOP)
        assert dask.scheduler is not None
        dask.scheduler.kill()
        report, said = report_of(running, 1)
    finally:
        ended(running)
        dask.stop()
    assert said.splitlines() == [
        f"hiphinge: {dask.address}: the scheduler has gone. Start it again, and run the same command: what is done stays done"
    ]
    there = len(manifests(results))
    assert report["counts"]["to_go"] > 0
    assert 0 < there < COUNT
    dask.start_scheduler()
    dask.start_worker()
    report, _ = report_of(reanalyse(tmp_path, *words))
    assert report["counts"] == {"sessions": COUNT, "computed": COUNT - there, "before": there, "failed": 0, "to_go": 0}
    check_all_done_once(place_of(str(results)), replays)
