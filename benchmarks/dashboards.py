"""How long the dashboards' queries take on a month of 30 players, on a real InfluxDB 1.6.7 beside this program.

Sessions are made of two simulated ones, repeated with other names and times: per player one session on each of 20 days, 100
repetitions in it, both estimators; angles at 25 Hz for the first half minute of each session, and for a whole hour for five
players on the last day, which is the day that is opened. Panels read the angles of one session at a time, so the angles that
are left out would add bytes on disk and series that are there already. Values repeat, so they take less disk than a
squad's would.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dashboards.grafana import all_dashboards
from dashboards.grafana.offline import View, influxql
from dashboards.influx.line_protocol import points
from dashboards.influx.sending.sender import InfluxSettings, Sender, send_lines
from hiphinge.session.in_progress import SessionInProgress
from tests.peers.influxdb import InfluxDB, influxdb
from virtual_athlete import simulate

PLAYERS, DAYS, REPETITIONS, WHOLE = 30, 20, 100, 5
SESSION_S, PART_S = 3600, 30
BAR_MS = 500.0
RUNS = 3
_LAST_DAY = datetime(2026, 11, 27, tzinfo=UTC)
_DATABASE = "squad"


@dataclass(frozen=True, slots=True)
class Pattern:
    """Lines of a simulated session by measurement, in time order: last tag, fields, time in ns since its start."""

    lines: dict[str, list[tuple[str, str, int]]]

    @classmethod
    def of(cls, folder: Path, seed: int) -> Pattern:
        """A demo, computed."""
        simulated = simulate("demo", seed, athlete="x", start=_LAST_DAY)
        running = SessionInProgress(folder, simulated.session)
        for begin in range(0, len(simulated.events), 50):
            running.take(simulated.events[begin : begin + 50])
        running.close()
        start_ns = round(_LAST_DAY.timestamp()) * 10**9
        found: dict[str, list[tuple[str, str, int]]] = {}
        for line in points(folder):
            head, fields, stamp = line.split(" ", 1)[0], line.split(" ", 1)[1].rpartition(" ")[0], line.rpartition(" ")[2]
            measurement, _, _, last = head.split(",")
            found.setdefault(measurement, []).append((last, fields, int(stamp) - start_ns))
        return cls(found)

    def session(self, athlete: str, name: str, start: datetime, angles_s: float) -> Iterator[str]:
        """Lines of a session of an hour that repeats the pattern."""
        start_ns = round(start.timestamp()) * 10**9

        def line(measurement: str, last: str, fields: str, at_ns: int) -> str:
            return f"{measurement},athlete={athlete},session={name},{last} {fields} {start_ns + at_ns}"

        yield from (line(name, *one) for name in ("session", "screen") for one in self.lines[name])
        for last, fields, at_ns in self.lines["sensor_health"]:
            if at_ns == 0:
                yield line("sensor_health", last, fields, 0)
            elif at_ns == 60 * 10**9:
                yield from (line("sensor_health", last, fields, minute * at_ns) for minute in range(1, SESSION_S // 60 + 1))
        for estimator in ("estimator=live", "estimator=review"):
            done = [one for one in self.lines["repetition"] if one[0] == estimator]
            for i in range(REPETITIONS):
                last, fields, _ = done[i % len(done)]
                yield line("repetition", last, fields, i * SESSION_S * 10**9 // REPETITIONS)
            rows = [one for one in self.lines["angles"] if one[0] == estimator]
            for i in range(round(angles_s * 25)):
                last, fields, _ = rows[i % len(rows)]
                yield line("angles", last, fields, i * 40_000_000)


def month(patterns: list[Pattern]) -> Iterator[str]:
    """Lines of the squad's month, weekends without sessions."""
    days = [_LAST_DAY - timedelta(days=n) for n in range(40) if (_LAST_DAY - timedelta(days=n)).weekday() < 5][:DAYS]
    for day in sorted(days):
        for player in range(PLAYERS):
            start = day + timedelta(hours=9 + player % 8, minutes=player)
            whole = day == _LAST_DAY and player < WHOLE
            name = f"{start:%Y-%m-%dT%H-%M-%SZ}_player-{player:02d}"
            yield from patterns[player % len(patterns)].session(
                f"player-{player:02d}", name, start, SESSION_S if whole else PART_S
            )


def timed(server: InfluxDB) -> list[tuple[float, str, str, str]]:
    """For each query its slowest median in ms, dashboard, panel, time range."""
    run = influxql(f"http://127.0.0.1:{server.port}", _DATABASE)
    evening = _LAST_DAY + timedelta(hours=23)
    live = _LAST_DAY + timedelta(hours=9, minutes=40)
    ranges = {
        "Live session": [("5 minutes", live - timedelta(minutes=5), live)],
        "Lumbo-pelvic rhythm": [("a day", _LAST_DAY, evening), ("30 days", evening - timedelta(days=30), evening)],
        "Training day": [("a day", _LAST_DAY, evening), ("30 days", evening - timedelta(days=30), evening)],
        "Squad": [("a day", _LAST_DAY, evening), ("7 days", evening - timedelta(days=7), evening)],
        "Sensors": [("7 days", evening - timedelta(days=7), evening), ("30 days", evening - timedelta(days=30), evening)],
    }
    found = []
    for page in all_dashboards():
        for words, begin, end in ranges[page["title"]]:
            chosen: dict[str, str | list[str]] = {} if page["title"] in ("Squad", "Sensors") else {"athlete": "player-00"}
            view = View(page, run, round(begin.timestamp() * 1000), round(end.timestamp() * 1000), chosen)
            for panel in page["panels"]:
                runs = [[answer.seconds * 1000.0 for answer in view.answers(panel)] for _ in range(RUNS)]
                slowest = max(statistics.median(times) for times in zip(*runs, strict=True))
                found.append((slowest, page["title"], panel["title"], words))
    return found


def main() -> bool:
    """Fill, ask, print; False where a query takes longer than the bar."""
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryDirectory() as store:
        patterns = [Pattern.of(Path(scratch) / f"s{seed}", seed) for seed in (1, 2)]
        with influxdb(Path(store)) as server:
            server.query(f"CREATE DATABASE {_DATABASE}")
            began = time.monotonic()
            with Sender(InfluxSettings(server.url, "", "", _DATABASE)) as sender:
                lines = month(patterns)
                report = send_lines(
                    lines, sender, lambda _, words: print(f"rejected: {words}"), lambda _: server.received.clear()
                )
            seconds = time.monotonic() - began
            series = server.query(f"SHOW SERIES CARDINALITY ON {_DATABASE}", _DATABASE)
            counts = ", ".join(f"{n} {name}" for name, n in report.by_measurement.items())
            many = series[-1]["values"][0][0]
            print(f"{report.lines} points ({counts}), {many} series, written in {seconds:.0f} s")
            found = sorted(timed(server), reverse=True)
    print(f"{len(found)} panels asked {RUNS} times each, at {PLAYERS} players, {DAYS} days; the slowest queries (median):")
    for ms, page, panel, words in found[:6]:
        print(f"  {ms:7.1f} ms  {page}: {panel} ({words})")
    print(f"  bar: {BAR_MS:.0f} ms for every query")
    return found[0][0] <= BAR_MS


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m benchmarks.dashboards", description=__doc__).parse_args()
    raise SystemExit(0 if main() else 1)
