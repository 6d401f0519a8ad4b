"""From sensor to segment: the standing, the axes, and slipped sensors."""
