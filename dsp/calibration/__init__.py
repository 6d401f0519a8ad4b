"""A calibration: its standing, its movements and the axes that they give each segment; and unmarked calibrations."""

from dsp.calibration.forgotten import ForgottenCalibration, Proposal

__all__ = ["ForgottenCalibration", "Proposal"]
