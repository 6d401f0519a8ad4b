"""The figures of the README, each beside its peers in one run. `python -m benchmarks` runs them all."""
