"""session.toml: what is written reads back, and every fault is an error with file, line and remedy."""

import json
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from body_signals import HiphingeError, Mounting, Placement, Sensor, Session, SessionMark
from body_signals.athlete import check_athlete
from body_signals.limits import LIMITS
from hiphinge.forgetting.signs import whose
from ingest.heads.session_toml import read_session_toml, session_from_dict, session_to_dict, write_session_toml

GOOD = """schema = 1
start = 2026-11-23T14:05:00Z
[athlete]
id = "player-07"
[software]
version = "hiphinge 0.1.0"

[[sensor]]
placement = "pelvis"
file = "pelvis.csv"
mounting = { up = "+x", left = "+y" }

[[sensor]]
placement = "other"
name = "barbell"
family = "hiphinge-v1"
address = "C0:00:00:00:00:02"
rate_hz = 100
range_g = 16

[[mark]]
time_s = 0.0
label = "calibrate"
"""

words = st.text(
    st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12
)
words = words.filter(lambda w: bool(w.strip()))


def names_one(athlete: str) -> bool:
    try:
        return check_athlete(athlete) == athlete
    except HiphingeError:
        return False


SETTINGS = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
    | st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=3).map(tuple),
    max_size=4,
)
axes = st.sampled_from([("+x", "+y"), ("-z", "+x"), ("-y", "-z")])


@st.composite
def sensors(draw: st.DrawFn) -> tuple[Sensor, ...]:
    placements = draw(st.lists(st.sampled_from(Placement), min_size=1, max_size=5, unique=True))
    return tuple(
        Sensor(
            placement,
            name=draw(words.filter(lambda w: w not in set(Placement))) if placement is Placement.OTHER else None,
            family=draw(st.sampled_from(["plain", "hiphinge-v1", "witmotion-ble"])),
            file=draw(st.none() | st.sampled_from(["a.csv", "raw/ä b.csv"])),
            mounting=draw(st.none() | axes.map(lambda a: Mounting(*a))),
            worn=draw(st.none() | st.sampled_from(((1.0, 0.0, 0.0, 0.0), (0.5, -0.5, 0.5, -0.5)))),
            address=draw(st.none() | words),
            port=draw(st.none() | words),
            rate_hz=draw(st.none() | st.floats(0.1, 1e5)),
            config=draw(SETTINGS),
        )
        for placement in placements
    )


sessions = st.builds(
    Session,
    start=st.datetimes(datetime(1990, 1, 1), datetime(2199, 12, 31, 23, 59, 59)).map(lambda t: t.replace(tzinfo=UTC)),
    athlete=words.filter(names_one),
    sensors=sensors(),
    marks=st.lists(st.builds(SessionMark, st.floats(-1e6, 1e6), words), max_size=3).map(tuple),
    software=st.just("") | words,
    patience_s=st.just(0.15) | st.floats(20.0, 2000.0).map(lambda ms: ms / 1e3),
    screen_limits=st.dictionaries(st.sampled_from([limit.name for limit in LIMITS]), st.floats(-200.0, 200.0), max_size=3),
)


@given(sessions)
def test_what_is_written_reads_back(tmp_path_factory: pytest.TempPathFactory, session: Session) -> None:
    path = tmp_path_factory.mktemp("s") / "session.toml"
    write_session_toml(session, path)
    assert read_session_toml(path) == session
    assert [p.name for p in path.parent.iterdir()] == ["session.toml"]
    as_json = json.loads(json.dumps(session_to_dict(session)))
    assert session_from_dict(as_json, "here") == session


@pytest.mark.parametrize("key", ["a b", "a.b", "", "größe", '"', "'", "\\", "a\nb", "#", "[mark]", "="])
def test_any_word_may_be_a_key_of_a_sensors_configuration(tmp_path: Path, key: str) -> None:
    """Such a file was broken, and what cannot be read is nobody's."""
    pelvis = Sensor(Placement.PELVIS, config={key: key, "list": (key, "\x7f")})
    session = Session(datetime(2026, 1, 1, tzinfo=UTC), "Zoë 7", (pelvis,))
    write_session_toml(session, tmp_path / "session.toml")
    assert read_session_toml(tmp_path / "session.toml") == session
    assert whose(tmp_path / "session.toml").athletes == {"Zoë 7"}


@pytest.mark.parametrize(
    "session",
    [
        Session(datetime(2026, 1, 1, tzinfo=UTC), "a\nb", (Sensor(Placement.PELVIS),)),
        Session(datetime(2026, 1, 1, tzinfo=UTC), "a", (Sensor(Placement.PELVIS, rate_hz=-1.0),)),
        Session(datetime(2026, 1, 1, tzinfo=UTC), "a", (Sensor(Placement.PELVIS, config={"x": float("inf")}),)),
        Session(datetime(2026, 1, 1, tzinfo=UTC), "a", (Sensor(Placement.PELVIS, config={"x": "\ud800"}),)),
        Session(datetime(2026, 1, 1, tzinfo=UTC), "a", (Sensor(Placement.PELVIS),), (SessionMark(float("nan"), "x"),)),
    ],
)
def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, session: Session) -> None:
    with pytest.raises(HiphingeError, match=r"session\.toml") as caught:
        write_session_toml(session, tmp_path / "session.toml")
    assert caught.value.remedy
    assert not any(tmp_path.iterdir())


def test_the_documented_form_is_read(tmp_path: Path) -> None:
    path = tmp_path / "session.toml"
    path.write_text(GOOD)
    assert read_session_toml(path) == Session(
        datetime(2026, 11, 23, 14, 5, tzinfo=UTC),
        "player-07",
        (
            Sensor(Placement.PELVIS, file="pelvis.csv", mounting=Mounting("+x", "+y")),
            Sensor(Placement.OTHER, name="barbell", family="hiphinge-v1", address="C0:00:00:00:00:02", rate_hz=100.0),
        ),
        (SessionMark(0.0, "calibrate"),),
        "hiphinge 0.1.0",
    )


@pytest.mark.parametrize("athlete", [" player-07", "*", "/.*/", "%", "[a-z]+", "\u200b"])
def test_who_is_nobody_or_everybody_is_refused_at_the_line(tmp_path: Path, athlete: str) -> None:
    path = tmp_path / "session.toml"
    path.write_text(GOOD.replace('"player-07"', json.dumps(athlete)), "utf-8")
    with pytest.raises(HiphingeError, match="pseudonym of one athlete") as caught:
        read_session_toml(path)
    assert caught.value.where == f"{path}, line 4"


def test_limits_of_the_hip_screen_are_read(tmp_path: Path) -> None:
    path = tmp_path / "session.toml"
    path.write_text(GOOD + "\n[screen]\nrock_back_slack_deg = 22\n")
    assert read_session_toml(path).screen_limits == {"rock_back_slack_deg": 22.0}
    for wrong, says in (
        ("rock_back = 22", "unknown limit 'rock_back'"),
        ("rock_back_slack_deg = '22'", "is not a usable number"),
    ):
        path.write_text(GOOD + f"\n[screen]\n{wrong}\n")
        with pytest.raises(HiphingeError, match=says) as error:
            read_session_toml(path)
        assert f"line {len(path.read_text().splitlines())}" in str(error.value)


def test_the_patience_of_live_is_read(tmp_path: Path) -> None:
    path = tmp_path / "session.toml"
    path.write_text(GOOD + "\n[live]\npatience_ms = 300\n")
    assert read_session_toml(path).patience_s == 0.3
    for wrong, said in (("5000", "20 to 2000"), ('"long"', "plain number")):
        path.write_text(GOOD + f"\n[live]\npatience_ms = {wrong}\n")
        with pytest.raises(HiphingeError, match=said) as caught:
            read_session_toml(path)
        assert f"line {len(path.read_text().splitlines())}" in caught.value.where


def test_another_zone_becomes_utc(tmp_path: Path) -> None:
    path = tmp_path / "session.toml"
    path.write_text(GOOD.replace("14:05:00Z", "16:05:00+02:00"))
    assert read_session_toml(path).start == datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
    assert read_session_toml(path).start.tzinfo is UTC
    zoned = Session(datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))), "a", (Sensor(Placement.PELVIS),))
    assert session_to_dict(zoned)["start"] == "2025-12-31T23:00:00Z"


FAULTS = {
    "broken TOML": ('id = "player-07"', 'id = "player-07', 4, "Correct this line"),
    "broken at the end": ('label = "calibrate"\n', "label = [1,", 23, "Correct this line"),
    "unknown schema": ("schema = 1", "schema = 2", 1, "update hiphinge"),
    "schema is not a number": ("schema = 1", "schema = true", 1, "schema 1"),
    "start missing": ("start = 2026-11-23T14:05:00Z\n", "", 1, "start = 2026-11-23T14:05:00Z"),
    "no time zone": ("14:05:00Z", "14:05:00", 2, "with its zone"),
    "date alone": ("2026-11-23T14:05:00Z", "2026-11-23", 2, "with its zone"),
    "start is text": ("2026-11-23T14:05:00Z", '"yesterday"', 2, "with its zone"),
    "start is a number": ("2026-11-23T14:05:00Z", "5", 2, "with its zone"),
    "start out of range": ("2026-11-23T14:05:00Z", "0001-01-01T00:00:00+10:00", 2, "with its zone"),
    "start too late": ("2026-11-23T14:05:00Z", "2200-01-01T00:00:00Z", 2, "Its year is between 1900 and 2200"),
    "athlete missing": ('[athlete]\nid = "player-07"\n', "", 1, "[athlete]"),
    "athlete without id": ('id = "player-07"\n', "", 3, "Add id"),
    "athlete is not a table": ('[athlete]\nid = "player-07"\n', 'athlete = "x"\n', 3, "a table"),
    "id is a number": ('id = "player-07"', "id = 7", 4, "in quotes"),
    "id is empty": ('id = "player-07"', 'id = " "', 4, "plain word"),
    "id with newline": ('id = "player-07"', 'id = "a\\nb"', 4, "plain word"),
    "unknown placement": ('placement = "pelvis"', 'placement = "pelvic"', 9, "Did you mean 'pelvis'? Placements are lumbar"),
    "placement missing": ('placement = "pelvis"\n', "", 8, "Add placement"),
    "two on one placement": ('placement = "other"\nname = "barbell"', 'placement = "pelvis"', 14, "a placement of its own"),
    "other without name": ('name = "barbell"\n', "", 13, 'Add name = "…"'),
    "pelvis with name": ('placement = "pelvis"', 'placement = "pelvis"\nname = "hip"', 10, "Remove it"),
    "named like a placement": ('name = "barbell"', 'name = "pelvis"', 15, "another name"),
    "worn of three": ('left = "+y" }', 'left = "+y" }\nworn = [1.0, 0.0, 0.0]', 12, "unit quaternion"),
    "worn of no length": ('left = "+y" }', 'left = "+y" }\nworn = [0.5, 0.0, 0, 0.0]', 12, "unit quaternion"),
    "worn of a long number": ('left = "+y" }', 'left = "+y" }\nworn = [1e300, 0.0, 0, 0.0]', 12, "unit quaternion"),
    "mounting axis": ('up = "+x"', 'up = "x"', 11, "mounting = {"),
    "mounting one axis twice": ('left = "+y"', 'left = "-x"', 11, "mounting = {"),
    "mounting incomplete": (', left = "+y"', "", 11, "mounting = {"),
    "mounting is text": ('{ up = "+x", left = "+y" }', '"+x"', 11, "mounting = {"),
    "mounting of numbers": ('"+x"', "1", 11, "mounting = {"),
    "file above the folder": ('"pelvis.csv"', '"../pelvis.csv"', 10, "into the session folder"),
    "file above by a detour": ('"pelvis.csv"', '"a/../../pelvis.csv"', 10, "into the session folder"),
    "file absolute": ('"pelvis.csv"', '"/etc/passwd"', 10, "into the session folder"),
    "file on a drive": ('"pelvis.csv"', "'C:\\pelvis.csv'", 10, "into the session folder"),
    "file above, backslash": ('"pelvis.csv"', "'..\\pelvis.csv'", 10, "into the session folder"),
    "file is the folder": ('"pelvis.csv"', '"."', 10, "into the session folder"),
    "file is a number": ('"pelvis.csv"', "3", 10, "in quotes"),
    "rate is text": ("rate_hz = 100", 'rate_hz = "fast"', 18, "plain number"),
    "rate is truth": ("rate_hz = 100", "rate_hz = true", 18, "plain number"),
    "rate is zero": ("rate_hz = 100", "rate_hz = 0", 18, "samples per second"),
    "a setting without end": ("rate_hz = 100", "config = { x = inf }", 18, "numbers, true or false"),
    "a setting of a day": ("rate_hz = 100", "config = { x = 2026-11-23 }", 18, "numbers, true or false"),
    "time is nan": ("time_s = 0.0", "time_s = nan", 22, "plain number"),
    "time missing": ("time_s = 0.0\n", "", 21, "Add time_s"),
    "label missing": ('label = "calibrate"\n', "", 21, "Add label"),
    "slip of the pen": ("mounting =", "mountings =", 11, "Did you mean 'mounting'?"),
    "slip with a blank": ("mounting =", '"moun ting" =', 11, "Did you mean 'mounting'?"),
    "below an odd word": ('"barbell"\nfamily', '"bar\u2028\x85bell"\nfamly', 16, "Did you mean 'family'?"),
    "slip at the top": ("[software]", "[sofware]", 5, "Did you mean 'software'?"),
    "sensor is one table": ('[[mark]]\ntime_s = 0.0\nlabel = "calibrate"\n', "[mark]\ntime_s = 0.0\n", 21, "a list of tables"),
    "sensors of numbers": (GOOD[GOOD.index("[athlete]") :], 'sensor = [1]\n[athlete]\nid = "a"\n', 3, "a table"),
    "no sensor": (GOOD[GOOD.index("[[sensor]]") :], "", 1, "[[sensor]]"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_says_file_line_and_remedy(tmp_path: Path, fault: str) -> None:
    old, new, line, remedy = FAULTS[fault]
    assert GOOD.count(old) == 1
    path = tmp_path / "session.toml"
    path.write_text(GOOD.replace(old, new), "utf-8")
    with pytest.raises(HiphingeError) as caught:
        read_session_toml(path)
    assert caught.value.where == f"{path}, line {line}"
    assert remedy in caught.value.remedy
    assert str(caught.value).startswith(f"{path}, line {line}: ")


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    (tmp_path / "secret.csv").write_text("x")
    os.symlink(tmp_path / "secret.csv", folder / "pelvis.csv")
    (folder / "session.toml").write_text(GOOD)
    with pytest.raises(HiphingeError, match="outside the session folder"):
        read_session_toml(folder / "session.toml")


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(HiphingeError, match="file not found"):
        read_session_toml(tmp_path / "session.toml")
    with pytest.raises(HiphingeError, match="cannot be read"):
        read_session_toml(tmp_path)
    (tmp_path / "bytes.toml").write_bytes(b"start = \xff")
    with pytest.raises(HiphingeError, match=r"not UTF-8 text \(byte 8\)"):
        read_session_toml(tmp_path / "bytes.toml")
    with pytest.raises(HiphingeError, match="cannot be written"):
        write_session_toml(Session(datetime.now(UTC), "a", (Sensor(Placement.PELVIS),)), tmp_path / "none" / "session.toml")


def test_absurd_nesting_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "session.toml"
    path.write_text("a = " + "[" * 100_000)
    with pytest.raises(HiphingeError, match="broken TOML"):
        read_session_toml(path)


def test_a_schema_may_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "session.toml"
    path.write_text(GOOD.replace("schema = 1\n", ""))
    assert read_session_toml(path).athlete == "player-07"


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_politely(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("s") / "session.toml"
    path.write_bytes(text.encode("utf-8", "replace"))
    with pytest.raises(HiphingeError):
        read_session_toml(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(sessions, st.data())
def test_wrong_types_anywhere_are_refused_politely(session: Session, data: st.DataObject) -> None:
    head = session_to_dict(session)
    spot = data.draw(st.sampled_from(["schema", "start", "athlete", "software", "sensor", "mark", "inside"]))
    value = data.draw(json_values)
    if spot == "inside":
        key = data.draw(st.sampled_from(["placement", "name", "family", "file", "mounting", "address", "port", "rate_hz"]))
        head["sensor"][0][key] = value
    else:
        head[spot] = value
    try:
        session_from_dict(head, "the head")
    except HiphingeError as caught:
        error = caught
    else:
        return
    assert error.where == "the head"
    assert error.remedy
