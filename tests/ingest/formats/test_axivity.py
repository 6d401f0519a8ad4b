"""Format axivity: .cwa recordings of AX6 sensors; what an AX3 lacks, damaged sectors, gaps and clocks that are wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from body_signals import G0, HiphingeError, Ints, Placement
from hiphinge.session.plain.plausible_input import check_imported
from ingest.formats import ImportedSession, StoredSamples, import_session, write_plain
from ingest.formats.makers import axivity, axivity_sectors
from ingest.formats.makers.axivity_sectors import read_head
from ingest.formats.plain import read_plain
from tests.ingest.formats.cwa_files import NOON, Ax, edited, times
from tests.ingest.formats.turning import turning

MOTION = turning(100.7, 30.0)


def one(session: ImportedSession) -> StoredSamples:
    (samples,) = session.samples.values()
    return samples


def sectors(file: Path, change: Callable[[list[bytes]], list[bytes]]) -> Path:
    """The file with its data sectors changed."""
    content = file.read_bytes()
    body = [content[i : i + 512] for i in range(1024, len(content), 512)]
    file.write_bytes(content[:1024] + b"".join(change(body)))
    return file


def test_an_ax6_in_si_at_its_own_rate_with_its_start(tmp_path: Path) -> None:
    ax = Ax()
    file = ax.write(tmp_path / "CWA-DATA.CWA", ax.counts(MOTION))
    session = import_session("axivity", file, placements={"6012345": "pelvis"}, zone="Europe/Berlin")
    found = one(session)
    np.testing.assert_allclose(found.time_s, times(MOTION), atol=1e-4)
    np.testing.assert_allclose(found.acc, MOTION.acc, atol=G0 / 4096.0)
    assert found.gyr is not None
    np.testing.assert_allclose(found.gyr, MOTION.gyr, atol=np.radians(2000.0) / 32768.0)
    assert abs(session.session.start - (NOON.replace(tzinfo=UTC) - timedelta(hours=1))) < timedelta(milliseconds=0.1)
    (said,) = (note for note in session.notes if "AX6 6012345" in note)
    assert "nominally 100 Hz, ±8 g, ±2000 °/s; 34 to 34 °C inside; battery 4.10 V at the beginning, 4.10 V" in said
    assert check_imported(session) == []
    write_plain(tmp_path / "out", session.session, session.samples)
    assert read_plain(tmp_path / "out").rates_hz["pelvis"] == pytest.approx(100.7, abs=0.01)


@pytest.mark.parametrize(("acc_code", "rate_code"), [(3, 10), (5, 10 | 128), (6, 10 | 192)])
@pytest.mark.parametrize("gyr_code", [2, 3, 4])
def test_ranges(acc_code: int, rate_code: int, gyr_code: int, tmp_path: Path) -> None:
    ax = Ax(acc_code=acc_code, rate_code=rate_code, gyr_code=gyr_code)
    found = one(import_session("axivity", ax.write(tmp_path / "a.cwa", ax.counts(MOTION))))
    np.testing.assert_allclose(found.acc, MOTION.acc, atol=G0 / (1 << (8 + acc_code)))
    assert found.gyr is not None
    np.testing.assert_allclose(found.gyr, MOTION.gyr, atol=np.radians(8000.0 / (1 << gyr_code)) / 32768.0)


@pytest.mark.parametrize(("code", "true_hz"), [(8, 25.2), (9, 49.6), (11, 203.0), (12, 396.0)])
@pytest.mark.parametrize("fraction", [True, False])
def test_rates_and_old_firmware_without_fractions(code: int, true_hz: float, fraction: bool, tmp_path: Path) -> None:
    motion = turning(true_hz, 20.0)
    ax = Ax(rate_hz=true_hz, rate_code=code | 64, fraction=fraction)
    found = one(import_session("axivity", ax.write(tmp_path / "a.cwa", ax.counts(motion))))
    # without a fraction the device names the sample at which a second began
    within_s = 1e-4 if fraction else 1.5 / true_hz
    assert np.abs(found.time_s - times(motion)).max() < within_s
    assert (np.diff(found.time_s) > 0.0).all()


def test_the_range_of_the_gyroscope_may_stand_in_the_head_alone(tmp_path: Path) -> None:
    ax = Ax()
    file = ax.write(tmp_path / "a.cwa", ax.counts(MOTION))
    sectors(file, lambda body: [edited(s, 18, "<H", 4 << 13) for s in body])
    gyr = one(import_session("axivity", file)).gyr
    assert gyr is not None
    np.testing.assert_allclose(gyr, MOTION.gyr, atol=1e-3)
    content = bytearray(file.read_bytes())
    content[35] = 0
    file.write_bytes(content)
    with pytest.raises(HiphingeError, match="the range of the gyroscope is not stated"):
        import_session("axivity", file)


@pytest.mark.parametrize(
    "ax", [Ax(hardware=0x17, packed=True), Ax(hardware=0xFF, acc_code=0, serial=12345), Ax(sensor_config=0)]
)
def test_acceleration_alone_says_what_it_lacks(ax: Ax, tmp_path: Path) -> None:
    file = ax.write(tmp_path / "a.cwa", ax.counts(MOTION)[:, -3:])
    with pytest.raises(HiphingeError, match="orientations need angular rates") as caught:
        import_session("axivity", file)
    lacks = "AX6 6012345 recorded with its gyroscope off" if ax.hardware == 0x64 else f"AX3 {ax.serial} has no gyroscope"
    assert caught.value.what.startswith(lacks)
    assert caught.value.where == f"{file}, sector 3"
    assert "Record with an AX6" in caught.value.remedy


def test_packed_samples(tmp_path: Path) -> None:
    # as the makers write them: the sign in the highest of ten bits, and all three axes shifted up by the exponent
    rows = np.array([[0, 1, -1], [511, -512, 256], [1022, -1024, 4], [4088, -4096, 16]], np.int64)
    ax = Ax(hardware=0, packed=True, comment="_sc=a%20b&_p=13")
    file = ax.write(tmp_path / "a.cwa", rows)
    (part,) = axivity_sectors.sectors(file, axivity.BadLines(file))
    np.testing.assert_array_equal(part.raw, rows)
    assert part.setting.acc_scale == G0 / 256.0
    assert (read_head(file).site, read_head(file).serial) == ("sacrum", "6012345")


def test_several_devices_by_site_file_or_word(tmp_path: Path) -> None:
    for serial, comment, name, late_s in (
        (6_000_001, "_p=13", "a.cwa", 0.0),
        (6_000_002, "_p=6", "b.CWA", 0.25),
        (6_000_003, "", "lower back.cwa", 1.0),
        (12, "_p=3", "d.cwa", 2.5),
    ):
        ax = Ax(serial=serial, comment=comment, begin=NOON + timedelta(seconds=late_s))
        ax.write(tmp_path / name, ax.counts(MOTION))
    session = import_session("axivity", tmp_path)
    assert {sensor.placement for sensor in session.session.sensors} == {
        Placement.PELVIS,
        Placement.THIGH_LEFT,
        Placement.LUMBAR,
        Placement.OTHER,
    }
    firsts = {key: round(samples.first_s, 3) for key, samples in session.samples.items()}
    assert firsts == {"pelvis": 0.0, "thigh_left": 0.25, "lumbar": 1.0, "00012": 2.5}
    assert any("worn where? 00012" in note for note in session.notes)
    assert any("set each by itself" in note for note in session.notes)
    session = import_session("axivity", tmp_path, placements={"00012": "thigh_right", "a.cwa": "other:bar"})
    assert {"thigh_right", "bar"} < set(session.samples)


def test_blocks_of_any_size_give_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ax = Ax()
    file = ax.write(tmp_path / "a.cwa", ax.counts(MOTION))
    # a gap, a sector without a time, and one that is short
    sectors(
        file, lambda body: [*body[:20], *body[23:40], edited(body[40], 14, "<I", 0), edited(body[41], 28, "<H", 11), *body[43:]]
    )
    whole = one(import_session("axivity", file))
    for block in (1, 3, 7, 37):
        monkeypatch.setattr(axivity_sectors, "_BLOCK", block)
        part = one(import_session("axivity", file))
        for name in ("time_s", "acc", "gyr"):
            np.testing.assert_array_equal(getattr(part, name), getattr(whole, name))


def test_missing_and_damaged_sectors_are_lost_samples(tmp_path: Path) -> None:
    ax = Ax()
    file = ax.write(tmp_path / "a.cwa", ax.counts(MOTION))

    def damage(body: list[bytes]) -> list[bytes]:
        body[12] = body[12][:100] + bytes([body[12][100] ^ 4]) + body[12][101:]
        body[50] = b"XX" + body[50][2:]
        return [*body[:30], *body[32:], b"\xff" * 512, b"\0" * 512]

    session = import_session("axivity", sectors(file, damage))
    found = one(session)
    kept = np.delete(np.arange(len(MOTION.time_s)), np.r_[12 * 40 : 13 * 40, 30 * 40 : 32 * 40, 50 * 40 : 51 * 40])
    np.testing.assert_allclose(found.time_s, times(MOTION)[kept], atol=1e-3)
    np.testing.assert_allclose(found.acc, MOTION.acc[kept], atol=G0 / 4096.0)
    assert any("2 sectors are left out; sector 15: its checksum is wrong" in note for note in session.notes)
    assert any("3 gaps of 1.6 s in all" in note for note in session.notes)


def test_a_missing_sector_of_a_fast_recording_is_known_by_its_number(tmp_path: Path) -> None:
    motion = turning(396.0, 20.0)
    ax = Ax(rate_hz=396.0, rate_code=12 | 64)
    file = sectors(ax.write(tmp_path / "a.cwa", ax.counts(motion)), lambda body: [*body[:60], *body[61:]])
    session = import_session("axivity", file)
    kept = np.delete(np.arange(len(motion.time_s)), np.r_[60 * 40 : 61 * 40])
    np.testing.assert_allclose(one(session).time_s, times(motion)[kept], atol=1e-4)
    assert any("1 gap of 0.1 s" in note for note in session.notes)
    # where samples are counted, those that are missing are counted too
    counted = one(import_session("axivity", file, rate_hz=396.0))
    np.testing.assert_allclose(counted.time_s, times(motion)[kept], atol=1e-4)


def test_too_much_damage_is_refused(tmp_path: Path) -> None:
    ax = Ax()
    file = ax.write(tmp_path / "a.cwa", ax.counts(MOTION))
    sectors(file, lambda body: [s[:-1] + b"\x55" if i % 10 == 3 else s for i, s in enumerate(body)])
    with pytest.raises(HiphingeError, match="its checksum is wrong") as caught:
        import_session("axivity", file)
    assert caught.value.where == f"{file}, sector 6"
    assert "3 may be left out." in caught.value.remedy


def test_a_torn_file_loses_its_last_sector(tmp_path: Path) -> None:
    ax = Ax()
    file = ax.write(tmp_path / "a.cwa", ax.counts(MOTION))
    file.write_bytes(file.read_bytes()[:-700])
    session = import_session("axivity", file)
    assert any("the last sector, 77, is torn and left out (it has 324 of 512 bytes)" in note for note in session.notes)
    assert len(one(session)) == 74 * 40


def test_a_clock_that_was_never_set(tmp_path: Path) -> None:
    ax = Ax(begin=datetime(2000, 1, 1, 0, 3, 10))
    file = ax.write(tmp_path / "a.cwa", ax.counts(MOTION))
    session = import_session("axivity", file)
    np.testing.assert_allclose(one(session).time_s, times(MOTION), atol=1e-4)
    assert session.session.start.year == 1970
    assert any("the clock of AX6 6012345 was not set, it shows 2000-01-01" in note for note in session.notes)
    sectors(file, lambda body: [edited(s, 14, "<I", 0) for s in body])
    session = import_session("axivity", file)
    np.testing.assert_allclose(one(session).time_s, np.arange(len(MOTION.time_s)) / 100.0, atol=1e-9)
    assert any("samples counted at 100 Hz" in note for note in session.notes)
    Ax(serial=5).write(tmp_path / "b.cwa", Ax().counts(MOTION))
    with pytest.raises(HiphingeError, match="the clock of AX6 6012345 was not set"):
        import_session("axivity", tmp_path)


@pytest.mark.parametrize("late_s", [-3600.0, -5.0])
def test_a_clock_that_goes_back_is_refused_unless_samples_are_counted(late_s: float, tmp_path: Path) -> None:
    ax = Ax(clock={33: timedelta(seconds=late_s)})
    file = ax.write(tmp_path / "a.cwa", ax.counts(MOTION))
    with pytest.raises(HiphingeError, match=rf"the clock of the device goes back by {-late_s:.1f} s") as caught:
        import_session("axivity", file)
    assert caught.value.where == f"{file}, sector 36"
    assert "--rate" in caught.value.remedy
    found = one(import_session("axivity", file, rate_hz=100.7))
    np.testing.assert_allclose(found.time_s, times(MOTION), atol=1e-3)
    with pytest.raises(HiphingeError, match="--rate says 50 Hz, and the file states 100 Hz"):
        import_session("axivity", file, rate_hz=50.0)


def test_a_pause_is_a_gap(tmp_path: Path) -> None:
    ax = Ax(clock={33: timedelta(seconds=20.0)})
    session = import_session("axivity", ax.write(tmp_path / "a.cwa", ax.counts(MOTION)))
    later = np.where(np.arange(len(MOTION.time_s)) < 33 * 40, 0.0, 20.0)
    np.testing.assert_allclose(one(session).time_s, times(MOTION) + later, atol=1e-3)
    assert any("1 gap of 20.0 s" in note for note in session.notes)


def changed(at: int, form: str, value: int) -> Callable[[list[bytes]], list[bytes]]:
    return lambda body: [edited(s, at, form, value) if i == 9 else s for i, s in enumerate(body)]


FAULTS: dict[str, tuple[Callable[[list[bytes]], list[bytes]], int, str]] = {
    "rate": (changed(24, "<B", 9), 12, "change within the file"),
    "range": (changed(18, "<H", 3 << 13 | 2 << 10), 12, "change within the file"),
    "repeated": (lambda body: [*body[:10], *body[9:]], 13, "sequence number 9 is that of the sector before"),
    "two recordings": (lambda body: [*body, *(edited(s, 6, "<I", 5) for s in body)], 79, "another recording begins here"),
    "form": (lambda body: [edited(s, 25, "<B", 0x61) for s in body], 3, "samples of the form 0x61"),
    "old": (lambda body: [edited(s, 24, "<B", 0) for s in body], 3, "rate code 0"),
    "nothing": (lambda body: [], 3, "no samples after the head"),
    "erased": (lambda body: [b"\xff" * 512 for _ in body], 3, "no samples after the head"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_name_their_sector(fault: str, tmp_path: Path) -> None:
    change, sector, what = FAULTS[fault]
    ax = Ax()
    file = sectors(ax.write(tmp_path / "a.cwa", ax.counts(MOTION)), change)
    with pytest.raises(HiphingeError, match=what) as caught:
        import_session("axivity", file)
    assert caught.value.where == f"{file}, sector {sector}"
    assert caught.value.remedy


def test_what_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(HiphingeError, match=r"no .cwa file"):
        import_session("axivity", tmp_path)
    file = tmp_path / "a.cwa"
    for content, what in ((b"", "the file is empty"), (b"MD" + b"\0" * 3000, "no .cwa recording"), (b"\x1f\x8b\x08", "gz")):
        file.write_bytes(content)
        with pytest.raises(HiphingeError, match=what) as caught:
            import_session("axivity", file)
        assert caught.value.remedy
    with pytest.raises(HiphingeError, match="not found"):
        import_session("axivity", tmp_path / "b.cwa")


def test_a_week_is_more_than_a_session(tmp_path: Path) -> None:
    ax = Ax(clock={40: timedelta(days=5)})
    file = ax.write(tmp_path / "a.cwa", ax.counts(MOTION))
    with pytest.raises(HiphingeError, match="goes on beyond 48 h") as caught:
        import_session("axivity", file)
    assert caught.value.where == f"{file}, sector 43"
    assert "docs/importing.md" in caught.value.remedy


def test_units_that_cannot_be_name_their_sector(tmp_path: Path) -> None:
    ax = Ax()
    counts: Ints = ax.counts(MOTION)
    counts[1234:, 3:] *= 4
    counts[:1234, 3:] //= 4
    with pytest.raises(HiphingeError, match=r"median of \|acc\|") as caught:
        import_session("axivity", ax.write(tmp_path / "a.cwa", np.clip(counts, -32768, 32767)))
    assert caught.value.where == f"{tmp_path / 'a.cwa'}, sector 3"


def test_the_head_and_a_run_of_sectors_are_a_recording(tmp_path: Path) -> None:
    ax = Ax()
    file = sectors(ax.write(tmp_path / "a.cwa", ax.counts(MOTION)), lambda body: body[25:50])
    session = import_session("axivity", file)
    found = one(session)
    np.testing.assert_allclose(found.time_s, times(MOTION)[:1000], atol=1e-3)
    np.testing.assert_allclose(found.acc, MOTION.acc[1000:2000], atol=G0 / 4096.0)
    assert abs(session.session.start - (NOON.replace(tzinfo=UTC) + timedelta(seconds=1000 / 100.7))) < timedelta(milliseconds=1)
