"""What the pipelines give out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.results import Metrics

NAMES = tuple("abcdefg")


@given(st.lists(st.floats(allow_infinity=False), min_size=len(NAMES), max_size=len(NAMES)))
def test_metrics_are_a_dictionary_of_what_is_there(values):
    metrics = Metrics({name: i for i, name in enumerate(NAMES)}, np.array(values))
    expected = {name: value for name, value in zip(NAMES, values, strict=True) if value == value}
    assert dict(metrics) == expected
    assert metrics == expected
    assert list(metrics) == list(expected)
    assert len(metrics) == len(expected)
    for name in NAMES:
        assert (name in metrics) == (name in expected)
        assert metrics.get(name, -1.0) == expected.get(name, -1.0)


def test_a_metric_that_is_not_there():
    metrics = Metrics({"a": 0, "b": 1}, np.array([1.5, np.nan]))
    assert repr(metrics) == "Metrics({'a': 1.5})"
    for name in ("b", "c"):
        with pytest.raises(KeyError, match=name):
            metrics[name]


@given(st.lists(st.lists(st.floats(allow_infinity=False), min_size=len(NAMES), max_size=len(NAMES)), max_size=5), st.booleans())
def test_a_table_of_metrics(rows, plain):
    """Metrics or dictionaries, and names that are nowhere."""
    places = {name: i for i, name in enumerate(NAMES)}
    several = [Metrics(places, np.array(row)) for row in rows]
    table = Metrics.table([dict(m) for m in several] if plain else several, ("c", "nowhere", "a"))
    assert table.shape == (len(rows), 3)
    for line, row in zip(table, rows, strict=True):
        np.testing.assert_array_equal(line, (row[2], np.nan, row[0]))
