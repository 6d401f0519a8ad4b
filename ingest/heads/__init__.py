"""The head of a session folder: session.toml, and opening the input of a command."""

from ingest.heads.session_toml import write_session_toml

__all__ = ["write_session_toml"]
