"""A calibration: its standing, its movements and what they tell of each segment; and one that nobody marked."""

from dsp.calibration.forgotten import ForgottenCalibration, Proposal

__all__ = ["ForgottenCalibration", "Proposal"]
