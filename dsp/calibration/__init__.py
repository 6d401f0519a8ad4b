"""A calibration: its standing, its movements and the axes that they give each segment; and unmarked calibrations."""

from dsp.calibration.forgotten import ForgottenCalibration, Proposal
from dsp.calibration.misplaced import Fault, Misplaced
from dsp.calibration.seated import SEATED

__all__ = ["SEATED", "Fault", "ForgottenCalibration", "Misplaced", "Proposal"]
