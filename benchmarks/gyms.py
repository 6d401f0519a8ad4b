"""Twenty gyms send their outboxes into one InfluxDB at the same time; every line must arrive once.

    python -m benchmarks.gyms

The server is Debian's influxd 1.6.7 with the tests' front, on the same computer, whose cores it shares with the gyms. Each gym
drains an outbox of its own by the code of a running session: first as in one network, then as over the internet (gzip).
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.storage import lines
from dashboards.influx.drain import Drain
from dashboards.influx.outbox import Outbox
from dashboards.influx.sending.sender import InfluxSettings, Sender
from tests.peers.influxdb import InfluxDB, influxdb

DATABASE = "gyms"


def main(gyms: int = 20, lines_each: int = 12_100) -> bool:
    """Print lines, seconds, bytes on the wire; False where a line is missing."""
    with tempfile.TemporaryDirectory(prefix="hiphinge-gyms-") as name:
        place = Path(name)
        (place / "server").mkdir()
        body = "\n".join(lines(5000)).encode()
        for level in (1, 6, 9):
            began = time.process_time()
            size = len(gzip.compress(body, level))
            print(
                f"gzip level {level}: to 1/{len(body) / size:.1f}, {1e3 * (time.process_time() - began):.0f} ms for 5,000 lines"
            )
        with influxdb(place / "server") as server:
            kept = True
            for compress, words in ((False, "in one network"), (True, "over the internet (gzip level 1)")):
                settings = server.fresh(DATABASE)
                outboxes = [_filled(place / words / str(gym), gym, lines_each) for gym in range(gyms)]
                seconds = _drained(outboxes, settings, compress=compress)
                stored = _count(server)
                sent = sum(map(len, server.received))
                total = gyms * lines_each
                print(
                    f"{gyms} gyms {words}: {total:,} lines in {seconds:.1f} s ({total / seconds:,.0f} lines/s), "
                    f"{sent / total:.0f} bytes a line on the wire; {stored:,} are stored"
                )
                kept &= stored == total
    print("every line arrived once" if kept else "lines are missing")
    return kept


def _filled(folder: Path, gym: int, count: int) -> Path:
    folder.mkdir(parents=True)
    with Outbox(folder) as outbox:
        outbox.append(list(_of_gym(gym, count)))
    return folder


def _of_gym(gym: int, count: int) -> Iterator[str]:
    for line in lines(count):
        yield line.replace("athlete=player-07,session=s", f"athlete=player-{gym:02},session=s{gym:02}", 1)


def _drained(outboxes: list[Path], settings: InfluxSettings, *, compress: bool) -> float:
    """Seconds until the last outbox is empty."""
    ready = threading.Barrier(len(outboxes) + 1)
    faults: list[Exception] = []

    def drain(folder: Path) -> None:
        with Sender(settings, compress=compress) as sender:
            own = Drain(folder, sender)
            ready.wait()
            try:
                while own.step():
                    pass
            except Exception as error:
                faults.append(error)

    threads = [threading.Thread(target=drain, args=(folder,)) for folder in outboxes]
    for thread in threads:
        thread.start()
    ready.wait()
    began = time.monotonic()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return time.monotonic() - began


def _count(server: InfluxDB) -> int:
    (series,) = server.query('SELECT count("angle_0_deg") FROM "angles"', DATABASE)
    return int(series["values"][0][1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gyms", description=__doc__)
    parser.add_argument("--gyms", type=int, default=20)
    parser.add_argument("--lines", type=int, default=12_100, help="of each gym; 12,100 are eight minutes")
    chosen = parser.parse_args()
    print(f"{os.cpu_count()} cores", flush=True)
    sys.exit(0 if main(chosen.gyms, chosen.lines) else 1)
