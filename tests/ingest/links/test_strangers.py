"""Another sensor at a known place: asked where there is somebody to ask, told where not; a port that is held is waited for."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest
import serial

from hiphinge.guidance.orders import Orders
from hiphinge.live.known_sensors import remember, with_numbers
from ingest.links.event_log import EventLog
from ingest.links.kit import kit_of
from ingest.links.kit_reader import KitReader
from ingest.links.link_fault import LinkFault
from ingest.links.link_status import LinkState
from ingest.links.strangers import Stranger
from tests.peers.worn_sensors import Decoded, Still, while_running
from virtual_athlete.serial_line import PeripheralLine
from virtual_athlete.virtual_devices import VirtualPeripheral
from virtual_athlete.virtual_devices.firmware_v1 import V1SerialFirmware

FAMILY = "hiphinge-v1-serial"


def kit_at(port: Path, **words: object):
    return kit_of([{"placement": "pelvis", "family": FAMILY, "port": str(port), "baud": 921600, **words}], port)


@pytest.mark.parametrize("asks", [False, True])
def test_another_sensor_at_a_known_place(tmp_path: Path, asks: bool) -> None:
    async def session() -> None:
        log = EventLog()
        reader = KitReader(kit_at(tmp_path / "port0", serial="0002"), log)
        decoded = Decoded(log, {"pelvis": FAMILY})

        async def watch() -> None:
            reader.strangers.asks = asks
            reader.go()
            await decoded.until(lambda: reader.status["pelvis"].fault is not None)
            fault = reader.status["pelvis"].fault
            assert fault is not None
            assert "another sensor answers here: it says number 0009; before it was 0002" in fault.what
            if asks:
                await asyncio.sleep(0.6)
                assert decoded.samples["pelvis"] == 0, "it waits for the answer"
                (stranger,) = reader.strangers.open.values()
                assert not reader.agreed_serials
                reader.strangers.use(stranger)
            await decoded.until(lambda: decoded.samples["pelvis"] > 50)
            assert (reader.status["pelvis"].fault is None) is asks
            assert reader.status["pelvis"].state is LinkState.STREAMING
            assert reader.agreed_serials == {"pelvis": "0009"}

        await while_running(reader.run(), watch())

    device = VirtualPeripheral("pelvis", V1SerialFirmware("0009"), Still())
    with PeripheralLine(tmp_path / "port0", [device]):
        asyncio.run(session())


def test_the_question_is_answered_by_y_and_by_nothing_else() -> None:
    orders = Orders(lambda *_: None, lambda: None, lambda: 1.0)
    said: list[bool] = []
    stranger = Stranger("pelvis", "0009", "0002")
    assert orders.ask(stranger.question, said.append)
    assert orders.desk.prompt == "pelvis: another sensor answers (number 0009, before 0002): use it? y yes, other key no"
    assert not orders.ask("something else", said.append), "one question at a time"
    orders.pressed("y")
    assert orders.ask(stranger.question, said.append)
    orders.pressed("c")
    assert said == [True, False]
    assert [answer.text for answer in orders.desk.answers][1::2] == ["it is used", "it is not used"]
    assert orders.desk.prompt == ""


def test_what_a_sensor_said_is_known_the_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    kit = kit_at(tmp_path / "port0")
    assert with_numbers(kit).sensors[0].serial is None
    remember(kit, {"pelvis": "0002"})
    assert with_numbers(kit).sensors[0].serial == "0002"
    assert with_numbers(kit_at(tmp_path / "port0", serial="7")).sensors[0].serial == "7", "a kit goes before it"
    assert (tmp_path / "state/hiphinge/sensors.json").stat().st_mode & 0o077 == 0
    (tmp_path / "state/hiphinge/sensors.json").write_text("{damaged")
    assert with_numbers(kit).sensors[0].serial is None
    remember(kit, {"pelvis": "0003"})
    assert with_numbers(kit).sensors[0].serial == "0003"


@pytest.mark.parametrize(("held_s", "starts"), [(0.5, True), (5.0, False)])
def test_a_port_that_another_program_holds_for_a_while_is_tried_again(tmp_path: Path, held_s: float, starts: bool) -> None:
    """Also where it is the only sensor: ModemManager tries each new port for some seconds."""

    async def session(port: serial.Serial) -> None:
        log = EventLog()
        reader = KitReader(kit_at(tmp_path / "port0"), log, patience_s=1.0)
        decoded = Decoded(log, {"pelvis": FAMILY})
        threading.Timer(held_s, port.close).start()

        async def watch() -> None:
            began = time.monotonic()
            if not starts:
                with pytest.raises(LinkFault, match="another program has this port open"):
                    await reader.prepared()
                assert time.monotonic() - began < 2.0
                port.close()
                return
            await reader.prepared()
            reader.go()
            await decoded.until(lambda: decoded.samples["pelvis"] > 20)

        await while_running(reader.run(), watch())

    device = VirtualPeripheral("pelvis", V1SerialFirmware("1"), Still())
    with PeripheralLine(tmp_path / "port0", [device]):
        asyncio.run(session(serial.Serial(str(tmp_path / "port0"), exclusive=True)))
