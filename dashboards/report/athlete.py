"""The athlete's page: one sentence, three pictures, what it means and what it does not tell, in plain words."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from body_signals.movements import BEND, KNEE_RAISE
from dashboards.notation import DASH
from dashboards.report.course import later_points
from dashboards.report.drawing import Pose, figure
from dashboards.report.facts import Facts
from dashboards.report.movements import SIDES, MovementSummary, Row
from dashboards.report.training import BOTH, done_words, headline
from dashboards.report.wording import Wording

_WITHIN_S = 0.15
"""Time around the deepest point over which a pose is averaged (ours)."""
_OF_THE_HIP = frozenset({"hip_peak_deg", "hip_extension_deg", "excursion_deg", "hip_rom_deg"})
"""Measures of which an athlete reads that the hip went further."""
MOST, HALF = 0.6, 0.4
"""Borders between most of the way, about half and the smaller part (ours)."""


@dataclass(frozen=True, slots=True)
class Posed:
    """A picture of a body with the words beneath; back: the lumbar part of the movement, NaN where it is not shown."""

    picture: Markup
    name: str
    number: str
    back: float = math.nan
    wide: bool = False

    @property
    def hundred(self) -> int:
        """The lumbar part of a hundred."""
        return round(100.0 * self.back)


def titles(facts: Facts, words: Wording) -> list[str]:
    """The answer to the athlete, in one or two short sentences."""
    if facts.training:
        return [f"{done_words(facts, words)}."] if facts.repetitions else [headline(facts, words)]
    code, side = facts.answer["code"], facts.answer.get("side") or ""
    key = f"athlete.{code}.{side}" if f"athlete.{code}.{side}" in words.words else f"athlete.{code}"
    return words.words.get(key, words.text("athlete.other")).split("|")


def paragraph(facts: Facts, words: Wording) -> str:
    """The same with its numbers."""
    said = []
    side = facts.answer.get("side") or ""
    hips = {one: facts.measure("knee_raise", "hip_peak_deg", one) for one in SIDES}
    told = {f"{one}_number": words.number(n.median, "deg") for one, n in hips.items()}
    if all(n.known for n in hips.values()):
        stops = side in SIDES and not facts.training
        said.append(words.text(f"athlete.knee.{side}" if stops else "athlete.knee", **told))
    share = facts.measure("bend", "lumbar_share_of_trunk").median
    bend = facts.group("bend")
    if not math.isfinite(share) and bend is not None:
        share = bend.median("lumbar_share_of_trunk")
    if math.isfinite(share):
        part = "most" if share > MOST else "half" if share >= HALF else "less"
        said.append(words.text(f"athlete.bend.{part}"))
    if (facts.answer.get("confidence") or "") == "low":
        said.append(words.text("athlete.not_sure"))
    if facts.training:
        groups = sorted((g for g in facts.groups if not g.side and g.movement != "bend"), key=lambda g: -len(g.rows))
        shares = [(g, g.median(BOTH)) for g in groups if math.isfinite(g.median(BOTH))][:2]
        said += [words.text("athlete.did", movement=words.kind(g.movement), back=words.number(v, "")) for g, v in shares]
    return " ".join(said)


def pictures(facts: Facts, words: Wording) -> list[Posed]:
    """Knee raises and the bend; of a training day the movements that were done most."""
    if facts.training:
        most = sorted((g for g in facts.groups if g.movement != "other"), key=lambda g: -len(g.rows))[:3]
        found = [_posed(facts, group, group.side, words) for group in most]
    else:
        found = []
        for test, side in ((KNEE_RAISE.name, "left"), (KNEE_RAISE.name, "right"), (BEND.name, "")):
            group = facts.group(test, side)
            found.append(_of_step(facts, test, side, words) if group is None else _posed(facts, group, side, words))
    return [one for one in found if one is not None]


def _posed(facts: Facts, group: MovementSummary, side: str, words: Wording) -> Posed | None:
    row = _middle(group, side)
    pose = _pose(facts, row["turn_s"]) if row is not None else None
    if row is None or pose is None:
        return None
    if side:
        number = facts.measure("knee_raise", "hip_peak_deg", side)
        value = number.median if number.known else group.median(f"hip_{side}_peak_deg")
        told = words.number(value, "deg")
        label = words.text("athlete.knee_label", hip=words.code("hip", side), number=told)
        return Posed(figure(pose, label), words.code("side", side), told)
    bend = group.movement == "bend"
    share = facts.measure("bend", "lumbar_share_of_trunk").median if bend else math.nan
    if not math.isfinite(share):
        share = group.median("lumbar_share_of_trunk" if bend else BOTH)
    name = words.kind(group.movement)
    label = words.text("athlete.share_label", movement=name, back=words.number(share, ""))
    # beside two knee raises there is room for a larger one
    wide = bend and not facts.training
    picture = figure(pose, label, width=250.0, lying=True) if wide else figure(pose, label, width=216.0)
    inside = math.isfinite(share) and 0.0 <= share <= 1.0
    return Posed(picture, name, "" if inside else DASH, share if inside else math.nan, wide)


def _of_step(facts: Facts, test: str, side: str, words: Wording) -> Posed | None:
    """A test that a protocol scored from its calibration, which has no repetitions: the deepest row of its step."""
    steps = (facts.summary.get("protocol") or {}).get("steps") or ()
    step = next((s for s in steps if (s["test"], s["side"]) == (test, side) and s["ended_s"] is not None), None)
    number = facts.measure(test, "hip_peak_deg" if side else "lumbar_share_of_trunk", side)
    if step is None or not number.known:
        return None
    time_s = facts.angles["time_s"]
    first, last = np.searchsorted(time_s, [step["begun_s"], step["ended_s"]])
    deep = facts.angles[f"hip_{side}_flexion_deg" if side else "trunk_inclination_deg"][int(first) : int(last)]
    if not np.isfinite(deep).any():
        return None
    pose = _pose(facts, float(time_s[int(first) + int(np.nanargmax(deep))]))
    if pose is None:
        return None
    if side:
        told = words.number(number.median, "deg")
        label = words.text("athlete.knee_label", hip=words.code("hip", side), number=told)
        return Posed(figure(pose, label), words.code("side", side), told)
    name = words.kind(test)
    label = words.text("athlete.share_label", movement=name, back=words.number(number.median, ""))
    return Posed(figure(pose, label, width=250.0, lying=True), name, "", number.median, wide=True)


def _middle(group: MovementSummary, side: str) -> Row | None:
    """The repetition nearest to the median: of the raised hip, else of the trunk."""
    name = f"hip_{side}_peak_deg" if side else "trunk_rom_deg"
    middle = group.median(name)
    rows = [row for row in group.counted if math.isfinite(row[name])]
    if not rows:
        return group.counted[-1] if group.counted else None
    return min(rows, key=lambda row: abs(row[name] - middle))


def _pose(facts: Facts, at_s: float) -> Pose | None:
    """The angles at the deepest point; None where nothing of the body was measured."""
    time_s = facts.angles["time_s"]
    near = slice(*(int(np.searchsorted(time_s, at_s + shift)) for shift in (-_WITHIN_S, _WITHIN_S)))

    def at(name: str) -> float:
        values = facts.angles[f"{name}_deg"][near]
        values = values[np.isfinite(values)]
        return float(values.mean()) if len(values) else math.nan

    pose = Pose(at("pelvis_tilt"), at("trunk_inclination"), at("thigh_left_inclination"), at("thigh_right_inclination"))
    return pose if any(map(math.isfinite, (pose.pelvis, pose.left, pose.right))) else None


def meaning(facts: Facts, words: Wording) -> str:
    """What it means, what it does not tell, and what comes next."""
    following = list(facts.answer.get("next") or ())[:1]
    said = [words.text("athlete.means")]
    said += [words.text("athlete.next", next=words.next(one, facts.done)) for one in following]
    return " ".join(said)


def since_treatment(facts: Facts, words: Wording) -> str:
    """The change in plain words; empty without a comparison."""
    comparison = facts.comparison
    if comparison is None:
        return ""
    points = later_points(comparison)
    before = comparison.get("before")
    unit = comparison.get("unit", "deg")
    hip = (comparison.get("primary") or {}).get("measure") in _OF_THE_HIP
    said = []
    for p in [points[0], points[-1]] if len(points) > 1 else points:
        value = p.get("value")
        if not isinstance(before, int | float) or not isinstance(value, int | float):
            continue
        way = ("further" if p.get("change_deg", 0.0) >= 0.0 else "less") if hip else "change"
        change = words.point_change(comparison, p).lstrip("+−") if hip else words.point_change(comparison, p)
        said.append(words.text(f"athlete.{way}", change=change, when=words.when(p.get("minutes_after"))))
    smallest = comparison.get("smallest_detectable_deg")
    if said and isinstance(smallest, int | float):
        said.append(words.text("athlete.can_be", smallest=words.at_least(smallest, unit)))
    return " ".join(said)
