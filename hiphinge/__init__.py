"""hiphinge as a library: `estimate` computes angles, repetitions and rhythm from arrays or from a recording on disk.

    from hiphinge import estimate
    result = estimate("monday")
    print(result.repetitions.to_pandas())

Arguments and results are described in `hiphinge.api`. The command of the same name is in `hiphinge.cli`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from body_signals import HiphingeError
    from hiphinge.api import Estimate, Samples, estimate

__all__ = ["Estimate", "HiphingeError", "Samples", "__version__", "estimate"]


def __getattr__(name: str) -> Any:
    # the command imports this package at every start: numpy and pyarrow are loaded on first use
    if name in ("Estimate", "Samples", "estimate"):
        from hiphinge import api

        return getattr(api, name)
    if name == "HiphingeError":
        from body_signals import HiphingeError

        return HiphingeError
    if name == "__version__":
        from importlib.metadata import version

        return version("hiphinge")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
