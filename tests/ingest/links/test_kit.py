"""The kit file: what it may say, and errors that point at the line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from body_signals import HiphingeError, Mounting
from ingest.links.kit import add_to_kit, read_kit, write_kit

GOOD = """\
name = "gym 1"
athlete = "player-07"
[[sensor]]
placement = "pelvis"
family = "hiphinge-v1"
address = "c0:00:00:00:00:02"
rate_hz = 200
range_g = 8
range_dps = 1000
mounting = { up = "+x", left = "+y" }
[[sensor]]
placement = "lumbar"
family = "hiphinge-v1-serial"
port = "usb:10C4:EA60:0001"
number = 1
[[sensor]]
placement = "thigh_left"
family = "hiphinge-v1-serial"
port = "usb:10C4:EA60:0001"
number = 2
baud = 460800
"""


def test_a_kit(tmp_path: Path) -> None:
    (tmp_path / "kit.toml").write_text(GOOD)
    kit = read_kit(tmp_path / "kit.toml")
    pelvis, lumbar, thigh = kit.sensors
    assert (kit.name, kit.athlete, kit.addresses) == ("gym 1", "player-07", {"C0:00:00:00:00:02"})
    assert pelvis.sensor.mounting == Mounting("+x", "+y")
    assert (pelvis.request.rate_hz, pelvis.request.acc_range_g, pelvis.request.gyr_range_dps) == (200.0, 8.0, 1000.0)
    assert (lumbar.number, thigh.number, thigh.baud) == (1, 2, 460800)
    assert lumbar.family.name == "hiphinge-v1-serial"
    assert lumbar.sensor.family == "hiphinge-v1", "what is recorded is what the gateway passed on"
    assert lumbar.request.rate_hz == 100.0
    session = kit.session(datetime(2026, 1, 1, tzinfo=UTC))
    assert (session.athlete, [s.key for s in session.sensors]) == ("player-07", ["pelvis", "lumbar", "thigh_left"])
    assert kit.session(datetime(2026, 1, 1, tzinfo=UTC), "x").athlete == "x"


@pytest.mark.parametrize("athlete", ["", "  ", "*", "/.*/"])
def test_an_unset_variable_or_a_pattern_is_no_athlete(tmp_path: Path, athlete: str) -> None:
    (tmp_path / "kit.toml").write_text(GOOD)
    with pytest.raises(HiphingeError, match=r"--athlete: .* leave --athlete out"):
        read_kit(tmp_path / "kit.toml").session(datetime(2026, 1, 1, tzinfo=UTC), athlete)


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (('"pelvis"', '"pelvsi"'), 4, "Did you mean 'pelvis'"),
        (('family = "hiphinge-v1"\n', ""), 3, "family is missing"),
        (('"hiphinge-v1"\n', '"hiphinge-v9"\n'), 5, "Known families: "),
        (('address = "c0:00:00:00:00:02"\n', ""), 3, "an address or a port"),
        (("number = 2", "number = 1"), 20, "the same number"),
        (("number = 2\n", ""), 19, "the same port"),
        (("number = 2", "number = 2.5"), 20, "whole number"),
        (("rate_hz = 200", "rate_hz = 20000"), 7, "too fast"),
        (("rate_hz = 200", "rate_hx = 200"), 7, "Did you mean 'rate_hz'"),
        (('"thigh_left"', '"lumbar"'), 17, "two sensors on one placement"),
        (('address = "c0:00:00:00:00:02"', 'port = "/dev/x"'), 6, "no serial port"),
        (('port = "usb:10C4:EA60:0001"\nnumber = 1', 'address = "C1"'), 14, "no Bluetooth"),
        (("rate_hz = 200", "number = 3"), 7, "gateway"),
        (("baud = 460800", "baud = 1"), 21, "300 to"),
        (('"player-07"', '"*"'), 2, "is a pattern"),
    ],
)
def test_faults_name_file_line_and_remedy(tmp_path: Path, change: tuple[str, str], line: int, words: str) -> None:
    assert change[0] in GOOD
    (tmp_path / "kit.toml").write_text(GOOD.replace(*change, 1))
    with pytest.raises(HiphingeError) as caught:
        read_kit(tmp_path / "kit.toml")
    assert caught.value.where == f"{tmp_path / 'kit.toml'}, line {line}"
    assert words in str(caught.value)
    assert caught.value.remedy


def test_no_kit_and_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(HiphingeError, match="hiphinge scan --save"):
        read_kit(tmp_path / "none.toml")
    (tmp_path / "kit.toml").write_text('name = "x"\n')
    with pytest.raises(HiphingeError, match="no sensor"):
        read_kit(tmp_path / "kit.toml")


def test_writing(tmp_path: Path) -> None:
    path = tmp_path / "kit.toml"
    entries: list[dict[str, object]] = [{"placement": "pelvis", "family": "hiphinge-v1", "address": "C0:00", "rate_hz": 100.0}]
    assert write_kit(path, entries, "gym 2") == read_kit(path)
    assert read_kit(path).name == "gym 2"
    with pytest.raises(HiphingeError, match="unknown placement"):
        write_kit(tmp_path / "bad.toml", [{"placement": "head", "family": "hiphinge-v1", "address": "C0:00"}])
    assert not (tmp_path / "bad.toml").exists()


WORDS = st.text(st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs", "Cc"]), max_size=8)
WORDS = WORDS.filter(lambda word: bool(word.strip()))
ENTRY = st.fixed_dictionaries(
    {"placement": st.just("other"), "family": st.just("hiphinge-v1"), "address": WORDS, "name": st.just("barbell")},
    optional={
        "rate_hz": st.sampled_from([100, 200, 100.0]),
        "mounting": st.just({"up": "+x", "left": "+y"}),
        "config": st.dictionaries(WORDS, WORDS | st.integers(-9, 9) | st.booleans() | st.lists(WORDS, max_size=2), max_size=3),
        "a word of mine": WORDS,
    },
)


@given(ENTRY, WORDS)
def test_any_entry_reads_back(tmp_path_factory: pytest.TempPathFactory, entry: dict[str, object], name: str) -> None:
    path = tmp_path_factory.mktemp("kit") / "kit.toml"
    kit = write_kit(path, [entry], name)
    assert kit == read_kit(path)
    assert (kit.name, kit.sensors[0].sensor.address) == (name, entry["address"])
    expected = {key: tuple(v) if isinstance(v, list) else v for key, v in entry.get("config", {}).items()}  # type: ignore[attr-defined]
    assert kit.sensors[0].sensor.config == expected


KEPT = """\
# the gym's, ask Ann
name = "gym 1"
athlete = "player-07"   # for now
bought = 2025-03-01
[strap]
"how wide" = 4.5  # cm

# the white one
[[sensor]]
placement = "pelvis"  # the sacrum
family = "hiphinge-v1"
address = "C0:00:00:00:00:02"
rate_hz = 200
mounting = { up = "+x", left = "+y" }
"bought at" = "the corner"
config = { "a b" = 1, "a.b" = "x" }

# the black one
[[sensor]]
placement = "lumbar"
family = "hiphinge-v1"
address = "C0:00:00:00:00:03"  # a label is on it
# charge it on Mondays
"""


def test_a_sensor_that_is_added_leaves_all_else_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "kit.toml"
    path.write_text(KEPT)
    kit = add_to_kit(path, [{"placement": "thigh_left", "family": "hiphinge-v1", "address": "C0:00:00:00:00:04"}])
    added = '\n[[sensor]]\nplacement = "thigh_left"\nfamily = "hiphinge-v1"\naddress = "C0:00:00:00:00:04"\n'
    assert path.read_text() == KEPT + added
    assert kit == read_kit(path)
    assert [s.key for s in kit.sensors] == ["pelvis", "lumbar", "thigh_left"]


def test_a_sensor_that_is_replaced_leaves_the_others_and_the_comments(tmp_path: Path) -> None:
    path = tmp_path / "kit.toml"
    path.write_text(KEPT)
    add_to_kit(path, [{"placement": "lumbar", "family": "hiphinge-v1", "address": "C0:00:00:00:00:09"}])
    assert path.read_text() == KEPT.replace("00:03", "00:09")
    add_to_kit(path, [{"placement": "thigh_right", "family": "hiphinge-v1", "address": "c0:00:00:00:00:09"}])
    assert path.read_text() == KEPT.replace("C0:00:00:00:00:03", "c0:00:00:00:00:09").replace("lumbar", "thigh_right")
    kit = add_to_kit(path, [{"placement": "pelvis", "family": "hiphinge-v1-serial", "port": "/dev/x", "number": 3}])
    assert kit.sensors[0].number == 3
    for line in KEPT.splitlines():
        assert "#" not in line or line[line.index("#") :] in path.read_text()


def test_a_kit_that_would_be_unusable_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "kit.toml"
    path.write_text(KEPT)
    for entry in ({"placement": "head"}, {"family": None}, {"address": "\ud800"}):
        with pytest.raises(HiphingeError):
            add_to_kit(path, [{"placement": "thigh_left", "family": "hiphinge-v1", "address": "C0:04"} | entry])
        assert path.read_text() == KEPT
    assert [p.name for p in tmp_path.iterdir()] == ["kit.toml"]


def test_a_new_kit_is_named_after_its_file(tmp_path: Path) -> None:
    entry: dict[str, object] = {"placement": "pelvis", "family": "hiphinge-v1", "address": "C0:00"}
    assert add_to_kit(tmp_path / "gym 2.toml", [entry]).name == "gym 2"
