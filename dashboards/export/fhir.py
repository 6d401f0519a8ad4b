"""FHIR R4: a bundle of Observations, one for each repetition and each report of pain.

The athlete is a pseudonym, given as an identifier and not as a Patient: whose it is, the receiving system knows or does not.
There is no published code for the lumbar share of a bend, so the codes of our quantities are our own, with the names of
docs/quantities.md; units are UCUM, pain has its LOINC code. A value that is missing says so (`dataAbsentReason`). Nothing is
interpreted: the program does not diagnose.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from body_signals import REPETITION_COLUMNS, flag_names
from dashboards.export.session import Choices, ExportedSession, Written
from dashboards.notation import movement_word
from on_disk import write_private

ATHLETE, QUANTITY, SESSION, VERSION = (f"urn:hiphinge:{word}" for word in ("athlete", "quantity", "session", "version"))
R4 = {
    "system": VERSION,
    "code": "fhir-4.0.1",
    "display": "FHIR R4 (4.0.1); checked against the models of R4B (4.3.0), which has the same Observation",
}
_UCUM, _LOINC = "http://unitsofmeasure.org", "http://loinc.org"
_CODES = {"": "1", "deg": "deg", "s": "s", "deg/s": "deg/s"}
_PAIN = {"system": _LOINC, "code": "72514-3", "display": "Pain severity - 0-10 verbal numeric rating [Score] - Reported"}
_EXAM = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "exam", "display": "Exam"}
_ABSENT = {"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown", "display": "Unknown"}
MEASURES = (
    *(
        f"{segment}_rom_{end}"
        for segment in ("lumbar", "pelvis", "trunk", "hip_left", "hip_right")
        for end in ("deg", "sd_deg")
    ),
    *(f"lumbar_share_of_trunk{on}{end}" for on in ("", "_on_thigh") for end in ("", "_sd", "_early", "_middle", "_late")),
    "onset_delay_s",
    "descent_s",
    "hold_s",
    "ascent_s",
)
"""The quantities of a repetition that are exported; all of them are in the CSV."""


def write_fhir(session: ExportedSession, folder: Path, _: Choices) -> Written:
    """The bundle of one session."""
    start = session.needs_start("a FHIR Observation")
    session.needs_athlete("a FHIR Observation")
    entries = [
        {"fullUrl": f"urn:uuid:{one['id']}", "resource": one} for one in (*_repetitions(session, start), *_pain(session, start))
    ]
    bundle = {
        "resourceType": "Bundle",
        "id": _id(session, "bundle"),
        "meta": {"tag": [R4]},
        "type": "collection",
        # an empty list is no FHIR
        **({"entry": entries} if entries else {}),
    }
    path = folder / f"{session.stem}-fhir.json"
    write_private(path, json.dumps(bundle, ensure_ascii=False, allow_nan=False, indent=1) + "\n")
    return Written([path], [] if entries else ["the session has neither repetitions nor reports of pain: the bundle is empty"])


def _repetitions(session: ExportedSession, start: datetime) -> Iterator[dict[str, Any]]:
    quantities = {q.name: q for q in REPETITION_COLUMNS}
    for row in session.repetitions().to_pylist():
        flags = flag_names(row["quality"])
        yield {
            **_head(session, f"repetition-{row['index']}"),
            "code": {
                "coding": [{"system": QUANTITY, "code": "repetition", "display": "one repetition of a movement"}],
                "text": movement_word(row["movement"]),
            },
            "effectivePeriod": {"start": _instant(start, row["start_s"]), "end": _instant(start, row["end_s"])},
            **({"note": [{"text": f"quality: {', '.join(flags)}"}]} if flags else {}),
            "component": [
                _component(quantities[name].description, name, quantities[name].unit, row[name]) for name in MEASURES
            ],
        }


def _component(words: str, name: str, unit: str, value: float) -> dict[str, Any]:
    found: dict[str, Any] = {"code": {"coding": [{"system": QUANTITY, "code": name}], "text": words}}
    if not math.isfinite(value):
        return found | {"dataAbsentReason": {"coding": [_ABSENT]}}
    # six digits: tables hold single precision
    amount = {"value": float(f"{value:.6g}"), "system": _UCUM, "code": _CODES[unit]}
    return found | {"valueQuantity": amount | ({"unit": unit} if unit else {})}


def _pain(session: ExportedSession, start: datetime) -> Iterator[dict[str, Any]]:
    for i, pain in enumerate(session.summary["pain"]):
        where = pain.get("where") or ""
        yield {
            **_head(session, f"pain-{i}"),
            "code": {"coding": [_PAIN], "text": "pain that the athlete reported"},
            "effectiveDateTime": _instant(start, pain["time_s"]),
            "valueQuantity": {"value": pain["level"], "unit": "score", "system": _UCUM, "code": "{score}"},
            **({"bodySite": {"text": where}} if where.strip() else {}),
        }


def _head(session: ExportedSession, which: str) -> dict[str, Any]:
    """What all Observations of a session share. A causal estimate is preliminary: the two-sided one takes its place."""
    return {
        "resourceType": "Observation",
        "id": _id(session, which),
        "meta": {"tag": [R4]},
        "identifier": [{"system": SESSION, "value": f"{session.name}/{session.estimator}/{which}"}],
        "status": "final" if session.estimator == "review" else "preliminary",
        "category": [{"coding": [_EXAM]}],
        "subject": {"identifier": {"system": ATHLETE, "value": session.athlete}, "display": session.athlete},
        "method": {"text": f"inertial sensors, estimator {session.estimator}"},
        "device": {"display": session.software or "hiphinge"},
    }


def _id(session: ExportedSession, which: str) -> str:
    """The same id whenever the same session is exported, so that a receiver takes it once."""
    words: Mapping[str, str] = {
        "athlete": session.athlete,
        "session": session.name,
        "estimator": session.estimator,
        "of": which,
    }
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{SESSION}?{json.dumps(words, sort_keys=True)}"))


def _instant(start: datetime, time_s: float) -> str:
    return (start.astimezone(UTC) + timedelta(seconds=time_s)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
