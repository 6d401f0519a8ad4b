"""Shimmer3: its byte stream, its calibration, the family."""
