"""The commands about sessions that are over."""
