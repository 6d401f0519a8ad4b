"""What the server will never take is set aside; the sending itself is tried with the outbox."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from body_signals import HiphingeError
from dashboards.influx.drain import RejectedAnew, rejected_lines, set_aside


def test_a_disk_that_takes_nothing_aside_says_so_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(HiphingeError, match="outbox cannot be written"):
        set_aside(tmp_path / "none", [(b"a b 1", "type conflict")])
    assert rejected_lines(tmp_path) == []


def test_what_is_rejected_when_all_is_sent_again_replaces_what_was(tmp_path: Path) -> None:
    set_aside(tmp_path, [(b"a b 1", "of old")])
    with suppress(KeyError), RejectedAnew(tmp_path) as aside:
        aside.take(b"a c 1", "then it broke")
        raise KeyError
    assert rejected_lines(tmp_path) == [("a b 1", "of old")]
    with RejectedAnew(tmp_path) as aside:
        aside.take(b"a d 1", "type\nconflict")
    assert rejected_lines(tmp_path) == [("a d 1", "type conflict")]
    with RejectedAnew(tmp_path):
        pass
    assert rejected_lines(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
