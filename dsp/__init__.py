"""The mathematics: time grid, orientation, alignment, heading, joint angles, repetitions, rhythm. Pure."""
