"""Communication with the people at a running session: orders, the guide, alarms, the ending."""
