"""The room on a fake BlueZ with the unmodified bleak: sensors are found, answer a tap, are placed and let go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from hiphinge.setting_up.kits import keep, remembered
from hiphinge.setting_up.room import Room
from hiphinge.setting_up.state import Chosen, SettingUp, SetUpOrder
from tests.peers.bluez import Obedient, bluez, bus, device

pytestmark = [pytest.mark.dbus, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]
LUMBAR, PELVIS = (device(k, worn=False, handled=True) for k in ("lumbar", "pelvis"))


class Page:
    """What a page knows and says."""

    def __init__(self) -> None:
        self.shown: Mapping[str, Any] = {}
        self.say: Callable[[SetUpOrder], None] = lambda order: None

    def put(self, document: Mapping[str, Any]) -> None:
        self.shown = document

    @contextmanager
    def orders(self, loop: asyncio.AbstractEventLoop, hear: Callable[[SetUpOrder], None]) -> Iterator[None]:
        self.say = hear
        yield

    def sensor(self, id: str) -> Mapping[str, Any]:
        return next((s for s in self.shown.get("found", ()) if s["id"] == id), {})

    async def until(self, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)


def in_the_room(state: SettingUp, doing: Callable[[Page], Awaitable[None]]) -> Chosen | None:
    """Do something on a page of the room; what the room ended with."""

    async def both() -> Chosen | None:
        page = Page()
        running = asyncio.ensure_future(Room(state, page.put, page.orders).run())
        try:
            await doing(page)
            return await asyncio.wait_for(running, 15.0)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    return asyncio.run(both())


def tap(fake: Obedient, key: str, *, twice: bool = False) -> None:
    fake.do("tap", key, twice=twice)


def test_found_tapped_placed_and_let_go(tmp_path: Path) -> None:
    async def by_tapping(page: Page) -> None:
        await page.until(lambda: all(page.sensor(d["address"]).get("state") == "streaming" for d in (LUMBAR, PELVIS)))
        assert page.sensor(PELVIS["address"])["battery"] == 87
        assert page.sensor(PELVIS["address"])["rssi"] in (-60, -61)
        tap(fake, "pelvis")
        await page.until(lambda: page.sensor(PELVIS["address"])["tapped_s"] is not None)
        assert page.sensor(LUMBAR["address"])["tapped_s"] is None
        page.say(SetUpOrder("step", place="place"))
        tap(fake, "lumbar", twice=True)
        await page.until(lambda: page.shown["places"].get("lumbar") == LUMBAR["address"])
        tap(fake, "pelvis", twice=True)
        await page.until(lambda: page.shown["places"].get("pelvis") == PELVIS["address"])
        for place in ("thigh_left", "thigh_right"):
            page.say(SetUpOrder("skip", place=place))
        page.say(SetUpOrder("athlete", text="player-07"))
        page.say(SetUpOrder("start"))

    with bluez(tmp_path, [LUMBAR, PELVIS]) as fake:
        chosen = in_the_room(SettingUp(), by_tapping)
        assert chosen is not None
        assert (chosen.kit, chosen.athlete, chosen.calibrate) == ("kit 1", "player-07", True)
        assert {e["placement"]: e["address"] for e in chosen.entries} == {
            "lumbar": LUMBAR["address"],
            "pelvis": PELVIS["address"],
        }
        keep(tmp_path / "kits", chosen.kit, [], chosen.entries)

        # the sensors were let go: the next time they are heard again, and known
        async def as_last_time(page: Page) -> None:
            await page.until(lambda: bool(page.shown.get("kits")) and page.shown["kits"][0]["there"] == 2)
            page.say(SetUpOrder("kit", text="kit 1"))
            page.say(SetUpOrder("start_without"))

        again = in_the_room(SettingUp(remembered(tmp_path / "kits")[0]), as_last_time)
        assert again is not None
        assert not again.calibrate
        assert again.entries == tuple({"strap": e["strap"], **e} if "strap" in e else e for e in chosen.entries)


def test_without_bluetooth_it_says_what_to_do_and_can_be_ended(tmp_path: Path) -> None:
    async def told(page: Page) -> None:
        await page.until(lambda: bool(page.shown.get("faults")))
        assert "systemctl start bluetooth" in page.shown["faults"][0]["remedy"]
        page.say(SetUpOrder("stop"))

    # this test's own standard input is no terminal of a person
    with bus(tmp_path), patch("hiphinge.setting_up.room.keys", lambda *_: nullcontext(False)):
        assert in_the_room(SettingUp(), told) is None
