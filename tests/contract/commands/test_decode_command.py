"""`hiphinge decode`: tables and JSON for people who debug a sensor, JSON lines for programs."""

from __future__ import annotations

import io
import json
import math
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.contract.command_line import Result, hiphinge
from tests.firmware_protocol.device_vectors import all_vectors, approximately, assert_packets, need

FRAME = "5561d9ffa4ff5c085700c8ff08009afff20096fe"


def batch(lines: list[str], cwd: Path, *words: str) -> tuple[Result, list[dict[str, Any]]]:
    """What `decode --batch` answers to these lines."""
    stdin = io.TextIOWrapper(io.BytesIO("\n".join(lines).encode("utf-8", "surrogateescape")))
    with patch.object(sys, "stdin", stdin):
        done = hiphinge("decode", *words, "--batch", cwd=cwd)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.shared
@pytest.mark.parametrize("with_kind", [True, False])
def test_batch_answers_every_shared_vector(tmp_path: Path, with_kind: bool) -> None:
    vectors = all_vectors()
    if not vectors:
        need(None)
    names = ("id", "family", "config", "hex", "chunks") + (("kind",) if with_kind else ())
    lines = [json.dumps({name: vector[name] for name in names if name in vector}) for vector in vectors]
    done, answers = batch(lines, tmp_path)
    assert done.returncode == 0, done.stderr
    assert [answer["id"] for answer in answers] == [vector["id"] for vector in vectors]
    for vector, answer in zip(vectors, answers, strict=True):
        assert_answer(vector["expect"], answer)


def assert_answer(expect: Any, answer: dict[str, Any]) -> None:
    packets, errors = answer["packets"], answer["errors"]
    if isinstance(expect, list):
        assert_packets(packets, expect)
        assert not errors
    elif "samples" in expect:
        assert_packets(answer["samples"], expect["samples"])
        assert answer["incomplete"] == expect.get("incomplete", 0)
    elif "packets" in expect:
        assert_packets(packets, expect["packets"])
        assert bool(errors) == ("error" in expect)
        for name in ("pending", "gap", "restart"):
            assert answer.get(name) == expect.get(name, answer.get(name))
    elif list(expect) == ["error"]:
        assert packets == []
        assert errors
    elif all(key.isdigit() for key in expect):
        for ref, of_stream in expect.items():
            assert_packets(answer["streams"][ref], of_stream)
    else:
        (packet,) = packets
        assert packet == {name: approximately(value) for name, value in expect.items()}


def test_a_malformed_line_is_named_and_the_others_are_answered(tmp_path: Path) -> None:
    bad = [
        "no json",
        "[]",
        '{"hex": "00"}',
        '{"family": "abacus", "hex": "00"}',
        '{"family": "ximu3", "hex": "0"}',
        '{"family": "ximu3", "chunks": "00"}',
        '{"family": "ximu3", "chunks": [1]}',
        '{"family": "ximu3"}',
        '{"family": "ximu3", "config": 3, "hex": "00"}',
        '{"family": "ximu3", "kind": 3, "hex": "00"}',
        '{"family": "text-csv", "config": {"acc_unit": "furlong"}, "hex": "00"}',
        "[" * 100_000,
        "\udcff",
    ]
    good = json.dumps({"family": "witmotion-ble", "hex": FRAME})
    done, answers = batch([line for one in bad for line in (one, good)] + ["", good], tmp_path)
    assert done.returncode == 1
    assert len(answers) == 2 * len(bad) + 1
    for number, answer in enumerate(answers, 1):
        if number % 2 and number < len(answers):
            assert answer["line"] == number
            assert answer["error"]
            assert (answer["packets"], answer["errors"], answer["pending"]) == ([], ["malformed"], 0)
            assert f"line {number}:" in done.stderr
        else:
            assert len(answer["packets"]) == 1
            assert answer["errors"] == []
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("family", "config", "chunks", "packets", "errors"),
    [
        # a sketch that prints micros() / 1000.0, and blanks between its numbers
        (
            "text-csv",
            {"columns": ["millis", "ax", "ay", "az"], "separator": " "},
            [b"12345.678  0 0   1\n"],
            [{"t": 12.345678}],
            [],
        ),
        (
            "text-csv",
            {"columns": ["t", "ax", "ay", "az"], "time_unit": "us"},
            [b"4294967295,0,0,1\n4,0,0,1\n"],
            [{"t": 4294.967295}, {"t": 4294.9673}],
            [],
        ),
        (
            "text-csv",
            {"columns": ["t", "ax", "ay", "az"], "separator": "semicolon", "acc_unit": "mg"},
            [b"1;1000;0;0\n"],
            [{"acc": [9.80665, 0, 0]}],
            [],
        ),
        ("text-csv", {"columns": ["gx", "gy", "gz"], "gyr_unit": "mdps"}, [b"180000,0,0\n"], [{"gyr": [math.pi, 0, 0]}], []),
        (
            "text-csv",
            {"columns": ["t", "ax", "ay", "az"], "time_unit": "s"},
            [b"1e307,0,0,1\n1,0,0,1e300\n1,0,0,1\n"],
            [{"t": 1}],
            ["parse"],
        ),
        ("witmotion-ble", {"model": "WTVB01-BT50"}, [bytes.fromhex(FRAME) + bytes(8)], [], ["unsupported_mode"]),
        # replies of 22 bytes between frames
        ("witmotion-ble", {}, [bytes.fromhex("557164008801" + 14 * "00" + "abcd" + FRAME)], [{"battery_v": 3.92}, {}], []),
        (
            "movesense",
            {"path": "/Meas/Acc/52"},
            [bytes.fromhex("0207e8030000" + "0000803f" * 3)],
            [{"t": 1.0, "acc": [1, 1, 1]}],
            [],
        ),
    ],
)
def test_variants_that_the_shared_vectors_do_not_have(
    family: str, config: dict[str, Any], chunks: list[bytes], packets: list[dict[str, Any]], errors: list[str], tmp_path: Path
) -> None:
    line = json.dumps({"family": family, "config": config, "chunks": [chunk.hex() for chunk in chunks]})
    _, (answer,) = batch([line], tmp_path)
    assert answer["errors"] == errors
    assert len(answer["packets"]) == len(packets)
    for got, expected in zip(answer["packets"], packets, strict=True):
        assert {name: got[name] for name in expected} == {name: approximately(value) for name, value in expected.items()}


def test_odd_configurations_are_borne(tmp_path: Path) -> None:
    configs: list[dict[str, Any]] = [
        {"payload_mode": "26"},
        {"payload_mode": -1},
        {"payload_mode": 1e300, "rate_hz": 1e308, "rsw": float("inf"), "group": True},
        {"characteristic": None},
        {"path": 3, "ref": "x"},
        {"path": "/Meas/IMU6/0"},
        {"streams": {"a": 1, "99": None}},
        {"streams": []},
        {"rsw": "all", "group": 1},
        {"link": 7},
        {"columns": 3},
        {"columns": []},
        {"separator": ""},
        {"rate_hz": -5},
    ]
    families = sorted({"witmotion-ble", "witmotion-serial", "movesense", "movella-dot", "text-csv", "ximu3", "capture2go"})
    lines = [
        json.dumps({"family": family, "config": config, "hex": data})
        for family in families
        for config in configs
        for data in ("", "02633930000000", "0a" * 30, FRAME)
    ]
    done, answers = batch(lines, tmp_path)
    assert len(answers) == len(lines)
    assert "Traceback" not in done.stderr


def test_the_family_may_be_given_once_for_all_lines(tmp_path: Path) -> None:
    done, answers = batch([json.dumps({"hex": FRAME})], tmp_path, "witmotion-ble")
    assert done.returncode == 0
    assert answers[0]["packets"][0]["acc"][2] == pytest.approx(10.2471831)


def test_hex_as_table_and_as_json(tmp_path: Path) -> None:
    table = hiphinge("decode", "witmotion-ble", "--hex", "00ff " + FRAME, cwd=tmp_path)
    assert table.returncode == 0
    assert "10.2472" in table.stdout
    assert "refused: garbage 1" in table.stdout
    document = json.loads(hiphinge("decode", "witmotion-ble", "--hex", FRAME, "--json", cwd=tmp_path).stdout)
    assert document["errors"] == []
    assert document["packets"][0]["gyr"][0] == pytest.approx(0.0926780059)


def test_files_of_bytes_and_of_hex_lines(tmp_path: Path) -> None:
    (tmp_path / "raw.bin").write_bytes(bytes.fromhex(FRAME) * 3)
    (tmp_path / "notifications.txt").write_text(f"{FRAME[:26]}\n{FRAME[26:]}\n{FRAME}\n")
    for name, count in (("raw.bin", 3), ("notifications.txt", 2)):
        document = json.loads(hiphinge("decode", "witmotion-ble", name, "--json", cwd=tmp_path).stdout)
        assert len(document["packets"]) == count
        assert document["errors"] == []


def test_configuration_words(tmp_path: Path) -> None:
    words = ("--config", "columns=time,ax,ay,az", "--config", "time_unit=us", "--json")
    (tmp_path / "lines.csv").write_text("10,1,2,3\n20,1,2,3\n")
    document = json.loads(hiphinge("decode", "text-csv", "lines.csv", *words, cwd=tmp_path).stdout)
    assert [packet["t"] for packet in document["packets"]] == pytest.approx([1e-5, 2e-5])
    done = hiphinge("decode", "text-csv", "lines.csv", "--config", "columns", cwd=tmp_path)
    assert done.returncode == 1
    assert "WORD=VALUE" in done.stderr


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("abacus", "--hex", "00"), "known families"),
        (("ximu3",), "nothing to decode"),
        (("ximu3", "--hex", "0g"), "not hex text"),
        (("ximu3", "nowhere.bin"), "nowhere.bin"),
    ],
)
def test_mistakes_are_named(words: tuple[str, ...], named: str, tmp_path: Path) -> None:
    done = hiphinge("decode", *words, cwd=tmp_path)
    assert done.returncode == 1
    assert named.lower() in done.stderr.lower()


def test_commands_are_read_too(tmp_path: Path) -> None:
    done = hiphinge("decode", "witmotion-ble", "--hex", "ffaa030900", "--command", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["packets"] == [{"op": "write_register", "reg": 3, "value": 9, "rate_hz": 100}]
