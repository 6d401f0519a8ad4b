"""Every number of the session in tables, for the screen: a reader who wants them opens them; paper names the files instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from body_signals import SCREEN_MEASURES, SET_FOR_SESSION, Quality, flag_names
from body_signals.movements import kind_of
from dashboards.answers import all_said_in, said_in
from dashboards.notation import DASH, THIGH, TRUNK, clock, kind_is_unsure, share_to_read, with_uncertainty
from dashboards.report.facts import Facts, left_out_of, side_of
from dashboards.report.front import Table, other_warnings
from dashboards.report.movements import THIRDS, Row, missing_shares, runs
from dashboards.report.wording import Wording


def repetitions(facts: Facts, words: Wording) -> Table:
    """Ranges, times and both shares of every repetition."""
    names = ("number", "movement", "at", "down", "hold", "up", "lumbar", "pelvis", "left", "right", "trunk", "thirds", "both")
    head = tuple(words.text(f"report.repetition.{name}") for name in (*names, "thirds", "note"))
    rows = tuple(_repetition(row, words) for row in facts.repetitions)
    thirds = [i for i, name in enumerate((*names, "thirds", "note")) if name == "thirds"]
    # alone on its card a column of thirds has to say of what
    cards = tuple(f"{head[i - 1]}, {told}" if i in thirds else told for i, told in enumerate(head))
    return Table(head, rows, frozenset({0, *range(2, 14)}), names=cards)


def _repetition(row: Row, words: Wording) -> tuple[str, ...]:
    name = words.kind(row["movement"], side_of(row))
    times = [words.decimals(with_uncertainty(row[f"{part}_s"])) for part in ("descent", "hold", "ascent")]
    if kind_of(row["movement"]).one_way:
        times[-1] = DASH
    ranges = [
        words.decimals(with_uncertainty(row[f"{s}_rom_deg"], row[f"{s}_rom_sd_deg"]))
        for s in ("lumbar", "pelvis", "hip_left", "hip_right")
    ]
    shares = []
    for share in (TRUNK, THIGH):
        thirds = [with_uncertainty(row[f"{share}_{third}"], scale=100.0, decimals=0) for third in THIRDS]
        whole = words.decimals(with_uncertainty(row[share], row[f"{share}_sd"], scale=100.0, decimals=0))
        shares += [whole, " ".join(thirds) if set(thirds) != {DASH} else DASH]
    unsure = " ?" if kind_is_unsure(row["movement_confidence"]) else ""
    note = words.flags(flag_names(row["quality"])) or DASH
    return (str(row["index"] + 1), name + unsure, clock(row["start_s"]), *times, *ranges, *shares, note)


def share_read(facts: Facts) -> list[str]:
    """Which share is the one to read in each repetition."""
    return [share_to_read(row["movement"]) for row in facts.repetitions]


def screen(facts: Facts, words: Wording) -> Table:
    """Every number of every test beside its limits."""
    head = tuple(words.text(f"report.screen.{name}") for name in ("what", "value", "count", "limit", "compared", "source"))
    known = {(m.test, m.side, m.name): m for m in SCREEN_MEASURES}
    rows = []
    for test in facts.summary["screen"]["tests"]:
        for name, measure in test["measures"].items():
            place = (test["test"], test["side"], name)
            compared = [e for e in facts.summary["screen"]["limits"] if (e["test"], e["side"], e["measure"]) == place]
            of = (test["repetitions"] or 0) + sum(left_out_of(test).values())
            count = measure["repetitions"] or 0
            rows.append(
                (
                    words.measure(test["test"], name, test["side"]),
                    _value(known.get(place), measure, words),
                    str(count) if count == of else words.text("report.of", count=count, of=of),
                    "; ".join(_limit(e, words) for e in compared) or DASH,
                    "; ".join(_verdict(e, words) for e in compared) or DASH,
                    "; ".join(dict.fromkeys(_source(e, words) for e in compared)) or DASH,
                )
            )
    return Table(head, tuple(rows), frozenset({1, 2, 3}))


def _value(known: Any, measure: Mapping[str, Any], words: Wording) -> str:
    if not measure["valid"]:
        return words.text("report.not_scored_short")
    median, spread = measure["median"], measure["spread"]
    if median is None or known is None:
        return DASH
    return words.measured({"test": known.test, "measure": known.name, "unit": known.unit}, median, spread)


def _limit(entry: Mapping[str, Any], words: Wording) -> str:
    return words.text("report.above" if entry["above"] else "report.below", limit=words.measured(entry, entry["limit"]))


def _verdict(entry: Mapping[str, Any], words: Wording) -> str:
    verdict = words.text("report.beyond" if entry["beyond"] else "report.not_beyond")
    return f"{verdict}, {words.text('report.borderline')}" if entry["borderline"] else verdict


def _source(entry: Mapping[str, Any], words: Wording) -> str:
    if entry.get("proposal"):
        return words.text("source.proposal")
    if entry.get("compared_with") == "own_baseline":
        return words.own_baseline(str(entry["source"]))
    return words.text("source.user") if entry["source"] == SET_FOR_SESSION else words.source(entry["source"])


def left_out(facts: Facts, words: Wording) -> list[str]:
    """Tests that were not scored, and the repetitions that are not in the numbers of the others, each with its reason."""
    said = []
    for test in facts.summary["screen"]["tests"]:
        if not test["test"]:
            continue
        name = words.test(test["test"], test["side"])
        reasons = [f"{n} {words.reason_left_out(why)}" for why, n in left_out_of(test).items()]
        if not test["valid"]:
            reasons.insert(0, words.text("report.too_few", count=test["repetitions"]))
        if reasons:
            said.append(f"{name}: {', '.join(reasons)}")
    return said


def missing(facts: Facts, words: Wording) -> list[str]:
    """Shares that are missing although their angles are there."""
    return [
        words.text(
            "report.missing_share",
            share=words.text(f"report.share_{share}"),
            why=words.words.get(f"no_share.{why.replace(' ', '_')}", why),
            numbers=runs(numbers),
        )
        for share, why, numbers in missing_shares(facts.repetitions)
    ]


def flags(facts: Facts, words: Wording) -> list[tuple[str, str]]:
    """The quality flags that occur, and what each means."""
    seen = 0
    for row in facts.repetitions:
        seen |= row["quality"]
    names = [flag.name.lower() for flag in Quality if flag & seen and flag.name is not None]
    return [(words.code("flag", name), words.words.get(f"flag_means.{name}", "")) for name in names]


def calibration(facts: Facts, words: Wording) -> list[tuple[str, str, str]]:
    """What the alignment of each sensor rests on: language, place, sentences."""
    found = []
    for place, alignment in facts.summary["calibration"].items():
        reasons = alignment.get("reasons") or []
        language, told = all_said_in(words.language, "; ".join([*filter(None, [alignment.get("method")]), *reasons]))
        found.append((language, words.code("place", place), told))
    return found


def messages(facts: Facts, words: Wording) -> list[tuple[str, str]]:
    """What the program warned of, and where marks and notes stand: language, sentence."""
    return [said_in(words.language, warning) for warning in other_warnings(facts.summary)]
