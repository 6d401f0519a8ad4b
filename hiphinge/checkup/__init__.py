"""The checks of `hiphinge doctor`: installation, access to sensors, sessions, and the permissions of their files."""
