"""Readers of recordings that others made; each writes or reads a plain session."""
