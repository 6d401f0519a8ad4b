"""Present faults of the sensors: the findings that hold, those that have begun, and those that have ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from body_signals import Cause, Quality
from dsp.results import Finding, latest

DASHED = Quality.OFF_BODY | Quality.IMPLAUSIBLE | Quality.UNCALIBRATED
"""While a finding with any of these flags holds, angles that depend on its sensor are not shown."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Findings that have begun, and those that have ended, each for the first time."""

    begun: tuple[Finding, ...] = ()
    ended: tuple[Finding, ...] = ()


@dataclass(slots=True)
class Alarms:
    """Keeps the findings that hold; `take` gets findings as they become known."""

    _known: dict[tuple[str, Cause, float], Finding] = field(default_factory=dict)

    def take(self, findings: Iterable[Finding]) -> Changed:
        """Take the next findings; returns the new ones. A finding that becomes known only after its end has begun and ended."""
        begun, ended = [], []
        for finding in latest(list(findings)):
            key = (finding.sensor, finding.cause, finding.since_s)
            before = self._known.get(key)
            self._known[key] = finding
            if before is None:
                begun.append(finding)
            if finding.until_s is not None and (before is None or before.until_s is None):
                ended.append(finding)
        return Changed(tuple(begun), tuple(ended))

    @property
    def holding(self) -> list[Finding]:
        """The findings that have not ended, the oldest first."""
        return latest([f for f in self._known.values() if f.until_s is None])

    def flags(self) -> Mapping[str, Quality]:
        """The flags of present findings, for each faulty sensor."""
        flags: dict[str, Quality] = {}
        for finding in self.holding:
            flags[finding.sensor] = flags.get(finding.sensor, Quality(0)) | finding.flag
        return flags
