"""From sensor to segment: the standing, the movements of a calibration, the axes they tell, and a sensor that slips."""

from dsp.alignment.forgotten import ForgottenCalibration, Proposal

__all__ = ["ForgottenCalibration", "Proposal"]
