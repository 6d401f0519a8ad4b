"""What the documents say is so: links lead somewhere, commands are understood, examples are read by what reads them."""

from __future__ import annotations

import re
import shlex
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.core import TyperGroup

from body_signals import Placement
from body_signals.limits import LIMITS
from dsp import review
from dsp.alignment import slide, standing
from dsp.angles import joints
from dsp.grid import ticks
from dsp.heading import filter as heading
from dsp.orientation import acceleration_level
from dsp.plausibility.doubts import strides
from hiphinge import config
from hiphinge.cli import COMMANDS, _command
from ingest.formats import IMPORTERS, import_session
from ingest.formats.mapping import groups, words
from ingest.heads.session_toml import session_from_dict
from ingest.links.kit import read_kit
from tests.conftest import ROOT

DOCS = ROOT / "docs"
PAGES = (*sorted(DOCS.glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md")
NAMED = (
    "wearing-sensors",
    "first-session",
    "configuration",
    "csv-mapping",
    "adding",
    "adding-a-sensor-family",
    "glossary",
    "reading-the-report",
    "questions",
    "derivations",
)
UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""What typer raises for a command line that is wrong."""
IN_THE_GLOSSARY = (
    *("share", "trunk on thigh", "slack", "live", "review", "onset", "CRP", "heading", "heading epoch", "grid", "tick"),
    *("patience", "plain session", "heel drop", "kit", "outbox", "ledger", "late", "gap", "zero", "set", "pseudonym"),
)
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text_of(name: str) -> str:
    return (DOCS / f"{name}.md").read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Fenced code of this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """What a link to this page may name after its #, as GitHub makes it of the headings."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    found = set(re.findall(r'<a id="([^"]+)"', text))
    for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
        found.add(next(name for n in count() if (name := f"{slug}-{n}" if n else slug) not in found))
    return found


@pytest.mark.parametrize("name", NAMED)
def test_the_page_is_there(name: str) -> None:
    assert text_of(name).startswith("# ")


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link} is not one of {sorted(anchors(target))}"


def commands(text: str) -> Iterator[tuple[str, bool]]:
    """Every use of the program, and whether it is whole: lines of code, and what is named in a sentence."""
    for code in blocks(text, "sh") + blocks(text, "console"):
        for line in code.replace("\\\n", " ").splitlines():
            if found := re.search(r"(?:^|[ /])hiphinge (.+)", line):
                yield found[1], True
    for code in re.findall(r"`(?:\.venv/bin/)?hiphinge ([^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)):
        yield code.replace("\n", " "), False


@each_page
def test_commands_are_understood(page: Path) -> None:
    for line, whole in commands(page.read_text("utf-8")):
        name, *words = shlex.split(line, comments=True)
        if name.startswith("-"):
            continue
        assert name in COMMANDS, f"{page.name}: hiphinge {line}"
        command = _command(name)
        if isinstance(command, TyperGroup) and words:
            assert words[0] in command.commands, f"{page.name}: hiphinge {line}"
            command, words = command.commands[words[0]], words[1:]
        try:
            command.make_context(name, words)
        except UsageError as error:
            # in a sentence an option may stand alone, and what else is needed be left out
            left_out = type(error).__name__ in ("MissingParameter", "BadOptionUsage", "NoArgsIsHelpError") and not whole
            if not left_out:
                pytest.fail(f"{page.name}: hiphinge {line}: {error}")


@each_page
def test_toml_is_toml(page: Path) -> None:
    for code in blocks(page.read_text("utf-8"), "toml"):
        tomllib.loads(code)


@pytest.mark.parametrize("name", ["sensors", "wearing-sensors"])
def test_kits_are_read(tmp_path: Path, name: str) -> None:
    for code in blocks(text_of(name), "toml"):
        (tmp_path / "kit.toml").write_text(code, "utf-8")
        assert read_kit(tmp_path / "kit.toml").sensors


def test_the_readme_leads_to_every_page_and_its_lines_of_python_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    linked = {Path(link).name for link in re.findall(r"\]\((?:docs/)?([^)#]+)", readme)}
    assert {page.name for page in PAGES} - {"README.md"} <= linked
    assert (DOCS / "report.png").stat().st_size < 400_000
    (code,) = blocks(readme, "python")
    lines = [line for line in code.splitlines() if line]
    assert len(lines) <= 5
    (session,) = (ROOT / "fixtures/old/0.1.0/sessions").iterdir()
    (tmp_path / "monday").symlink_to(session)
    monkeypatch.chdir(tmp_path)
    # pandas is not among the packages that tests install
    exec(code.replace("to_pandas", "to_pylist"), {})
    assert "lumbar_share_of_trunk" in capsys.readouterr().out


def test_the_plain_session_of_the_readme_is_read() -> None:
    (code,) = (c for c in blocks((ROOT / "README.md").read_text("utf-8"), "toml") if "[[sensor]]" in c)
    assert session_from_dict(tomllib.loads(code), "README.md").marks[0].label == "calibrate"


def test_the_configuration_page_has_every_setting_and_its_example_is_read(tmp_path: Path) -> None:
    page = text_of("configuration")
    (example,) = blocks(page, "toml")
    file = tmp_path / "config.toml"
    file.write_text(example, "utf-8")
    file.chmod(0o600)
    settings = config.load(file, {})
    assert settings.sessions == Path.home() / "hiphinge-sessions"
    assert settings.patience_s == 0.15
    assert settings.screen_limits == {"rock_back_slack_deg": 22.0, "bend_share_high": 0.6}
    assert settings.influx().bucket == "hip"
    assert settings.grafana().url == "http://localhost:3000"
    written = tomllib.loads(example)
    assert set(written) == config._KNOWN
    for section, names in config._SECTIONS.items():
        assert set(written[section]) == set(names)
        for name in names:
            assert f"| `{name}` in `[{section}]` | `HIPHINGE_{section.upper()}_{name.upper()}` |" in page
    for row in ("| `sessions` | `HIPHINGE_SESSIONS` |", "| `patience_ms` in `[live]` | `HIPHINGE_LIVE_PATIENCE_MS` |"):
        assert row in page
    for limit in LIMITS:
        assert f"| `{limit.name}` | {limit.value:g} |" in page
    assert page.count("_deg` |") + page.count("_s` |") + page.count("use` |") >= 10


def csv_of(mapping: dict[str, object], rows: int = 200) -> str:
    """A file that this layout describes: at rest, turned upright, at 100 Hz from 5 s on."""
    units = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
    g = {"m/s2": 9.80665, "g": 1.0, "mg": 1000.0}
    groups = {key: mapping[key] for key in ("acc", "gyr", "quat", "mag") if key in mapping}
    time: dict[str, str] = mapping["time"]  # type: ignore[assignment]
    names, values = [time["column"]], []
    at_rest = {"quat": [1.0, 0.0, 0.0, 0.0]}
    for key, group in groups.items():
        names += group["columns"]  # type: ignore[index]
        at_rest["acc"] = [0.0, 0.0, g.get(group.get("unit", ""), 1.0)]  # type: ignore[attr-defined]
        values += at_rest.get(key, [0.0, 0.0, 0.0])
    delimiter = str(mapping.get("delimiter", ","))
    head = ["made by hand"] * int(mapping.get("skip_rows", 0))  # type: ignore[call-overload]
    stamps = [(500 + i) * units[time["unit"]] // 100 if time["unit"] != "s" else (500 + i) / 100 for i in range(rows)]
    return "\n".join([*head, delimiter.join(names), *(delimiter.join(map(str, [stamp, *values])) for stamp in stamps)])


def test_the_mapping_page_has_every_word_and_its_examples_are_imported(tmp_path: Path) -> None:
    page = text_of("csv-mapping")
    smallest, whole, *more = blocks(page, "toml")
    for number, example in enumerate(more):
        (tmp_path / f"{number}.toml").write_text(example, "utf-8")
        words.MappingFile(tmp_path / f"{number}.toml", arrays=True).layout(None)
    (sample,) = blocks(page, "csv")
    folder = tmp_path / "recording"
    folder.mkdir()
    for placement in ("pelvis", "lumbar", "thigh_left", "thigh_right"):
        rows = csv_of(tomllib.loads(smallest))
        assert rows.splitlines()[0] == sample.splitlines()[0]
        (folder / f"{placement}.csv").write_text(rows, "utf-8")
    (tmp_path / "mapping.toml").write_text(smallest, "utf-8")
    imported = import_session("csv", folder, mapping=tmp_path / "mapping.toml")
    assert set(imported.samples) == {"pelvis", "lumbar", "thigh_left", "thigh_right"}
    assert len(imported.notes) == 2
    np.testing.assert_allclose(imported.samples["pelvis"].acc[0], [0, 0, 9.80665])
    (folder / "pelvis.csv").write_text(sample, "utf-8")
    assert len(import_session("csv", folder / "pelvis.csv", mapping=tmp_path / "mapping.toml").samples["pelvis"].time_s) == 3

    written = tomllib.loads(whole)
    for sensor in written["sensor"]:
        (folder / sensor["file"]).write_text(csv_of({**written, **sensor}), "utf-8")
    (tmp_path / "mapping.toml").write_text(whole, "utf-8")
    imported = import_session("csv", folder, mapping=tmp_path / "mapping.toml")
    assert imported.session.athlete == "player-07"
    assert [(m.time_s, m.label) for m in imported.session.marks] == [(1.0, "calibrate")]
    assert [s.key for s in imported.session.sensors] == ["pelvis", "barbell"]
    for samples in imported.samples.values():
        assert samples.time_s[0] == 5.0
        np.testing.assert_allclose(samples.acc[0], [0, 0, 9.80665], rtol=1e-6)

    table = page[page.index("## Every word") :]
    for word in words.TOP_WORDS | words.SENSOR_WORDS:
        assert re.search(rf"^\| `{word}` \|", table, re.MULTILINE), word
    for key, units in groups.UNITS.items():
        assert key == "quat" or f"| `{key}` | {', '.join(f'`{unit}`' for unit in units)} |" in table
    importing = text_of("importing")
    for name in IMPORTERS:
        assert f"`{name}`" in importing


def test_the_derivations_name_constants_that_there_are() -> None:
    named = set(re.findall(r"`([A-Z][A-Z_]{2,})`", text_of("derivations")))
    assert len(named) > 20
    modules = (heading, joints, review, slide, standing, strides, ticks, acceleration_level)
    for name in named:
        assert any(hasattr(module, name) for module in modules), name
    ours = {n for n, value in vars(heading).items() if n.isupper() and not n.startswith("_") and isinstance(value, int | float)}
    ours -= set(vars(standing))
    assert ours - named == set()


def test_the_map_leads_to_files_that_there_are_and_each_behaviour_to_its_name() -> None:
    page = text_of("architecture")
    for file in re.findall(r"`([a-z_0-9]+/[a-z_0-9/]*(?:\.py)?)`", page):
        assert (ROOT / file).exists(), file
    table = page[page.index("## Where is it?") : page.index("## Rooms")]
    rows = re.findall(r"^\| ([^|]+) \| `([^`]+)` \| `([^`]+)` \|$", table, re.MULTILINE)
    assert len(rows) >= 15
    for what, file, name in rows:
        # where it is made, not where it is used
        made = rf"^(?:class|def|async def|    def) {name}\b|^{name}\b.*="
        assert re.search(made, (ROOT / file).read_text("utf-8"), re.MULTILINE), f"{what}: {file} has no {name}"


def test_the_map_names_the_files_of_each_wing() -> None:
    page = text_of("architecture")
    table = page[page.index("## Wings") : page.index("**Faces.**")]
    wings = re.findall(r"^\| `([^`]+/)` \| [^|]+ \| ([^|]+) \|$", table, re.MULTILINE)
    assert len(wings) >= 20
    for wing, files in wings:
        named = set(re.findall(r"`([a-z_0-9]+)(?:\.py)?`", files))
        there = {path.stem for path in (ROOT / wing).iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
        assert named == there - {"__init__"}, wing


def test_every_placement_has_its_place() -> None:
    page, drawing = text_of("wearing-sensors"), DOCS / "wearing-sensors.svg"
    for placement in Placement:
        assert placement is Placement.OTHER or f"`{placement}`" in page
    root = ElementTree.parse(drawing).getroot()
    names = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert {"title", "desc"} <= set(names)
    assert not {"script", "image", "foreignObject"} & set(names)
    assert "(wearing-sensors.svg)" in page


@pytest.mark.parametrize("word", IN_THE_GLOSSARY)
def test_the_glossary_has(word: str) -> None:
    terms = re.findall(r"\*\*([^*]+)\*\*", text_of("glossary"))
    assert any(word.lower() in re.split(r", | and ", term.lower()) or word.lower() == term.lower() for term in terms), word
