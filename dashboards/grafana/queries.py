"""InfluxQL for panels, from templates in which `<name>` stands for a field of the measurement.

Only what runs on InfluxDB 1.8, 2.x and 3.x: no integral, sample or SLIMIT, no division by a field (by zero it gives a
false 0), always a bound on time. Every column has a name (`AS`), which is what the panel shows and what the checks look for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from body_signals import ESTIMATORS
from body_signals.movements import KINDS, MOVEMENTS, SHARE_OF_TRUNK, SHARE_OF_TRUNK_ON_THIGH, MovementKind
from dashboards.influx.line_protocol import FIELDS, TAGS

SIDES = ("left", "right")
SHARES = (SHARE_OF_TRUNK, SHARE_OF_TRUNK_ON_THIGH)
FIXED_LISTS: Mapping[str, Sequence[str]] = {"movement": MOVEMENTS, "side": SIDES, "share": SHARES}
"""Variables whose values do not come from the data. `side` and `share` may stand in field names."""

BASELINE_DAYS = 28
"""Days before the time range that make the own baseline: the longer of the two trends that clinicians read (7 and 28)."""
TREND_DAYS = 42
"""Days of the trend from session to session: the six weeks over which the page and the report look back (ours)."""
PINNED_DAYS = 365
"""Days before the time range in which sessions can be pinned as baseline (ours)."""
PINNED_TIME = f"time >= ${{__from}}ms - {PINNED_DAYS}d AND time < ${{__from}}ms"
"""The time of pinned sessions."""
PINNED = '"session" =~ /^$baseline$/'
"""The sessions chosen as baseline: *before*, whatever was treated since."""
BEFORE = f"time >= ${{__from}}ms - {BASELINE_DAYS}d AND time < ${{__from}}ms"
"""The time of the own baseline, instead of the time range."""
NOW_S = 3
"""Largest age of a live value, s (ours)."""
JUST_NOW = f"$timeFilter AND time > now() - {NOW_S}s"

_OPEN_ENDED = "exposure_"
"""Fields of the session that are named after the summary's exposure; their names are tested against it."""
_NAME = re.compile(r"<([^<>=\s]+)>")
_PLACE = re.compile(r"\$\{(\w+)\}")


def spelled_out(name: str) -> list[str]:
    """The field names that a name with `${side}` or `${share}` in it can become."""
    found = _PLACE.search(name)
    if found is None:
        return [name]
    return [n for value in FIXED_LISTS[found[1]] for n in spelled_out(name.replace(found[0], value))]


def field(measurement: str, name: str) -> str:
    """A field's name in quotation marks. ValueError when the schema table has no such field."""
    known = {f.name for f in FIELDS[measurement]}
    for spelled in spelled_out(name):
        if spelled not in known and not (measurement == "session" and spelled.startswith(_OPEN_ENDED)):
            raise ValueError(f"{measurement} has no field {spelled!r}")
    return f'"{name}"'


def tag(measurement: str, name: str) -> str:
    """A tag's name in quotation marks. ValueError when the measurement does not have it."""
    if name not in TAGS[measurement]:
        raise ValueError(f"{measurement} has no tag {name!r}")
    return f'"{name}"'


def select(
    measurement: str,
    columns: Mapping[str, str],
    *,
    of: Sequence[str] = ("athlete", "session"),
    where: Sequence[str] = (),
    time: str = "$timeFilter",
    group: str = "",
    fill: str = "",
    last_first: bool = False,
    limit: int = 0,
) -> str:
    """A query. columns: name shown → expression; of: tags that a variable of the same name chooses.

    Estimators are never mixed: where there is that tag, it is one of the variable's. Repetitions and marks that were removed
    are left out.
    """
    shown = ", ".join(f'{_fields(measurement, expression)} AS "{name}"' for name, expression in columns.items())
    tags = (*of, "estimator") if "estimator" in TAGS[measurement] else tuple(of)
    conditions = [f"{tag(measurement, name)} =~ /^${name}$/" for name in tags]
    if measurement in ("repetition", "mark"):
        conditions.append(_fields(measurement, "<void> != true"))
    conditions += [_fields(measurement, words) for words in where]
    query = f'SELECT {shown} FROM "{measurement}" WHERE {" AND ".join([*conditions, time])}'
    query += f" GROUP BY {group}" if group else ""
    query += f" fill({fill})" if fill else ""
    query += " ORDER BY time DESC" if last_first else ""
    return query + (f" LIMIT {limit}" if limit else "")


def tag_values(measurement: str, name: str, chosen: Sequence[str] = ()) -> str:
    """The values of a tag, narrowed by the variables chosen before."""
    query = f'SHOW TAG VALUES FROM "{measurement}" WITH KEY = {tag(measurement, name)}'
    narrowed = " AND ".join(f"{tag(measurement, other)} =~ /^${other}$/" for other in chosen)
    return f"{query} WHERE {narrowed}" if narrowed else query


def _fields(measurement: str, words: str) -> str:
    return _NAME.sub(lambda found: field(measurement, found[1]), words)


def of_kind(*kinds: MovementKind | str) -> str:
    """The condition that a repetition is of one of these kinds."""
    each = [f"<movement> = '{kind if isinstance(kind, str) else kind.name}'" for kind in kinds]
    return each[0] if len(each) == 1 else f"({' OR '.join(each)})"


def of_no_kind(*kinds: MovementKind) -> str:
    """The condition that a repetition is of none of these kinds."""
    return " AND ".join(f"<movement> != '{kind.name}'" for kind in kinds)


THE_MOVEMENT = "<movement> =~ /^$movement$/"
"""The movements chosen. A movement kind is a field, because a person may correct it."""
THE_LEG = " AND ".join(f"(<movement> != '{kind.name}' OR <side> = '$side')" for kind in KINDS if kind.one_leg)
"""For a one-legged movement, the leg of the chosen hip: the two legs are never mixed."""
DEFAULT_ESTIMATOR = ESTIMATORS[-1]
