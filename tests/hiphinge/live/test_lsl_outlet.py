"""The LSL outlet: an inlet in another process gets every row of what is on disk, at the time when it was measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from body_signals import ANGLE_NAMES, HiphingeError, Mark
from dsp.pipeline import PipelineOutput
from dsp.results import AngleRows, Repetition
from hiphinge.live.followers import follow
from hiphinge.live.lsl_outlet import LslOutlet
from hiphinge.live.sinks import Frame
from hiphinge.session.in_progress import SessionInProgress
from ingest.time import HOST_CLOCK_NS
from tests.contract.command_line import refused
from virtual_athlete import simulate

INLET = """
import json, sys
import pylsl
def inlet(of):
    (found,) = pylsl.resolve_byprop("source_id", of, 1, 20)
    inlet = pylsl.StreamInlet(found)
    inlet.open_stream(20)
    return inlet
rows, events = map(inlet, sys.argv[1:])
info = rows.info()
channel, labels = info.desc().child("channels").child("channel"), []
while not channel.empty():
    labels.append((channel.child_value("label"), channel.child_value("unit")))
    channel = channel.next_sibling()
print(json.dumps([labels, info.name(), info.type(), info.nominal_srate(), info.as_xml()]), flush=True)
got = [rows.pull_sample(20) for _ in range(5)] + [events.pull_sample(20) for _ in range(2)]
print(json.dumps([*got, pylsl.local_clock()]), flush=True)
"""


def rows(at_s: list[float], first: float) -> AngleRows:
    angles = np.radians(np.full((len(ANGLE_NAMES), len(at_s)), first) + np.arange(len(at_s)))
    angles[1] = np.nan
    return AngleRows(np.array(at_s), angles, angles, np.full(len(at_s), 4, np.int32))


def test_an_inlet_in_another_process_gets_what_is_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lsl.cfg").write_text("[multicast]\nResolveScope = machine\n[log]\nlevel = -3\n")
    monkeypatch.setenv("LSLAPICFG", str(tmp_path / "lsl.cfg"))
    outlet = LslOutlet()
    with subprocess.Popen([sys.executable, "-c", INLET, *outlet.ids], stdout=subprocess.PIPE, text=True) as reading:
        assert reading.stdout is not None
        labels, name, kind, rate, xml = json.loads(reading.stdout.readline())
        assert (name, kind, rate) == ("hiphinge angles", "MoCap", 100.0)
        assert labels == [*([one, "degrees"] for one in ANGLE_NAMES), ["quality", "flags"]]
        zero_ns = HOST_CLOCK_NS() - 3 * 10**9
        mark = Mark(7, zero_ns + 10**9, "calibrate")
        repetition = Repetition(0, 0.5, 1.0, 1.5, "squat", 1.0, 0, {})
        first = PipelineOutput([rows([1.0, 1.01, 1.02], 10.0)], repetitions=[repetition])
        outlet.take(Frame(first, 2.0, marks=(mark,), zero_ns=zero_ns, last_seq=9, flushed_seq=5))
        assert len(outlet._held) == 1, "nothing leaves before it is on disk"
        outlet.take(Frame(PipelineOutput([rows([1.03], 13.0)]), 2.1, zero_ns=zero_ns, last_seq=12, flushed_seq=9))
        assert len(outlet._held) == 1
        outlet.close(PipelineOutput([rows([1.04], 14.0)]))
        *got, calibrated, moved, now = json.loads(reading.stdout.readline())
    assert [row[0][0] for row in got] == pytest.approx([10.0, 11.0, 12.0, 13.0, 14.0])
    assert all(np.isnan(row[0][1]) and row[0][-1] == 4.0 for row in got)
    np.testing.assert_allclose(np.diff([at for _, at in got]), 0.01, atol=2e-3)
    assert 1.9 < now - got[0][1] < 60.0, "the time is that of the measurement"
    assert (calibrated[0], moved[0]) == (["calibrate"], ["repetition squat"])
    assert moved[1] - calibrated[1] == pytest.approx(0.5, abs=2e-3)
    assert "player" not in xml


def test_without_pylsl_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pylsl", None)
    with pytest.raises(HiphingeError, match=r"needs pylsl.*pip install 'hiphinge\[lsl\]'"):
        LslOutlet()
    assert "pip install 'hiphinge[lsl]'" in refused("live", "--kit", "none.toml", "--lsl", "--no-page", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_session_is_followed_by_an_outlet_where_that_is_wished(tmp_path: Path) -> None:
    running = SessionInProgress(tmp_path / "session", simulate("demo", 1).session)
    follow(running, Console(stderr=True, width=140), lsl=True)
    assert "LSL outlet" in [follower.sink.name for follower in running.sinks._followers]
    running.abandon()
