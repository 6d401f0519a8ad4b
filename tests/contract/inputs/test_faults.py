"""One seeded case of each fault, the whole way in as a file or as bytes: noticed live and in review, and nothing wrong is left
unflagged. `python -m benchmarks.faults` tries each of them on every sensor."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import faults
from benchmarks.faults import Run, clean_runs, faulty_runs
from benchmarks.faults_table import BEGIN, DOCS, END, put_into, tables
from body_signals import BODY_PLACEMENTS, Placement
from virtual_athlete import FAULT_KINDS

LUMBAR, PELVIS, LEFT, RIGHT = BODY_PLACEMENTS
ALL = BODY_PLACEMENTS
RIGHT_OR_FLAGGED = 0.99
"""Part of the ticks after a fault began that must be flagged, missing or within three standard uncertainties, in review."""

# the fault; the seed of its session; who has it; the most seconds that live may take, from when it is observable (None: any)
CASES: dict[str, tuple[int, tuple[Placement, ...], float | None]] = {
    "gyroscope halved": (21, (LUMBAR,), None),
    "gyroscope doubled": (22, ALL, None),
    "gyroscope times 0.8": (23, (RIGHT,), None),
    "gyroscope times 1.25": (24, (PELVIS,), None),
    "gyroscope in deg/s": (25, (LEFT,), None),
    "gyroscope sign": (26, ALL, None),
    "one gyroscope axis reversed": (53, (PELVIS,), None),
    "left-handed": (27, (PELVIS,), None),
    "gyroscope axes swapped": (28, (LUMBAR,), None),
    "gravity of the other sign": (29, (RIGHT,), None),
    "accelerometer at 13 m/s²": (30, (LEFT,), None),
    "gyroscope clipped": (31, (LUMBAR,), None),
    "accelerometer clipped": (32, (PELVIS,), None),
    "frozen": (33, (LUMBAR,), 1.0),
    "frozen for 2 s": (34, (LEFT,), 1.0),
    "zeros": (35, (RIGHT,), 1.0),
    "zeros for 2 s": (36, (PELVIS,), 1.0),
    "gyroscope axis dead": (37, (LEFT,), 2.0),
    "accelerometer axis dead": (38, (LUMBAR,), 2.0),
    "counter for ms": (39, ALL, None),
    "late": (40, (PELVIS,), None),
    "late from then on": (41, (LUMBAR,), None),
    "clock fast": (42, (RIGHT,), None),
    "lies on the floor": (43, (PELVIS,), 2.0),
    "hangs by its strap": (44, (LEFT,), 2.0),
    "tumbles": (45, (LUMBAR,), 2.0),
    "slides": (46, (LUMBAR,), None),
    "another sensor": (47, (PELVIS,), None),
}


def told(run: Run) -> str:
    return f"{run.estimator}, {run.way}: known {run.known_s}, since {run.since_s}, begun {run.begin_s:.1f}, others {run.others}"


def test_there_is_a_case_of_every_fault() -> None:
    assert list(CASES) == list(FAULT_KINDS)


@pytest.mark.parametrize("name", CASES)
def test_a_fault_is_named_live_and_in_review_and_what_is_wrong_is_flagged(name: str) -> None:
    seed, worn, within_s = CASES[name]
    live, review = faulty_runs(seed, name, worn)
    for run in (live, review):
        assert run.noticed, told(run)
        if run.refused is None:
            beside = {other for other in run.others if not other.endswith(" beyond_body")}
            assert {other.split()[0] for other in beside} <= {p.value for p in worn}, told(run)
    if live.refused is None and within_s is not None:
        assert live.known_s is not None
        assert live.observable_s is not None
        assert live.known_s - live.observable_s < within_s, told(live)
    if review.refused is None:
        wrong = review.unflagged - review.inside
        assert wrong <= (1.0 - RIGHT_OR_FLAGGED) * review.ticks, f"{told(review)}, {wrong} of {review.ticks} ticks"


@pytest.mark.parametrize("seed", range(20_000, 20_006))
def test_nothing_is_told_of_a_sound_session(seed: int) -> None:
    for clean in clean_runs(seed):
        assert clean.refused is None
        assert not clean.findings
        assert not clean.flags


def test_the_benchmark_prints_its_tables_and_the_page_takes_them(tmp_path: Path) -> None:
    document = faults.main(1, 5, 1, 1, ["tumbles"], tmp_path / "faults.json", recordings=False)
    text = tables(document)
    assert text.startswith("| fault | live: noticed |")
    assert "| tumbles |" in text
    page = tmp_path / "accuracy.md"
    page.write_text(DOCS.read_text("utf-8"), "utf-8")
    put_into(page, text)
    once = page.read_text("utf-8")
    put_into(page, text)
    assert page.read_text("utf-8") == once
    assert text in once
    assert once.split(BEGIN)[0] == DOCS.read_text("utf-8").split(BEGIN)[0]
    assert once.split(END)[1] == DOCS.read_text("utf-8").split(END)[1]
