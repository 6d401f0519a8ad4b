"""Do the tests see it when a line of the mathematics is wrong? ``make mutants`` changes lines, one at a time, and asks them."""
