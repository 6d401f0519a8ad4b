"""The run: sessions are given to workers, one to each, and come back as outcomes, until each has one.

One to each, and the next one when the outcome of the last is here: Dask counts a worker's death against every task that it had
been given, begun or not, and what it has not handed over yet dies with it. So a session that ends its worker costs no other
session anything, and is the only one that is given up for it.
"""

from __future__ import annotations

import random
import uuid
from asyncio import CancelledError
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from body_signals import HiphingeError
from hiphinge.seasons.place import Place
from hiphinge.seasons.task import Job, Outcome, Settings, compute_session
from hiphinge.seasons.workers import LOOK_S, LOST_WITH_WORKERS, Workers

if TYPE_CHECKING:
    from distributed import Client, Future

ANSWER_S = 5.0
"""Time, s, for the answer of a session that has ended to come (ours). A worker may die between the two: the session is then
given to another one, which finds the result."""


def jobs_of(sessions: Place, results: Place, settings: Settings, sign: str) -> list[Job]:
    """The sessions of a place, as one run. sign: of the results (`hiphinge.seasons.result`). HiphingeError where there is no
    session."""
    names = sessions.folders()
    if not names:
        raise HiphingeError("no session is in this folder", sessions.words, "Give the folder of your session folders")
    run = uuid.uuid4().hex
    return [Job(sessions, name, name or _own_name(sessions), results, settings, sign, run) for name in names]


def _own_name(place: Place) -> str:
    folder = place.on_disk("")
    return place.words.rstrip("/").rpartition("/")[2] if folder is None else folder.resolve().name


@dataclass(slots=True)
class _Given:
    """A session that was given to a worker, its address, and how often the session was lost with a worker before."""

    job: Job
    to: str
    lost: int


def outcomes(client: Client, workers: Workers, jobs: Sequence[Job], tick: Callable[[], None]) -> Iterator[Outcome]:
    """What becomes of each session, as it ends. tick: is called at least once a second.

    HiphingeError where scheduler or workers have gone; then the others are as if they had never been begun.
    """
    # not from the first one: two programs that were started at once meet only in the middle
    begin = random.randrange(len(jobs)) if jobs else 0
    waiting = deque((job, 0) for job in (*jobs[begin:], *jobs[:begin]))
    given: dict[Future[Outcome], _Given] = {}
    ended: SimpleQueue[Future[Outcome]] = SimpleQueue()
    try:
        while waiting or given:
            _look(client, workers)
            for future, one in [*given.items()]:
                # the one that it was given to has gone, and nobody else may take it
                if one.to not in workers.addresses and not future.done():
                    del given[future]
                    future.cancel()
                    waiting.appendleft((one.job, one.lost + 1))
            free = sorted(workers.addresses.difference(one.to for one in given.values()))
            while waiting and free:
                job, lost = waiting.popleft()
                if lost > LOST_WITH_WORKERS:
                    yield _lost(job, lost)
                    continue
                to = free.pop()
                future = _submitted(client, job, to)
                given[future] = _Given(job, to, lost)
                future.add_done_callback(ended.put)
            tick()
            with suppress(Empty):
                future = ended.get(timeout=LOOK_S)
                if future in given:
                    one = given.pop(future)
                    outcome = _outcome(future, one.job)
                    if outcome is None:
                        waiting.appendleft((one.job, one.lost))
                    else:
                        yield outcome
    except HiphingeError:
        raise
    except (Exception, CancelledError) as error:
        # a request may find the connection lost before the client does
        if client.status == "running" and not isinstance(error, OSError):
            raise
        raise _gone(client) from error
    finally:
        for future in given:
            with suppress(OSError, RuntimeError):
                future.cancel()


def _submitted(client: Client, job: Job, to: str) -> Future[Outcome]:
    future: Future[Outcome] = client.submit(
        compute_session,
        job,
        key=f"hiphinge-session-{uuid.uuid4().hex}",
        pure=False,
        workers=[to],
        allow_other_workers=False,
    )
    return future


def _look(client: Client, workers: Workers) -> None:
    workers.look()
    if client.status != "running":
        raise _gone(client)


def _gone(client: Client) -> HiphingeError:
    where = client.scheduler.address if client.scheduler is not None else "the scheduler"
    remedy = "Start it again, and run the same command: what is done stays done"
    return HiphingeError("the scheduler has gone", str(where), remedy)


def _outcome(future: Future[Outcome], job: Job) -> Outcome | None:
    """What became of a session; None where the answer was lost with its worker. HiphingeError where the scheduler has gone."""
    from distributed import KilledWorker

    try:
        error = future.exception(ANSWER_S)
        if isinstance(error, KilledWorker):
            return _lost(job, error.allowed_failures + 1)
        if error is not None:
            what = f"was not computed ({type(error).__name__}: {' '.join(str(error).split())})"
            return Outcome.failed(job.session, HiphingeError(what, job.session, "Look into the worker's log"))
        done = future.result(ANSWER_S)
    except TimeoutError:
        return None
    except CancelledError:
        # nobody here has cancelled it
        raise _gone(future.client) from None
    assert isinstance(done, Outcome)
    return done


def _lost(job: Job, times: int) -> Outcome:
    what = f"the worker that computed it ended, {times} times"
    remedy = "Give each worker more memory, or look into their logs; the session stays as it is"
    return Outcome.failed(job.session, HiphingeError(what, job.session, remedy))
