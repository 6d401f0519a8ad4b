"""A real InfluxDB for tests: Debian's influxd (1.6.7) as a child process, behind a front that speaks `/api/v2/write`.

1.6.7 has the storage engine and InfluxQL of 1.8 but not yet its `/api/v2/write`; the front rewrites that request to
`/write`, and can be told to fail. The program under test talks to the front with the client that users have.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from dashboards.influx.sending.sender import InfluxSettings
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
{more}
[http]
  bind-address = "127.0.0.1:{http}"
  log-enabled = false
  auth-enabled = {auth}
[monitor]
  store-enabled = false
[continuous_queries]
  enabled = false
"""

_COMPACT_SOON = """  cache-snapshot-write-cold-duration = "1s"
  compact-full-write-cold-duration = "2s"
"""


@dataclass
class InfluxDB:
    """A server in `folder`. `url` is the front's address, `port` influxd's; `received` holds the bodies that reached it.

    `plan` holds what the front does with the next requests: None to pass it on, an HTTP status or (status, body) or
    (status, body, headers) to answer, "drop" to hang up without an answer, "late" to pass it on and hang up then,
    ("silent", seconds) to keep the asker waiting and hang up then.
    """

    folder: Path
    user: tuple[str, str] | None = None
    compact_soon: bool = False
    url: str = ""
    port: int = 0
    plan: list[Any] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)
    _configuration: str = ""
    _process: subprocess.Popen[bytes] | None = None
    _front: _Front | None = None
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Let it run, for the first time or again; its addresses and what is stored stay."""
        if self._process is None:
            self._start_influxd()
        if self._front is None:
            self._front = _Front(self, int(self.url.rpartition(":")[2] or 0))
            self.url = f"http://127.0.0.1:{self._front.server_port}"
            self._thread = threading.Thread(target=self._front.serve_forever, kwargs={"poll_interval": 0.02})
            self._thread.start()

    def stop(self) -> None:
        """End it in order; connections are refused from now on."""
        if self._front is not None and self._thread is not None:
            self._front.shutdown()
            self._front.server_close()
            self._thread.join()
            self._front = self._thread = None
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def kill(self) -> None:
        """End influxd at once, in the middle of what it does; the front hangs up on everybody until `start`."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def settings(self, database: str) -> InfluxSettings:
        """Where to send results to; the database is not made."""
        return InfluxSettings(self.url, ":".join(self.user or ()), "", database)

    def fresh(self, database: str) -> InfluxSettings:
        """An empty database of this name, no faults planned, nothing received; where to send results to."""
        self.plan.clear()
        self.received.clear()
        self.query(f'DROP DATABASE "{database}"')
        self.query(f'CREATE DATABASE "{database}"')
        return self.settings(database)

    def query(self, statement: str, database: str = "") -> list[dict[str, Any]]:
        """InfluxQL, times as integers in ns. Returns the series of the last statement; an error is an AssertionError."""
        parameters = {"q": statement, "db": database, "epoch": "ns"}
        if self.user is not None:
            parameters |= {"u": self.user[0], "p": self.user[1]}
        status, _, body = _request(self.port, "POST", f"/query?{urlencode(parameters)}", b"", {})
        answer = json.loads(body)
        assert status == 200, answer
        assert all("error" not in result for result in answer["results"]), answer
        return answer["results"][-1].get("series", [])

    def write(self, lines: str, database: str) -> None:
        """Lines of somebody else, timestamps in ns."""
        parameters = {"db": database}
        if self.user is not None:
            parameters |= {"u": self.user[0], "p": self.user[1]}
        status, _, body = _request(self.port, "POST", f"/write?{urlencode(parameters)}", lines.encode(), {})
        assert status == 204, body

    def rows(self, statement: str, database: str) -> list[dict[str, Any]]:
        """Rows of a SELECT as dictionaries; tags of a GROUP BY are among them."""
        return [
            dict(zip(series["columns"], values, strict=True)) | series.get("tags", {})
            for series in self.query(statement, database)
            for values in series["values"]
        ]

    def _start_influxd(self) -> None:
        program = need_program("influxd", package="influxdb")
        for attempt in range(5):
            if not self.port:
                rpc, self.port = _free_ports(2)
                auth = str(self.user is not None).lower()
                more = _COMPACT_SOON if self.compact_soon else ""
                self._configuration = _CONFIGURATION.format(folder=self.folder, rpc=rpc, http=self.port, auth=auth, more=more)
            (self.folder / "influxdb.conf").write_text(self._configuration)
            with (self.folder / "influxd.log").open("ab") as log:
                command = [program, "-config", str(self.folder / "influxdb.conf")]
                self._process = subprocess.Popen(command, stdout=log, stderr=log)
            if _answers(self.port, self._process):
                return
            self.kill()
            assert attempt < 4, (self.folder / "influxd.log").read_text()
            if not self.url:
                self.port = 0
            time.sleep(0.1 * attempt)


@contextmanager
def influxdb(folder: Path, *, user: tuple[str, str] | None = None, compact_soon: bool = False) -> Iterator[InfluxDB]:
    """Start influxd in `folder` with its front; `user` = (name, password) turns authentication on and becomes admin.

    compact_soon: what was written is brought into its final form within seconds, for those who count bytes.
    """
    server = InfluxDB(folder, user, compact_soon)
    try:
        server.start()
        if user is not None:
            server.query(f"CREATE USER {user[0]} WITH PASSWORD '{user[1]}' WITH ALL PRIVILEGES")
        yield server
    finally:
        server.stop()


@contextmanager
def any_server(folder: Path, database: str) -> Iterator[InfluxSettings]:
    """Where to send to: the server that `HIPHINGE_TEST_INFLUX_URL`, `…_TOKEN`, `…_ORG`, `…_BUCKET` name, whatever its version,
    with a bucket that is empty and can be asked in InfluxQL; without them one of our own in `folder`."""
    if url := os.environ.get("HIPHINGE_TEST_INFLUX_URL"):
        token, org, bucket = (os.environ.get(f"HIPHINGE_TEST_INFLUX_{name}", "") for name in ("TOKEN", "ORG", "BUCKET"))
        yield InfluxSettings(url, token, org, bucket)
        return
    with influxdb(folder) as server:
        yield server.fresh(database)


class _Front(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, database: InfluxDB, port: int) -> None:
        self.database = database
        super().__init__(("127.0.0.1", port), _Request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up in the middle is worth no traceback."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Front

    def do_GET(self) -> None:
        fault = self._fault()
        if fault is None:
            self._pass_on("GET", self.path, b"", {})
        else:
            self._fail(fault)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self._fault()
        if fault not in (None, "late"):
            self._fail(fault)
            return
        self.server.database.received.append(body)
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
        self._pass_on("POST", path, body, headers, answer=fault is None)

    def _fault(self) -> Any:
        plan = self.server.database.plan
        try:
            return plan.pop(0)
        except IndexError:
            return None

    def _fail(self, fault: Any) -> None:
        if isinstance(fault, int):
            fault = (fault, "")
        if fault in ("drop", "late"):
            # a question that is only read has nothing to be late with
            self._hang_up()
        elif fault[0] == "silent":
            time.sleep(fault[1])
            self._hang_up()
        else:
            status, text, *more = fault
            self._answer(status, {"Content-Type": "application/json", **(more[0] if more else {})}, text.encode())

    def _pass_on(self, method: str, path: str, body: bytes, headers: dict[str, str], *, answer: bool = True) -> None:
        try:
            found = _request(self.server.database.port, method, path, body, headers)
        except (OSError, http.client.HTTPException):
            # influxd is dead, or dies now
            self._hang_up()
            return
        if answer:
            self._answer(*found)
        else:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        told = {name.lower(): value for name, value in headers.items()}
        self.log_request(status)
        self.send_response_only(status)
        self.send_header("Date", told.get("date") or self.date_time_string())
        for name, value in told.items():
            if name.startswith(("x-influx", "content-type", "retry-after")):
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
