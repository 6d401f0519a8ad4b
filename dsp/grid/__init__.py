"""The time grid common to all sensors: its ticks, and long input in stretches."""

from dsp.grid.grid import too_long

__all__ = ["too_long"]
