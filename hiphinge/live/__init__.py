"""What follows a running session: the streaming loop, the terminal, status lines, keys, the way to InfluxDB."""
