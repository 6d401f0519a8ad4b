"""A worker is let in when it sees the same folders; what is not the address of a scheduler is told at once."""

from __future__ import annotations

import os
from pathlib import Path

import dask
import pytest

from body_signals import HiphingeError
from hiphinge.seasons.computer import this_computer
from hiphinge.seasons.place import place_of
from hiphinge.seasons.result import prepare
from hiphinge.seasons.workers import connected, introduced


def test_a_worker_that_sees_other_folders_is_not_let_in(tmp_path: Path) -> None:
    (tmp_path / "sessions").mkdir()
    sessions, results, others = (place_of(str(tmp_path / name)) for name in ("sessions", "results", "others"))
    sign = prepare(results)
    assert prepare(results) == sign
    assert introduced(sessions, results, sign) == this_computer()
    assert prepare(others) != sign
    with pytest.raises(HiphingeError, match=r"others: is not the folder of results here.*network folder"):
        introduced(sessions, others, sign)
    with pytest.raises(HiphingeError, match=r"nowhere/results\.json: is no sign of a folder of results"):
        introduced(sessions, place_of(str(tmp_path / "nowhere")), sign)
    (tmp_path / "sessions").rmdir()
    with pytest.raises(HiphingeError, match=r"sessions: is not there.*network folder"):
        introduced(sessions, results, sign)


@pytest.mark.parametrize("address", ["club", "tcp://club", "8786", "http://club:8786", "tcp://a b:1", "tcp://club:123456"])
def test_what_is_not_an_address_is_told_at_once(address: str) -> None:
    with pytest.raises(HiphingeError, match="is not the address of a scheduler"), connected(address, None):
        pytest.fail("the block must not run")


def test_workers_of_this_machine_spend_little_on_upkeep() -> None:
    before = dask.config.get("distributed.admin.tick.interval")
    with connected(None, 1) as client:
        (of_worker,) = client.run(lambda: dict(os.environ)).values()
        (ticks,) = client.run(lambda: dask.config.get("distributed.admin.tick.interval")).values()
    assert of_worker["OMP_NUM_THREADS"] == "1"
    assert ticks == "500ms" != before
    assert dask.config.get("distributed.admin.tick.interval") == before
