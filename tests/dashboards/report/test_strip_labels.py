"""Labels above the strips of a session: every movement has its words, and none is written over another."""

from __future__ import annotations

import re

import numpy as np
import pytest

from dashboards.report.drawing import Label, Strip, strip


@pytest.mark.parametrize("each_s", [8.0, 4.0, 2.5])
def test_neighbouring_movements_do_not_hide_each_others_words(each_s: float) -> None:
    time_s = np.arange(0.0, 60.0, 0.1)
    names = ("lumbar_flexion_deg", "pelvis_tilt_deg", "hip_left_flexion_deg", "hip_right_flexion_deg")
    angles = {"time_s": time_s, **{name: 40.0 * np.sin(time_s) for name in names}}
    kinds = ["single-leg hinge left × 4", "Knieheben rechts × 4", "squat × 1", "Sitzen / Stehen × 4"]
    count = int(20.0 / each_s)
    labels = tuple(Label(10.0 + i * each_s, 10.0 + (i + 0.9) * each_s, f"{kinds[i % 4]} {i}") for i in range(count))
    spans = tuple((label.begin, label.end) for label in labels)
    drawn = str(strip(angles, Strip(0.0, 60.0, spans, labels), dict.fromkeys(names, (-40.0, 40.0)), "a session"))
    texts = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*font-size="11"[^>]*>([^<]*)</text>', drawn)
    placed = [(float(x), float(y), words) for x, y, words in texts if any(words == label.words for label in labels)]
    assert {words for *_, words in placed} == {label.words for label in labels}
    for i, (x, y, words) in enumerate(placed):
        for other_x, other_y, other in placed[i + 1 :]:
            assert abs(y - other_y) >= 11 or abs(x - other_x) >= 3.4 * (len(words) + len(other)), (words, other)
    assert all(y >= 9.0 for _, y, _ in placed)
