"""A real Dask scheduler with workers, and moto's S3 server: children on free ports of the loopback, ended by their own id."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from distributed import Client

from tests.contract.command_line import environment
from tests.contract.live.virtual_kit import until

_HOST = "127.0.0.1"
_S3 = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
import boto3
url = "http://%s:%d" % server.get_host_and_port()
keys = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nothing"}
boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys).create_bucket(Bucket="club")
print("at %s:%d" % server.get_host_and_port(), flush=True)
sys.stdin.read()
"""
BUCKET = "club"
WAIT_S = 180.0
"""Longest wait, s, for what happens within seconds on a machine at rest."""


def ended(child: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    """End a child, and what it started."""
    try:
        below = psutil.Process(child.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        below = []
    child.kill()
    child.communicate()
    for one in below:
        # a process of the same number that began later is another one: psutil asks for its start
        if one.is_running():
            one.kill()


@dataclass
class Worker:
    """A `dask worker`: a nanny, and the process that computes."""

    child: subprocess.Popen[bytes]

    @property
    def computing(self) -> psutil.Process:
        """The process that computes; StopIteration where there is none yet."""
        of_it = psutil.Process(self.child.pid).children()
        return next(one for one in of_it if any("spawn_main" in word for word in one.cmdline()))


@dataclass
class Cluster:
    """A scheduler and its workers. settings: variables of the workers' environment."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    workers: list[Worker] = field(default_factory=list)
    scheduler: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"tcp://{_HOST}:{self.port}"

    def start_scheduler(self) -> None:
        """Start one; again on the same port, if it was there before."""
        told = self.folder / f"scheduler-{time.monotonic_ns()}.json"
        words = ("scheduler", "--host", _HOST, "--port", str(self.port), "--no-dashboard", "--scheduler-file", str(told))
        self.scheduler = self._dask(*words)
        until(lambda: told.is_file() and told.read_text().endswith("}"), WAIT_S)
        self.port = int(json.loads(told.read_text())["address"].rpartition(":")[2])

    def start_worker(self, *, nanny: bool = True, **settings: str) -> Worker:
        """Start one more; nanny: one begins a new process when the one that computes has died; settings: further variables of
        its environment."""
        words = ["worker", self.address, "--host", _HOST, "--nthreads", "1", "--no-dashboard"]
        words += ["--local-directory", str(self.folder), *([] if nanny else ["--no-nanny"])]
        worker = Worker(self._dask(*words, **settings))
        self.workers.append(worker)
        return worker

    def count(self) -> int:
        """Workers that the scheduler knows."""
        with Client(self.address, set_as_default=False) as client:
            return len(client.scheduler_info()["workers"])

    def stop(self) -> None:
        """End all of it."""
        for child in (*(worker.child for worker in self.workers), self.scheduler):
            if child is not None:
                ended(child)
        self.workers.clear()

    def _dask(self, *words: str, **settings: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *words],
            cwd=self.folder,
            env=environment(**{**self.settings, **settings}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@contextmanager
def cluster(folder: Path, workers: int = 2, **settings: str) -> Iterator[Cluster]:
    """A scheduler with workers, which may still be starting."""
    one = Cluster(folder, settings)
    try:
        one.start_scheduler()
        for _ in range(workers):
            one.start_worker()
        yield one
    finally:
        one.stop()


@contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """moto's server with the bucket `BUCKET`; the variables of the environment that lead there."""
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", _S3], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert child.stdout is not None
        address = next(line for line in child.stdout if line.startswith("at ")).split()[1]
        yield {
            "AWS_ENDPOINT_URL": f"http://{address}",
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_REGION": "us-east-1",
        }
    finally:
        ended(child)
