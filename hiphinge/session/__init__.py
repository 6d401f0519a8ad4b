"""One session from its first event to its results on disk, and the recovery of sessions that were not closed."""
