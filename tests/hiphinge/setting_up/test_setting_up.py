"""Setting up as a state: found, tapped, placed, remembered; what a page says and what it is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hiphinge.setting_up.kits import (
    KnownAthlete,
    RememberedKit,
    free_name,
    keep,
    known_athletes,
    remember_worn,
    remembered,
    usable_name,
)
from hiphinge.setting_up.state import ANSWERS_S, Found, SettingUp, SetUpOrder, known_entries
from ingest.links import read_kit
from ingest.links.kit import write_kit
from on_disk import read_toml

A, B, C, D = (f"C0:00:00:00:00:0{n}" for n in range(1, 5))
FAMILY = "hiphinge-v1"


def entries(**places: str) -> list[dict[str, object]]:
    return [{"placement": p, "family": FAMILY, "address": id, "rate_hz": 100} for p, id in places.items()]


def kit(name: str = "gym", used_s: float = 1.0, **places: str) -> RememberedKit:
    return RememberedKit(name, Path(f"{name}.toml"), tuple(entries(**places)), None, used_s)


def found(*ids: str, **words: Any) -> list[Found]:
    return [Found(id, f"strap {id[-1]}", FAMILY, state="streaming", **words) for id in ids]


def setting_up(*kits: RememberedKit, **words: Any) -> SettingUp:
    state = SettingUp(kits, **words)
    state.heard(found(A, B, C, D))
    return state


def say(state: SettingUp, do: str, **words: str) -> dict[str, Any]:
    state.order(SetUpOrder(do, **words))
    return state.document(100.0)


def codes(document: dict[str, Any]) -> list[str]:
    return [w["code"] for w in document["warnings"]]


def test_a_tap_answers_and_then_is_over() -> None:
    state = setting_up()
    state.tapped(B, 100.0, twice=False)
    shown = {s["id"]: s["tapped_s"] for s in state.document(100.4)["found"]}
    assert shown == {A: None, B: 0.4, C: None, D: None}
    assert all(s["tapped_s"] is None for s in state.document(100.1 + ANSWERS_S)["found"])
    assert state.places == {}, "a tap while finding places nothing"


def test_two_taps_place_a_sensor_where_one_is_asked_for() -> None:
    state = setting_up()
    assert say(state, "step", place="place")["next"] == "lumbar"
    for id in (C, C, A):
        state.tapped(id, 100.0, twice=True)
    assert state.places == {"lumbar": C, "pelvis": A}
    state.tapped(B, 100.0, twice=False)
    assert state.next_place == "thigh_left"
    assert say(state, "skip", place="thigh_left")["next"] == "thigh_right"
    state.tapped(B, 100.0, twice=True)
    assert state.places == {"lumbar": C, "pelvis": A, "thigh_right": B}
    assert state.document(100.0)["next"] is None


def test_placing_by_hand_moves_and_takes_away() -> None:
    state = setting_up()
    say(state, "place", id=A, place="pelvis")
    say(state, "place", id=A, place="lumbar")
    assert state.places == {"lumbar": A}
    say(state, "place", id=B, place="lumbar")
    assert state.places == {"lumbar": B}
    say(state, "place", id=C, place="pelvis")
    assert say(state, "exchange", text="lumbar pelvis")["places"] == {"lumbar": C, "pelvis": B}
    assert say(state, "place", id=B)["places"] == {"lumbar": C}
    assert codes(say(state, "place", id="nobody", place="pelvis")) == ["unknown_sensor"]
    assert codes(say(state, "place", id=A, place="head")) == []
    state.heard([*found(A, B, C), replace(found(D)[0], family=None)])
    assert codes(say(state, "place", id=D, place="pelvis")) == ["unknown_sensor"]
    assert state.places == {"lumbar": C}


def test_a_remembered_kit_places_its_sensors_and_says_who_is_missing() -> None:
    gym = kit(lumbar=A, pelvis=B, thigh_left=C, thigh_right="C0:00:00:00:00:09")
    state = setting_up(gym)
    document = state.document(100.0)
    assert document["kits"] == [{"name": "gym", "athlete": None, "places": gym.places, "there": 3, "of": 4}]
    assert {s["id"]: s["last"] for s in document["found"]} == {A: "lumbar", B: "pelvis", C: "thigh_left", D: None}
    document = say(state, "kit", text="gym")
    assert (document["step"], document["next"]) == ("place", "thigh_right")
    assert document["places"] == {"lumbar": A, "pelvis": B, "thigh_left": C}
    state.heard(found(A, B))
    assert codes(state.document(100.0)) == ["not_there"]
    document = say(state, "exchange", text="lumbar pelvis")
    assert [(w["code"], w["placement"]) for w in document["warnings"]][:2] == [
        ("other_place", "lumbar"),
        ("other_place", "pelvis"),
    ]


def test_a_low_battery_and_a_missing_pelvis_are_said() -> None:
    state = setting_up()
    state.heard([*found(A), *found(B, battery=22)])
    say(state, "step", place="place")
    say(state, "place", id=A, place="lumbar")
    for place in ("pelvis", "thigh_left", "thigh_right"):
        say(state, "skip", place=place)
    assert state.document(1.0)["warnings"] == [
        {"code": "no_pelvis", "placement": "pelvis"},
        {"code": "low_battery", "id": B, "percent": 22},
    ]


def test_athlete_note_and_names() -> None:
    state = setting_up(athletes=[KnownAthlete("player-07", 3, "2026-11-28")])
    document = say(state, "athlete", text="player-07")
    assert (document["athlete"], document["athletes"][0]["sessions"]) == ("player-07", 3)
    assert codes(say(state, "athlete", text="*")) == ["bad_athlete"]
    assert state.athlete == "player-07"
    assert say(state, "first_note", text="after the match")["note"] == "after the match"
    assert say(state, "rename", id=A, text="Strap A")["found"][0]["strap"] == "Strap A"
    assert codes(say(state, "kit", text="../etc")) == ["bad_kit_name"]
    assert say(state, "kit", text="gym 2")["kit"] == "gym 2"


@pytest.mark.parametrize(("do", "calibrate"), [("start", True), ("start_without", False)])
def test_the_start_keeps_what_is_known_of_each_sensor(do: str, calibrate: bool) -> None:
    known = [
        {**entries(lumbar=A)[0], "worn": [1.0, 0.0, 0.0, 0.0], "range_g": 8, "strap": "one"},
        {**entries(pelvis=B)[0], "worn": [1.0, 0.0, 0.0, 0.0], "mounting": {"up": "+x", "left": "+y"}},
    ]
    state = setting_up(RememberedKit("gym", Path("gym.toml"), tuple(known)))
    assert codes(say(state, do)) == ["nothing_placed"]
    for id, place in ((A, "lumbar"), (B, "thigh_left"), (C, "pelvis")):
        say(state, "place", id=id, place=place)
    document = say(state, do)
    assert document["step"] == "calibrate"
    assert state.chosen is not None
    assert (state.chosen.kit, state.chosen.calibrate) == ("gym", calibrate)
    lumbar, pelvis, thigh = state.chosen.entries
    assert lumbar == {"placement": "lumbar", **known[0]}
    assert pelvis == {"placement": "pelvis", "family": FAMILY, "address": C}
    assert thigh == {"placement": "thigh_left", "family": FAMILY, "address": B, "rate_hz": 100}, "worn elsewhere before"
    say(state, "place", id=D, place="pelvis")
    assert state.places["pelvis"] == C, "it has begun"


def test_sensors_of_a_known_kit_are_kept_in_it_though_nobody_named_it() -> None:
    state = setting_up(kit(lumbar=A, pelvis=B), kit("other", lumbar=D))
    for id, place in ((A, "pelvis"), (B, "lumbar"), (C, "thigh_left")):
        say(state, "place", id=id, place=place)
    say(state, "start")
    assert state.chosen is not None
    assert state.chosen.kit == "gym"


def test_a_place_that_was_asked_about_comes_next() -> None:
    state = setting_up()
    say(state, "step", place="place")
    assert say(state, "want", place="thigh_right")["next"] == "thigh_right"
    state.tapped(A, 100.0, twice=True)
    assert state.places == {"thigh_right": A}
    assert say(state, "want", place="thigh_right")["next"] == "thigh_right"
    state.tapped(B, 100.0, twice=True)
    assert state.places == {"thigh_right": B}, "in its stead"
    assert state.next_place == "lumbar"


def test_kits_are_kept_and_found_again(tmp_path: Path) -> None:
    assert remembered(tmp_path / "none") == ([], [])
    path, first = keep(tmp_path / "kits", "gym", [], entries(lumbar=A, pelvis=B, thigh_left=C))
    assert [s.key for s in first.sensors] == ["lumbar", "pelvis", "thigh_left"]
    remember_worn(path, {"pelvis": (0.5, -0.5, 0.5, -0.5), "thigh_right": (1.0, 0.0, 0.0, 0.0)})
    (tmp_path / "kits" / "broken.toml").write_text("[[sensor]]\n")
    kits, faults = remembered(tmp_path / "kits")
    assert [k.name for k in kits] == ["gym"]
    assert "broken.toml" in faults[0].where
    assert kits[0].entry(B) is not None
    assert read_kit(path).sensors[1].sensor.worn == (0.5, -0.5, 0.5, -0.5)
    # exchanged, and one left out: the file keeps it, the session does not have it
    again, second = keep(tmp_path / "kits", "gym", kits, entries(lumbar=B, pelvis=A))
    assert again == path
    assert {s.key: s.sensor.address for s in second.sensors} == {"lumbar": B, "pelvis": A}
    assert {s.key: s.sensor.address for s in read_kit(path).sensors} == {"lumbar": B, "pelvis": A, "thigh_left": C}
    assert "worn" not in read_toml(path, "")[0]["sensor"][0]
    assert free_name(kits) == "kit 1"
    assert set(known_entries(remembered(tmp_path / "kits")[0])) == {A, B, C}


def test_a_kit_with_a_gateway_stays_a_matter_of_its_file(tmp_path: Path) -> None:
    sensors = [
        {"placement": p, "family": "hiphinge-v1-serial", "port": "/dev/x", "number": n}
        for n, p in enumerate(("lumbar", "pelvis"))
    ]
    write_kit(tmp_path / "gateway.toml", [dict(s) for s in sensors])
    assert remembered(tmp_path) == ([], [])


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a.", "x" * 61, "-x", "a\nb"])
def test_a_name_that_would_be_no_file_is_refused(name: str) -> None:
    assert not usable_name(name)


def test_athletes_are_those_of_the_sessions(tmp_path: Path) -> None:
    assert known_athletes(tmp_path / "none") == []
    for i, who in enumerate(("player-07", "player-07", "player-11", "unknown")):
        folder = tmp_path / f"2026-11-2{i}T10-00-00Z_{i}"
        folder.mkdir()
        (folder / "session.toml").write_text(
            f'schema = 1\nstart = 2026-11-2{i}T10:00:00Z\n[athlete]\nid = "{who}"\n'
            '[[sensor]]\nplacement = "pelvis"\nfile = "pelvis.csv"\n'
        )
        (folder / "pelvis.csv").write_text("time_s\n")
    assert [(a.id, a.sessions) for a in known_athletes(tmp_path)] == [("player-11", 1), ("player-07", 2)]
