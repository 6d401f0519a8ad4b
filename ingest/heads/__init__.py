"""The head of a session folder: session.toml, and opening the input of a command."""
