"""The figures of the README and of docs/accuracy.md, each beside its peers in one run. `python -m benchmarks` runs them all."""
