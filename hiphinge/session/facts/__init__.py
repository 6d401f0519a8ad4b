"""What is counted while a session is computed, and what summary.json says of it."""
