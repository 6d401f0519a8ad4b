"""The contents of InfluxDB for a session, in a few small questions; nothing here writes.

Where it cannot be asked, that is a `CannotAsk`, and the caller must say so: it is no proof of anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from body_signals import HiphingeError
from dashboards.influx.influxql import InfluxQL, text_in
from dashboards.influx.ledger import Identity
from dashboards.influx.line_protocol import TAGS
from dashboards.influx.sending.refusals import InfluxError
from dashboards.influx.sending.sender import InfluxSettings, influx_service

_COUNTED: dict[str, tuple[str, ...]] = {
    "angles": ("quality",),
    "session": ("repetitions",),
    "screen": ("notes",),
    "mark": ("label",),
    "sensor_health": ("samples", "minute_samples"),
}
"""Fields of which every point has exactly one, so that counting them counts points. Repetitions are asked for one by one."""
_TIMEOUT_S = 60.0
"""Time for an answer: counting years of points takes a while (ours)."""


class CannotAsk(HiphingeError):
    """InfluxDB does not answer, or may not be asked."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Asks one InfluxDB."""

    settings: InfluxSettings

    def repetitions(self, who: Identity, span: tuple[int, int]) -> dict[str, dict[int, bool]]:
        """By estimator, the timestamps (ns) of a session's repetitions in `span` (ns), and whether each is void."""
        statement = f'SELECT "void" FROM "repetition" WHERE {_of(who, span)} GROUP BY "estimator"'
        with self._asked() as asked:
            found: dict[str, dict[int, bool]] = {}
            for one in asked.series(statement, columns=("time", "void"), tags=("estimator",)):
                voids = map(bool, one.column("void"))
                found.setdefault(one.tags["estimator"], {}).update(zip(one.column("time"), voids, strict=True))
            return found

    def counts(self, who: Identity, span: tuple[int, int], measurements: Iterable[str]) -> dict[str, dict[str, int]]:
        """By measurement and last tag, how many points of a session there are in `span` (ns)."""
        found: dict[str, dict[str, int]] = {}
        with self._asked() as asked:
            for measurement in measurements:
                last = TAGS[measurement][-1]
                wanted = ", ".join(f'count("{name}")' for name in _COUNTED[measurement])
                statement = f'SELECT {wanted} FROM "{measurement}" WHERE {_of(who, span)} GROUP BY "{last}"'
                found[measurement] = {one.tags[last]: one.counted for one in asked.series(statement, tags=(last,))}
        return found

    def sessions_besides(self, athlete: str) -> set[str]:
        """Names of the sessions that any points have whose athlete is another one, or none."""
        statement = f"""SHOW TAG VALUES WITH KEY = "session" WHERE "athlete" != {text_in(athlete)}"""
        with self._asked() as asked:
            return {str(value) for one in asked.series(statement, columns=("value",)) for value in one.column("value")}

    def athletes_of(self, session: str) -> dict[str, int]:
        """Number of values under a session's name, by athlete; athletes without any are left out."""
        with self._asked() as asked:
            return asked.values(f'"session" = {text_in(session)}', by="athlete")

    def measurements_of(self, athlete: str) -> dict[str, int]:
        """By measurement, of whatever program, how many values have the athlete's tag."""
        with self._asked() as asked:
            return asked.values(f'"athlete" = {text_in(athlete)}')

    @contextmanager
    def _asked(self) -> Iterator[InfluxQL]:
        """To ask with. `CannotAsk` where there is no whole answer."""
        try:
            yield InfluxQL(self.settings, timeout_s=_TIMEOUT_S)
        except InfluxError as error:
            why = error.words if error.words and not error.status else error.what
            what = f"InfluxDB cannot be asked what it holds ({influx_service(self.settings).clean(why, 200)})"
            remedy = "Give the token the right to read; InfluxDB 2 needs a mapping of the bucket for InfluxQL"
            raise CannotAsk(what, f"{self.settings.url}, bucket {self.settings.bucket}", remedy) from None


def _of(who: Identity, span: tuple[int, int]) -> str:
    tags = f'"athlete" = {text_in(who.athlete)} AND "session" = {text_in(who.session)}'
    return f"{tags} AND time >= {span[0]} AND time <= {span[1]}"
