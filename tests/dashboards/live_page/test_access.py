"""Who may see a page: tokens of this machine and of the network, cookies, foreign hosts and origins."""

from __future__ import annotations

import pytest

from dashboards.live_page.access import MOST_LOGINS, Access, Role, is_loopback, origin_is_ours


def test_a_token_of_this_machine_serves_again_and_from_here_only() -> None:
    access = Access()
    token = access.token(Role.OPERATOR)
    first, second = access.login(token, "127.0.0.1"), access.login(token, "::1")
    assert first is not None
    assert second is not None
    assert first[0] != second[0]
    assert access.known(first[0]) is first[1]
    assert first[1].role is Role.OPERATOR
    assert access.login(token, "192.168.1.7") is None


def test_a_token_for_the_network_serves_once() -> None:
    access = Access(("192.168.1.5",))
    token = access.token(Role.VIEWER, once=True)
    found = access.login(token, "192.168.1.7")
    assert found is not None
    assert found[1].role is Role.VIEWER
    assert access.login(token, "192.168.1.7") is None
    assert access.login(token, "127.0.0.1") is None


@pytest.mark.parametrize("token", ["", "x", "ä" * 40, "\ud800", "A" * 32])
def test_what_is_no_token_does_not_let_in(token: str) -> None:
    access = Access()
    access.token(Role.OPERATOR)
    assert access.login(token, "127.0.0.1") is None
    assert access.known(token) is None


def test_a_revoked_login_is_nobody() -> None:
    access = Access()
    found = access.login(access.token(Role.VIEWER), "127.0.0.1")
    assert found is not None
    assert access.revoke(found[1].id)
    assert access.known(found[0]) is None
    assert not access.revoke(found[1].id)


def test_logins_are_bounded_and_who_is_connected_stays() -> None:
    access = Access()
    token = access.token(Role.OPERATOR)
    kept = access.login(token, "127.0.0.1")
    assert kept is not None
    kept[1].sockets = 1
    for _ in range(2 * MOST_LOGINS):
        assert access.login(token, "127.0.0.1") is not None
    assert len(access._logins) == MOST_LOGINS
    assert access.known(kept[0]) is kept[1]


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("127.0.0.1:8642", True),
        ("127.0.0.1", True),
        ("localhost:1", True),
        ("LOCALHOST:1", True),
        ("[::1]:8642", True),
        ("[::1]", True),
        ("192.168.1.5:8642", True),
        ("192.168.1.6:8642", False),
        ("evil.example:8642", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example:80", False),
        ("127.0.0.1:80@evil.example", False),
        ("localhost:80:80", False),
        ("", False),
        (":80", False),
        ("2130706433", False),
    ],
)
def test_only_names_that_nobody_else_can_give_this_machine_are_ours(host: str, ours: bool) -> None:
    access = Access(("192.168.1.5",))
    assert access.host_is_ours([host]) is ours
    assert not access.host_is_ours([host, host])
    assert not access.host_is_ours([])


@pytest.mark.parametrize(
    ("origins", "ours"),
    [
        (["http://127.0.0.1:8642"], True),
        (["https://127.0.0.1:8642"], True),
        ([], True),
        (["http://127.0.0.1:8643"], False),
        (["http://localhost:8642"], False),
        (["null"], False),
        (["http://evil.example"], False),
        (["http://127.0.0.1:8642.evil.example"], False),
        (["http://127.0.0.1:8642", "http://evil.example"], False),
    ],
)
def test_a_page_of_another_origin_is_not_ours(origins: list[str], ours: bool) -> None:
    assert origin_is_ours(origins, "127.0.0.1:8642") is ours


def test_addresses_of_this_machine_alone() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1")))
    assert not any(map(is_loopback, ("192.168.1.7", "::ffff:192.168.1.7", "", "localhost", "fe80::1%eth0")))
