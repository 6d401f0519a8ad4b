"""Joint angles and inclinations of all segments at once, each with its standard uncertainty and quality flags."""

from dsp.angles.inclination import from_gravity

__all__ = ["from_gravity"]
