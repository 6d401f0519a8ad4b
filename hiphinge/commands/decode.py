"""`hiphinge decode`: the meaning of a sensor's bytes, packet by packet, for debugging a sensor or its firmware.

What decodes them (`hiphinge.checkup.packets`) is imported when it runs: the help needs none of it.
"""

from __future__ import annotations

from pathlib import Path

import typer

NAMES = (
    "witmotion-ble",
    "witmotion-serial",
    "witmotion-wifi",
    "movesense",
    "movella-dot",
    "text-csv",
    "ximu3",
    "ngimu",
    "capture2go",
    "metamotion",
    "shimmer3",
    "polar-pmd",
    "thingy52",
    "phyphox",
    "hiphinge-v1",
    "hiphinge-v1-serial",
)
"""The families of sensors, in the order of `firmware_protocol.FAMILIES`, whose import takes longer than the help."""


def _begun(typed: str) -> list[str]:
    """For a shell's completion: the families that begin with the letters typed."""
    return [name for name in NAMES if name.startswith(typed)]


def decode(
    family: str | None = typer.Argument(
        None, metavar="FAMILY", help="One of: " + ", ".join(NAMES) + ".", autocompletion=_begun
    ),
    source: Path | None = typer.Argument(None, metavar="FILE", help="Bytes, or hex text with one packet per line."),
    hex_: str | None = typer.Option(None, "--hex", metavar="TEXT", help="The bytes as hex text, instead of FILE."),
    config: list[str] = typer.Option([], "--config", help="WORD=VALUE known about the bytes, e.g. payload_mode=26."),
    command: bool = typer.Option(False, "--command", help="The bytes are a command to the sensor, not its answer."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object instead of a table."),
    batch: bool = typer.Option(
        False, "--batch", help='JSON lines {"family", "config", "chunks": [hex, …]} from standard input, one JSON line each.'
    ),
    conforms: str | None = typer.Option(
        None,
        "--conformance",
        metavar="PORT",
        help="Drive a device of protocol v1 (serial port, tcp:// or udp:// or Bluetooth address); say what it does wrong.",
    ),
) -> None:
    """Show what the bytes of a sensor mean, and count their faults.

    For families on Bluetooth each line of hex text is one notification. --conformance takes ten seconds, in which the device
    lies still; it ends with 1 where a rule of docs/protocol-v1.md is not kept.
    """
    from hiphinge.checkup import packets

    packets.decode(family, source, hex_, config, command=command, as_json=as_json, batch=batch, conforms=conforms)
