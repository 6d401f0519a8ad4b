"""Warnings and reasons that the program writes into a summary have German words."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from dashboards.answers import all_said_in, said_in
from tests.conftest import ROOT

CATALOGUE = ROOT / "dashboards" / "answers" / "words" / "written_de.json"
PAIRS: dict[str, str] = json.loads(CATALOGUE.read_text("utf-8"))
WRITTEN_BY = {
    "dsp/alignment/mediolateral_axis.py": (),
    "dsp/alignment/pelvis_sign.py": (),
    "dsp/calibration/calibration_axes.py": (),
    "dsp/calibration/calibration_zero.py": (),
    "dsp/calibration/misplaced.py": ("_words",),
    "dsp/calibration/misplaced_watch.py": ("_turned", "_how"),
    "dsp/pipeline.py": ("said_of", "with_slips"),
    "hiphinge/afterwards/said.py": ("forgotten_words",),
    "hiphinge/session/facts/summary.py": ("_warnings", "_heel_drop_words", "_kit_warnings"),
    "ingest/formats/plain.py": ("_on_its_clock",),
    "ingest/recording/reader.py": ("_check_end",),
    "ingest/session_folder.py": ("_unmet", "_corrected"),
    "ingest/time/heel_drop.py": ("lags", "_lag"),
}
"""The functions that write such sentences; none named: all of the file."""
SAMPLES = {"n": "4.1", "place": "thigh_left", "text": "recording.mcap", "rest": "more than 2 s apart"}


def sample(pattern: str) -> str:
    return re.sub(r"\{([a-z]+)\d?\}", lambda value: SAMPLES[value[1]], pattern)


@pytest.mark.parametrize("english", PAIRS)
def test_every_sentence_is_found_with_its_values(english: str) -> None:
    language, told = said_in("de", sample(english))
    assert language == "de"
    assert "{" not in told
    values = set(re.findall(r"\{(\w+)\}", english))
    assert set(re.findall(r"\{(\w+)\}", PAIRS[english])) <= values
    assert said_in("en", english) == ("en", english)
    if "{n" in PAIRS[english]:
        assert "4,1" in told


def sentences_of(file: str, functions: tuple[str, ...]) -> list[list[str]]:
    """Of each sentence in the source its fixed pieces."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    raised = {id(n) for r in ast.walk(tree) if isinstance(r, ast.Raise) for n in ast.walk(r)}
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body and isinstance(node.body[0], ast.Expr)
    }
    found = []
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef) or (functions and function.name not in functions):
            continue
        inner = {id(v) for n in ast.walk(function) if isinstance(n, ast.JoinedStr) for v in ast.walk(n) if v is not n}
        for node in ast.walk(function):
            if id(node) in raised | docs | inner:
                continue
            if isinstance(node, ast.JoinedStr):
                pieces = [str(v.value) for v in node.values if isinstance(v, ast.Constant)]
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                pieces = [node.value]
            else:
                continue
            if len(" ".join(pieces).split()) > 3:
                found.append([p.strip(" ;:()") for piece in pieces for p in piece.split("{}") if len(p.strip(" ;:()")) > 3])
    return found


@pytest.mark.parametrize("file", WRITTEN_BY)
def test_every_sentence_of_the_source_has_german_words(file: str) -> None:
    for pieces in sentences_of(file, WRITTEN_BY[file]):
        told = [english for english in PAIRS if all(piece in english for piece in pieces)]
        assert told, pieces


def test_what_golden_sessions_say_is_german() -> None:
    unsaid = []
    for file in Path(ROOT / "fixtures").rglob("summary.json"):
        summary = json.loads(file.read_text("utf-8"))
        known = {f"{f['placement']}: {f['what']}. {f['remedy']}" for f in summary.get("findings", ())}
        unsaid += [w for w in summary.get("warnings", ()) if w not in known and said_in("de", w)[0] != "de"]
        for report in summary.get("calibration", {}).values():
            told = "; ".join([report["method"], *report["reasons"]])
            unsaid += [told] if all_said_in("de", told)[0] != "de" else []
    assert unsaid == []


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("lumbar: late or silent for 4.1 s", "Lendenwirbelsäule: 4,1 s lang verspätet oder still"),
        (
            "pelvis: not aligned (moved by 14° instead of standing still; stand still for 5 s and mark again)",
            "Becken: nicht ausgerichtet (um 14° bewegt statt still gestanden; 5 s still stehen und neu markieren)",
        ),
        (
            "thigh_left: alignment of low confidence 0.38 (stood still 4.8 s with 0.6° of sway; 2 knee raises, range 61°)",
            "Linker Oberschenkel: Ausrichtung mit geringer Sicherheit 0,38 (stand 4,8 s still, Schwanken 0,6°; "
            "2-mal Knieheben um 61°)",
        ),
    ],
)
def test_sentences_within_sentences(english: str, german: str) -> None:
    assert said_in("de", english) == ("de", german)


HOSTILE = ["a: " * 400, "; " * 3000, "a: a: a; " * 200, "1 bend and " * 150]


@pytest.mark.parametrize("text", ["", "a maker's own words; 3 of them", "{n}", "lumbar: {rest}", *HOSTILE])
def test_what_has_no_words_stays_as_it_is(text: str) -> None:
    assert said_in("de", text) == ("en", text)
