"""Getting samples in: recordings, imports, clock alignment, the raw recording.

For other rooms: what the wings `links`, `time`, `recording`, `heads` and `formats` name in their `__init__`. This file imports
nothing, so that the engine, which needs `time` alone, loads no recording library.
"""
