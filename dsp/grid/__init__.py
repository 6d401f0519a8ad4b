"""The grid that all sensors come together on: its ticks, long input in stretches, fewer rows for databases."""
