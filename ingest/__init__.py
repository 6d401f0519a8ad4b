"""Getting samples in: recordings, imports, clock alignment, the raw recording."""

from ingest.heads.session_toml import read_session_toml, session_from_dict, session_to_dict, write_session_toml
from ingest.recording.recorder import Recorder, Recording, read_recording

__all__ = [
    "Recorder",
    "Recording",
    "read_recording",
    "read_session_toml",
    "session_from_dict",
    "session_to_dict",
    "write_session_toml",
]
