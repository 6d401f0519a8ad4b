"""Who is let in: tokens, cookies, foreign hosts and origins, invitations, TLS, and who is sent away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from dashboards.live_page.server import HEADERS
from hiphinge.live_page.opening import OpenPage, PageWishes
from tests.dashboards.live_page.page_client import PageClient, asked, logged_in, refusal
from tests.dashboards.live_page.scripted_session import BENT, ScriptedSession


@pytest.fixture
def session() -> Iterator[ScriptedSession]:
    with ScriptedSession(pose=BENT) as scripted:
        yield scripted


def test_what_needs_no_token_holds_nothing_of_the_session_and_carries_the_headers(session: ScriptedSession) -> None:
    for path, status in (
        ("/", 200),
        ("/healthz", 200),
        ("/static/main.js", 200),
        ("/static/../server.py", 404),
        ("/nothing", 404),
    ):
        answered, headers, body = asked(session.address, path=path)
        assert answered == status, path
        assert b"player-07" not in body
        for name, value in HEADERS.items():
            assert headers.get(name.lower(), headers.get(name)) == value, path
    assert asked(session.address, path="/healthz")[2] == b"ok"
    assert HEADERS["Content-Security-Policy"] == "default-src 'self'; frame-ancestors 'none'"


def test_the_cookie_is_named_after_the_port_and_no_script_reads_it(session: ScriptedSession) -> None:
    token = session.address.partition("/#")[2]
    status, headers, _ = asked(session.address, "POST", "/login", token)
    assert status == 200
    name, *attributes = headers["set-cookie"].split("; ")
    assert name.partition("=")[0] == f"hiphinge_{session.page.server.port}"
    assert {a.lower() for a in attributes} >= {"httponly", "samesite=strict"}
    assert token not in headers["set-cookie"]
    assert asked(session.address, "POST", "/login", token)[0] == 200


@pytest.mark.parametrize("token", ["", "x", "A" * 32, "A" * 257, "ä"])
def test_a_wrong_token_is_refused(session: ScriptedSession, token: str) -> None:
    status, headers, _ = asked(session.address, "POST", "/login", token)
    assert status == (413 if len(token) > 256 else 403)
    assert "set-cookie" not in headers


def test_foreign_hosts_and_origins_are_refused(session: ScriptedSession) -> None:
    port = session.page.server.port
    token = session.address.partition("/#")[2]
    for path in ("/", "/healthz", "/static/main.js", "/ws"):
        assert asked(session.address, path=path, headers={"Host": f"evil.example:{port}"})[0] == 421
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", "localhost:1"):
        assert asked(session.address, path="/healthz", headers={"Host": host})[0] == 200
    for origin in ("http://evil.example", "null", f"http://localhost:{port}", f"http://127.0.0.1:{port + 1}"):
        assert asked(session.address, "POST", "/login", token, {"Origin": origin})[0] == 403
    cookie = logged_in(session.address)
    assert refusal(session.address, Cookie=cookie, Origin="http://evil.example") == 403
    # what says no origin is no page of ours
    assert refusal(session.address, Cookie=cookie) == 403
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "A" * 22 + "==",
    }
    assert asked(session.address, path="/ws", headers={**headers, "Cookie": cookie, "Host": "evil.example"})[0] == 421


def test_without_a_cookie_of_this_session_the_socket_is_refused_before_the_upgrade(session: ScriptedSession) -> None:
    base = session.address.partition("/#")[0]
    assert refusal(session.address, Origin=base) == 403
    assert refusal(session.address, Origin=base, Cookie=f"hiphinge_{session.page.server.port}=x") == 403
    cookie = logged_in(session.address)
    assert refusal(session.address, Origin=base, Cookie=cookie.replace(str(session.page.server.port), "1")) == 403
    with PageClient(session.address, cookie) as page:
        assert page.of("state")["role"] == "operator"


def test_a_revoked_page_is_sent_away_and_its_cookie_is_nobody_s(session: ScriptedSession) -> None:
    with PageClient(session.address) as operator, PageClient(session.page.viewer) as viewer:
        listed = operator.until(lambda m: m["type"] == "viewers" and len(m["viewers"]) == 2)["viewers"]
        (other,) = [v for v in listed if v["role"] == "viewer"]
        assert other["address"] == "127.0.0.1"
        operator.say(do="revoke", id=other["id"])
        with pytest.raises(ConnectionClosed) as closed:
            viewer.for_frames(500)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4001
        assert refusal(session.address, Cookie=viewer.cookie, Origin=session.address.partition("/#")[0]) == 403
        operator.until(lambda m: m["type"] == "viewers" and len(m["viewers"]) == 1)


def test_two_sessions_on_one_machine_do_not_log_each_other_out(session: ScriptedSession) -> None:
    with ScriptedSession(athlete="player-08") as other:
        cookies = "; ".join((logged_in(session.address), logged_in(other.address)))
        for one, athlete in ((session, "player-07"), (other, "player-08")):
            with PageClient(one.address, cookies) as page:
                assert page.of("state")["session"]["athlete"] == athlete


def test_in_the_network_each_invitation_serves_once_and_the_address_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.live_page.lan.addresses", lambda: ["127.0.0.2"])
    with ScriptedSession() as scripted:
        page = OpenPage(scripted.session, PageWishes(port=0, lan=True))
        try:
            document = page.document()
            assert document["lan"].startswith(f"http://127.0.0.2:{page.server.port}/#")
            with PageClient(document["lan_viewer"]) as viewer:
                assert viewer.of("state")["role"] == "viewer"
            token = document["lan_viewer"].partition("/#")[2]
            assert asked(document["lan_viewer"], "POST", "/login", token)[0] == 403
            assert asked(page.address, "POST", "/login", document["lan"].partition("/#")[2])[0] == 200
            with PageClient(page.address) as operator:
                operator.say(do="invite", role="viewer")
                invitation = operator.of("invitation")
                assert invitation["qr"].startswith("<svg")
                with PageClient(invitation["address"]) as invited:
                    assert invited.of("state")["role"] == "viewer"
        finally:
            page.close()


def test_with_tls_the_page_is_signed_by_an_authority_that_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.get_app_dir", lambda name: str(tmp_path / name))
    with ScriptedSession() as scripted:
        certificates = []
        for _ in range(2):
            page = OpenPage(scripted.session, PageWishes(port=0, tls=True))
            try:
                assert page.address.startswith("https://127.0.0.1:")
                status, headers, body = asked(page.address, path="/authority.crt")
                assert status == 200
                assert headers["content-type"] == "application/x-x509-ca-cert"
                certificates.append(body)
                status, headers, _ = asked(page.address, "POST", "/login", page.address.partition("/#")[2])
                assert status == 200
                assert "secure" in headers["set-cookie"].lower()
            finally:
                page.close()
        assert certificates[0] == certificates[1]
    for file in (tmp_path / "hiphinge" / "live_page").iterdir():
        assert file.stat().st_mode & 0o077 == 0
