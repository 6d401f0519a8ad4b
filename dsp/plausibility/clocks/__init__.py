"""Whether the clocks of a session's sensors agree, by when they show the movements of linked segments."""
