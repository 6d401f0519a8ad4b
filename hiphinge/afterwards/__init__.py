"""A session after it: what is said of it then, what belongs together, and all sessions at a glance."""
