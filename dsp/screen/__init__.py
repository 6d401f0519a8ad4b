"""The hip screen: the numbers of each test, and their pattern; protocols, and what was done of them."""

from dsp.screen.excursions import ExcursionCounter, Excursions, Swing
from dsp.screen.pattern import NOT_SCREENED, screen_of, screen_of_tests
from dsp.screen.protocol import PAINFUL, STAND, STANDING, SWINGS, TAP, Protocol, Step, protocol_of
from dsp.screen.protocol_document import calibration_documents, read_calibration, run_document
from dsp.screen.protocol_runs import (
    COUNT,
    PROTOCOL,
    STEP,
    ProtocolRun,
    StepRun,
    begin_label,
    numbered_before,
    of_run,
    protocol_label,
    runs_of,
    screened,
    share_by_thirds,
)
from dsp.screen.tests import read_tests

__all__ = [
    "COUNT",
    "NOT_SCREENED",
    "PAINFUL",
    "PROTOCOL",
    "STAND",
    "STANDING",
    "STEP",
    "SWINGS",
    "TAP",
    "ExcursionCounter",
    "Excursions",
    "Protocol",
    "ProtocolRun",
    "Step",
    "StepRun",
    "Swing",
    "begin_label",
    "calibration_documents",
    "numbered_before",
    "of_run",
    "protocol_label",
    "protocol_of",
    "read_calibration",
    "read_tests",
    "run_document",
    "runs_of",
    "screen_of",
    "screen_of_tests",
    "screened",
    "share_by_thirds",
]
