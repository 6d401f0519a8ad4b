"""Recordings as a mapping describes them: its words, its clocks, and the samples that it finds."""

from ingest.formats.mapping.csv_import import import_csv, remedies_of, sensors_of, session_of
from ingest.formats.mapping.guess import Guess, guess
from ingest.formats.mapping.mat_import import ArraySensor, import_mat, mat_variables, session_of_arrays
from ingest.formats.mapping.sensor import with_gravity
from ingest.formats.mapping.words import MappingFile

__all__ = [
    "ArraySensor",
    "Guess",
    "MappingFile",
    "guess",
    "import_csv",
    "import_mat",
    "mat_variables",
    "remedies_of",
    "sensors_of",
    "session_of",
    "session_of_arrays",
    "with_gravity",
]
