"""Bytes that went wrong in the field, read from the shared test material: how many samples come, and what is told."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from firmware_protocol import codec_for
from tests.conftest import missing, shared_folder

_FOLDER = shared_folder()
_FILE = None if _FOLDER is None else _FOLDER / "cases/wire/cases.json"
CASES: list[dict[str, Any]] = json.loads(_FILE.read_text()) if _FILE is not None and _FILE.is_file() else []
CODEC = [case for case in CASES if case["kind"] == "codec"]


@pytest.mark.shared
@pytest.mark.parametrize("case", CODEC or [None], ids=lambda case: case["id"] if case else "none")
def test_bytes_from_the_field(case: dict[str, Any] | None) -> None:
    if case is None:
        missing("cases of the field not found (HIPHINGE_SHARED, or ../shared)")
        return
    codec = codec_for(case["family"], case.get("config", {}), case.get("rate_hz"))
    blocks = [block for chunk in case["chunks"] for block in codec.feed(bytes.fromhex(chunk))]
    want, samples = case["want"], sum(len(block) for block in blocks)
    assert samples >= want.get("samples_min", 0)
    assert samples <= want.get("samples_max", samples)
    if "told" in want:
        assert (bool(codec.health) or bool(codec.facts)) is want["told"]
    if "refused" in want:
        assert ("refused" in codec.facts) is want["refused"]
    if "max_acc" in want and samples:
        assert max(float(np.abs(block.acc).max()) for block in blocks) <= want["max_acc"]
