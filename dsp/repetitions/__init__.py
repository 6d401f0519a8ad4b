"""Beginning, turn and end of movements, their kind, and which of them count as repetitions."""
