"""Plain sessions and imports whose samples cannot be true: refused with file, line, factor and remedy, or noted."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from body_signals import Cause, Floats, HiphingeError, Placement, Session
from dsp.plausibility import Checked
from hiphinge.api import Samples, estimate
from hiphinge.engine import Engine
from hiphinge.session.plain import plausible_input
from hiphinge.session.plain.clocks import with_agreed_clocks
from hiphinge.session.plain.plausible_input import _OF_A_WHOLE_FILE, check_imported, check_plain, copies, not_turning
from ingest.formats import ImportedSession, PlainSession, StoredSamples, import_session, session_of_samples
from ingest.session_folder import input_of
from tests.dsp.plausibility.faulty import Change, acc_times, changed, clipped, frozen, session, turned, zeros
from virtual_athlete import GyrAxisScaled, Script, SimulatedAthlete, to_plain

WHOLE: dict[str, tuple[Change, str, str]] = {
    "half": (turned(0.5), "gravity turns", "multiply its rates by"),
    "sign": (turned(-1.0), "left-handed", "Reverse the sign"),
    "exchanged": (turned(np.eye(3)[[0, 2, 1]]), "gyroscope's", "gyr"),
    "acc 13": (acc_times(1.33), "the accelerometer reads 13", "Multiply the acc columns by 0.7"),
    "upside down": (acc_times(-1.0), "against the stated mounting", "mounting"),
}
MAPPING = """
time = { column = "t", unit = "TIME" }
acc = { columns = ["ax", "ay", "az"], unit = "m/s2" }
gyr = { columns = ["gx", "gy", "gz"], unit = "rad/s" }
"""


@cache
def head() -> Session:
    """Of the session whose samples `session` has."""
    return to_plain("demo", 1, state_mounting=True)[0]


def plain_of(key: str, change: Change):
    """A plain session of one seed, with one sensor changed."""
    _, samples, _ = session()
    them = {k: changed(s, change) if k == key else s for k, s in samples.items()}
    sensors = tuple(replace(s, file=None) for s in head().sensors)
    return session_of_samples(replace(head(), sensors=sensors), {k: Samples(s.time_s, s.acc, s.gyr) for k, s in them.items()})


@pytest.mark.parametrize("key", ["lumbar", "thigh_left"])
@pytest.mark.parametrize("fault", WHOLE)
def test_a_whole_file_is_refused(fault: str, key: str) -> None:
    change, what, remedy = WHOLE[fault]
    with pytest.raises(HiphingeError) as caught:
        check_plain(plain_of(key, change))
    assert what in caught.value.what
    assert caught.value.where == f"{key}, sample 0"
    assert remedy in caught.value.remedy


def paced(plain: PlainSession, key: str, gain: float, keys: tuple[str, ...] = (), scale: float = 1.0) -> PlainSession:
    """With one sensor's clock fast, and its rates multiplied by `scale`; of these sensors, or of all."""
    stored = {k: s for k, s in plain.samples.items() if not keys or k in keys}
    assert stored[key].gyr is not None
    samples = {k: Samples(s.time_s, s.acc, s.gyr) for k, s in stored.items()}
    samples[key] = Samples((1.0 + gain) * stored[key].time_s, stored[key].acc, scale * stored[key].gyr)
    sensors = tuple(replace(s, rate_hz=None) for s in plain.session.sensors if s.key in samples)
    head = replace(plain.session, sensors=sensors)
    return session_of_samples(head, samples)


def imported(plain: PlainSession) -> ImportedSession:
    return ImportedSession(plain.session, {key: StoredSamples.of(s) for key, s in plain.samples.items()}, [], plain.where)


@pytest.mark.parametrize(("key", "gain"), [("pelvis", 0.2), ("lumbar", -0.2), ("thigh_left", 0.25)])
def test_a_clock_of_another_rate_is_no_gyroscope_of_a_wrong_scale(key: str, gain: float) -> None:
    plain = plain_of("", lambda *_: None)
    given = paced(plain, key, gain)
    for found in (check_plain(given), check_imported(imported(given))):
        (finding,) = [f for f in found if f.cause in _OF_A_WHOLE_FILE or f.cause is Cause.CLOCK_RATE]
        assert (finding.sensor, finding.cause) == (key, Cause.CLOCK_RATE)
    corrected, (told,) = with_agreed_clocks(input_of(given))
    assert (told.sensor, told.cause) == (key, Cause.CLOCK_RATE)
    assert "corrected from the start" in told.remedy
    assert corrected.plain is not None
    assert np.abs(corrected.plain.samples[key].time_s - plain.samples[key].time_s).max() < 0.08
    assert corrected.plain.rates_hz[key] == pytest.approx(plain.rates_hz[key], rel=0.003)
    assert corrected.plain.session == given.session


@pytest.mark.parametrize(("gain", "scale"), [(0.0, 1.25), (0.0, 0.8), (0.08, 2.0)])
def test_a_gyroscope_of_a_wrong_scale_is_refused_whatever_its_clock(gain: float, scale: float) -> None:
    for keys in ((), ("lumbar", "pelvis")):
        with pytest.raises(HiphingeError, match="range or scale"):
            check_plain(paced(plain_of("", lambda *_: None), "pelvis", gain, keys, scale))


def test_of_two_clocks_gravity_tells_which_is_wrong() -> None:
    plain = plain_of("", lambda *_: None)
    for key, other in (("pelvis", "lumbar"), ("lumbar", "pelvis")):
        with pytest.raises(HiphingeError) as caught:
            check_plain(paced(plain, key, 0.25, ("lumbar", "pelvis")))
        assert caught.value.where == f"{key}, sample 0"
        assert f"its clock runs 25.0 % fast against {other}" in caught.value.what
        assert "sample rate" in caught.value.remedy


def test_arrays_of_another_rate_are_corrected() -> None:
    plain = plain_of("", lambda *_: None)
    given = {key: Samples(s.time_s, s.acc, s.gyr) for key, s in paced(plain, "pelvis", 0.125).samples.items()}
    (warning,) = [said for said in estimate(given).warnings if "clock" in said]
    assert "pelvis: its clock runs 12.5 % fast" in warning


def test_a_file_that_was_copied_over_another_is_told() -> None:
    plain = plain_of("", lambda *_: None)
    copied = replace(plain, samples=plain.samples | {"thigh_right": plain.samples["pelvis"]})
    (finding,) = with_agreed_clocks(input_of(copied))[1]
    assert (finding.sensor, finding.until_s) == ("thigh_right", None)
    assert "the samples of thigh_right are those of pelvis" in finding.what
    assert "its own file" in finding.remedy
    for estimator in ("live", "review"):
        engine = Engine(copied.session, (estimator,), [finding])
        outputs = [engine.feed(batch)[estimator] for batch in copied.batches()]
        told = [f for out in [*outputs, engine.finish()[estimator]] for f in out.findings]
        assert finding in told
        assert all((rows.quality != 0).all() for out in outputs for rows in out.angles)
    assert with_agreed_clocks(input_of(plain))[1] == []


def test_a_sensor_without_samples_is_no_copy() -> None:
    empty = {key: StoredSamples(gyr=True, quat=False, mag=False) for key in ("lumbar", "pelvis")}
    assert copies(empty) == []


def test_sensors_that_say_nothing_are_not_called_copies() -> None:
    plain = plain_of("", lambda *_: None)
    silent = [Samples(one.time_s, np.zeros_like(one.acc), one.gyr) for one in plain.samples.values()]
    with pytest.raises(HiphingeError) as caught:
        check_plain(replace(plain, samples=dict(zip(plain.samples, silent, strict=True))))
    assert "copied" not in caught.value.what


def test_a_counter_in_one_file_shows_beside_the_others_where_its_sensor_hardly_turns() -> None:
    script = Script(4)
    script.stand(6.0)
    for _ in range(3):
        script.bend(70.0, thigh_deg=0.5)
    athlete = SimulatedAthlete(script, 4)
    plain = athlete.plain()
    sensors = tuple(replace(s, family="plain", rate_hz=None) for s in athlete.session.sensors)

    def given(change: Callable[[Floats], Floats]) -> PlainSession:
        parts = {key: Samples(s.time_s, s.acc, s.gyr) for key, s in plain.items()}
        one = parts["thigh_left"]
        time_s = change(one.time_s)
        parts["thigh_left"] = Samples(time_s, one.acc[: len(time_s)], one.gyr[: len(time_s)])
        return session_of_samples(replace(athlete.session, sensors=sensors), parts)

    for stretch in (0.1, 3.2768):
        with pytest.raises(HiphingeError, match="looks like a counter") as caught:
            check_plain(given(lambda t, stretch=stretch: stretch * t))
        assert caught.value.where.startswith("thigh_left")
        assert "about 100 Hz" in caught.value.remedy
    # whose battery died has no other time
    assert check_plain(given(lambda t: t[: len(t) // 4])) == []


def walking_round(since_s: float) -> dict[str, Samples]:
    """Files of somebody who walks round corners, whose pelvis sensor turns the other way about its x axis from then on."""
    script = Script(3)
    script.stand(3.0)
    for angle_deg in (110.0, 110.0, -110.0, 110.0, 110.0):
        script.walk(5.0, turn_deg=angle_deg)
        script.stand(2.0)
    faults = {Placement.PELVIS: (GyrAxisScaled(since_s),)}
    return {key: Samples(s.time_s, s.acc, s.gyr) for key, s in SimulatedAthlete(script, 3, faults=faults).plain().items()}


def test_a_gyroscope_that_does_not_turn_with_the_body_is_refused_or_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not_turning(walking_round(np.inf)) == {}
    (finding,) = not_turning(walking_round(0.0)).values()
    assert (finding.sensor, finding.cause) == ("pelvis", Cause.GYR_SIGN)
    assert "Reverse the sign of the gyr column x" in finding.remedy
    head = SimulatedAthlete(Script(3), 3).session
    sensors = tuple(replace(s, family="plain", rate_hz=None) for s in head.sensors)
    # gravity alone takes it for something else here, or for nothing
    monkeypatch.setattr(plausible_input.SensorWatch, "feed", lambda self, block: Checked(block))
    with pytest.raises(HiphingeError, match="the other way than") as caught:
        check_plain(session_of_samples(replace(head, sensors=sensors), walking_round(0.0)))
    assert caught.value.where == "pelvis, sample 0"
    later = session_of_samples(replace(head, sensors=sensors), walking_round(18.0))
    (finding,) = [f for f in check_plain(later) if f.cause is Cause.GYR_SIGN]
    assert 8.0 < finding.since_s < 18.0
    assert finding in [replace(f, known_s=finding.known_s) for f in with_agreed_clocks(input_of(later))[1]]


def test_files_are_compared_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = not_turning(walking_round(0.0))
    monkeypatch.setattr(plausible_input, "_TOGETHER_S", 4.0)
    stored = {key: StoredSamples.of(one) for key, one in walking_round(0.0).items()}
    assert {key: replace(f, known_s=0.0) for key, f in not_turning(stored).items()} == {
        key: replace(f, known_s=0.0) for key, f in whole.items()
    }


def test_what_concerns_a_part_is_noted() -> None:
    for change, cause in ((frozen(40.0), Cause.FROZEN), (zeros(40.0, 41.0), Cause.ZEROS), (clipped(30.0), Cause.CLIPPED)):
        assert {(f.sensor, f.cause) for f in check_plain(plain_of("lumbar", change))} == {("lumbar", cause)}
    assert check_plain(plain_of("lumbar", lambda t, acc, gyr: (acc, gyr))) == []
    assert {f.cause for f in check_plain(plain_of("lumbar", turned(0.5, 40.0)))} == {Cause.GYR_SCALE}


def test_the_library_refuses_too() -> None:
    _, samples, mark_s = session()
    one = changed(samples["pelvis"], turned(2.0))
    with pytest.raises(HiphingeError, match="wrong range or scale"):
        estimate({"pelvis": Samples(one.time_s, one.acc, one.gyr)}, calibrate_s=mark_s)


def written(folder: Path, time, unit: str, change: Change) -> tuple[Path, Path]:
    """A CSV file of a lumbar sensor with such times, and its mapping."""
    _, samples, _ = session()
    one = changed(samples["lumbar"], change)
    table = np.column_stack((time, one.acc, one.gyr))
    np.savetxt(folder / "lumbar.csv", table, fmt="%.9g", delimiter=",", header="t,ax,ay,az,gx,gy,gz", comments="")
    (folder / "mapping.toml").write_text(MAPPING.replace("TIME", unit))
    return folder / "lumbar.csv", folder / "mapping.toml"


def test_an_import_names_file_and_line(tmp_path: Path) -> None:
    _, samples, _ = session()
    file, mapping = written(tmp_path, samples["lumbar"].time_s, "s", turned(2.0))
    imported = import_session("csv", file, mapping=mapping)
    with pytest.raises(HiphingeError, match="what gravity turns") as caught:
        check_imported(imported)
    assert caught.value.where == f"{file}, line 2"


@pytest.mark.parametrize("unit", ["ms", "s"])
def test_a_packet_counter_is_no_time(tmp_path: Path, unit: str) -> None:
    """As milliseconds it would be 1000 samples a second; the remedy does not lead back there."""
    _, samples, _ = session()
    file, mapping = written(tmp_path, np.arange(len(samples["lumbar"])), unit, lambda t, acc, gyr: (acc, gyr))
    with pytest.raises(HiphingeError, match="counter") as caught:
        import_session("csv", file, mapping=mapping)
    assert caught.value.where == f"{file}, line 2"
    said_hz = float(caught.value.remedy.split(" about ")[1].split(" Hz")[0])
    assert said_hz == pytest.approx(100.0, rel=0.25)


def test_milliseconds_are_still_told(tmp_path: Path) -> None:
    _, samples, _ = session()
    file, mapping = written(tmp_path, 1000.0 * samples["lumbar"].time_s, "s", lambda t, acc, gyr: (acc, gyr))
    with pytest.raises(HiphingeError, match="looks like milliseconds"):
        import_session("csv", file, mapping=mapping)
