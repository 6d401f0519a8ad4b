"""The answer of a session's hip screen against the athlete's own baseline, where sessions were pinned; and a retest's change.

summary.json does not know other sessions: a replay gives it bit for bit. So this comparison is made where results are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from body_signals import BASELINE, DIVIDING, ESTIMATORS, UNKNOWN_ATHLETE, HiphingeError, limits_with, retested
from dashboards.tables import SUMMARY, read_summary
from dsp.screen import read_tests, screen_of_tests
from ingest.heads import read_session_toml
from on_disk import read_bytes

Own = Mapping[tuple[str, str, str], Any]
"""The athlete's own baseline: expected range by number of the screen (`dsp.comparison.Baseline`)."""
Tell = Callable[[str], None]
_HEAD = "session.toml"
_MOST_BYTES = 16 << 20
"""Largest summary, bytes (ours, as in `on_disk`)."""


def screen_against_own(folder: Path, estimator: str, tell: Tell) -> Mapping[str, Any] | None:
    """The screen in the form of summary.json, its numbers compared with the baseline first and with the limits where there is
    none; None where no earlier session of the athlete is pinned."""
    summary = read_summary(folder, estimator)
    if not summary["start"]:
        return None
    own = own_before(folder, summary["athlete"], datetime.fromisoformat(summary["start"]), estimator, tell)
    said = read_session_toml(folder / _HEAD).screen_limits if own and (folder / _HEAD).is_file() else {}
    return against(summary["screen"], said, own)


def own_before(folder: Path, athlete: str, start: datetime, estimator: str, tell: Tell) -> Own:
    """The athlete's own baseline for a session in `folder`, which need not be there yet: the earlier sessions beside it that
    were pinned; empty without any."""
    occasions = occasions_before(folder, athlete, start, estimator, tell)
    if not occasions:
        return {}
    from dsp.comparison import baseline

    return baseline(occasions)


def occasions_before(folder: Path, athlete: str, start: datetime, estimator: str, tell: Tell) -> Sequence[Any]:
    """The occasions (`dsp.comparison.Occasion`) of which `own_before` is made: a retest is compared with them too."""
    if athlete == UNKNOWN_ATHLETE or not any(map(_may_be_pinned, _beside(folder.absolute().parent))):
        # the statistics take seconds to import
        return ()
    from hiphinge.comparing.courses import own_occasions_of

    return own_occasions_of(folder, athlete, start, estimator, tell)


def against(screen: Mapping[str, Any], session_limits: Mapping[str, float], own: Own) -> Mapping[str, Any] | None:
    """A screen in the form of summary.json, compared with this baseline; None without one."""
    if not own:
        return None
    return screen_of_tests(read_tests(screen["tests"]), limits_with(session_limits), own).document()


def retest_comparison(folder: Path, estimator: str, tell: Tell, *, held: bool = False) -> Mapping[str, Any] | None:
    """The comparison of a session with the one that it retests, where a mark names it, or else of its own parts, where marks or
    protocols divide it; None for any other session. held: this program holds the folder's lock."""
    summary = read_summary(folder, estimator)
    labels = [str(mark["label"]).strip() for mark in summary["marks"]]
    # the statistics take seconds to import
    if any(map(retested, labels)):
        from hiphinge.comparing.courses import with_the_retested

        return with_the_retested(folder, estimator, tell, held=held)
    if (summary.get("protocol") or {}).get("further") or any(label.lower() in DIVIDING for label in labels):
        from hiphinge.comparing.courses import with_itself

        return with_itself(folder, estimator, tell, held=held)
    return None


def _beside(place: Path) -> list[Path]:
    try:
        return list(place.iterdir())
    except OSError:  # no such folder yet
        return []


def _may_be_pinned(folder: Path) -> bool:
    """Whether a folder's summary has a mark that pins it as baseline; whether it counts is for `own_baseline` to say."""
    for estimator in ESTIMATORS:
        try:
            if f'"{BASELINE}'.encode() in read_bytes(folder / estimator / SUMMARY, _MOST_BYTES):
                return True
        except (HiphingeError, OSError):
            continue
    return False
