"""Joint angles and inclinations of all segments at once, each with its standard uncertainty and quality flags."""
