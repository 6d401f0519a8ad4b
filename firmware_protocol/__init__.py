"""What each device says on the wire: pure codecs, bytes in, blocks of samples out. The registry finds a codec."""

from firmware_protocol.codec import Codec
from firmware_protocol.registry import FAMILIES, codec_for

__all__ = ["FAMILIES", "Codec", "codec_for"]
