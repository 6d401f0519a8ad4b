"""The grid that all sensors come together on: its ticks, long input in stretches, fewer rows for databases."""

from dsp.grid.ticks import too_long

__all__ = ["too_long"]
