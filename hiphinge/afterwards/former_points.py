"""Values in InfluxDB that were sent before a session's athlete or start was corrected: removed, and their number said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from body_signals import HiphingeError
from dashboards.influx import Former, InfluxSettings, delete_former, keep_former
from hiphinge.afterwards import ties


def remove_former(
    session: Path,
    former: Former,
    influx: InfluxSettings,
    among: Path | None,
    told: Callable[[str], None],
    *,
    keep: bool = False,
) -> int:
    """Delete the values that were sent before athlete or start were corrected; returns their number. keep: leave them there.
    among: further folders in which another session may be sent under the former names. `told` is called with a message."""
    other = ties.namesake(session, former.who, among)
    if other is not None or keep:
        why = f"{other} is sent under these names" if other is not None else "as you wish"
        told(f"{session.name}: what is in InfluxDB under the former {former.words} stays: {why}")
        keep_former(session, former)
        return 0
    try:
        removed = delete_former(session, former, influx)
    except HiphingeError as error:
        remedy = f"{error.remedy}; or leave it there: --keep-former; nothing was sent"
        what = f"what was sent under the former {former.words} cannot be deleted: {error.what}"
        raise HiphingeError(what, str(session), remedy) from None
    told(f"{session.name}: {removed} values that were sent under the former {former.words} are deleted, counted again: 0 left")
    return removed
