"""What the people at a running session are told, and what they may say: orders, the guide, alarms, the ending."""
