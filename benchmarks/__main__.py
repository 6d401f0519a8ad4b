"""All figures of the README, one after another: speed, the judge, recordings with truth, metrics, clocks, codecs. `make bench`

Each part says what it was measured on. `--quick` takes less data of the same kind, for a first look.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from importlib.metadata import version

from benchmarks import clock, codecs, judge, recordings, rhythm, speed


def main(quick: bool) -> bool:
    """Run all parts; False where a bar of the judge or of the codecs is missed."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("hiphinge", "numpy", "scipy", "vqf"))
    print(
        f"{platform.machine()} with {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}; {packages}"
    )
    began = time.monotonic()
    print("\n--- speed", flush=True)
    if quick:
        print("A quarter of an hour, once: fixed costs weigh more than in the hour that the bars are for.")
        speed.main(hours=0.25, rounds=1, long_hours=0.5)
    else:
        speed.main()
    print("\n--- the judge", flush=True)
    kept = judge.main(judge.SEEDS[0], judge.SEEDS[0] + 1) if quick else judge.main()
    print("\n--- recordings", flush=True)
    recordings.main()
    print("\n--- repetitions and their metrics", flush=True)
    rhythm.main(seeds=1 if quick else 5)
    print("\n--- clocks", flush=True)
    clock.main(pairs=2 if quick else 12)
    print("\n--- codecs", flush=True)
    kept &= codecs.main(samples=4000 if quick else 20_000)
    print(f"\n{(time.monotonic() - began) / 60.0:.1f} min{' (--quick: less data, one round)' if quick else ''}")
    return kept


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less data, below three minutes")
    sys.exit(0 if main(parser.parse_args().quick) else 1)
