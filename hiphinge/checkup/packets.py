"""What the bytes of a sensor mean, packet by packet: what `hiphinge decode` prints, and its answers to batches."""

from __future__ import annotations

import itertools
import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import typer

from body_signals import HiphingeError
from firmware_protocol import DeviceFamily, Packet, device_family
from hiphinge.commands.options import console, say
from on_disk import json_document, read_bytes

_MOST_BYTES = 64 << 20
"""Largest file, and largest line of a batch, bytes (ours): a few million packets, each of which becomes a row."""
_NOTES = ("incomplete",)
"""Counts of a reader that are not refusals."""
_LINKS = {"ble-notify": "ble", "serial": "serial"}
_MEANING = ("path", "streams", "payload_mode", "characteristic", "columns", "rsw", "group")
"""Words of a configuration that state the kind of the bytes. If one of them is given, the bytes are not taken for a command."""
_HEX = frozenset(b"0123456789abcdefABCDEF \t\r\n:")


def decode(
    family: str | None,
    source: Path | None,
    hex_: str | None,
    config: Sequence[str],
    *,
    command: bool,
    as_json: bool,
    batch: bool,
    conforms: str | None,
) -> None:
    """Print what bytes of a sensor mean; the arguments are those of `hiphinge decode`. HiphingeError where they do not fit."""
    if conforms is not None:
        _examine(conforms, dict(_word(text) for text in config), as_json=as_json)
        return
    if batch:
        if not _batch(_short_lines(sys.stdin.buffer), family):
            raise typer.Exit(1)
        return
    if family is None or (source is None) == (hex_ is None):
        raise HiphingeError(
            "nothing to decode", "", "Give FAMILY and either a file or --hex, e.g. hiphinge decode witmotion-ble --hex 5561…"
        )
    found = device_family(family)
    chunks = _hex_lines(hex_, "--hex") if hex_ is not None else _read(source, family)
    words = dict(_word(text) for text in config)
    result = _decoded(found, words, chunks, "command" if command else ("ble-notify" if found.serial is None else None))
    if as_json:
        print(_line(result))
        return
    # imported where it is used: help needs no tables
    from dashboards.terminal import packet_table

    screen = console()
    screen.print(packet_table(result["packets"], result.get("samples")))
    if result["errors"]:
        counts = ", ".join(f"{word} {n}" for word, n in result["counts"].items() if word not in _NOTES)
        screen.print(f"refused: {counts}", highlight=False)
    for name in ("incomplete", "gap", "restart", "pending"):
        if result.get(name):
            screen.print(f"{name}: {_line(result[name])}", highlight=False, markup=False)


def _examine(port: str, words: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what a device at this place does wrong; exit 1 where it does. words: ``baud``, where it is another one."""
    from hiphinge.checkup import conformance  # opens ports: not needed by anything else here

    baud = words.get("baud", conformance.BAUD)
    if type(baud) is not int or set(words) - {"baud"}:
        raise HiphingeError("only baud can be stated here", "--config", "Write --config baud=115200, or leave it out")
    verdicts = conformance.conformance(port, baud)
    if as_json:
        print(conformance.as_json(verdicts))
    else:
        conformance.print_verdicts(verdicts, console())
    if any(verdict.kept is False for verdict in verdicts):
        raise typer.Exit(1)


def _word(text: str) -> tuple[str, Any]:
    word, equals, value = text.partition("=")
    if not (word and equals):
        raise HiphingeError(f"{text!r} is not WORD=VALUE", "--config", "Write for example payload_mode=26")
    try:
        return word, json_document(value)
    except ValueError:
        return word, value


def _read(source: Path | None, family: str) -> list[bytes]:
    """The bytes of a file, or of the hex text in it."""
    assert source is not None
    data = read_bytes(source, _MOST_BYTES, handed_over=True)
    if family != "text-csv" and data.strip() and _HEX.issuperset(data):
        return _hex_lines(data.decode("ascii"), str(source))
    return [data]


def _hex_lines(text: str, where: str) -> list[bytes]:
    """The bytes of each line of hex text."""
    try:
        return [bytes.fromhex(line.replace(":", " ")) for line in text.splitlines() if line.strip()] or [b""]
    except ValueError:
        raise HiphingeError("this is not hex text", where, "Write two hex digits for each byte, e.g. 5561FFFF") from None


def _decoded(family: DeviceFamily, config: Mapping[str, Any], chunks: list[bytes], kind: str | None) -> dict[str, Any]:
    """The answer to one line of a batch; see `decode`."""
    if kind == "command" or (kind is None and len(chunks) == 1 and not set(_MEANING) & set(config)):
        fields = None if family.command is None else family.command(b"".join(chunks), config)
        if fields is not None and (kind == "command" or not isinstance(fields.get("value"), dict)):
            return {"packets": [fields], "errors": [], "pending": 0}
        if kind == "command":
            return {"packets": [], "errors": ["unknown_type"], "pending": 0, "counts": {"unknown_type": 1}}
    assert family.reader is not None
    link = {"link": _LINKS[kind]} if kind in _LINKS else {}
    reader = family.reader({**link, **config})
    packets = [packet for chunk in chunks for packet in reader.read(chunk)] + reader.finish()
    counts = dict(reader.health.counts)
    result: dict[str, Any] = {
        "packets": [packet.fields for packet in packets],
        "errors": [word for word in counts if word not in _NOTES],
        "pending": reader.pending,
    }
    if counts:
        result["counts"] = counts
    if config.get("group"):
        result |= {"samples": [p.sample for p in packets if p.sample is not None], "incomplete": counts.get("incomplete", 0)}
    if isinstance(config.get("streams"), Mapping):
        refs = sorted({packet.fields["ref"] for packet in packets if "ref" in packet.fields})
        result["streams"] = {str(ref): [_without_ref(p.fields) for p in packets if p.fields.get("ref") == ref] for ref in refs}
    return result | _breaks(packets)


def _without_ref(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "ref"}


def _breaks(packets: list[Packet]) -> dict[str, Any]:
    """Where samples are missing and where the device restarted; a list where that happened more than once."""
    gaps = [{"after_sample": i, "missing_samples": packet.lost} for i, packet in enumerate(packets) if packet.lost]
    restarts = [{"before_sample": i} for i, packet in enumerate(packets) if packet.restart]
    several = {"gap": gaps, "restart": restarts}
    return {name: found[0] if len(found) == 1 else found for name, found in several.items() if found}


def _short_lines(stream: BinaryIO) -> Iterator[bytes]:
    for number in itertools.count(1):
        line = stream.readline(_MOST_BYTES + 1)
        if len(line) > _MOST_BYTES:
            raise HiphingeError(f"has more than {_MOST_BYTES >> 20} MB", f"line {number}", "Give each packet a line")
        if not line:
            return
        yield line


def _batch(lines: Iterable[bytes], default_family: str | None) -> bool:
    """Answer each line; False when one was malformed."""
    good = True
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            answer = _answer(line, default_family)
        except HiphingeError as error:
            good = False
            answer = {"line": number, "error": str(error), "packets": [], "errors": ["malformed"], "pending": 0}
            say(f"line {number}: {error}")
        print(_line(answer), flush=True)
    return good


def _answer(line: bytes, default_family: str | None) -> dict[str, Any]:
    remedy = 'Write {"family": …, "config": {…}, "chunks": ["hex", …]}'
    try:
        asked = json_document(line)
    except ValueError as error:
        raise HiphingeError(f"this is not JSON: {error}", "", remedy) from None
    if not isinstance(asked, dict):
        raise HiphingeError("this is not a JSON object", "", remedy)
    name, config, kind = asked.get("family", default_family), asked.get("config") or {}, asked.get("kind")
    if not isinstance(name, str):
        raise HiphingeError("no family is named", "family", remedy)
    if not isinstance(config, dict):
        raise HiphingeError("config is not an object", "config", remedy)
    if kind is not None and not isinstance(kind, str):
        raise HiphingeError("kind is not text", "kind", "Write ble-notify, serial or command, or leave it out")
    chunks = asked.get("chunks")
    if chunks is None:
        chunks = [asked.get("hex")]
    if not isinstance(chunks, list) or not all(isinstance(chunk, str) for chunk in chunks):
        raise HiphingeError("neither chunks nor hex holds hex text", "chunks", remedy)
    family = device_family(name)
    try:
        data = [bytes.fromhex(chunk) for chunk in chunks]
    except ValueError:
        raise HiphingeError("this is not hex text", "chunks", "Write two hex digits for each byte") from None
    result = _decoded(family, config, data, kind)
    return {"id": asked["id"], **result} if "id" in asked else result


def _line(value: Any) -> str:
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    """The same with None in place of NaN and infinity, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
