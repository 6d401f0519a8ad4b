"""Where movements begin, turn and end, what kind they are, and which of them count as repetitions."""
