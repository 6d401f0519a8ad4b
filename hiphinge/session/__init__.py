"""One session from its first event to its results on disk, and what becomes of one that was not closed."""
