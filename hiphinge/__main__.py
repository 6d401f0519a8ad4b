"""`python -m hiphinge`: the same as the `hiphinge` command."""

from hiphinge.cli import main

main()
