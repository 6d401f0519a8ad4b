"""What a folder of sessions holds of an athlete is found, whatever form it has; what nobody can tell is undecided, and why."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from body_signals import Mark
from dashboards.influx.ledger import Identity, Ledger
from dashboards.influx.outbox import FOLDER
from dashboards.report import write_report
from hiphinge.forgetting.identifier import Identifier
from hiphinge.forgetting.signs import holds
from hiphinge.forgetting.traces import search
from tests.contract.recorded_sessions import recording
from tests.dashboards.synthetic_results import write_session
from virtual_athlete import simulate

ATHLETE, OTHER = "player-07", "player-08"
TABLES = ("angles.parquet", "orientations.parquet", "repetitions.parquet")
TOML = 'schema = 1\nstart = 2026-11-23T14:05:00Z\n[athlete]\nid = "{}"\n'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of each, recorded (its first seconds) and computed, each with a report; and that of another recording."""
    root = tmp_path_factory.mktemp("made")
    for athlete in (ATHLETE, OTHER):
        folder = root / athlete
        write_session(folder, seconds=30, athlete=athlete, session="evening")
        (folder / "session.toml").write_text(TOML.format(athlete))
        simulated = simulate("demo", 1, athlete=athlete)
        recording(folder / "recording.mcap", simulated.session, simulated.events[:1500])
        write_report(folder, folder / "report.html")
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A folder of sessions with one of each athlete."""
    shutil.copytree(made / ATHLETE, tmp_path / "root/mine")
    shutil.copytree(made / OTHER, tmp_path / "root/other")
    return tmp_path / "root"


def test_a_sound_session_is_found_and_nothing_is_undecided(root: Path) -> None:
    traces = search(root, ATHLETE)
    assert (traces.folders, traces.files, traces.undecided) == ([root / "mine"], [], [])
    for part in ("player-0", "player", "layer-07", "player-07-b"):
        assert not search(root, part).any
        assert search(root, part).undecided == []


def spoil_head(folder: Path) -> None:
    path = folder / "recording.mcap"
    body = bytearray(path.read_bytes())
    body[body.index(b"crc32") + 12] ^= 1
    path.write_bytes(body)


BROKEN: dict[str, Callable[[Path], object]] = {
    "typo": lambda f: (f / "session.toml").write_text(TOML.format(ATHLETE).replace("]", "")),
    "not UTF-8": lambda f: (f / "session.toml").write_bytes(b"\xff\xfe" + TOML.format(ATHLETE).encode("utf-16-le")),
    "latin-1": lambda f: (f / "session.toml").write_bytes(TOML.format(ATHLETE).encode() + b"# \xe9\n"),
    "empty": lambda f: (f / "session.toml").write_bytes(b""),
    "no id": lambda f: (f / "session.toml").write_text("schema = 1\n"),
    "missing": lambda f: (f / "session.toml").unlink(),
    "head": spoil_head,
    "summary": lambda f: (f / "live/summary.json").write_text("{"),
    "tables": lambda f: (f / "live/angles.parquet").write_bytes(b"PAR1"),
    "ledger": lambda f: ((f / "outbox").mkdir(), (f / "outbox/ledger.json").write_text("")),
    "half-written": lambda f: (f / "live").rename(f / ".live.writing"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_part_beside_sound_ones_hides_no_session(root: Path, fault: str) -> None:
    for folder in (root / "mine", root / "other"):
        BROKEN[fault](folder)
    (root / "other/session.toml").write_text(TOML.format(OTHER))
    traces = search(root, ATHLETE)
    assert (traces.folders, traces.undecided) == ([root / "mine"], [])


ALONE: dict[str, tuple[Callable[[Path], object], bool]] = {
    "typo": (BROKEN["typo"], True),
    "not UTF-8": (BROKEN["not UTF-8"], True),
    "typo of another": (lambda f: (f / "session.toml").write_text(TOML.format(OTHER).replace("]", "")), False),
    "empty": (BROKEN["empty"], False),
    "pipe": (lambda f: ((f / "session.toml").unlink(), os.mkfifo(f / "session.toml")), False),
    "damaged head": (lambda f: ((f / "session.toml").unlink(), shutil.copy(f.parent / "head", f / "recording.mcap")), True),
    "no recording": (lambda f: ((f / "session.toml").unlink(), (f / "recording.mcap").write_bytes(b"\0" * 99)), False),
    "tables alone": (lambda f: ((f / "session.toml").unlink(), shutil.copytree(f.parent / "t", f / "live")), False),
}


@pytest.mark.parametrize("fault", ALONE)
def test_a_broken_sign_alone_is_the_athletes_only_where_it_is_legible(made: Path, tmp_path: Path, fault: str) -> None:
    root, (spoil, legible) = tmp_path / "root", ALONE[fault]
    folder = root / "mine"
    folder.mkdir(parents=True)
    (folder / "session.toml").write_text(TOML.format(ATHLETE))
    shutil.copy(made / ATHLETE / "recording.mcap", root / "recording.mcap")
    spoil_head(root)
    (root / "recording.mcap").rename(root / "head")
    shutil.copytree(made / ATHLETE / "live", root / "t", ignore=shutil.ignore_patterns("*.json"))
    spoil(folder)
    (root / "head").unlink()
    shutil.rmtree(root / "t")
    traces = search(root, ATHLETE)
    assert traces.folders == ([folder] if legible else [])
    assert [one.path for one in traces.undecided] == ([] if legible else [folder])
    if not legible:
        assert "nothing readable in it names its athlete" in traces.undecided[0].why
        (folder / "session.toml").unlink(missing_ok=True)
        folder.rename(root / f"2026-11-23T14-05-00Z_{ATHLETE}")
        if any((root / f"2026-11-23T14-05-00Z_{ATHLETE}").iterdir()):
            assert len(search(root, ATHLETE).folders) == 1, "known by its name"


def test_an_id_that_was_edited_afterwards_is_undecided_until_a_person_says_that_both_are_one(root: Path) -> None:
    (root / "mine/session.toml").write_text(TOML.format("player-09"))
    for athlete, former in ((ATHLETE, "player-09"), ("player-09", ATHLETE)):
        traces = search(root, athlete)
        assert not traces.any
        (one,) = traces.undecided
        assert one.path == root / "mine"
        assert "session.toml says 'player-09'" in one.why
        assert "recording.mcap says 'player-07'" in one.why
        assert f"add --former {former!r}" in one.why
        assert traces.others == {former}
        assert "evening" in traces.sessions
        assert search(root, athlete, frozenset({former})).folders == [root / "mine"]


@pytest.mark.parametrize("where", ["former", "of", "series", "segment", "rejected"])
def test_ledgers_and_outboxes_tell_former_ids(root: Path, where: str) -> None:
    """The folder is another's in every other way."""
    outbox = root / "other" / FOLDER
    line = f"repetition,athlete={ATHLETE},session=evening,estimator=live void=false 5\n"
    if where in ("segment", "rejected"):
        outbox.mkdir()
        (outbox / {"segment": "000000001.lp", "rejected": "rejected.lp"}[where]).write_text(f"# words\n{line}")
    else:
        sent = {"live": {(line.split()[0], 5)}} if where == "series" else {}
        who = Identity(ATHLETE, "evening")
        Ledger({}, sent, {}, who if where == "of" else None, {who} if where == "former" else set()).write(outbox)
    traces = search(root, ATHLETE)
    assert traces.folders == [root / "mine"]
    assert [one.path for one in traces.undecided] == [root / "other"]
    assert "evening" in traces.sessions


LOOSE: dict[str, tuple[str, Callable[[Path, Path], object], bool]] = {
    "recording": ("a.mcap", lambda p, made: shutil.copy(made / ATHLETE / "recording.mcap", p), True),
    "report": ("a.html", lambda p, made: shutil.copy(made / ATHLETE / "report.html", p), True),
    "lines": ("a.lp", lambda p, _: p.write_text(f"angles,athlete={ATHLETE},session=s,estimator=live quality=0i 1\n"), True),
    "mixed lines": (
        "a.lp",
        lambda p, _: p.write_text(f"angles,athlete={ATHLETE},s=1 q=0i 1\nangles,athlete={OTHER},s=1 q=0i 1\n"),
        False,
    ),
    "text": ("notes.txt", lambda p, _: p.write_text(f"{ATHLETE} was tired"), False),
    "UTF-16": ("notes.txt", lambda p, _: p.write_text(f"{ATHLETE} was tired", "utf-16"), False),
    "name": (f"{ATHLETE}.csv", lambda p, _: p.write_text("a,b\n1,2\n"), False),
    "JSON": ("a.json", lambda p, _: p.write_text(json.dumps({"a": [{"b": f"x\n{ATHLETE}"}]})), False),
    "kit": ("kit.toml", lambda p, _: p.write_text(f'athlete = "{ATHLETE}"\n'), False),
    "compressed": ("a.csv.gz", lambda p, _: p.write_bytes(gzip.compress(ATHLETE.encode())), False),
    "picture": ("a.png", lambda p, _: p.write_bytes(b"\x89PNG\r\n"), False),
    "table": ("angles.parquet", lambda p, made: shutil.copy(made / OTHER / "live/angles.parquet", p), False),
    "column": ("a.parquet", lambda p, _: pq.write_table(pa.table({"who": [ATHLETE] * 9}), p), False),
    "metadata": (
        "a.parquet",
        lambda p, _: pq.write_table(pa.table({"a": [1]}).replace_schema_metadata({"who": ATHLETE}), p),
        False,
    ),
    "broken table": ("a.parquet", lambda p, _: p.write_bytes(b"PAR1 PAR1"), False),
    "closed": ("a.txt", lambda p, _: (p.write_text("x"), p.chmod(0)), False),
}


@pytest.mark.parametrize("kind", LOOSE)
@pytest.mark.parametrize("place", ["", "exports/2026", "other/exports"])
def test_loose_files_at_any_depth(root: Path, made: Path, kind: str, place: str) -> None:
    name, make, alone = LOOSE[kind]
    path = root / place / name
    if kind == "closed" and os.geteuid() == 0:
        pytest.skip("root may read everything")
    if kind in ("table", "broken table") and place.startswith("other"):
        pytest.skip("a table in a session folder is of its session")
    path.parent.mkdir(parents=True, exist_ok=True)
    make(path, made)
    traces = search(root, ATHLETE)
    inside = place.startswith("other")
    found = [one.path for one in traces.undecided]
    if alone and not inside:
        assert (traces.files, found) == ([path], [])
    else:
        says_it = alone or kind in ("mixed lines", "kit")
        assert found == [root / "other" if inside and says_it else path]
        assert traces.files == []
    path.chmod(0o600)


def test_loose_files_of_others_are_no_matter(root: Path, made: Path) -> None:
    for name in ("recording.mcap", "report.html"):
        shutil.copy(made / OTHER / name, root / f"loose-{name}")
    (root / "notes.txt").write_text("player-070 and player-0")
    (root / "a.parquet").write_bytes(b"")
    pq.write_table(pa.table({"who": [OTHER], "x": [1.0]}), root / "b.parquet")
    os.mkfifo(root / "pipe")
    assert search(root, ATHLETE).undecided == []


def test_a_mark_in_another_persons_recording_is_told(root: Path, made: Path) -> None:
    simulated = simulate("demo", 1, athlete=OTHER)
    events = [
        replace(event, label=f"together with {ATHLETE}") if isinstance(event, Mark) else event
        for event in simulated.events[:1500]
    ]
    assert sum(isinstance(event, Mark) for event in events)
    (root / "other/recording.mcap").unlink()
    recording(root / "other/recording.mcap", simulated.session, events)
    assert [one.path for one in search(root, ATHLETE).undecided] == [root / "other/recording.mcap"]


def test_folders_within_folders(root: Path) -> None:
    """Deeper ones, one within another, by hand copied parts, hidden leftovers, a folder named after the athlete."""
    deep = root / "2026/november" / ATHLETE
    deep.mkdir(parents=True)
    shutil.copytree(root / "mine", deep / "a")
    shutil.copytree(root / "mine", root / ".b.partial")
    shutil.copytree(root / "other", root / "mine/copies/of another")
    traces = search(root, ATHLETE)
    assert traces.folders == [deep / "a", root / ".b.partial", root / "mine"]
    assert traces.nested == {root / "mine": [root / "mine/copies/of another"]}
    assert traces.named == [deep]
    assert traces.undecided == []


def test_a_folder_named_after_the_athlete_goes_where_nothing_in_it_stays(root: Path, tmp_path: Path) -> None:
    empty, with_link, of_another, of_mine = (root / place / ATHLETE for place in ("a", "b", "c", "d"))
    (empty / "inside").mkdir(parents=True)
    with_link.mkdir(parents=True)
    (with_link / "link").symlink_to(root / "other")
    shutil.copytree(root / "mine", of_another / "own")
    shutil.copytree(root / "other", of_another / "own/copies/of another")
    shutil.copytree(root / "mine", of_mine / "own")
    traces = search(root, ATHLETE)
    assert sorted(traces.named) == [empty, of_mine]
    assert [one.path for one in traces.undecided] == [with_link, of_another]
    shutil.rmtree(root / "mine")
    assert search(empty.parent, ATHLETE).any, "an empty folder is found for its name"


def test_a_file_that_is_named_itself_is_looked_at(root: Path) -> None:
    shutil.copy(root / "mine/recording.mcap", root / "alone.mcap")
    assert search(root / "alone.mcap", ATHLETE).files == [root / "alone.mcap"]
    assert search(root / "alone.mcap", OTHER).any is False


def test_links_are_not_followed(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "mine", tmp_path / "elsewhere/mine")
    (root / "away").symlink_to(tmp_path / "elsewhere")
    (root / "mine/circle").symlink_to(root)
    (root / "again").symlink_to(root / "mine")
    traces = search(root, ATHLETE)
    assert traces.folders == [root / "mine"]
    assert [one.path for one in traces.undecided] == [root / "away"]
    assert "outside and not looked at" in traces.undecided[0].why


def test_of_a_table_only_texts_are_read_unless_something_else_is_in_it(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = [made / OTHER / estimator / name for estimator in ("live", "review") for name in TABLES]
    for table in tables:
        body = table.read_bytes()
        footer = len(body) - 8 - int.from_bytes(body[-8:-4], "little")
        path = tmp_path / table.name
        # between the last column and the footer, where no reader of tables looks
        path.write_bytes(body[:footer] + ATHLETE.encode() + body[footer:])
        assert pq.read_table(path).num_rows
        assert holds(path, Identifier(ATHLETE)) == (True, "")
    monkeypatch.setattr("hiphinge.forgetting.signs._pieces", lambda path: pytest.fail(f"{path} was read"))
    for table in tables:
        assert holds(table, Identifier(ATHLETE)) == (False, "")
        assert holds(table, Identifier(OTHER)) == (True, "")
