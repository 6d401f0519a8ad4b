"""The hip screen: the numbers of each test, and the pattern that they make."""
