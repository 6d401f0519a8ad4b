"""The page's server, asked as browsers and others ask it: access, flow control, hostile messages, several viewers, the end."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

from body_signals import HiphingeError
from dashboards.live_page import COLUMNS, Access, BoardWriter, Role
from dashboards.live_page.board import Board
from dashboards.live_page.connection import MOST_IN_FLIGHT
from dashboards.live_page.server import MOST_SOCKETS, PageServer, _bound
from hiphinge.live_page.opening import OpenPage, PageWishes
from tests.dashboards.live_page.page_client import PageClient, asked, logged_in, refusal
from tests.dashboards.live_page.scripted_session import BENT, ScriptedSession


@pytest.fixture
def session() -> Iterator[ScriptedSession]:
    with ScriptedSession(pose=BENT) as scripted:
        yield scripted


def flood(page: PageClient) -> None:
    for _ in range(100_000):
        page.socket.send('{"do":"mark"}')


def test_full_state_comes_first_then_rows_none_left_out(session: ScriptedSession) -> None:
    session.calibrate()
    session.repetition(0)
    time.sleep(0.3)
    with PageClient(session.address) as page:
        state = page.take()
        assert state is not None
        assert (state["type"], state["version"], state["rate_hz"], state["role"]) == ("state", 1, 100, "operator")
        assert state["session"]["athlete"] == "player-07"
        assert [r["number"] for r in state["repetitions"]] == [1]
        assert state["body_state"] == "streaming"
        page.for_frames(60)
        at = page.rows[0][0]
        assert at == state["first_row"]
        for number, _, rows in page.rows:
            assert number == at
            at += len(rows)
        column = state["columns"].index("lumbar_flexion")
        assert page.rows[-1][2][-1][column] == pytest.approx(41.0, abs=0.01)


def test_fifty_frames_a_second(session: ScriptedSession) -> None:
    with PageClient(session.address) as page:
        page.for_frames(10)
        began, rows = time.monotonic(), page.rows[-1][0]
        page.for_frames(100)
        seconds = (page.rows[-1][0] - rows) / 100.0
        # by the session's time: a busy machine delays frames, and then one brings more rows
        assert 100 / seconds < 56.0
        assert time.monotonic() - began < 20.0


def test_a_viewer_that_acknowledges_nothing_gets_32_frames_and_then_a_second_at_most(session: ScriptedSession) -> None:
    with PageClient(session.address) as page:
        page.acknowledges = False
        page.of("state")
        page.for_frames(MOST_IN_FLIGHT)
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            page.take()
        assert page.frames == MOST_IN_FLIGHT
        page.socket.send('{"ack": 32}')
        page.for_frames(1)
        number, _, rows = page.rows[-1]
        assert len(rows) == 100
        assert number > page.rows[-2][0] + len(page.rows[-2][2])


def test_acknowledgements_one_by_one_are_understood_too(session: ScriptedSession) -> None:
    with PageClient(session.address) as page:
        page.acknowledges = False
        while page.frames < 3 * MOST_IN_FLIGHT:
            if page.take() is None:
                page.socket.send('{"ack": 1}')


def test_viewers_that_read_nothing_cost_the_others_nothing(session: ScriptedSession) -> None:
    # a socket whose buffers are full: it never reads, and acknowledges far ahead
    idle = [PageClient(session.address, max_queue=1) for _ in range(2)]
    for page in idle:
        page.socket.send('{"ack": 9000000}')
    with PageClient(session.address) as page:
        page.for_frames(150)
        numbers = [number for number, _, _ in page.rows]
        assert all(b == a + len(rows) for a, b, (_, _, rows) in zip(numbers, numbers[1:], page.rows, strict=False))
        viewers = (
            page.until(lambda m: m["type"] == "viewers" and len(m["viewers"]) == 3)
            if not any(m["type"] == "viewers" and len(m["viewers"]) == 3 for m in page.said)
            else None
        )
        assert viewers is None or len(viewers["viewers"]) == 3
    for page in idle:
        page.close(0.1)


def test_what_an_operator_says_is_heard_and_what_a_viewer_says_is_not(
    session: ScriptedSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with PageClient(session.address) as operator, PageClient(session.page.viewer) as viewer:
        assert viewer.of("state")["role"] == "viewer"
        for order in ({"do": "stop"}, {"do": "pain", "score": 3}, {"do": "mark"}, {"do": "revoke", "id": "v1"}, {"do": "undo"}):
            viewer.say(**order)
        viewer.socket.send("no message at all")
        viewer.socket.send(b"\x00\xff")
        operator.say(do="pain", score=4, time_s=40.0)
        marks = operator.until(lambda m: m["type"] == "marks" and bool(m["marks"]))["marks"]
        assert any(m["type"] == "answer" for m in operator.said) or operator.of("answer")["code"] == "marked"
        assert [(m["kind"], m["score"], m["time_s"], m["by"]) for m in marks] == [("pain", 4, 40.0, "page")]
        assert [order.do for order in session.heard] == ["pain"]
        assert not session.stopped.is_set()
        viewer.of("marks")
        assert not any(m["type"] in ("answer", "viewers") for m in viewer.said)
    dropped = [r.getMessage() for r in caplog.records if "dropped" in r.getMessage()]
    assert len(dropped) == 7
    assert any("stop, which a viewer may not" in words for words in dropped)


def test_undo_takes_back_the_last_and_says_when_there_is_none(session: ScriptedSession) -> None:
    with PageClient(session.address) as page:
        page.say(do="undo")
        assert page.of("answer")["code"] == "nothing_to_take_back"
        page.say(do="pain", score=4)
        page.say(do="mark", label="new belt")
        page.until(lambda m: m["type"] == "marks" and len(m["marks"]) == 2)
        page.say(do="undo")
        marks = page.until(lambda m: m["type"] == "marks" and len(m["marks"]) == 1)["marks"]
        assert marks[0]["label"] == "pain 4"
        page.say(do="undo")
        page.until(lambda m: m["type"] == "marks" and not m["marks"])


def test_targets_are_kept_and_a_page_that_comes_later_has_them(session: ScriptedSession) -> None:
    with PageClient(session.address) as page:
        page.say(do="target", angle="lumbar_flexion", deg=60)
        # the targets that the session began with may come first
        told = page.until(lambda m: m["type"] == "targets" and m["targets"]["lumbar_flexion"] is not None)
        assert told["targets"] == {"lumbar_flexion": 60.0, "hip_flexion": None}
        with PageClient(session.page.viewer) as later:
            assert later.of("state")["targets"]["lumbar_flexion"] == 60.0
        page.say(do="target", angle="lumbar_flexion", deg=None)
        assert page.of("targets")["targets"]["lumbar_flexion"] is None


@pytest.mark.parametrize("message", ["x" * 65_537, b"\x00" * 70_000])
def test_a_message_over_64_kb_closes_the_socket_with_1009(session: ScriptedSession, message: str | bytes) -> None:
    with PageClient(session.address) as page:
        page.of("state")
        page.socket.send("[" * 65_536)
        page.for_frames(3)
        page.socket.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            page.for_frames(500)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
    with PageClient(session.address) as page:
        page.for_frames(3)


def test_a_flood_of_messages_closes_its_own_socket_only(session: ScriptedSession) -> None:
    with PageClient(session.address) as other, PageClient(session.page.viewer) as page:
        with pytest.raises(ConnectionClosed):
            flood(page)
        other.for_frames(3)
    assert not session.heard


def test_sockets_are_counted(session: ScriptedSession) -> None:
    cookie = logged_in(session.address)
    base = session.address.partition("/#")[0]
    pages = [PageClient(session.address, cookie) for _ in range(MOST_SOCKETS)]
    try:
        assert refusal(session.address, Cookie=cookie, Origin=base) == 503
        pages.pop().close()
        time.sleep(0.3)
        pages.append(PageClient(session.address, cookie))
        pages[-1].for_frames(2)
    finally:
        for page in pages:
            page.close(0.1)


def test_the_end_is_said_before_the_socket_closes_and_idle_pages_hold_nothing_up(session: ScriptedSession) -> None:
    idle = PageClient(session.address, max_queue=1)
    raw = socket.create_connection(("127.0.0.1", session.page.server.port))
    with PageClient(session.address) as page:
        page.for_frames(3)
        began = time.monotonic()
        page.say(do="stop")
        assert page.of("ended")
        with pytest.raises(ConnectionClosed) as closed:
            page.take()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000
        assert session.stopped.wait(1.0)
        # in order, or ended after `END_S`: a busy machine holds the command up no longer than an idle one
        assert session.page.server.process.wait(8.0) in (0, -9)
        assert time.monotonic() - began < 5.0
    raw.close()
    idle.close(0.1)
    with pytest.raises(OSError):
        asked(session.address, path="/healthz")


def test_a_server_that_fails_costs_the_session_nothing_and_is_told(session: ScriptedSession) -> None:
    assert session.page.sink is not None
    assert session.page.sink.trouble == ""
    with PageClient(session.address) as page:
        page.for_frames(3)
        session.page.server.process.kill()
        with pytest.raises(ConnectionClosed):
            page.for_frames(500)
    rows = session.page.board.rows.end
    time.sleep(0.3)
    assert session.page.board.rows.end > rows
    assert "the live page has failed" in session.page.sink.trouble
    with pytest.raises(RuntimeError):
        session.page.sink.close(None)


def test_killed_sockets_are_forgotten(session: ScriptedSession) -> None:
    with PageClient(session.address) as page:
        for _ in range(5):
            gone = PageClient(session.address)
            gone.of("state")
            gone.socket.socket.shutdown(socket.SHUT_RDWR)
        page.until(lambda m: m["type"] == "viewers" and len(m["viewers"]) == 1)
        page.for_frames(3)
    assert threading.active_count() < 40


def test_idle_connections_of_strangers_keep_nobody_out_and_are_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dashboards.live_page.server.MOST_CONNECTIONS", 20)
    monkeypatch.setattr("dashboards.live_page.server.ASK_S", 1.0)
    board, access = Board(COLUMNS), Access()
    server = PageServer(board, access, lambda login, said: None, port=0)
    server.start()
    where, address = ("127.0.0.1", server.port), f"http://127.0.0.1:{server.port}/#{access.token(Role.OPERATOR)}"
    writing = threading.Event()

    def write() -> None:
        writer = BoardWriter(board.take)
        while not writing.wait(0.02):
            writer.append(np.array([writer.rows.end / 100.0]), np.zeros((1, len(COLUMNS)), np.float32))

    with ExitStack() as stack:
        stack.callback(server.stop)
        stack.callback(writing.set)
        threading.Thread(target=write, daemon=True).start()
        page = stack.enter_context(PageClient(address))
        idle = [stack.enter_context(socket.create_connection(where)) for _ in range(60)]
        page.for_frames(3)
        assert asked(address, path="/healthz")[2] == b"ok"
        with PageClient(address) as another:
            another.for_frames(3)
        for one in idle:
            one.settimeout(10.0)
            with suppress(ConnectionResetError):
                assert one.recv(1) == b""
        page.for_frames(3)


def test_a_port_that_is_taken_is_an_error_with_a_remedy(session: ScriptedSession) -> None:
    with pytest.raises(HiphingeError, match=r"cannot be used for the live page") as error:
        OpenPage(session.session, PageWishes(port=session.page.server.port))
    assert "--port 0" in error.value.remedy
    another = OpenPage(session.session, PageWishes())
    try:
        assert another.server.port != session.page.server.port
    finally:
        another.close()


def test_a_page_that_has_gone_is_no_news_for_the_terminal(caplog: pytest.LogCaptureFixture) -> None:
    asyncio_says = logging.getLogger("asyncio")
    asyncio_says.warning("socket.send() raised exception.")
    asyncio_says.warning("something else")
    assert [record.getMessage() for record in caplog.records] == ["something else"]


def test_small_frames_are_sent_at_once() -> None:
    listening = _bound(socket.AF_INET, "127.0.0.1", 0)
    accepted = asyncio.Queue[int]()

    async def look(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.put_nowait(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async def asked_once() -> int:
        async with await asyncio.start_server(look, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            try:
                return await accepted.get()
            finally:
                writer.close()

    assert asyncio.run(asked_once())
