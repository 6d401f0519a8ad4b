"""What `live` and `review` share, by hand: the standing that sensors share, and what is said of one that has slipped."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.alignment.slide import SlideWatch
from dsp.alignment.slip import Slip, SlipWatch
from dsp.alignment.standing import Standing
from dsp.pipeline import PipelineOutput, shared_ticks, with_slips
from dsp.results import AlignmentReport


def standing(start_s: float, end_s: float) -> Standing:
    none = np.empty((0, 3))
    return Standing(start_s, end_s, np.empty(0), none, none, np.zeros(3), np.empty((4, 0)), end_s)


@pytest.mark.parametrize(
    ("standings", "expected"),
    [
        ([(1.0, 6.0)], (100, 600)),
        ([(1.001, 5.999), (1.2, 7.0)], (120, 599)),
        ([(1.0, 1.5)], (100, 150)),
        ([(1.0, 1.499)], None),
        ([(1.0, 3.0), (2.6, 6.0)], None),
        ([(1.0, 2.0), (3.0, 4.0)], None),
    ],
)
def test_a_shared_standing_lasts_half_a_second(standings, expected) -> None:
    """From the first tick at which all of them stand to the last; too little of it is none."""
    assert shared_ticks([standing(*s) for s in standings], 100.0) == expected


def test_a_sensor_that_has_slipped_is_trusted_less_and_says_since_when() -> None:
    reports = tuple(AlignmentReport(key, "standing and bends", 0.8, ("three bends",), 1.0) for key in ("lumbar", "pelvis"))
    watch = SlipWatch(("lumbar", "pelvis"), 100.0)
    slides = SlideWatch(("lumbar", "pelvis"), 100.0)
    assert with_slips(reports, watch, slides, None, 100.0) == with_slips(reports, None, None, None, 100.0) == reports
    watch.slipped["pelvis"] = Slip("pelvis", 61.4, 9.6)
    lumbar, pelvis = with_slips(reports, watch, slides, None, 100.0)
    assert lumbar == reports[0]
    assert pelvis.confidence == 0.24
    assert pelvis.reasons == ("three bends", "has slipped: stands 10° off since 61 s; calibrate again")
    slides.slid["lumbar"] = Slip("lumbar", 70.2, 20.4)
    lumbar, pelvis = with_slips(reports, watch, slides, None, 100.0)
    assert lumbar.confidence == pelvis.confidence == 0.24
    assert lumbar.reasons == ("three bends", "has slid round by 20° since 70 s; calibrate again")


def test_outputs_are_put_together_in_order() -> None:
    first, second = PipelineOutput(), PipelineOutput()
    for name in ("angles", "orientations", "repetitions", "alignments"):
        getattr(first, name).append(f"one of {name}")
        getattr(second, name).append(f"another of {name}")
    first.extend(second)
    for name in ("angles", "orientations", "repetitions", "alignments"):
        assert getattr(first, name) == [f"one of {name}", f"another of {name}"]
