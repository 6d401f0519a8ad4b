"""What tests may need from outside, and what happens where it is missing.

A missing need skips with the reason; with HIPHINGE_REQUIRE_ALL=1 (set by .ci/run) it fails instead.
"""

from __future__ import annotations

import gc
import os
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# an example's time says more of the machine than of the program; where everything is required, the same examples every
# time: new ones are looked for on developers' machines, and by the fuzzers in benchmarks
_ANY_MACHINE = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("hiphinge", **_ANY_MACHINE)
settings.register_profile("required", **_ANY_MACHINE, derandomize=True)
settings.load_profile("required" if os.environ.get("HIPHINGE_REQUIRE_ALL") == "1" else "hiphinge")

# some ten thousand tests are looked through for garbage in vain, and what one of them leaves is small
gc.set_threshold(10_000)

ROOT = Path(__file__).resolve().parent.parent
_STATE = tempfile.TemporaryDirectory(prefix="hiphinge-tests-state-")
# the program's log of a test, and of what it starts, is not the developer's
os.environ["XDG_STATE_HOME"] = _STATE.name
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    # started by nohup: a handler keeps these tests from the signal too, and what they start does not inherit it
    signal.signal(signal.SIGHUP, lambda *_: None)
# a report is in the language of the system
os.environ["LANGUAGE"] = "en"


REAL_TIME = ("contract", "dashboards/live_page", "dashboards/review_page", "ingest/links")
"""Folders whose tests watch other processes, browsers and virtual radios while the clock runs."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Several workers get their shares of the tests (`dealt`).

    Where everything is required, on a machine that is shared with others, a test in real time may be tried once more. It is
    listed as RERUN, and is a fault to look for. A developer's run has no second try.
    """
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    if workers > 1:
        items[:] = dealt(items, workers)
    if os.environ.get("HIPHINGE_REQUIRE_ALL") != "1":
        return
    folders = tuple(ROOT / "tests" / name for name in REAL_TIME)
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in folders):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_collection_finish(session: pytest.Session) -> None:
    gc.freeze()


FIRST = (("contract", "dashboards", "dsp"), ("dsp", "contract", "dashboards"))
"""Folders with which workers begin, in turn: tests of whole sessions wait for most of their time, those of the mathematics
never do. What is left for the end is short."""


def dealt(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """The tests in the order in which pytest-xdist cuts them into one piece for each worker: whole files, and of each folder
    about as many tests in each piece."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    shares: list[list[tuple[int, Path]]] = [[] for _ in range(workers)]
    sizes = [0] * workers
    of_folder: dict[Path, list[int]] = {}
    for path in sorted(files, key=lambda path: (path.parent, -len(files[path]), path)):
        there = of_folder.setdefault(path.parent, [0] * workers)
        least = min(range(workers), key=lambda worker: (there[worker], sizes[worker]))
        order, room = FIRST[least % len(FIRST)], path.relative_to(ROOT / "tests").parts[0]
        shares[least].append((order.index(room) if room in order else len(order), path))
        there[least] += len(files[path])
        sizes[least] += len(files[path])
    return [item for share in shares for _, path in sorted(share) for item in files[path]]


def missing(reason: str) -> None:
    """Skip with `reason`, or fail where everything is required."""
    if os.environ.get("HIPHINGE_REQUIRE_ALL") == "1":
        pytest.fail(f"required here: {reason}")
    pytest.skip(reason)


def shared_folder() -> Path | None:
    """The shared test material: HIPHINGE_SHARED, else ../shared beside the checkout, else None."""
    folder = Path(os.environ.get("HIPHINGE_SHARED", ROOT.parent / "shared"))
    return folder if (folder / "data").is_dir() else None


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of the shared test material."""
    folder = shared_folder()
    if folder is None:
        missing("shared test material not found (HIPHINGE_SHARED, or ../shared)")
    assert folder is not None
    return folder
