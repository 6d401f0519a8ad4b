"""Before a session: which sensors are there, where each is worn, whose session it is.

`state` is pure, `room` does the talking, `kits` remembers.
"""
