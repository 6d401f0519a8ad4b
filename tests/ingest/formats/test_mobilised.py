"""Format mobilise-d: one recording of the project's data.mat, and what is said of several."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from body_signals import G0, HiphingeError
from ingest.formats import import_session
from tests.ingest.formats.turning import turning

MOTION = turning()


def unit(*, stamped: bool) -> dict[str, Any]:
    back = {"Acc": MOTION.acc / G0, "Gyr": np.degrees(MOTION.gyr), "Fs": {"Acc": 100.0, "Gyr": 100.0}}
    if stamped:
        back["Timestamp"] = 1_795_442_700.0 + MOTION.time_s
    return {"LowerBack": back, "Wrist": {"Acc": np.empty((0, 3)), "Gyr": np.empty((0, 3))}}


@pytest.mark.parametrize("stamped", [True, False])
def test_the_lower_back_of_a_recording(stamped: bool, tmp_path: Path) -> None:
    savemat(tmp_path / "data.mat", {"data": {"TimeMeasure1": {"Recording4": {"SU": unit(stamped=stamped)}}}})
    session = import_session("mobilise-d", tmp_path)
    one = session.samples["lumbar"]
    assert one.gyr is not None
    np.testing.assert_allclose(one.time_s, MOTION.time_s, atol=1e-6)
    np.testing.assert_allclose(one.acc, MOTION.acc)
    np.testing.assert_allclose(one.gyr, MOTION.gyr)
    assert session.session.start == (datetime(2026, 11, 23, 14, 5, tzinfo=UTC) if stamped else datetime(1970, 1, 1, tzinfo=UTC))


def test_several_recordings_are_sessions_each(tmp_path: Path) -> None:
    trials = {f"Trial{i}": {"SU": unit(stamped=True)} for i in (1, 2)}
    savemat(tmp_path / "data.mat", {"data": {"TimeMeasure1": {"Test5": trials}}})
    with pytest.raises(HiphingeError, match=r"2 recordings.*Test5\.Trial1\.SU") as caught:
        import_session("mobilise-d", tmp_path)
    assert "data.TimeMeasure1.Test5.Trial1.SU.LowerBack.Acc" in caught.value.remedy
    savemat(tmp_path / "data.mat", {"data": {"TimeMeasure1": {"note": 1.0}}})
    with pytest.raises(HiphingeError, match="no sensors"):
        import_session("mobilise-d", tmp_path / "data.mat")
