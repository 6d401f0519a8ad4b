"""From sensor to segment: the standing, the axes, and a sensor that slips."""
