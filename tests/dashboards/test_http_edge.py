"""The edge for HTTP: nothing leaves the host, nothing shows the credential, nothing takes for ever or fills the memory."""

from __future__ import annotations

import base64
import json
import resource
import socket
import time
import traceback
import zlib
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from body_signals import HiphingeError
from dashboards.grafana.offline import influxql
from dashboards.grafana.server import GrafanaSettings
from dashboards.http_edge import Edge, HttpError, Service, parted
from dashboards.influx.sending.sender import InfluxError, InfluxSettings, Sender, server_facts
from dashboards.redaction import without_secrets
from tests.peers.misbehaving import bytes_server, dripping
from tests.peers.tls import self_signed
from tests.peers.web import web

TOKEN = "admin:s3cret/w&rd+7=="


def asked(url: str, *, timeout_s: float = 5.0, limit_bytes: int = 1 << 20) -> HttpError:
    """The error of a request that must not go well; the credential is nowhere in it."""
    service = Service("InfluxDB", url, "HIPHINGE_INFLUX_URL", f"Token {TOKEN}", (TOKEN, TOKEN.partition(":")[2]))
    with closing(Edge(service, timeout_s=timeout_s, limit_bytes=limit_bytes)) as edge, pytest.raises(HttpError) as caught:
        edge.request("POST", "/query", query=[("q", "SHOW")], body=b"x" * 1000)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(edge) + repr(service)
    assert "s3cret" not in shown
    assert caught.value.__context__ is None
    return caught.value


def settings(url: str) -> InfluxSettings:
    return InfluxSettings(url, TOKEN, "", "gym")


ANSWER = b"HTTP/1.1 204 No Content\r\nX-Influxdb-Version: 1.8.10\r\n\r\n"


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("http://OTHER/api", "http://OTHER/api"),
        ("//OTHER/x", "http://OTHER/x"),
        ("https://127.0.0.1:PORT/x", "https://127.0.0.1:PORT/x"),
        ("http://localhost:PORT/x", "http://localhost:PORT/x"),
        ("http://127.0.0.1:PORT.evil.example/x", "an address that cannot be read"),
        ("http://127.0.0.1:PORT@OTHER/x", "http://OTHER/x"),
        (f"http://OTHER/{quote(TOKEN)}?t={TOKEN}", "http://OTHER/…"),
        ("http://[::1", "an address that cannot be read"),
        ("ftp://127.0.0.1:PORT/x", "ftp://127.0.0.1:PORT/x"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_elsewhere_is_refused_and_named(location: str, shown: str, status: int) -> None:
    with web(lambda _: (200, {}, "{}")) as other, web(lambda _: (status, {"Location": told}, "")) as server:
        port, elsewhere = server.url.rpartition(":")[2], other.url.partition("//")[2]
        told, named = (text.replace("OTHER", elsewhere).replace("PORT", port) for text in (location, shown))
        error = asked(server.url)
        assert f"InfluxDB wants to send us on to {named}, which is another server" in str(error)
        assert not error.away
        assert other.asked == []
        assert len(server.asked) == 1


def test_a_redirection_within_the_host_is_followed_with_all_that_was_sent() -> None:
    with web(lambda r: (308, {"Location": "/db" + r.path}, "") if r.path[:3] != "/db" else (204, {}, "")) as server:
        with Sender(settings(server.url)) as sender:
            sender.send(b"angles,athlete=a q=1i 1")
        assert [(r.method, r.path[:13], r.body) for r in server.asked] == [
            ("POST", "/api/v2/write", b"angles,athlete=a q=1i 1"),
            ("POST", "/db/api/v2/wr", b"angles,athlete=a q=1i 1"),
        ]
        server.answer = lambda r: (307, {"Location": r.path}, "")
        assert "redirects in a circle" in str(asked(server.url))


def test_proxies_of_the_environment_see_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with web(lambda _: (204, {}, "")) as proxy, web(lambda _: (204, {}, "")) as server:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        server_facts(settings(server.url))
        with Sender(settings(server.url)) as sender:
            sender.send(b"angles q=1i 1")
        assert proxy.asked == []
        assert len(server.asked) == 2
    assert "names a proxy: it is not used" in str(asked("http://127.0.0.1:1"))


@pytest.mark.parametrize(
    "whole",
    [
        ANSWER,
        b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + b"x" * 900,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 99,
    ],
)
def test_a_byte_now_and_then_does_not_hold_a_call_beyond_its_time(whole: bytes) -> None:
    first = whole.find(b"900") + 10 if b"900" in whole else 0

    def answer(connection: socket.socket) -> None:
        connection.sendall(whole[:first])
        dripping(whole[first:][:30], 0.1)(connection)

    with bytes_server(answer) as url:
        began = time.monotonic()
        error = asked(url, timeout_s=0.6)
        assert 0.5 < time.monotonic() - began < 1.5
    assert "InfluxDB did not answer in time" in str(error)
    assert error.away


def test_a_server_that_reads_nothing_does_not_hold_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as deaf,
        Sender(settings(f"http://127.0.0.1:{deaf.getsockname()[1]}"), timeout_s=0.5) as sender,
    ):
        began = time.monotonic()
        with pytest.raises(InfluxError, match="did not answer in time"):
            sender.send(b"x" * (64 << 20))
        assert time.monotonic() - began < 2.0


def bomb(unfolded: int) -> bytes:
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = packed.compress(bytes(1 << 20))
    body = piece + b"".join(packed.compress(bytes(1 << 20)) for _ in range(unfolded >> 20)) + packed.flush()
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    "whole",
    [
        bomb(300 << 20),
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (3 << 20),
        b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 4000000000\r\n\r\n" + b"x" * (3 << 20),
        b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"100000\r\n"
        + b"x" * (1 << 20)
        + b"\r\n"
        + b"100000\r\n" * 20000,
    ],
)
def test_an_answer_without_end_is_cut_off(whole: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with bytes_server(whole) as url:
        assert "InfluxDB answers with more than 1 MB" in str(asked(url))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000, "kB"


@pytest.mark.parametrize(
    ("whole", "said", "away"),
    [
        (b"", "the connection to InfluxDB broke", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "the connection to InfluxDB broke", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "the connection to InfluxDB broke", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n", "the connection to InfluxDB broke", True),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "this is no answer of HTTP", False),
        (b"\x15\x03\x03\x00\x02\x02\x46", "this is no answer of HTTP", False),
        (b"<html>HTTP/0.9</html>", "this is no answer of HTTP", False),
        (b"HTTP/1.1 99999 What\r\n\r\n", "this is no answer of HTTP", False),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n", "this is no answer of HTTP", False),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", "this is no answer of HTTP", False),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\nxx", "coding that was not asked for", False),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nno gzip", "compressed data that cannot be read", False),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08", "the connection to InfluxDB broke", True),
    ],
)
def test_what_is_no_answer_is_one_clear_error(whole: bytes, said: str, away: bool) -> None:
    with bytes_server(whole) as url:
        error = asked(url)
    assert said in str(error)
    assert error.away == away


@pytest.mark.parametrize("size", [b"-5", b"-1", b"+3", b"0x3", b"ffffffffffffffff", b"5_0", b" 3", b""])
def test_strange_sizes_of_chunks_end(size: bytes) -> None:
    with bytes_server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\nabc\r\n0\r\n\r\n") as url:
        service = Service("InfluxDB", url, "HIPHINGE_INFLUX_URL")
        with closing(Edge(service, timeout_s=2.0)) as edge, suppress(HttpError):
            assert len(edge.request("GET", "/ping").body) < 100


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1",
        "http://[x]:8086",
        "http://h:99999",
        "http://h:x",
        "http://h:0",
        "http://",
        "h:8086",
        "ftp://h",
        "http://a..b",
        "http://" + "a" * 64 + ".de",
        "http://h h",
        "http://h\\@x",
        "http://h\x00",
        "http://h\n:1",
        "http://\udcff",
        "https:///x",
        "",
        "http://u:s3cret@h",
        "http://h/?token=s3cret",
        "http://h/#s3cret",
        "http://@h",
    ],
)
def test_what_is_no_address_is_said_at_once_and_shows_no_password(url: str) -> None:
    with pytest.raises(ValueError) as refused:
        parted(url)
    assert "s3cret" not in str(refused.value)
    env = {"HIPHINGE_INFLUX_URL": url, "HIPHINGE_INFLUX_BUCKET": "gym", "HIPHINGE_INFLUX_TOKEN": "t0ken"}
    with pytest.raises(HiphingeError, match="HIPHINGE_INFLUX_URL") as caught:
        InfluxSettings.from_environment(env)
    with pytest.raises(HiphingeError, match="HIPHINGE_GRAFANA_URL") as grafana:
        GrafanaSettings.of(url, "t0ken")
    for attempt in (lambda: Sender(settings(url)), lambda: server_facts(settings(url))):
        with pytest.raises(HiphingeError) as straight:
            attempt()
        assert "s3cret" not in str(caught.value) + str(grafana.value) + str(straight.value)


@pytest.mark.parametrize(
    "url", ["http://localhost:8086", "https://influx.example/db", "http://[::1]:8086", "http://jörg.example:1/"]
)
def test_what_is_an_address_is_taken(url: str) -> None:
    assert parted(url).geturl() == url


def test_a_token_that_no_header_can_hold_is_not_shown() -> None:
    with web(lambda _: (204, {}, "")) as server:
        for token in ("s3cret\r\nX: y", "s3cretJörg€"):
            with Sender(InfluxSettings(server.url, token, "", "gym")) as sender, pytest.raises(InfluxError) as caught:
                sender.send(b"angles q=1i 1")
            assert "s3cret" not in "".join(traceback.format_exception(caught.value))
        assert server.asked == []


@pytest.mark.parametrize("secret", [TOKEN, "glsa_s3cretT0ken", "pa+ss/w%rd", "äöü-s3cret"])
def test_a_secret_is_hidden_however_it_is_spelt(secret: str) -> None:
    octets = secret.encode()
    spellings = [secret, quote(secret), quote(secret, safe=""), quote_plus(secret).lower(), json.dumps(secret), f"x{secret}y"]
    spellings += [secret.replace("&", "&amp;"), secret.replace("&", "\\u0026"), "".join(f"%{b:02X}" for b in octets)]
    for before in (b"", b"a", b"ab", b"Token ", b"user:"):
        spellings += [encode(before + octets + b"z").decode() for encode in (base64.b64encode, base64.urlsafe_b64encode)]
        spellings.append(base64.b64encode(before + octets).decode().rstrip("="))
    for spelling in spellings:
        shown = without_secrets(f"invalid: {spelling} is not known", (secret,))
        assert shown.startswith("invalid: ")
        assert "…" in shown
        assert secret not in shown
        assert "s3cret" not in shown
        assert spelling not in shown
    assert secret[:6] not in without_secrets("." * (19_990 - len(secret) // 2) + secret * 3, (secret,))
    assert without_secrets("a\x1b[31m\n\tb \u202e c", (secret,)) == "a [31m b c"
    assert without_secrets("ab is in cab", ("ab",)) == "…"


def test_a_certificate_is_verified_and_the_time_bound_holds_with_encryption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with self_signed(tmp_path) as (url, certificate):
        error = asked(url)
        assert "the server's certificate is not trusted (self-signed certificate)" in str(error)
        assert not error.away
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with Sender(settings(url)) as sender:
            for _ in range(3):
                sender.send(b"session,athlete=a repetitions=1i 1\n" * 50_000)
    with web(lambda _: (200, {}, "")) as plain:
        assert "the encrypted connection failed" in str(asked(plain.url.replace("http", "https")))
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        began = time.monotonic()
        error = asked(f"https://127.0.0.1:{deaf.getsockname()[1]}", timeout_s=0.4)
        assert "did not answer in time" in str(error)
        assert time.monotonic() - began < 1.5


def test_documents_that_no_reader_takes_are_errors() -> None:
    with web(lambda _: (200, {}, "[" * 200_000)) as server, pytest.raises(ValueError, match="SHOW"):
        influxql(server.url, "gym", token=TOKEN)("SHOW DATABASES")
    not_utf8 = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\n\xff\xfe\x80"
    with bytes_server(not_utf8) as url, Sender(settings(url)) as sender, pytest.raises(InfluxError, match="status 400"):
        sender.send(b"angles q=1i 1")
    with web(lambda _: (200, {"Date": "in the year 0"}, "")) as server:
        assert server_facts(settings(server.url)).clock_remark == ""
