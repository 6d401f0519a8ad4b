"""A report names its athlete in every language, so that `hiphinge forget` finds it wherever it lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards.report import write_report
from hiphinge.forgetting.signs import whose
from tests.dashboards.synthetic_results import write_session


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("audience", ["physio", "athlete"])
@pytest.mark.parametrize("start", ["2026-11-23T14:05:00Z", None])
def test_its_athlete_is_read_from_its_title(tmp_path: Path, language: str, audience: str, start: str | None) -> None:
    session = write_session(tmp_path / "s", "live", seconds=20, athlete="Zoë, 23.11.2026 <b>", start=start)
    report = write_report(session, tmp_path / "r.html", language=language, audience=audience)
    assert whose(report).athletes == {"Zoë, 23.11.2026 <b>"}
