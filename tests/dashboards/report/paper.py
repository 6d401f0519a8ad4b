"""What a PDF says, without a library for it: its pages, and its text as a reader would select it."""

from __future__ import annotations

import re
import zlib


def pages_of(pdf: bytes) -> int:
    """Number of pages."""
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


def text_of(pdf: bytes) -> str:
    """The text of all pages: the codes that are drawn, by the tables of the fonts (`ToUnicode`). Blanks may be missing."""
    objects = {int(n): body for n, body in re.findall(rb"(?s)(\d+) 0 obj\b(.*?)\bendobj", pdf)}
    streams = {n: _unpacked(body) for n, body in objects.items() if b"stream" in body}
    fonts: dict[str, dict[int, str]] = {}
    for body in objects.values():
        for names in re.findall(rb"/Font\s*<<(.*?)>>", body, re.DOTALL):
            for name, number in re.findall(rb"/(\w+)\s+(\d+) 0 R", names):
                table = re.search(rb"/ToUnicode\s+(\d+) 0 R", objects.get(int(number), b""))
                if table:
                    fonts[name.decode()] = _letters(streams[int(table[1])].decode("latin-1"))
    said = []
    for drawn in streams.values():
        if b" Tf" not in drawn:
            continue
        font: dict[int, str] = {}
        for name, hexed in re.findall(rb"/(\w+)\s+[\d.]+\s+Tf|<([0-9A-Fa-f]+)>", drawn):
            if name:
                font = fonts.get(name.decode(), {})
            else:
                codes = [int(hexed[i : i + 4], 16) for i in range(0, len(hexed), 4)]
                said.append("".join(font.get(code, "") for code in codes))
    return "".join(said)


def _unpacked(body: bytes) -> bytes:
    head, _, rest = body.partition(b"stream")
    raw = rest.removeprefix(b"\r").removeprefix(b"\n").partition(b"endstream")[0]
    return zlib.decompressobj().decompress(raw) if b"/FlateDecode" in head else raw


def _letters(table: str) -> dict[int, str]:
    found: dict[int, str] = {}
    for block in re.findall(r"beginbfchar(.*?)endbfchar", table, re.DOTALL):
        for code, letter in re.findall(r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
            found[int(code, 16)] = bytes.fromhex(letter).decode("utf-16-be")
    for block in re.findall(r"beginbfrange(.*?)endbfrange", table, re.DOTALL):
        for low, high, letter in re.findall(r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
            for code in range(int(low, 16), int(high, 16) + 1):
                found[code] = chr(int(letter, 16) + code - int(low, 16))
    return found
