"""What may be wrong but is not known to be: it widens the stated uncertainty until it is known, or over."""
