"""The workers of a run: processes of this machine, or those of a Dask scheduler that is there. Who is let in, and who has gone.

Dask sends a task to the workers that are named with it. A worker is named once it has told what it is
(`hiphinge.seasons.computer`), and that it is the same program as here. Workers may come and go while the run lasts.
"""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from body_signals import HiphingeError
from hiphinge.seasons.computer import Computer, this_computer
from hiphinge.seasons.place import Place
from hiphinge.seasons.result import sign_of

if TYPE_CHECKING:
    from distributed import Client

CONNECT_S = 15.0
"""Time, s, for a scheduler to answer (ours)."""
NO_WORKER_S = 120.0
"""Time, s, after which a run without a worker ends (ours)."""
LOOK_S = 1.0
"""Time, s, between two looks at who is there (ours)."""
_CLOSE_S = 5.0
_SEEN = "Use a network folder that all workers see under the same path, or object storage"
LOST_WITH_WORKERS = 2
"""How often a session may end its worker before it is given up (ours): the third worker is not tried."""
_LOOPBACK = "127.0.0.1"
_ADDRESS = re.compile(r"(?:tcp|tls|ws|wss)://\S+:\d{1,5}")
_LOCAL: dict[str, Any] = {
    "distributed.scheduler.allowed-failures": LOST_WITH_WORKERS,
    # what is for its pages, for results in the memory of workers, and for tasks that any worker may take: a ninth of a core
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.admin.tick.interval": "500ms",
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.scheduler.work-stealing": False,
    "distributed.worker.memory.monitor-interval": "500ms",
    "distributed.worker.profile.enabled": False,
}
"""Of Dask, in this process and the workers that it starts."""


@contextmanager
def connected(scheduler: str | None, workers: int | None) -> Iterator[Client]:
    """A client of the scheduler at this address, or of one of its own with `workers` processes on this machine.

    HiphingeError where there is none, or Dask is not installed.
    """
    try:
        import dask
        from dask.system import CPU_COUNT
        from distributed import Client, LocalCluster
    except ImportError:
        remedy = "Install it: pip install 'hiphinge[cluster]'"
        raise HiphingeError("many sessions need the package distributed (Dask)", "reanalyse", remedy) from None
    _silence()
    with dask.config.set(_LOCAL):
        if scheduler is not None:
            client = _client(scheduler)
            try:
                yield client
            finally:
                client.close(_CLOSE_S)
            return
        try:
            cluster = LocalCluster(
                n_workers=workers or CPU_COUNT,
                threads_per_worker=1,
                processes=True,
                host=_LOOPBACK,
                # without an address each would choose one that the whole network can reach
                dashboard_address=f"{_LOOPBACK}:0",
                worker_dashboard_address=f"{_LOOPBACK}:0",
                silence_logs=logging.CRITICAL,
            )
        except (OSError, RuntimeError) as error:
            remedy = "Close other programs, or give fewer --workers"
            raise HiphingeError(f"no worker can be started: {error}", "reanalyse", remedy) from error
        with cluster, Client(cluster) as client:
            yield client


def _silence() -> None:
    """What a person has to know is said here; Dask's own words about each lost connection are not."""
    for name in [*logging.root.manager.loggerDict]:
        if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


def _client(scheduler: str) -> Client:
    from distributed import Client

    if not _ADDRESS.fullmatch(scheduler):
        raise HiphingeError("is not the address of a scheduler", scheduler, "Write tcp://HOST:8786, as dask scheduler says it")
    try:
        return Client(scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, RuntimeError) as error:
        remedy = "Start one with: dask scheduler; and workers with: dask worker ADDRESS --nworkers auto --nthreads 1"
        raise HiphingeError(f"no Dask scheduler answers ({error})", scheduler, remedy) from error


def introduced(sessions: Place, results: Place, sign: str) -> Computer:
    """Asked of a worker: what it is. HiphingeError where it does not see these places: it would write to a disk of its own."""
    if sign_of(results) != sign:
        raise HiphingeError("is not the folder of results here", results.words, _SEEN)
    folder = sessions.on_disk("")
    if folder is not None and not folder.is_dir():
        raise HiphingeError("is not there", sessions.words, _SEEN)
    return this_computer()


class Workers:
    """Those that may compute the sessions of one place for another one. sign: of the results (`hiphinge.seasons.result`).

    most: at most this many; any_processor: also such as round otherwise than the others. told: is called with what a person
    has to know.
    """

    def __init__(
        self,
        client: Client,
        sessions: Place,
        results: Place,
        sign: str,
        told: Callable[[str], None],
        most: int | None = None,
        *,
        any_processor: bool = False,
    ) -> None:
        self._client, self._told, self._most, self._any = client, told, most, any_processor
        self._asked = (sessions, results, sign)
        self.addresses: frozenset[str] = frozenset()
        self.refused: dict[str, str] = {}
        """Address and reason of each that was not let in."""
        self._computers: dict[str, Computer] = {}
        self._alike: tuple[str, ...] | None = None
        """How the first ones round."""
        self._looked = -LOOK_S
        self._without_since: float | None = time.monotonic()

    def look(self, *, now: bool = False) -> None:
        """See who is there, unless that was a moment ago; now: in any case.

        HiphingeError where there has been no worker for a minute. OSError where the scheduler does not answer.
        """
        if not now and time.monotonic() - self._looked < LOOK_S:
            return
        there: dict[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        new = [address for address in there if address not in self._computers and address not in self.refused]
        if new:
            self._ask(new, there)
        fit = [address for address in self._computers if address in there]
        self.addresses = frozenset(fit[: self._most])
        self._looked = time.monotonic()
        self._check_some(len(there))

    def _ask(self, new: list[str], there: dict[str, Any]) -> None:
        answers = self._client.run(introduced, *self._asked, workers=new, on_error="return")
        fit = {address: one for address, one in answers.items() if isinstance(one, Computer)}
        me = this_computer()
        if self._alike is None:
            kinds = Counter(one.rounds_as for one in fit.values() if not one.unlike(me))
            self._alike = kinds.most_common(1)[0][0] if kinds else None
        for address, one in sorted(answers.items()):
            if not isinstance(one, Computer):
                self._refuse(address, str(one) if isinstance(one, HiphingeError) else f"hiphinge cannot be used there: {one!r}")
            elif words := one.unlike(me):
                self._refuse(address, words)
            elif one.rounds_as != self._alike and not self._any:
                words = f"its processor or libraries round otherwise ({one.words}); --any-processor takes it nevertheless"
                self._refuse(address, words)
            else:
                self._computers[address] = one
                threads = int(there[address].get("nthreads", 1))
                if threads > 1:
                    self._told(
                        f"worker {address} has {threads} threads in one process and computes one session at a time; "
                        f"start it with: --nworkers {threads} --nthreads 1"
                    )

    def _refuse(self, address: str, why: str) -> None:
        self.refused[address] = why
        self._told(f"worker {address} is not used: {why}")

    def _check_some(self, there: int) -> None:
        if self.addresses:
            self._without_since = None
            return
        now = time.monotonic()
        self._without_since = now if self._without_since is None else self._without_since
        if there and there == len(self.refused):
            remedy = "Install this version of hiphinge there, and let them see the folders"
            raise HiphingeError("none of its workers can be used", self._where, remedy)
        if now - self._without_since > NO_WORKER_S:
            remedy = f"Start some: dask worker {self._where} --nworkers auto --nthreads 1"
            raise HiphingeError(f"has had no worker for {NO_WORKER_S:.0f} s", self._where, remedy)

    @property
    def _where(self) -> str:
        return str(self._client.scheduler.address) if self._client.scheduler is not None else "the scheduler"
