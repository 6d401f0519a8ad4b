"""What a session folder says of itself: session.toml, and opening whatever a command is given."""
