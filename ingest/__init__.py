"""Input of samples: links to sensors, imports, clock alignment, the raw recording.

For other rooms: the names in the `__init__` of the wings `links`, `time`, `recording`, `heads` and `formats`. This file imports
nothing, so that the engine, which needs only `time`, loads no recording library.
"""
