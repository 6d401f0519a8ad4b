"""The metrics of a repetition: shares by thirds, onsets, coordination, slack, holds."""

from dsp.rhythm.share_now import LatestRows, ShareNow

__all__ = ["LatestRows", "ShareNow"]
