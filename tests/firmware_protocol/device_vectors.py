"""The shared byte vectors of device families, and how a reader's answer is held against them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from body_signals import HiphingeError
from firmware_protocol import DEVICE_FAMILIES, Codec, codec_for
from firmware_protocol.packets import Fields, Packet, PacketReader
from tests.conftest import missing, shared_folder

NOTES = ("incomplete",)
"""Words of a reader's health that refuse nothing."""


def all_vectors() -> list[dict[str, Any]]:
    """Those of the families built; none where the shared material is missing."""
    folder = shared_folder()
    if folder is None:
        return []
    vectors = json.loads((folder / "vectors/vectors.json").read_text())
    return [v for v in vectors if v["family"] in DEVICE_FAMILIES]


def vectors(*kinds: str) -> Any:
    """Parametrise over the vectors of these kinds; without the shared material, one test that says so."""
    chosen = [v for v in all_vectors() if v["kind"] in kinds]
    ids = [f"{v['family']}-{v['id']}" for v in chosen]
    if not chosen:
        return pytest.mark.parametrize("vector", [None], ids=["missing"])
    return pytest.mark.parametrize("vector", chosen, ids=ids)


def need(vector: dict[str, Any] | None) -> dict[str, Any]:
    """The vector, or skip."""
    if vector is None:
        missing("shared test material not found (HIPHINGE_SHARED, or ../shared)")
    assert vector is not None
    return vector


def root() -> Path | None:
    """Folder of the shared material."""
    return shared_folder()


def chunks_of(vector: dict[str, Any]) -> list[bytes]:
    """The single reads or notifications."""
    return [bytes.fromhex(chunk) for chunk in vector.get("chunks", [vector["hex"]])]


def reader_of(vector: dict[str, Any]) -> PacketReader:
    """A fresh reader with what the vector says of its bytes."""
    make = DEVICE_FAMILIES[vector["family"]].reader
    assert make is not None
    return make({"link": "ble" if vector["kind"] == "ble-notify" else "serial", **vector.get("config", {})})


def read_all(reader: PacketReader, chunks: list[bytes]) -> list[Packet]:
    """All packets of these chunks, and of the end."""
    return [packet for chunk in chunks for packet in reader.read(chunk)] + reader.finish()


def refusals(reader: PacketReader) -> dict[str, int]:
    """Counted refusals."""
    return {word: n for word, n in reader.health.counts.items() if word not in NOTES}


def assert_as_expected(vector: dict[str, Any], packets: list[Packet], reader: PacketReader) -> None:
    """Packets, errors, what is pending, gaps, restarts and groups as the vector says."""
    expect, fields = vector["expect"], [packet.fields for packet in packets]
    if isinstance(expect, list):
        assert_packets(fields, expect)
        assert not refusals(reader)
    elif all(key.isdigit() for key in expect):
        for ref, of_stream in expect.items():
            assert_packets([f for f in fields if f["ref"] == int(ref)], of_stream)
        assert not refusals(reader)
    elif list(expect) == ["error"]:
        assert fields == []
        assert refusals(reader)
    elif "packets" in expect or "samples" in expect:
        if "packets" in expect:
            assert_packets(fields, expect["packets"])
        else:
            assert_packets([p.sample for p in packets if p.sample is not None], expect["samples"])
        assert bool(refusals(reader)) == ("error" in expect)
        if "pending" in expect:
            assert reader.pending == expect["pending"]
        if "incomplete" in expect:
            assert reader.health.counts.get("incomplete", 0) == expect["incomplete"]
    else:
        assert_packets(fields, [expect])
        assert bool(refusals(reader)) == ("error" in expect)
    gaps = [(i, packet.lost) for i, packet in enumerate(packets) if packet.lost]
    gap = expect.get("gap") if isinstance(expect, dict) else None
    assert gaps == ([] if gap is None else [(gap["after_sample"], gap["missing_samples"])])
    restarts = [i for i, packet in enumerate(packets) if packet.restart]
    restart = expect.get("restart") if isinstance(expect, dict) else None
    assert restarts == ([] if restart is None else [restart["before_sample"]])


def assert_packets(got: list[Fields], expected: list[Fields]) -> None:
    """The same number of packets with the same fields, numbers within 1e-6."""
    assert len(got) == len(expected), f"{len(got)} packets, expected {len(expected)}"
    for one, other in zip(got, expected, strict=True):
        assert set(one) - {"ref"} == set(other) - {"ref"}
        for name, value in other.items():
            assert one[name] == approximately(value), name


def approximately(value: Any) -> Any:
    """Numbers within 1e-6 relative (and 1e-9 absolute); what is not a number as it is."""
    numbers = isinstance(value, list) and all(isinstance(v, int | float) for v in value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return pytest.approx(value, rel=1e-6, abs=1e-9) if numbers or is_number else value


def codec_of(vector: dict[str, Any]) -> Codec | None:
    """A fresh codec with what the vector says of its bytes; None where it says that there are no samples in them."""
    config = {"just_opened": False, "link": "ble" if vector["kind"] == "ble-notify" else "serial", **vector.get("config", {})}
    config["content"] = config.get("rsw", 0x0207)
    try:
        return codec_for(vector["family"], config, RATES_HZ.get(vector["family"], config.get("rate_hz")))
    except HiphingeError:
        return None


RATES_HZ = {"movella-dot": 60.0, "capture2go": 100.0, "text-csv": 100.0, "shimmer3": 256.0}
"""Where a vector's step of the clock is that of another rate than the codec's own."""


def samples_expected(vector: dict[str, Any]) -> list[Fields]:
    """The samples that a codec must give, read off what the vector expects of single packets: t, acc, gyr, quat.

    lost and restart as the vector has them; a quaternion only where it is in the packet of the sample.
    """
    expect = vector["expect"]
    if isinstance(expect, list):
        packets = expect
    elif "samples" in expect:
        return [{k: v for k, v in one.items() if k in ("acc", "gyr", "quat")} for one in expect["samples"]]
    elif all(key.isdigit() for key in expect):
        packets = expect.get(HOSTS_REFERENCE, [])
    else:
        packets = expect.get("packets", [] if "error" in expect else [expect])
    found = [sample for one in packets if (sample := _sample_of(vector, one))]
    if isinstance(expect, dict) and "gap" in expect:
        found[expect["gap"]["after_sample"]]["lost"] = expect["gap"]["missing_samples"]
    if isinstance(expect, dict) and "restart" in expect:
        found[expect["restart"]["before_sample"]]["restart"] = True
    return found


HOSTS_REFERENCE = "99"
"""Of Movesense's streams, the one that our host asks for."""


def chunks_for_codec(vector: dict[str, Any]) -> list[bytes]:
    """The chunks as our host would hear them: under the reference that it asks for."""
    chunks = chunks_of(vector)
    if vector["family"] == "movesense" and "ref" in vector.get("config", {}):
        return [chunk[:1] + bytes((int(HOSTS_REFERENCE),)) + chunk[2:] if len(chunk) > 1 else chunk for chunk in chunks]
    return chunks


def _sample_of(vector: dict[str, Any], packet: Fields) -> Fields | None:
    """The sample that a packet is to the codec, None where it is none or a part of one."""
    if vector["family"] in ("witmotion-serial", "metamotion"):
        return None  # it takes several
    if vector["family"] == "shimmer3":
        return _of_raw(packet["t"], packet["raw"]) if "GYRO_X" in packet.get("raw", ()) else None
    sample = {k: v for k, v in packet.items() if k in ("t", "acc", "gyr", "quat")}
    if "dq" in packet:
        w, *turn = packet["dq"]
        sine = math.hypot(*turn)
        sample["gyr"] = [2.0 * math.atan2(sine, w) / sine * v * 60.0 for v in turn]
        sample["acc"] = [v * 60.0 for v in packet["dv"]]
    without_gyr = vector["family"] in ("polar-pmd", "movesense", "text-csv")
    return sample if "acc" in sample and ("gyr" in sample or without_gyr) else None


def _of_raw(t: float, raw: dict[str, int]) -> Fields:
    """A Shimmer3's sample by its default calibration, in the axes of the case: -y, -x, -z of the chips."""
    acc, gyr = ([raw[f"{sensor}_{axis}"] for axis in "YXZ"] for sensor in ("ACCEL_LN", "GYRO"))
    return {"t": t, "acc": [(2047 - v) / 83.0 for v in acc], "gyr": [math.radians(-v / 65.5) for v in gyr]}
