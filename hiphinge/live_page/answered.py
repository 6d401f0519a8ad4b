"""The result of a protocol as pages get it: screen, protocol, pictures, and what they say in both languages.

Sentences are those of `dashboards.answers`, comparisons those of `dsp.comparison`: one wording and one number everywhere.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from body_signals import ANGLE_NAMES, SCREEN_MEASURES, Key, Session, chosen
from dashboards import answers
from dashboards.answers import LANGUAGES
from dashboards.notation import DASH
from dsp.results import Repetition
from hiphinge.comparing.own_answer import Own, against
from hiphinge.guidance.protocol_retest import limiting

MOST_CURVES, CURVE_POINTS = 6, 60
"""Paths of one kind of movement that are kept, and points of each (ours)."""
_LUMBAR, _HIPS = ANGLE_NAMES.index("lumbar_flexion"), [ANGLE_NAMES.index(f"hip_{s}_flexion") for s in ("left", "right")]
Document = Mapping[str, Any]
Rows = npt.NDArray[np.floating[Any]]


class Paths:
    """Lumbar spine against hips in the latest repetitions, by kind of movement: for the pictures of a result."""

    def __init__(self) -> None:
        self.curves: dict[str, list[dict[str, Any]]] = {}

    def take(self, repetition: Repetition, rows: Rows) -> None:
        """A repetition and its rows as pages have them, degrees."""
        if len(rows) < 2:
            return
        at = np.unique(np.linspace(0, len(rows) - 1, CURVE_POINTS).round().astype(np.int64))
        hips = rows[at][:, _HIPS].astype(np.float64)
        turn = (repetition.turn_s - repetition.start_s) / max(repetition.end_s - repetition.start_s, 1e-9)
        curve = {
            "hip": hips.mean(axis=1).round(1).tolist(),
            "lumbar": rows[at, _LUMBAR].astype(np.float64).round(1).tolist(),
            "turn": round(turn * (len(at) - 1)),
        }
        self.curves[repetition.movement] = [*self.curves.get(repetition.movement, ()), curve][-MOST_CURVES:]


def prepare() -> None:
    """Load what an answer needs, in a thread: the statistics take seconds to import, and the session does not wait."""
    threading.Thread(target=importlib.import_module, args=("dsp.comparison",), name="hiphinge-statistics", daemon=True).start()


def proposed(screen: Document) -> Key | None:
    """The number that limits the athlete most, which a treatment is measured by; None where there is none."""
    from dsp import comparison

    return limiting(comparison.proposed_primary(screen))


def result_document(
    result: Document,
    session: Session,
    curves: Document,
    before: Any = None,
    *,
    worn_anew: bool = False,
    own: Own | None = None,
    baselines: Sequence[Any] = (),
) -> dict[str, Any]:
    """What pages get when a protocol is over. result: of `Engine.screened`; before: an occasion of another session that this
    one retests; worn_anew: whether the sensors were taken off since; own: the athlete's own baseline, which the screen is
    compared with first, as in the report; baselines: the occasions of which it is made, which a retest is compared with too."""
    screen, protocol = against(result["screen"], session.screen_limits, own or {}) or result["screen"], result["protocol"]
    runs = [protocol, *protocol.get("further", ())] if protocol else []
    labels = [mark["label"] for mark in result.get("marks", ())]
    picked = next((key for label in reversed(labels) if (key := chosen(label))), None)
    own = runs[0].get("name") if runs else None
    primary = picked or proposed(before.screen if before is not None else screen)
    wear = before.wear if before is not None and not worn_anew else "now"
    # as `hiphinge compare` has them: a session that was pinned and is retested counts once, and what was pinned since does not
    earlier = [one for one in baselines if before is None or (before.start and one.start and one.start < before.start)]
    comparison = _compared(result, session, runs, before, primary, wear, earlier)
    return {
        "screen": screen,
        "protocol": protocol,
        "name": runs[-1]["name"] if runs else own,
        "curves": curves,
        "said": {language: _said(screen, language) for language in LANGUAGES},
        "primary": None if primary is None else dict(zip(("test", "side", "measure"), primary, strict=True)),
        "primary_said": {language: _number_said(primary, language) for language in LANGUAGES},
        "before_said": _value_said(primary, _median(screen, primary)),
        "comparison": comparison,
        "comparison_said": {language: _change_said(comparison, language) for language in LANGUAGES},
    }


def retest_document(primary: Key, before: Any) -> dict[str, Any]:
    """What a session measures again, for its page. before: the occasion of the session before; None where it is not known."""
    value = before.values.get(primary) if before is not None else None
    return {
        "primary": dict(zip(("test", "side", "measure"), primary, strict=True)),
        "primary_said": {language: _number_said(primary, language) for language in LANGUAGES},
        "before": None if value is None else value.median,
        "before_said": _value_said(primary, None if value is None else value.median),
    }


def _compared(
    result: Document,
    session: Session,
    runs: Sequence[Document],
    before: Any,
    primary: Key | None,
    wear: str,
    baselines: Sequence[Any],
) -> dict[str, Any] | None:
    """The comparison of the tests of the first protocol, or of another session, with those done since; None without any."""
    if primary is None or not runs:
        return None
    from dsp import comparison

    def occasion(run: Document, screen: Document) -> Any:
        at = session.start + timedelta(seconds=run["begun_s"])
        until_s = run["ended_s"] if run["ended_s"] is not None else float("inf")
        told = [p["score"] for p in result.get("pain", ()) if run["begun_s"] <= p["time_s"] <= until_s]
        return comparison.Occasion("", at, wear, comparison.values_of(screen), max(told, default=None), screen)

    occasions = [occasion(run, run.get("screen", result["screen"])) for run in runs]
    occasions = [one for one in ([] if before is None else [before]) + occasions if primary in one.values]
    if len(occasions) < 2:
        return None
    found: dict[str, Any] = comparison.compare(*occasions, primary=primary, baselines=baselines).document()
    return found


def _said(screen: Document, language: str) -> dict[str, Any]:
    """The answer of a screen in sentences."""
    words, answer = answers.sentences(language), answers.answer_of(screen)
    done = [(test["test"], test["side"]) for test in screen["tests"]]
    return {
        "answer": words.answer(answer, done),
        "confidence": words.confidence(answer),
        "level": answer.get("confidence") or "",
        "side": words.code("side", answer["side"]) if answer.get("side") else "",
        "reasons": [words.reason(reason) for reason in answer.get("reasons", ())],
        "against": words.against(screen),
        "next": [words.following(answer, done)] if answer.get("next") else [],
        "compared": words.code("compared", answer.get("compared_with") or "published"),
    }


def _number_said(primary: Key | None, language: str) -> str:
    if primary is None:
        return ""
    test, side, measure = primary
    said: str = answers.sentences(language).measure(test, measure, side)
    return said


def _median(screen: Document, primary: Key | None) -> float | None:
    """A number of a screen; None where it is not known."""
    if primary is None:
        return None
    found: Document = next((test["measures"] for test in screen["tests"] if (test["test"], test["side"]) == primary[:2]), {})
    median: float | None = (found.get(primary[2]) or {}).get("median")
    return median


def _value_said(primary: Key | None, value: float | None) -> dict[str, str]:
    """A value of the chosen number in both languages, as everywhere; a dash where it is not known."""
    if primary is None:
        return dict.fromkeys(LANGUAGES, DASH)
    document = _measure_document(primary)
    return {language: answers.sentences(language).measured(document, value) for language in LANGUAGES}


def _measure_document(primary: Key) -> dict[str, str]:
    test, side, measure = primary
    units = {(m.test, m.side, m.name): m.unit for m in SCREEN_MEASURES}
    return {"test": test, "side": side, "measure": measure, "unit": units.get(primary, "")}


def _change_said(comparison: Document | None, language: str) -> dict[str, Any]:
    if comparison is None:
        return {}
    words = answers.sentences(language)
    points = comparison["points"]
    number, least = words.change_and_can_tell(comparison, points[-1])
    return {
        "change": words.change(comparison),
        "number": number,
        "can_tell": least,
        "values": [words.value(comparison, point["value"]) for point in points],
        "leasts": [words.change_and_can_tell(comparison, point)[1] for point in points],
        "form": words.form({**(comparison.get("primary") or {}), "unit": comparison.get("unit", "deg")}),
        "when": words.when(points[-1]["minutes_after"]),
    }
