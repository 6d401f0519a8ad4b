"""A running session's results on their way to InfluxDB: into the outbox when their events are on disk, then to the server.

Nothing that happens here stops the session: a disk or a server that refuses is `trouble`, in words for people.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from dashboards.delivery import Courier, acknowledge, note_repetitions
from dashboards.influx import InfluxSettings
from dashboards.line_protocol import LiveLines, closing_points, points, repetition_points, repetition_stamps
from dashboards.outbox import FOLDER, Outbox, waiting_bytes
from dsp.live import PipelineOutput
from hiphinge.sensor_minutes import COLUMNS, SensorMinute
from signals import HiphingeError, Session

PATIENCE_S = 10.0
"""How long the end of a session waits for the last results to arrive; the rest stays in the outbox."""


class LiveDelivery:
    """Takes what the live estimator gives out; see `hiphinge.app.SessionInProgress`."""

    def __init__(self, folder: Path, session: Session, influx: InfluxSettings) -> None:
        self._session_folder, self._folder = folder, folder / FOLDER
        self._lines = LiveLines(session, folder.resolve().name, folder / "session.toml")
        self._held: deque[tuple[int, list[str], list[str], list[str]]] = deque()
        """Last event that made them, lines of angles, of repetitions, and of the sensors' minutes."""
        self._minutes_until_s = 0.0
        self._outbox = Outbox(self._folder)
        self._courier = Courier(self._folder, influx)
        self._broken = ""

    def take(self, output: PipelineOutput, minutes: Sequence[SensorMinute], last_seq: int, flushed_seq: int) -> None:
        """Results that the events up to `last_seq` have made, and the sensors' minutes that ended; events up to `flushed_seq`
        are on disk."""
        angles, repetitions = self._lines.of(output.angles, []), self._lines.of([], output.repetitions)
        health = [self._lines.of_minute(m.sensor, {name: getattr(m, name) for name in COLUMNS}) for m in minutes]
        if angles or repetitions or health:
            self._held.append((last_seq, angles, repetitions, health))
        self._minutes_until_s = max([self._minutes_until_s, *(m.end_s for m in minutes)])
        released = False
        while self._held and self._held[0][0] <= flushed_seq:
            self._release(*self._held.popleft()[1:])
            released = True
        if released:
            self._flush()

    @property
    def trouble(self) -> str:
        """Why results do not arrive, or not where they are looked for; empty when all is well."""
        return self._broken or self._courier.trouble or self._outbox.warning or self._courier.remark

    @property
    def lines(self) -> int:
        """Lines that InfluxDB has acknowledged."""
        return self._courier.lines

    @property
    def waiting_bytes(self) -> int:
        """Bytes that it has not."""
        return waiting_bytes(self._folder)

    def close(self, last: PipelineOutput) -> None:
        """The session is closed and its tables are there: the rest of the lines, those of the `last` results too, and some
        patience."""
        for _, *lines in self._held:
            self._release(*lines)
        self._release(self._lines.of(last.angles, []), self._lines.of([], last.repetitions), [])
        self._append(list(closing_points(self._session_folder, ["live"], minutes_from_s=self._minutes_until_s)))
        self._note("review", list(repetition_points(self._session_folder, "review")))
        review = points(self._session_folder, ["review"])
        # the tables hold all of this too: where there is no room, or no server, they send it later
        while not self._courier.trouble and (batch := list(itertools.islice(review, 1000))):
            self._append(batch, essential=False)
        whole = not self._broken and not self._outbox.left_out and next(review, None) is None
        self._outbox.close()
        if self._courier.finish(PATIENCE_S) and whole and not self._courier.rejected:
            acknowledge(self._session_folder)

    def abandon(self) -> None:
        """Stop at once; what is in the outbox stays there."""
        self._outbox.close()
        self._courier.stop()

    def _release(self, angles: list[str], repetitions: list[str], health: list[str]) -> None:
        self._append(angles, essential=False)
        self._append(health)
        if repetitions:
            self._note("live", repetitions)
            self._append(repetitions)

    def _note(self, estimator: str, repetitions: list[str]) -> None:
        try:
            note_repetitions(self._session_folder, {estimator: repetition_stamps(repetitions)})
        except HiphingeError as error:
            self._broken = str(error)

    def _append(self, lines: list[str], *, essential: bool = True) -> None:
        if self._broken:
            return
        try:
            self._outbox.append(lines, essential=essential)
        except HiphingeError as error:
            self._broken = str(error)

    def _flush(self) -> None:
        try:
            self._outbox.flush()
        except HiphingeError as error:
            self._broken = str(error)
