"""A real InfluxDB for tests: Debian's influxd (1.6.7) as a child process, behind a front that speaks `/api/v2/write`.

1.6.7 has the storage engine and InfluxQL of 1.8 but not yet its `/api/v2/write`; the front rewrites that request to
`/write`, and can be told to fail. The program under test talks to the front with the client that users have.
"""

from __future__ import annotations

import base64
import http.client
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.peers.debian import need_program

_CONFIGURATION = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  index-version = "tsi1"
[http]
  bind-address = "127.0.0.1:{http}"
  log-enabled = false
  auth-enabled = {auth}
[monitor]
  store-enabled = false
[continuous_queries]
  enabled = false
"""


@dataclass
class InfluxDB:
    """A running server. `url` is the front's address; `received` holds the bodies that reached influxd.

    `plan` holds what the front does with the next requests: an HTTP status or (status, body) to answer, "drop" to hang
    up without an answer, None to pass the request on.
    """

    url: str
    port: int
    user: tuple[str, str] | None
    plan: list[Any] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)

    def query(self, statement: str, database: str = "", user: tuple[str, str] | None = None) -> list[dict[str, Any]]:
        """InfluxQL, times as integers in ns. Returns the series of the last statement; an error is an AssertionError."""
        parameters = {"q": statement, "db": database, "epoch": "ns"}
        login = user or self.user
        if login is not None:
            parameters |= {"u": login[0], "p": login[1]}
        status, _, body = _request(self.port, "POST", f"/query?{urlencode(parameters)}", b"", {})
        answer = json.loads(body)
        assert status == 200, answer
        assert all("error" not in result for result in answer["results"]), answer
        return answer["results"][-1].get("series", [])

    def rows(self, statement: str, database: str) -> list[dict[str, Any]]:
        """Rows of a SELECT as dictionaries; tags of a GROUP BY are among them."""
        return [
            dict(zip(series["columns"], values, strict=True)) | series.get("tags", {})
            for series in self.query(statement, database)
            for values in series["values"]
        ]


@contextmanager
def influxdb(folder: Path, *, user: tuple[str, str] | None = None) -> Iterator[InfluxDB]:
    """Start influxd in `folder` with its front; `user` = (name, password) turns authentication on and becomes admin."""
    program = need_program("influxd", package="influxdb")
    for attempt in range(5):
        rpc, port = _free_ports(2)
        text = _CONFIGURATION.format(folder=folder, rpc=rpc, http=port, auth=str(user is not None).lower())
        (folder / "influxdb.conf").write_text(text)
        log = (folder / "influxd.log").open("wb")
        process = subprocess.Popen([program, "-config", str(folder / "influxdb.conf")], stdout=log, stderr=log)
        try:
            if not _answers(port, process):
                assert attempt < 4, (folder / "influxd.log").read_text()
                continue
            front = _Front(port)
            server = InfluxDB(f"http://127.0.0.1:{front.server_port}", port, user, front.plan, front.received)
            thread = threading.Thread(target=front.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            try:
                if user is not None:
                    server.query(f"CREATE USER {user[0]} WITH PASSWORD '{user[1]}' WITH ALL PRIVILEGES")
                yield server
            finally:
                front.shutdown()
                front.server_close()
                thread.join()
            return
        finally:
            process.terminate()
            process.wait(10)
            log.close()


class _Front(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, influxd_port: int) -> None:
        self.influxd_port = influxd_port
        self.plan: list[Any] = []
        self.received: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Request)


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Front

    def do_GET(self) -> None:
        fault = self.server.plan.pop(0) if self.server.plan else None
        if fault is not None:
            self._answer(fault, {}, b"")
            return
        self._answer(*_request(self.server.influxd_port, "GET", self.path, b"", {}))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.plan.pop(0) if self.server.plan else None
        if fault == "drop":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if fault is not None:
            status, text = fault if isinstance(fault, tuple) else (fault, "")
            self._answer(status, {"Content-Type": "application/json"}, text.encode())
            return
        self.server.received.append(body)
        address = urlsplit(self.path)
        path, headers = self.path, {}
        if address.path == "/api/v2/write":
            asked = {k: v[0] for k, v in parse_qs(address.query).items()}
            database, _, policy = asked["bucket"].partition("/")
            precision = {"us": "u"}.get(asked.get("precision", "ns"), asked.get("precision", "ns"))
            path = "/write?" + urlencode({"db": database, "rp": policy, "precision": precision})
        token = self.headers.get("Authorization", "")
        if token.startswith("Token "):
            headers["Authorization"] = "Basic " + base64.b64encode(token.removeprefix("Token ").encode()).decode()
        if self.headers.get("Content-Encoding"):
            headers["Content-Encoding"] = self.headers["Content-Encoding"]
        self._answer(*_request(self.server.influxd_port, "POST", path, body, headers))

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower().startswith(("x-influx", "content-type", "retry-after")):
                self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _request(port: int, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        with suppress(BrokenPipeError):  # a refusal may come before the body was read
            connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Wait until influxd answers; False when it ends before, e.g. because another program took its port."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            return _request(port, "GET", "/ping", b"", {})[0] == 204
        except OSError:
            if process.poll() is not None:
                return False
            time.sleep(0.02)
    return False


def _free_ports(n: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports
