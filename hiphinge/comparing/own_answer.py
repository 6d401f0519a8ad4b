"""The answer of a session's hip screen against the athlete's own baseline, where sessions were pinned.

summary.json does not know other sessions: a replay gives it bit for bit. So this comparison is made where results are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from body_signals import limits_with
from dashboards.tables import read_summary
from dsp.screen import read_tests, screen_of_tests
from hiphinge.comparing.courses import Tell, own_baseline
from ingest.heads import read_session_toml

_HEAD = "session.toml"


def screen_against_own(folder: Path, estimator: str, tell: Tell) -> Mapping[str, Any] | None:
    """The screen in the form of summary.json, its numbers compared with the baseline first and with the limits where there is
    none; None where no earlier session of the athlete is pinned."""
    own = own_baseline(folder, estimator, tell)
    if not own:
        return None
    limits = limits_with(read_session_toml(folder / _HEAD).screen_limits) if (folder / _HEAD).is_file() else None
    return screen_of_tests(read_tests(read_summary(folder, estimator)["screen"]["tests"]), limits, own).document()
