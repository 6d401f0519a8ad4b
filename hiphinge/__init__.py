"""The engine (recorded events in, results out), the application around it, commands, configuration."""
