"""One file, or folder, for each sensor family: what it says on the wire and what must be said to it."""
