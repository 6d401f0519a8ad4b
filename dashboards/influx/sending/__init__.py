"""Requests to a server, one after another: sending, waiting, understanding refusals, and splitting."""
