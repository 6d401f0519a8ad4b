"""From sensor to segment: the standing, the movements of a calibration, the axes they tell, and a sensor that slips."""
