"""Where an athlete's identifier stands: signs in files, and the search through all of them."""
