"""Lines as sketches really print them: with names for a serial plotter, and with times too coarse for their rate."""

from __future__ import annotations

import numpy as np
import pytest

from body_signals import SampleBlock
from firmware_protocol import Codec, codec_for

COLUMNS = "time,ax,ay,az,gx,gy,gz"


def codec(columns: str = COLUMNS, rate_hz: float = 200.0, **config: str | bool) -> Codec:
    return codec_for("text-csv", {"columns": columns, "just_opened": False, **config}, rate_hz)


def fed(one: Codec, text: str) -> list[SampleBlock]:
    return one.feed(text.encode())


def times(blocks: list[SampleBlock]) -> np.ndarray:
    return np.concatenate([block.device_time_s for block in blocks if block.device_time_s is not None])


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("ax:1,ay:2,az:3,gx:4,gy:5,gz:6", True),
        ("ax:1\tay:2\taz:3\tgx:4\tgy:5\tgz:6", True),  # a plotter takes tabs and blanks too
        ("ax: 1 ay: 2 az: 3 gx: 4 gy: 5 gz: 6", True),
        ("gz:6;ay:2;ax:1;az:3;gx:4;gy:5", True),
        ("ax:1\tay:2\taz:3\tgx:4\tgy:5", False),
        ("accel x: 1 accel y: 2 accel z: 3 gx: 4 gy: 5 gz: 6", False),  # which word is whose is not known
        ("gz:6,ax:1, AY:2,az:3,gx:4,gy:5", True),  # by name, in any order
        ("AccX:1,AccY:2,AccZ:3,GyrX:4,GyrY:5,GyrZ:6", True),  # none of the columns' names: by order
        ("ax:1,ay:2,az:3,gx:4,gy:5,GyrZ:6", False),  # some of them: which is which is not known
        ("ax:1,ax:2,az:3,gx:4,gy:5,gz:6", False),
        ("ax:1,ay:2,az:3,gx:4,gy:5,6", False),
        ("ax:1,ay:2,az:3,gx:4,gy:5,gz:nan", False),
        ("ax:1,ay:2,az:3,gx:4,gy:5,gz:6,", False),
    ],
)
def test_numbers_with_names_are_read_by_them_and_told(line: str, found: bool) -> None:
    one = codec("ax,ay,az,gx,gy,gz")
    blocks = fed(one, line + "\r\n")
    if found:
        assert (blocks[0].acc.tolist(), blocks[0].gyr.tolist() if blocks[0].gyr is not None else None) == (
            [[1.0, 2.0, 3.0]],
            [[4.0, 5.0, 6.0]],
        )
        assert dict(one.health) == {"labels": 1}
    else:
        assert blocks == []
        assert one.health["parse"] == 1


@pytest.mark.parametrize("true_hz", [190.0, 199.3, 200.0, 200.7, 210.0])
@pytest.mark.parametrize("decimals", [1, 2])
def test_times_that_are_too_coarse_are_spread_and_nothing_is_dropped(true_hz: float, decimals: int) -> None:
    true_s = 5.0 + np.arange(2000) / true_hz
    text = "".join(f"{np.floor(t * 10**decimals) / 10**decimals:.{decimals}f},0,0,9.8,0,0,0\n" for t in true_s)
    one = codec(time_unit="s")
    found = fed(one, text)
    at = times(found)
    assert len(at) == 2000
    assert np.all(np.diff(at) > 0.0)
    assert np.abs(at - true_s).max() <= 3.0 * 10**-decimals
    assert sum(int(block.lost.sum()) for block in found) <= (3 if true_hz < 200.0 else 0)
    assert not any(block.lost_exact for block in found)
    # however the stream is cut
    other = codec(time_unit="s")
    pieces = [block for i in range(0, len(text), 97) for block in fed(other, text[i : i + 97])]
    assert times(pieces).tobytes() == at.tobytes()


def test_a_hole_in_coarse_times_is_a_loss() -> None:
    stamps = [5.0 + k // 2 * 0.01 for k in range(100)] + [6.5 + k // 2 * 0.01 for k in range(100)]
    one = codec(time_unit="s")
    found = fed(one, "".join(f"{t:.2f},0,0,9.8,0,0,0\n" for t in stamps))
    lost = np.concatenate([block.lost for block in found])
    assert np.flatnonzero(lost).tolist() == [100]
    assert abs(int(lost[100]) - 200) <= 3


def test_times_that_are_fine_enough_keep_their_repeats_apart() -> None:
    one = codec(time_unit="ms")
    found = fed(one, "".join(f"{t},0,0,9.8,0,0,0\n" for t in (0, 5, 10, 10, 15)))
    assert len(times(found)) == 4
    assert one.health["repeated"] == 1
