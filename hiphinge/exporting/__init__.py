"""Results and recordings for other programs: a session in one of the formats, and everything of a person in one archive."""
