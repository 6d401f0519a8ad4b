"""The raw recording: written in windows, read in bounded memory, searched."""
