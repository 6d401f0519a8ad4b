"""The head of a session folder: session.toml, and edits.toml with later corrections."""

from ingest.heads.edits import EDITS, Edits, EditsFile, normal, read_edits, same
from ingest.heads.session_toml import read_origins, read_session_toml, write_session_toml

__all__ = [
    "EDITS",
    "Edits",
    "EditsFile",
    "normal",
    "read_edits",
    "read_origins",
    "read_session_toml",
    "same",
    "write_session_toml",
]
