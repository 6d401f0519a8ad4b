"""What each device says on the wire: pure codecs, bytes in, blocks of samples out. The registry finds a codec."""

from firmware_protocol.codec import Codec
from firmware_protocol.device import Clock, DeviceFamily, Read, Request, Step, Write
from firmware_protocol.registry import (
    DEVICE_FAMILIES,
    FAMILIES,
    codec_for,
    device_family,
    recognise_ble,
    recognise_port,
)

__all__ = [
    "DEVICE_FAMILIES",
    "FAMILIES",
    "Clock",
    "Codec",
    "DeviceFamily",
    "Read",
    "Request",
    "Step",
    "Write",
    "codec_for",
    "device_family",
    "recognise_ble",
    "recognise_port",
]
