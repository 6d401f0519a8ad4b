"""Answer, reasons, confidence, change and next test as sentences of one language.

Documents are those of summary.json (`screen.answer`) and of a comparison; a number that is missing becomes a dash.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from body_signals import SCREEN_MEASURES
from dashboards.answers.catalogue import catalogue
from dashboards.answers.document import answer_of
from dashboards.notation import DASH, ROUNDING, uncertainty, with_uncertainty

Document = Mapping[str, Any]
NO_BREAK = "\N{NO-BREAK SPACE}"
_POINTS = frozenset((m.test, m.name) for m in SCREEN_MEASURES if m.points)
_SOON_MIN, _HOURS_MIN, _DAY_MIN = 10.0, 180.0, 24 * 60.0
"""Up to here a later measurement is *after*, is told in minutes, and the length of a day, minutes (ours)."""


SLOPES = frozenset({"slack_slope_after"})
"""Numbers without a unit that are no parts of a whole."""
_SLOPE_DECIMALS = 2
STORED = 2e-4
"""A document's numbers have four decimals: a difference of two of them is known to this."""


@cache
def sentences(language: str) -> Sentences:
    """The sentences of `en` or `de`; ValueError for another language."""
    return Sentences(language, catalogue(language))


MOST_NEXT = 2
"""Tests that are named as the next ones (ours)."""
_SIDES = ("left", "right")
_UNTESTED = {("knee_raise", ""), ("rock_back", "")}
"""What is to be done next where neither hip was tested."""
ALIKE_DEG = 5.0
"""Rock-backs whose hips differ by less do not tell the sides apart, degrees (ours)."""
DIFFERENCE = "hip_difference_deg"
"""The one measure with a sign that is no direction of the body."""


@dataclass(frozen=True, slots=True, eq=False)
class Sentences:
    """Sentences of one language from its catalogue."""

    language: str
    words: Mapping[str, str]

    def text(self, key: str, **values: object) -> str:
        """The text of a key with its values. KeyError for a key that the catalogue does not have."""
        return self.words[key].format(**values)

    def code(self, family: str, code: object) -> str:
        """The word for a code of a family; one that is newer than the catalogue as words."""
        return self.words.get(f"{family}.{code}") or str(code or DASH).replace("_", " ")

    def answer(self, document: Document, done: Collection[tuple[str, str]] | None = None) -> str:
        """The headline: one sentence. One test alone is followed by what to do next; done: as in `next`."""
        told, following = self.pointing(document), document.get("next") or ()
        if document["code"] != "one_test" or not following:
            return told
        return self.text("answer.next", answer=told, next=self.next(following[0], done))

    def pointing(self, document: Document) -> str:
        """The answer without what to do next."""
        code = document["code"]
        if f"answer.{code}" not in self.words:
            return _capital(f"{self.code('pattern', code)}.")
        if (
            code == "not_tested"
            and not {(one["code"], one.get("side") or "") for one in document.get("next") or ()} >= _UNTESTED
        ):
            code = "partly_tested"
        return self.text(f"answer.{code}", points_to=self.code("points", document.get("points_to")))

    def confidence(self, document: Document) -> str:
        """The confidence of an answer with its reason: ``high: three tests that share no number agree``."""
        sure, exercises = document.get("confidence") or "", int(document.get("exercises") or 0)
        if not sure:
            return self.words.get(f"confidence.{document['code']}") or self.text("confidence.none")
        why = (
            self.text("confidence.agree", count=self.code("number", exercises))
            if exercises > 1
            else self.text("confidence.one")
        )
        if sure != "high" and exercises > 1 and any(r.get("borderline") for r in document.get("reasons") or ()):
            why = f"{why}, {self.text('confidence.borderline')}"
        return self.text("confidence.sentence", confidence=self.code("confidence", sure), why=why)

    def reason(self, document: Document) -> str:
        """A number for or against the answer, with the limit and whose limit it is; a small beginning."""
        test, measure, side = document["test"], document["measure"], document.get("side") or ""
        value = document.get("number")
        # left minus right: what differs has no sign
        size = abs(value) if measure == DIFFERENCE and isinstance(value, int | float) else value
        number = self.measured(document, size, document.get("sd"))
        key = f"reason.{test}.{measure}" + (".not" if document.get("at_least") else "")
        values = {"number": number, "hip": self.code("hip", side) if side else self.text("hip.")}
        if key in self.words:
            told = self.text(key, **values)
        else:
            told = self.text("reason.other", measure=self.measure(test, measure, side), number=number)
        if document.get("limit") is None:
            return told
        whose = "own_baseline" if document.get("compared_with") == "own_baseline" else ""
        whose = whose or ("proposal" if document.get("proposal") else "limit")
        told = self.text(f"reason.{whose}", reason=told, limit=self.measured(document, document["limit"]))
        return self.text("reason.borderline", reason=told) if document.get("borderline") else told

    def against(self, screen: Document) -> list[str]:
        """What speaks against the answer of a screen: its numbers; and the rock-back, where it does not tell the hips apart
        though a side is named."""
        answer = answer_of(screen)
        told = [self.reason(reason) for reason in answer.get("against") or ()]
        if answer.get("side") in _SIDES and _rock_backs_alike(screen):
            told.append(self.text("side.alike", test=self.test("rock_back")))
        return told

    def test(self, name: str, side: str = "") -> str:
        """A test as a noun, with its side: ``knee raise left``."""
        word = self.code("test", name)
        return self.text("test.side", test=word, side=self.code("side", side)) if side else word

    def measure(self, test: str, measure: str, side: str = "") -> str:
        """What a number is, with its side."""
        word = self.words.get(f"measure.{test}.{measure}") or f"{measure.replace('_', ' ')}, {self.test(test)}"
        return f"{word}, {self.code('side', side)}" if side else word

    def next(self, document: Document, done: Collection[tuple[str, str]] | None = None) -> str:
        """What to do next: ``repeat the rock-back``. done: the tests that were done, with their sides; all unless given."""
        code, side = document["code"], document.get("side") or ""
        again = done is None or any(test == code and side in ("", of) for test, of in done)
        key, own = "next.repeat" if again else "next.do", f"next.{code}"
        if own in self.words:
            return self.text(own, hip=self.code("hip", side), side=self.code("side", side) if side else "")
        return self.text(key, test=self.test(code, side))

    def following(self, document: Document, done: Collection[tuple[str, str]] | None = None) -> str:
        """What to do next after an answer: its first two tests, ``repeat the rock-back; then do the squat``; empty without."""
        told = [self.next(one, done) for one in document.get("next") or ()][:MOST_NEXT]
        return self.text("next.then", first=told[0], second=told[1]) if len(told) == MOST_NEXT else "".join(told)

    def change(self, document: Document) -> str:
        """A comparison in one sentence: the change, when, and whether it is more than the measurement can tell."""
        points_ = document.get("points") or ()
        last = {**(points_[-1] if points_ else {}), "change_deg": document.get("change_deg"), "label": document.get("label")}
        return self._changed(document, {**last, "smallest_detectable_deg": document.get("smallest_detectable_deg")})

    def point(self, document: Document, point: Document) -> str:
        """One later measurement of a comparison, in the same words."""
        return self._changed(document, point)

    def value(self, document: Document, value: object) -> str:
        """A value of a comparison's number, as finely as its changes are told."""
        primary = {**(document.get("primary") or {}), "unit": document.get("unit", "deg")}
        return self.measured(primary, value, finer=self._finer(document))

    def point_change(self, document: Document, point: Document) -> str:
        """The change at a measurement of a comparison, with its sign."""
        return self.change_and_can_tell(document, point)[0]

    def before_after(self, document: Document) -> tuple[str, str, str]:
        """A number before and after, and its change: that of the figures shown. All have a decimal more where whole ones would
        say another change than was measured."""
        before, after, unit = document.get("before"), document.get("after"), document.get("unit")
        finer = int(not _adds_up(before, after, _number(after) - _number(before), unit))
        change = _between(before, after, unit, finer)
        values = [self.measured(document, value, finer=finer) for value in (before, after)]
        return values[0], values[1], self.changed_by(change, unit, finer, measure=document.get("measure"))

    def when(self, minutes: object) -> str:
        """Time since the treatment in words: ``after``, ``at 60 min``, ``next day``."""
        after = _number(minutes)
        if not math.isfinite(after) or after <= _SOON_MIN:
            return self.text("when.after")
        if after < _HOURS_MIN:
            return self.text("when.minutes", minutes=round(after / 5.0) * 5)
        if after < 0.75 * _DAY_MIN:
            return self.text("when.hours", hours=round(after / 60.0))
        days = round(after / _DAY_MIN)
        return self.text("when.next_day") if days <= 1 else self.text("when.days", days=days)

    def measured(self, document: Document, value: object, sd: object = None, finer: int = 0) -> str:
        """A number of a test in its unit, with its uncertainty where that is known: ``76 ± 1°``, ``82 %``, ``−0,26 s``,
        ``+12 points`` for a difference of shares, ``1.35`` for a slope. finer: further decimals."""
        form = self.form(document)
        if form == "slope":
            return self.decimals(with_uncertainty(_number(value), _number(sd), decimals=_SLOPE_DECIMALS + finer))
        return self.number(value, document.get("unit"), sd, difference=form == "points", finer=finer)

    def form(self, document: Document) -> str:
        """How a number of a test is written: ``slope``, ``points``, ``percent``, or its unit."""
        if document.get("measure") in SLOPES:
            return "slope"
        if (document.get("test"), document.get("measure")) in _POINTS:
            return "points"
        return str(document.get("unit") or "percent")

    def number(self, value: object, unit: object, sd: object = None, *, difference: bool = False, finer: int = 0) -> str:
        """A number of `unit` (``deg``, ``s``, or none for a share); difference: of two shares, in points. finer: further
        decimals."""
        number, uncertain = _number(value), _number(sd)
        if not math.isfinite(number):
            return DASH
        told = with_uncertainty(number, uncertain, scale=_scale(unit), decimals=_decimals(unit) + finer)
        if difference:
            return self._difference(_signed(told), unit)
        if unit in ("", None):
            return f"{self.decimals(told)}{NO_BREAK}%"
        return self._difference(told, unit)

    def changed_by(self, value: object, unit: object, finer: int = 0, *, measure: object = None) -> str:
        """A change with its sign: ``+11°``, ``−62 points``, ``+0.12`` of a slope. finer: further decimals."""
        number = _number(value)
        if not math.isfinite(number):
            return DASH
        if measure in SLOPES:
            return self.decimals(_signed(with_uncertainty(number, decimals=_SLOPE_DECIMALS + finer)))
        return self._difference(_signed(with_uncertainty(number, scale=_scale(unit), decimals=_decimals(unit) + finer)), unit)

    def decimals(self, text: str) -> str:
        """Numbers as this language writes them: a decimal comma in German, and no break around ±."""
        text = text.replace(" ± ", f"{NO_BREAK}±{NO_BREAK}")
        return text.replace(".", ",") if self.language == "de" else text

    def at_least(self, value: object, unit: object, finer: int = 0) -> str:
        """What a measurement can tell, rounded up as an uncertainty is: ``4°``. finer: further decimals."""
        told = uncertainty(_scale(unit) * _number(value), _decimals(unit) + finer)
        return told if told == DASH else self._difference(told, unit)

    def change_and_least(self, change: object, least: object, unit: object, finer: int = 0) -> tuple[str, str]:
        """A change, and what the measurement can tell: both to one decimal more where whole numbers would not show which of
        them is larger, or as `finer` asks."""
        size, told = abs(_number(change)), _number(least)
        if not finer and math.isfinite(size) and math.isfinite(told):
            step = _scale(unit) * 10.0 ** _decimals(unit)
            shown = round(size * step) > math.ceil(told * step - ROUNDING)
            finer = int(shown != (size > told))
        return self.changed_by(change, unit, finer), self.at_least(least, unit, finer)

    def _difference(self, told: str, unit: object) -> str:
        """A difference in its unit; of two shares in points."""
        if unit == "deg":
            return f"{self.decimals(told)}°"
        if unit in ("", None):
            one = told.lstrip("+−") == "1"
            return self.text("number.point" if one else "number.points", number=f"{self.decimals(told)}{NO_BREAK}")
        return f"{self.decimals(told)}{NO_BREAK}{unit}"

    def _finer(self, document: Document) -> int:
        """One where some change of a comparison would not be that of the whole figures beside it."""
        before, unit = document.get("before"), document.get("unit", "deg")
        later = [p for p in document.get("points") or () if p.get("label")]
        return int(
            any(
                _is_difference(before, p) and not _adds_up(before, p.get("value"), _number(p.get("change_deg")), unit)
                for p in later
            )
        )

    def change_and_can_tell(self, document: Document, point: Document) -> tuple[str, str]:
        """The change at a measurement of a comparison, and what the measurement can tell. Where a change is the difference of
        two values, it is that of the figures shown."""
        unit, finer, change = document.get("unit", "deg"), self._finer(document), point.get("change_deg")
        if finer and _is_difference(document.get("before"), point):
            change = _between(document.get("before"), point.get("value"), unit, finer)
        return self.change_and_least(change, _least(document, point), unit, finer)

    def _changed(self, document: Document, point: Document) -> str:
        when, label = self.when(point.get("minutes_after")), point.get("label")
        if not math.isfinite(_number(point.get("change_deg"))):
            return self.text("change.missing", when=when)
        known = f"change.{label}" in self.words and math.isfinite(_number(_least(document, point)))
        told, smallest = self.change_and_can_tell(document, point)
        return self.text(f"change.{label}" if known else "change.unknown", change=told, when=when, smallest=smallest)


def _least(document: Document, point: Document) -> object:
    """What can be told at a measurement of a comparison, as at the last one where it does not say; None where nothing can."""
    return point.get("smallest_detectable_deg", document.get("smallest_detectable_deg"))


def _rock_backs_alike(screen: Document) -> bool:
    """Whether both hips were compared in the rock-back, and gave alike."""
    if not any((e["test"], e["measure"]) == ("rock_back", "excursion_deg") for e in screen.get("limits") or ()):
        return False
    measured = {t["side"]: t["measures"].get("excursion_deg") or {} for t in screen["tests"] if t["test"] == "rock_back"}
    known = [_number(m.get("median")) for side, m in measured.items() if side in _SIDES and m.get("valid")]
    return len(known) == len(_SIDES) and abs(known[0] - known[1]) < ALIKE_DEG


def _scale(unit: object) -> float:
    """Shares are told in percent."""
    return 100.0 if unit in ("", None) else 1.0


def _decimals(unit: object) -> int:
    return 0 if unit in ("deg", "", None) else 2 if unit == "s" else 1


def _signed(told: str) -> str:
    """A plus before what is more than nothing."""
    return told if told.startswith("−") or not float(told.partition(" ")[0]) else f"+{told}"


def _shown(value: object, unit: object, finer: int) -> float:
    """A number in steps of its last decimal shown; NaN where it is missing."""
    decimals = _decimals(unit) + finer
    told = with_uncertainty(_number(value), scale=_scale(unit), decimals=decimals)
    return math.nan if told == DASH else round(float(told.replace("−", "-")) * 10.0**decimals)


def _between(before: object, after: object, unit: object, finer: int) -> float:
    """The change from one figure shown to the other, in the unit; NaN where one is missing."""
    steps = _shown(after, unit, finer) - _shown(before, unit, finer)
    return steps / _scale(unit) / 10.0 ** (_decimals(unit) + finer)


def _adds_up(before: object, after: object, change: float, unit: object) -> bool:
    """Whether the change is that of the figures where all are shown as usual; also where one is missing."""
    steps = _shown(after, unit, 0) - _shown(before, unit, 0)
    return math.isnan(steps) or steps == _shown(change, unit, 0)


def _is_difference(before: object, point: Document) -> bool:
    """Whether the change at a point is its value less the one before; with a baseline it is another."""
    return abs(_number(point.get("value")) - _number(before) - _number(point.get("change_deg"))) <= STORED


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
