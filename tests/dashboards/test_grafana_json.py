"""The dashboards' JSON: what Grafana needs, on a grid without overlap, of fields that the schema table has."""

from __future__ import annotations

import json
import re
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from string import ascii_uppercase
from typing import Any

import pytest

from dashboards.grafana import all_dashboards
from dashboards.grafana.panels import SCHEMA_VERSION, UNITS, WIDTH
from dashboards.grafana.queries import FIXED_LISTS, field, select, spelled_out, tag
from dashboards.grafana.training_day import zones
from dashboards.influx.line_protocol import FIELDS, TAGS
from dsp.day.exposure import Exposure
from tests.conftest import missing

SDK = "1769699379!11.6.0"
FORBIDDEN = re.compile(
    r"(?i)\b(integral|sample|holt_winters|histogram|slimit|soffset|into|delete|drop|series)\b|fill\((previous|linear)\)"
)

PAGES = all_dashboards()
PANELS = [(page, panel) for page in PAGES for panel in page["panels"]]
QUERIES = [(panel["title"], target["query"]) for _, panel in PANELS for target in panel["targets"]]


def test_five_pages_that_can_be_told_apart() -> None:
    titles = ["Live session", "Lumbo-pelvic rhythm", "Training day", "Squad", "Sensors"]
    assert [page["title"] for page in PAGES] == titles
    assert len({page["uid"] for page in PAGES}) == 5
    assert json.loads(json.dumps(PAGES)) == PAGES
    for page in PAGES:
        assert page["description"].endswith(".")
        names = [variable["name"] for variable in page["templating"]["list"]]
        assert names[0] == "DS_HIP"
        assert len(set(names)) == len(names)
        assert {"athlete", "estimator"} <= set(names)


def test_panels_do_not_overlap_and_fill_the_width() -> None:
    for page in PAGES:
        ids = [panel["id"] for panel in page["panels"]]
        assert len(set(ids)) == len(ids)
        cells: set[tuple[int, int]] = set()
        for panel in page["panels"]:
            at = panel["gridPos"]
            mine = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert not mine & cells, panel["title"]
            cells |= mine
        assert {x for x, _ in cells} == set(range(WIDTH))
        assert len(cells) == WIDTH * (max(y for _, y in cells) + 1)


def test_every_panel_says_what_it_is_and_in_which_unit() -> None:
    known = {*UNITS.values(), "dthms", "suffix: points", "masskg"}
    for page, panel in PANELS:
        assert re.fullmatch(r"[A-Z0-9][^\n]{20,149}\.", panel["description"]), (
            page["title"],
            panel["title"],
            panel["description"],
        )
        assert panel["fieldConfig"]["defaults"]["unit"] in known
        for override in panel["fieldConfig"]["overrides"]:
            for one in override["properties"]:
                assert one["id"] != "unit" or one["value"] in known
        if panel["type"] == "timeseries":
            assert panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] is False
        assert panel["datasource"] == {"type": "influxdb", "uid": "${DS_HIP}"}
        assert [target["refId"] for target in panel["targets"]] == list(ascii_uppercase)[: len(panel["targets"])]


@pytest.mark.parametrize("query", [pytest.param(query, id=title) for title, query in QUERIES])
def test_queries_are_of_the_subset_that_all_versions_share(query: str) -> None:
    assert not FORBIDDEN.search(query), query
    inner = re.search(r"FROM \((SELECT .*)\) WHERE \$timeFilter$", query)
    if inner is not None:
        assert "median" in query[: inner.start()]
        query = inner[1]
    assert re.search(r"\$timeFilter|time >= \$\{__from\}ms - \d+d AND time < \$\{__from\}ms", query)
    measurement = re.search(r' FROM "(\w+)" WHERE ', query)
    assert measurement is not None
    names = {f.name for f in FIELDS[measurement[1]]} | set(TAGS[measurement[1]])
    shown = set(re.findall(r'AS "([^"]+)"', query))
    for word in re.findall(r'"([^"]+)"', re.sub(r' (AS|FROM) "[^"]+"', "", query)):
        assert all(name in names or name.startswith("exposure_") for name in spelled_out(word)), word
    assert shown
    if measurement[1] == "repetition":
        assert '"void" != true' in query
    if "estimator" in TAGS[measurement[1]]:
        assert '"estimator" =~ /^$estimator$/' in query
    if "GROUP BY time" in query:
        assert re.search(r"fill\((none|null|0)\)", query)


def test_lines_and_bars_are_summed_up_by_time_and_points_are_not() -> None:
    for _, panel in PANELS:
        for query in [target["query"] for target in panel["targets"] if panel["type"] == "timeseries"]:
            draw = panel["fieldConfig"]["defaults"]["custom"]["drawStyle"]
            by_minute = 'FROM "sensor_health"' in query and panel["interval"] == "1m"
            assert ("GROUP BY time($__interval)" in query) == (draw != "points" or by_minute), panel["title"]
            assert draw != "line" or re.search(r"fill\((null|0)\)", query), panel["title"]


def test_variables_that_are_used_are_there() -> None:
    for page, panel in PANELS:
        names = {variable["name"] for variable in page["templating"]["list"]} | {
            "timeFilter",
            "__interval",
            "__interval_ms",
            "__from",
        }
        for target in panel["targets"]:
            assert set(re.findall(r"\$\{?(\w+)", target["query"])) <= names, (page["title"], target["query"])


def test_colours_columns_and_links_name_what_the_queries_answer() -> None:
    for _, panel in PANELS:
        shown = {name for target in panel["targets"] for name in re.findall(r'AS "([^"]+)"', target["query"])}
        shown |= {step["options"]["alias"] for step in panel["transformations"] if step["id"] == "calculateField"}
        assert {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]} <= shown
        if panel["type"] == "xychart":
            axes = panel["options"]["series"][0]
            assert {axes[axis]["matcher"]["options"] for axis in "xy"} <= shown
        for url in re.findall(r'"url": "(/d/[^"]+)"', json.dumps(panel)):
            target = next(page for page in PAGES if url.startswith(f"/d/{page['uid']}?"))
            names = {variable["name"] for variable in target["templating"]["list"]}
            assert set(re.findall(r"var-(\w+)=", url)) <= names
            assert set(re.findall(r"__data\.fields\.(\w+)", url)) - {"Time"} <= shown


def test_a_renamed_quantity_cannot_be_queried() -> None:
    assert field("repetition", "hip_${side}_rom_deg") == '"hip_${side}_rom_deg"'
    for measurement, name in (("repetition", "lumbar_range"), ("repetition", "hip_${side}_range"), ("angles", "void")):
        with pytest.raises(ValueError, match="has no field"):
            field(measurement, name)
    with pytest.raises(ValueError, match="has no tag 'placement'"):
        tag("angles", "placement")
    with pytest.raises(ValueError, match="angles has no field 'lumbar_deg'"):
        select("angles", {"lumbar": "mean(<lumbar_deg>)"})
    assert all(spelled in {f.name for f in FIELDS["repetition"]} for share in FIXED_LISTS["share"] for spelled in [share])


def test_zones_are_those_of_the_summary() -> None:
    document = Exposure().document()
    seconds = document["lumbar_flexion_s"]
    assert isinstance(seconds, dict)
    assert list(zones().values()) == [f"exposure_lumbar_flexion_s_{name}" for name in seconds]
    assert "lumbar_missing_s" in document


def test_words_are_those_of_grafanas_own_kit() -> None:
    try:
        if version("grafana-foundation-sdk") != SDK:
            raise PackageNotFoundError
    except PackageNotFoundError:
        missing(f"grafana-foundation-sdk=={SDK} is not installed")
    from grafana_foundation_sdk.builders.dashboard import Dashboard
    from grafana_foundation_sdk.cog import plugins
    from grafana_foundation_sdk.models import common, units, xychart
    from grafana_foundation_sdk.models import dashboard as kit

    assert Dashboard("x").build().schema_version == SCHEMA_VERSION
    plugins.register_default_plugins()
    known_units = {str(value) for name, value in vars(units).items() if name[0].isupper()}
    assert set(UNITS.values()) | {"dthms"} <= known_units
    types = {kind.value for kind in kit.VariableType}
    for page in PAGES:
        for variable in page["templating"]["list"]:
            assert variable["type"] in types
            assert variable.get("sort", 0) in {one.value for one in kit.VariableSort}
            assert variable.get("refresh", 0) in {one.value for one in kit.VariableRefresh}
        # what it reads and writes again keeps every panel, field option and variable
        again = json.loads(json.dumps(kit.Dashboard.from_json(page), default=lambda o: o.to_json()))
        assert [p["title"] for p in again["panels"]] == [p["title"] for p in page["panels"]]
        for ours, theirs in zip(page["panels"], again["panels"], strict=True):
            for name in ("type", "gridPos", "description", "options", "fieldConfig", "transformations"):
                assert_kept(ours[name], theirs[name], f"{ours['title']}.{name}")
        for ours, theirs in zip(page["templating"]["list"], again["templating"]["list"], strict=True):
            assert_kept({name: ours[name] for name in ("name", "type", "query", "current")}, theirs, ours["name"])
    for _, panel in PANELS:
        custom = panel["fieldConfig"]["defaults"].get("custom", {})
        models = import_module(f"grafana_foundation_sdk.models.{panel['type']}")
        for model, ours in ((models.Options, panel["options"]), (getattr(models, "FieldConfig", None), custom)):
            if ours:
                assert_kept(ours, json.loads(json.dumps(model.from_json(ours), default=lambda o: o.to_json())), panel["title"])
        words = {
            common.GraphDrawStyle: custom.get("drawStyle"),
            common.VisibilityMode: custom.get("showPoints"),
            common.StackingMode: custom.get("stacking", {}).get("mode"),
            common.GraphThresholdsStyleMode: custom.get("thresholdsStyle", {}).get("mode"),
            common.BarGaugeDisplayMode: panel["options"].get("displayMode"),
            common.BigValueColorMode: panel["options"].get("colorMode"),
            common.LegendDisplayMode: panel["options"].get("legend", {}).get("displayMode"),
            xychart.SeriesMapping: panel["options"].get("mapping"),
        }
        for enum, word in words.items():
            assert word is None or word in {one.value for one in enum}, (panel["title"], word)


def assert_kept(ours: Any, theirs: Any, where: str) -> None:
    """Everything of ours is in theirs, which may say more; empty things may be left out."""
    if isinstance(ours, dict):
        for key, value in ours.items():
            if value not in ({}, [], ""):
                assert isinstance(theirs, dict), where
                assert key in theirs, f"{where}.{key}"
                assert_kept(value, theirs[key], f"{where}.{key}")
    elif isinstance(ours, list):
        assert len(ours) == len(theirs), where
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            assert_kept(a, b, f"{where}[{i}]")
    else:
        assert ours == theirs, where
