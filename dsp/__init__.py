"""The mathematics: time grid, orientation, alignment, heading, joint angles, repetitions, rhythm. Pure.

For other rooms: the pipelines `live` and `review`, what they share (`pipeline`), what they give out (`results`), and what the
wings `orientation`, `grid`, `angles`, `rhythm`, `day` and `screen` name in their `__init__`.
"""
