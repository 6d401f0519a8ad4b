"""docs/quantities.md is the page that the tables generate."""

from __future__ import annotations

import pytest

from body_signals.quality import Quality
from body_signals.quantities import (
    ANGLE_COLUMNS,
    ORIENTATION_COLUMNS,
    REPETITION_COLUMNS,
    SUMMARY_KEYS,
    Quantity,
    Storage,
)
from dashboards import reference
from dashboards.influx.line_protocol import FIELDS
from dashboards.reference import quantities_page
from tests.conftest import ROOT


def test_the_file_equals_what_the_tables_generate() -> None:
    page = (ROOT / "docs" / "quantities.md").read_text("utf-8")
    assert page == quantities_page(), "run: python -m dashboards.reference > docs/quantities.md"


def test_every_name_has_its_row() -> None:
    rows = [line.split(" | ")[0].removeprefix("| ") for line in quantities_page().splitlines() if line.startswith("| `")]
    expected = [q.name for q in (*ANGLE_COLUMNS, *ORIENTATION_COLUMNS, *REPETITION_COLUMNS, *SUMMARY_KEYS)]
    expected += [flag.name.lower() for flag in Quality]
    expected += [f.name for fields in FIELDS.values() for f in fields]
    assert rows == [f"`{name}`" for name in expected]


def test_tables_are_rectangular() -> None:
    for block in quantities_page().split("\n\n"):
        if block.startswith("|"):
            assert len({line.replace("\\|", "").count("|") for line in block.strip().splitlines()}) == 1


def test_a_column_that_came_later_says_since_when(monkeypatch: pytest.MonkeyPatch) -> None:
    ease = Quantity("ease", "deg", Storage.FLOAT32, "how easy it was", since="9.0.0")
    monkeypatch.setattr(reference, "REPETITION_COLUMNS", (*REPETITION_COLUMNS, ease))
    assert "| `ease` | deg | float32 | how easy it was (since 9.0.0; missing in older files) |" in quantities_page()
    assert quantities_page().count("missing in older files") == 1
