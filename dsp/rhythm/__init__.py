"""The metrics of a repetition: shares by thirds, onsets, coordination, slack, holds."""
