"""One file, or folder, for each sensor family: its data format and its commands."""
