"""The raw recording: written in windows, read in bounded memory, searched."""

from ingest.recording.recorder import STRETCH_WINDOWS, Recorder, read_recording
from ingest.recording.search import recording_head, recording_text

__all__ = ["STRETCH_WINDOWS", "Recorder", "read_recording", "recording_head", "recording_text"]
