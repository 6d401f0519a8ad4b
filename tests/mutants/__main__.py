"""``python -m tests.mutants [--count 200] [--seed 1] [--module FILE …]``: change lines, run the tests of their modules.

Each mutant is tried in a copy of the tree, by the tests of its module (`matching.py`); the first failing test kills it, if that
test passes without the mutant. Its tests have 30 s of a processor, whatever else the machine does meanwhile. A mutant that is
not killed within them has survived, and is named as one whose time was over. It is killed all the same if those tests end in
half of that time without it: then it hangs them. Results are kept in `benchmarks/out/mutants.jsonl`, so that a run that was
broken off goes on where it was. A mutant is tried again when its module changed, and a survivor also when its tests changed.
Survivors that cannot be told from the original by any input have their reason in `survivors.toml`.
"""

from __future__ import annotations

import argparse
import compileall
import hashlib
import json
import math
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from py_compile import PycInvalidationMode
from queue import SimpleQueue
from tempfile import TemporaryDirectory

from tests.mutants.matching import matching_tests
from tests.mutants.mutations import Mutation, mutations

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks/out/mutants.jsonl"
SURVIVORS = Path(__file__).with_name("survivors.toml")
LONGEST_S = 30.0
"""Processor time for each mutant, s."""
_PATIENCE = 20.0
"""How much longer its tests may take by the clock: other processes run, and tests may wait."""
_TIME_OVER = "the time was over"
AIM = 0.85
ROOMS = (
    "body_signals",
    "firmware_protocol",
    "dsp",
    "ingest/time",
    "hiphinge/engine.py",
    "hiphinge/session/facts/sensor_minutes.py",
    "hiphinge/session/facts/summary.py",
    "dashboards/edits.py",
    "dashboards/influx/line_protocol.py",
)
"""Where seeded mutants are drawn: what is pure. What talks to disks, radios and servers is tried with `--module`."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mutation of the module at `path` (relative to the root), and the line as it stands there."""

    path: str
    mutation: Mutation
    line: str
    content: str
    """Digest of the module as it was."""

    @property
    def key(self) -> str:
        """What tells it from all others, whatever else changes."""
        m = self.mutation
        return f"{self.path}:{m.line}:{m.column} {m.kind} {m.text} {self.content}"

    @property
    def words(self) -> str:
        """For people."""
        m = self.mutation
        changed = m.of((ROOT / self.path).read_text("utf-8")).splitlines()[m.line - 1].strip()
        return f"{self.path}:{m.line}: {m.kind}: {self.line}  ->  {changed}"


def mutants_of(path: str) -> list[Mutant]:
    """All mutants of a module."""
    source = (ROOT / path).read_text("utf-8")
    lines, content = source.splitlines(), hashlib.sha256(source.encode()).hexdigest()[:12]
    return [Mutant(path, m, lines[m.line - 1].strip(), content) for m in mutations(source)]


def drawn(count: int, seed: int) -> list[Mutant]:
    """`count` mutants of the pure rooms, at most one of a line, the same for the same seed and files.

    Lots are drawn by what stands in a line, and what becomes of it: a change elsewhere changes no draw.
    """
    tracked = subprocess.run(["git", "ls-files", *ROOMS], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    by_line: dict[tuple[str, int], list[Mutant]] = {}
    for mutant in (mutant for path in sorted(tracked) if path.endswith(".py") for mutant in mutants_of(path)):
        by_line.setdefault((mutant.path, mutant.mutation.line), []).append(mutant)

    def lot(*words: object) -> str:
        return hashlib.sha256(repr((seed, *words)).encode()).hexdigest()

    lines = sorted(by_line.values(), key=lambda of_line: lot(of_line[0].path, of_line[0].line))[:count]
    return [
        min(of_line, key=lambda m: lot(m.path, m.line, m.mutation.kind, m.mutation.column, m.mutation.text))
        for of_line in lines
    ]


class Copy:
    """A copy of the tree, in which one mutant at a time stands, for limit_s at most."""

    def __init__(self, folder: Path, limit_s: float = LONGEST_S) -> None:
        self.folder, self._limit_s = folder, limit_s
        self._sound: set[str] = set()
        self._prompt: dict[tuple[str, ...], bool] = {}
        tracked = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        for name in tracked.stdout.splitlines():
            source = ROOT / name
            if source.is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, folder / name)
        # only what a mutant changes is compiled in each run: the bytes of the source decide, not its time
        compileall.compile_dir(folder, quiet=2, invalidation_mode=PycInvalidationMode.CHECKED_HASH)

    def verdict(self, mutant: Mutant) -> str:
        """`killed by …`, `survived`, `survived: the time was over`, or `survived: no test imports it`."""
        tests = matching_tests(ROOT, mutant.path)
        if not tests:
            return "survived: no test imports it"
        source = (ROOT / mutant.path).read_text("utf-8")
        (self.folder / mutant.path).write_text(mutant.mutation.of(source), "utf-8")
        try:
            said = self._run(tests, self._limit_s)
        finally:
            (self.folder / mutant.path).write_text(source, "utf-8")
        if said is None:
            return "survived"
        if said == _TIME_OVER:
            return "killed: its tests do not end" if self._end_soon(tests) else f"survived: {said}"
        self._must_pass(said)
        return f"killed by {said}"

    def _end_soon(self, tests: tuple[str, ...]) -> bool:
        """Whether these tests pass without any mutant in half of the time."""
        if tests not in self._prompt:
            self._prompt[tests] = self._run(tests, 0.5 * self._limit_s) is None
        return self._prompt[tests]

    def _must_pass(self, said: str) -> None:
        """A test that fails without any mutant kills nothing."""
        test = said.removeprefix("FAILED ").removeprefix("ERROR ").partition(" - ")[0]
        if test not in self._sound:
            again = self._run([test], 2.0 * self._limit_s) if test.startswith("tests/") else None
            if again not in (None, _TIME_OVER):
                raise SystemExit(f"{test} fails without any mutant: mend it first, or no mutant of its module is judged")
            self._sound.add(test)

    def _run(self, tests: Sequence[str], limit_s: float) -> str | None:
        """The first test that fails, `_TIME_OVER` where the time is over before, None where all pass."""
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist"]
        command += ["-m", "not slow and not influx and not dbus", "--tb=no", *tests]
        shared = os.environ.get("HIPHINGE_SHARED", str(ROOT.parent / "shared"))
        more = {
            "PYTHONPATH": str(self.folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HIPHINGE_SHARED": shared,
            "TMPDIR": str(self.folder),
            # one thread each: the processor time of a run is then its own
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=os.environ | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        with suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_CPU, (math.ceil(limit_s), math.ceil(limit_s) + 2))
        try:
            out, _ = process.communicate(timeout=_PATIENCE * limit_s)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return _TIME_OVER
        if process.returncode in (0, 5):
            return None
        if process.returncode == -signal.SIGXCPU:
            return _TIME_OVER
        failed = [line for line in out.splitlines() if line.startswith(("FAILED", "ERROR"))]
        return failed[0] if failed else f"exit code {process.returncode}"


def known() -> dict[str, str]:
    """Reasons of survivors, by `path: line as it stands -> kind`."""
    listed = tomllib.loads(SURVIVORS.read_text("utf-8")).get("survivor", [])
    return {f"{entry['path']}: {entry['line']} -> {entry['kind']}": entry["why"] for entry in listed}


def _results() -> dict[str, str]:
    lines = RESULTS.read_text("utf-8").splitlines() if RESULTS.is_file() else []
    kept = {}
    for entry in map(json.loads, lines):
        key, verdict = entry["key"], entry["verdict"]
        if verdict.startswith("killed") or entry.get("tests") == _digest_of_tests(ROOT, key.partition(":")[0]):
            kept[key] = verdict
    return kept


@cache
def _digest_of_tests(root: Path, path: str) -> str:
    """What the tests of this module are, as they stand in this tree."""
    files = {test.partition("::")[0] for test in matching_tests(ROOT, path)} if (ROOT / path).is_file() else ()
    return hashlib.sha256(b"".join((root / file).read_bytes() for file in sorted(files))).hexdigest()[:12]


def tried(mutants: Sequence[Mutant], workers: int, limit_s: float = LONGEST_S) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with its verdict, as they come."""
    before = _results()
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    yield from ((mutant, before[mutant.key]) for mutant in mutants if mutant.key in before)
    left = [mutant for mutant in mutants if mutant.key not in before]
    copies: SimpleQueue[Copy] = SimpleQueue()
    with (
        TemporaryDirectory(prefix="hiphinge-mutants-") as scratch,
        ThreadPoolExecutor(workers) as pool,
        RESULTS.open("a") as out,
    ):
        for i in range(workers if left else 0):
            copies.put(Copy(Path(scratch) / str(i), limit_s))

        def one(mutant: Mutant) -> tuple[Mutant, str, str]:
            copy = copies.get()
            try:
                # of the tests in the copy: those here may be mended meanwhile
                return mutant, copy.verdict(mutant), _digest_of_tests(copy.folder, mutant.path)
            finally:
                copies.put(copy)

        begun = [pool.submit(one, mutant) for mutant in left]
        try:
            for done in as_completed(begun):
                mutant, verdict, digest = done.result()
                out.write(json.dumps({"key": mutant.key, "verdict": verdict, "tests": digest}) + "\n")
                out.flush()
                yield mutant, verdict
        finally:
            # a test that fails without any mutant ends the run at once, not after all the others
            pool.shutdown(wait=False, cancel_futures=True)


def main() -> int:
    """Print each verdict and the figure; 1 where fewer are killed than aimed at."""
    ask = argparse.ArgumentParser(
        prog="python -m tests.mutants", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    ask.add_argument("--count", type=int, default=200)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    ask.add_argument("--limit", type=float, default=LONGEST_S, help="seconds of a processor for each mutant")
    ask.add_argument(
        "--module", nargs="*", default=[], metavar="FILE[:LINE]", help="all mutants of these modules, or lines, instead"
    )
    given = ask.parse_args()
    chosen = [m for name in given.module for m in _of(name)] if given.module else drawn(given.count, given.seed)
    began, verdicts, survivors = time.monotonic(), Counter[str](), []
    for mutant, verdict in tried(chosen, given.workers, given.limit):
        reason = (
            known().get(f"{mutant.path}: {mutant.line} -> {mutant.mutation.kind}") if verdict.startswith("survived") else None
        )
        verdicts["equal" if reason else verdict.split(" ")[0].rstrip(":")] += 1
        print(f"[{sum(verdicts.values())}/{len(chosen)}] {verdict[:60]:60} {mutant.words}", flush=True)
        if verdict.startswith("survived"):
            survivors.append(f"{mutant.words}" + (f"\n    {reason}" if reason else ""))
    judged = verdicts["killed"] + verdicts["survived"]
    share = verdicts["killed"] / judged if judged else 1.0
    print("\nSurvivors:", *sorted(survivors), sep="\n")
    print(
        f"\n{verdicts['killed']} of {judged} mutants are killed ({100.0 * share:.0f} %, aim {100.0 * AIM:.0f} %), "
        f"{verdicts['equal']} more cannot be told from the original; {(time.monotonic() - began) / 60.0:.0f} min"
    )
    return 0 if share >= AIM else 1


def _of(name: str) -> list[Mutant]:
    path, _, line = name.partition(":")
    return [mutant for mutant in mutants_of(path) if not line or mutant.mutation.line == int(line)]


if __name__ == "__main__":
    sys.exit(main())
