"""Foreign text without our credentials: a server may quote a request, in any spelling."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable
from html import escape

_HIDDEN = "…"
_SHORT = 2
"""A secret of at most this many characters is part of many words: then nothing is quoted at all (ours)."""
_MOST = 20_000
"""Characters that are searched; more are never shown (ours)."""
_LONGEST_SPELLING = 12
"""Most characters that the spelling of one character takes: the longest pattern below."""


def without_secrets(words: str, secrets: Iterable[str]) -> str:
    """One line without control characters; each secret, also percent-encoded, escaped or in base64, is one `…`."""
    text = " ".join("".join(c if unicodedata.category(c)[0] != "C" else " " for c in words[:_MOST]).split())
    known = sorted(filter(None, secrets), key=len, reverse=True)
    if len(words) > _MOST and known:
        # a secret that was cut in two is no longer recognised
        text = text[: -_LONGEST_SPELLING * len(known[0])]
    for secret in known:
        if len(secret) <= _SHORT:
            text = _HIDDEN if secret in text else text
            continue
        text = re.sub("".join(map(_spellings, secret)), _HIDDEN, text)
        for core in _in_base64(secret):
            text = re.sub(rf"[A-Za-z0-9+/_-]*{re.escape(core)}[A-Za-z0-9+/_-]*=*", _HIDDEN, text)
            text = text.replace(core, _HIDDEN)
    return text


def _spellings(character: str) -> str:
    """A pattern for one character as it may stand in a text, an address, HTML or JSON."""
    code = ord(character)
    octets = "".join(f"%{octet:02x}" for octet in character.encode("utf-8", "replace"))
    others = (escape(character), f"\\{character}", f"&#{code};", f"&#x{code:x};", f"\\u{code:04x}", octets)
    return f"(?:{re.escape(character)}|(?i:{'|'.join(map(re.escape, others))}))"


def _in_base64(secret: str) -> set[str]:
    """The base64 characters of a secret at any offset in the encoded text; both alphabets."""
    found = set()
    for before in range(3):
        octets = b"\0" * before + secret.encode("utf-8", "replace")
        whole = base64.b64encode(octets).rstrip(b"=").decode()
        first = (0, 2, 3)[before]
        core = whole[first : len(octets) * 8 // 6]
        if len(core) >= 4:
            found |= {core, core.replace("+", "-").replace("/", "_")}
    return found
