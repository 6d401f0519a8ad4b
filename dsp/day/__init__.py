"""What a session's repetitions come to: sets, and exposure over the day."""
