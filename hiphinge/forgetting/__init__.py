"""Finds an athlete's identifier: signs in files, and the search through all of them."""
