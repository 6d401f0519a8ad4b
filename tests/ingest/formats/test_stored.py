"""Samples of an import in memory and in a file: the same either way, judged by an excerpt, and what is said of a full disk."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from body_signals import HiphingeError
from ingest.formats import PlainSamples, StoredSamples, stored


def samples(first: int, n: int, gyr: float = 0.1) -> PlainSamples:
    time_s = (first + np.arange(n)) / 100.0
    acc = np.column_stack((time_s, time_s + 1.0, time_s + 2.0))
    return PlainSamples(time_s, acc, np.full((n, 3), gyr), None, 2.0 * acc)


def filled(scratch: Path, parts: int = 30) -> StoredSamples:
    one = StoredSamples(gyr=True, quat=False, mag=True, scratch=scratch)
    for i in range(parts):
        one.append(samples(100 * i, 100, gyr=200.0 if i == parts - 2 else 0.1))
    return one


def test_a_file_holds_the_same_as_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = filled(tmp_path).whole()
    monkeypatch.setattr(stored, "_MEMORY_BYTES", 1000)
    monkeypatch.setattr(stored, "_BLOCK", 77)
    one = filled(tmp_path)
    assert list(tmp_path.iterdir()) == []  # the file has no name
    assert (len(one), one.first_s, one.last_s) == (3000, 0.0, 29.99)
    assert one.quat is None
    for name in ("time_s", "acc", "gyr", "mag_ut"):
        np.testing.assert_array_equal(getattr(one, name), getattr(whole, name))
        np.testing.assert_array_equal(np.concatenate([getattr(block, name) for block in one.blocks()]), getattr(whole, name))


def test_an_excerpt_is_spread_and_has_what_is_impossible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "_EXCERPT", 400)
    monkeypatch.setattr(stored, "_STRETCH", 50)
    excerpt = filled(tmp_path).excerpt()
    assert 400 <= len(excerpt) <= 450
    assert (np.diff(excerpt.time_s) > 0.0).all()
    assert (excerpt.time_s[0], excerpt.time_s[-1]) == (0.0, 29.99)
    assert excerpt.gyr is not None
    assert excerpt.gyr.max() == 200.0
    monkeypatch.setattr(stored, "_EXCERPT", 3000)
    assert len(filled(tmp_path).excerpt()) == 3000


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    one = filled(tmp_path, 2)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    one._file.write = full  # type: ignore[method-assign]
    with pytest.raises(HiphingeError, match="No space left") as caught:
        one.append(samples(200, 100))
    assert caught.value.where == str(tmp_path)
    assert "Free space" in caught.value.remedy
