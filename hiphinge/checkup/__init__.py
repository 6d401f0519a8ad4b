"""The checks of `hiphinge doctor`: installation, access to sensors, sessions, and the rights of their files."""
