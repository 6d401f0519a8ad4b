"""Getting samples in: recordings, imports, clock alignment, the raw recording."""
