"""The mathematics: time grid, orientation, alignment, heading, joint angles, repetitions, rhythm. Pure.

For other rooms: the pipelines `live` and `review`, their common part (`pipeline`), their results (`results`), and the names in
the `__init__` of the wings `orientation`, `grid`, `angles`, `rhythm`, `day` and `screen`.
"""
