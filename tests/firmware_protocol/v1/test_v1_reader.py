"""Single packets of protocol v1 as fields: also those that a gateway passes on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from firmware_protocol.v1 import wrap_mux
from firmware_protocol.v1.reader import Reader
from tests.conftest import ROOT

MESSAGES = json.loads((ROOT / "fixtures/vectors/v1/vectors.json").read_text("utf-8"))["messages"]
PLAIN = [v for v in MESSAGES if v["kind"] not in ("mux", "data")]


@pytest.mark.parametrize("vector", PLAIN, ids=[v["name"] for v in PLAIN])
def test_a_message_of_a_gateway_is_that_of_the_sensor_with_its_number(vector: dict[str, Any]) -> None:
    wire = bytes.fromhex(vector["hex"])
    (alone,) = Reader({}).read(wire)
    (passed_on,) = Reader({}).read(wrap_mux(7, wire))
    assert alone.fields["message"] == vector["kind"]
    assert passed_on.fields == {"sensor": 7, **alone.fields}
