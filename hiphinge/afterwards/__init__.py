"""Sessions after their end: later entries, checks that files belong together, and a list of all sessions."""
