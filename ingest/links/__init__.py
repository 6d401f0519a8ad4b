"""Sensors that stream: kits, Bluetooth LE and serial links, and the log that gives their events an order."""
