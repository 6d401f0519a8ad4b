"""A calibration: its standing, its movements and what they tell of each segment; and one that nobody marked."""

from dsp.calibration.forgotten import ForgottenCalibration, Proposal
from dsp.calibration.misplaced import Fault, Misplaced

__all__ = ["Fault", "ForgottenCalibration", "Misplaced", "Proposal"]
