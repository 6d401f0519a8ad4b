"""The ledger: what was acknowledged, and of whom; a damaged one only means that all is sent again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dashboards.influx.ledger import Identity, Ledger


def test_the_ledger_survives_damage(tmp_path: Path) -> None:
    ledger = Ledger({"live": "abc"}, {"live": {("repetition,athlete=a", 5), ("repetition,athlete=a", 7)}}, {"live": [1, 2]})
    ledger.write(tmp_path)
    assert Ledger.read(tmp_path) == ledger
    who, before = Identity("a", "evening", "2026-11-23T14:05:00Z"), {Identity("a", "x"), Identity("b", "y")}
    whole = replace(ledger, of=who, former=before, software={"live": "hiphinge 0.1.0"}, points={"angles": {"live": 25}})
    whole.write(tmp_path)
    assert Ledger.read(tmp_path) == whole
    (tmp_path / "ledger.json").write_text('{"complete": {}, "repetitions": {}, "states": {}}')
    assert Ledger.read(tmp_path) == Ledger(), "as it was before it said whose it is"
    (tmp_path / "ledger.json").write_text("[1")
    assert Ledger.read(tmp_path) == Ledger()
