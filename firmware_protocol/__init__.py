"""What each device says on the wire: pure codecs, bytes in, blocks of samples out. The registry finds a codec."""

from firmware_protocol.codec import Codec, Health, Identified, Probed
from firmware_protocol.device import Ask, BleAccess, Clock, DeviceFamily, Read, Request, SerialAccess, Step, Write
from firmware_protocol.framing import Deframer
from firmware_protocol.packets import Fields, Packet
from firmware_protocol.registry import DEVICE_FAMILIES, FAMILIES, codec_for, device_family, recognise_ble, recognise_port
from firmware_protocol.v1 import (
    Config,
    Demultiplexer,
    Info,
    Kind,
    MalformedMessage,
    decode_setup,
    decode_start,
    decode_sync,
    encode_config,
    encode_data,
    encode_info,
    encode_sync,
    frame_serial,
    wrap_mux,
)
from firmware_protocol.v1.conformance import Heard, Turn, Verdict, examination
from firmware_protocol.v1.family import CONTROL, DATA, EVENT, INFO, SERVICE, SYNC
from firmware_protocol.v1.messages import ANY_BOOT, AT_ONCE, NEVER, UnsupportedVersion

__all__ = [
    "ANY_BOOT",
    "AT_ONCE",
    "CONTROL",
    "DATA",
    "DEVICE_FAMILIES",
    "EVENT",
    "FAMILIES",
    "INFO",
    "NEVER",
    "SERVICE",
    "SYNC",
    "Ask",
    "BleAccess",
    "Clock",
    "Codec",
    "Config",
    "Deframer",
    "Demultiplexer",
    "DeviceFamily",
    "Fields",
    "Health",
    "Heard",
    "Identified",
    "Info",
    "Kind",
    "MalformedMessage",
    "Packet",
    "Probed",
    "Read",
    "Request",
    "SerialAccess",
    "Step",
    "Turn",
    "UnsupportedVersion",
    "Verdict",
    "Write",
    "codec_for",
    "decode_setup",
    "decode_start",
    "decode_sync",
    "device_family",
    "encode_config",
    "encode_data",
    "encode_info",
    "encode_sync",
    "examination",
    "frame_serial",
    "recognise_ble",
    "recognise_port",
    "wrap_mux",
]
