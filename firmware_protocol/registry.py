"""Finds the codec of a device family."""

from __future__ import annotations

from collections.abc import Callable

from firmware_protocol.codec import Codec
from firmware_protocol.v1.decoder import V1Codec, V1SerialCodec
from signals.errors import HiphingeError

_CODECS: dict[str, Callable[[], Codec]] = {"hiphinge-v1": V1Codec, "hiphinge-v1-serial": V1SerialCodec}

FAMILIES: tuple[str, ...] = tuple(_CODECS)
"""The families that can be decoded, as named in kits and sessions."""


def codec_for(family: str) -> Codec:
    """A fresh codec of `family`. Raises `HiphingeError` that names the known families."""
    try:
        return _CODECS[family]()
    except KeyError:
        raise HiphingeError(
            f"unknown sensor family {family!r}", "sensor family", f"Known families: {', '.join(FAMILIES)}."
        ) from None
