"""Export: results and samples of a session as files that other programs read. A file for each format, a line for each here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dashboards.export.bids import write_bids
from dashboards.export.c3d import write_c3d
from dashboards.export.comma_separated import RAW, TABLES, write_csv
from dashboards.export.fhir import write_fhir
from dashboards.export.foxglove import write_foxglove
from dashboards.export.opensim import write_motion, write_orientations
from dashboards.export.session import Choices, ExportedSession, Written, known_start, safe_name
from dashboards.extras import needed

__all__ = ["FORMATS", "RAW", "TABLES", "Choices", "ExportedSession", "Format", "Written", "known_start", "needed", "safe_name"]

Write = Callable[[Sequence[ExportedSession], Path, Choices], Written]
"""Writes sessions into a folder. HiphingeError where one of them cannot be said in the format."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format. words: for people. samples: it holds the samples too. tables: those that may be chosen. dataset: its files
    are a folder of their own, in which sessions belong together."""

    write: Write
    words: str
    samples: bool = False
    tables: tuple[str, ...] = ()
    dataset: bool = False


def _each(write: Callable[[ExportedSession, Path, Choices], Written]) -> Write:
    """The format of a function that writes one session."""

    def all_of_them(sessions: Sequence[ExportedSession], folder: Path, choices: Choices) -> Written:
        found = [write(session, folder, choices) for session in sessions]
        return Written([file for one in found for file in one.files], [note for one in found for note in one.notes])

    return all_of_them


FORMATS = {
    "csv": Format(_each(write_csv), "tables of angles, repetitions and samples", samples=True, tables=TABLES),
    "mot": Format(_each(write_motion), "OpenSim: joint angles"),
    "sto": Format(_each(write_orientations), "OpenSense: orientations and the calibration row"),
    "c3d": Format(_each(write_c3d), "C3D: rotations, and angles as analogue channels"),
    "foxglove": Format(_each(write_foxglove), "MCAP for Foxglove: everything, with schemas and calendar time", samples=True),
    "fhir": Format(_each(write_fhir), "FHIR R4: Observations of repetitions and pain"),
    "bids": Format(write_bids, "BIDS-Motion: a dataset of sessions", samples=True, dataset=True),
}
"""The formats by the name that `--to` takes."""
