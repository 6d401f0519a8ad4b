"""What a folder and a bucket of an S3 server have in common: files are there whole, and one of many puts a new one."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from body_signals import HiphingeError
from hiphinge.seasons import bucket
from hiphinge.seasons.bucket import Bucket
from hiphinge.seasons.folder import Folder
from hiphinge.seasons.place import Place
from hiphinge.seasons.result import SessionResults, prepare
from hiphinge.seasons.run import jobs_of
from hiphinge.seasons.task import BEFORE, COMPUTED, Settings, compute_session
from tests.contract.command_line import done
from tests.contract.recorded_sessions import plain_session
from tests.peers.cluster import BUCKET, s3_server


@pytest.fixture(scope="module")
def storage() -> Iterator[dict[str, str]]:
    with s3_server() as settings:
        yield settings


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    if request.param == "folder":
        return Folder(tmp_path / "place", "place")
    for name, value in request.getfixturevalue("storage").items():
        monkeypatch.setenv(name, value)
    return Bucket.named(f"s3://{BUCKET}/{tmp_path.name}/a season")


def test_what_is_put_is_there_and_goes_again(place: Place, tmp_path: Path) -> None:
    place.prepare()
    assert place.inside("") == ([], [])
    assert place.read("a/b.json") is None
    assert place.stamp("a/b.json") is None
    place.put("a/b.json", b"one")
    first = place.stamp("a/b.json")
    assert first is not None
    assert first.bytes == 3
    (tmp_path / "file").write_bytes(b"two" * 1000)
    place.put("a/b.json", tmp_path / "file")
    place.put("a/c/d e%20\u00fc.csv", b"x")
    assert place.read("a/b.json") == b"two" * 1000
    assert place.stamp("a/b.json") != first
    assert place.inside("a") == (["c"], ["b.json"])
    assert place.inside("") == (["a"], [])
    place.fetch("a/c/d e%20\u00fc.csv", tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == b"x"
    # object storage takes it in pieces
    (tmp_path / "large").write_bytes(bytes(range(256)) * 50_000)
    place.put("a/large", tmp_path / "large")
    place.fetch("a/large", tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == (tmp_path / "large").read_bytes()
    place.remove("a")
    place.remove("a")
    assert place.inside("") == ([], [])


def test_of_many_who_put_a_new_file_one_is_told_that_it_counts(place: Place) -> None:
    place.prepare()
    counts: list[int] = []

    def put(i: int) -> None:
        if place.put_new("a/manifest.json", b"%d" % i):
            counts.append(i)

    threads = [threading.Thread(target=put, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counts) == 1
    assert place.read("a/manifest.json") == b"%d" % counts[0]
    assert place.inside("a") == ([], ["manifest.json"])


def test_sessions_are_folders_with_a_head_or_a_recording(place: Place) -> None:
    place.prepare()
    for name in ("b/session.toml", "a/recording.mcap", "c/live/summary.json", ".hidden/session.toml", "d/deeper/session.toml"):
        place.put(name, b"")
    assert place.folders() == ["a", "b"]
    place.put("session.toml", b"")
    assert place.folders() == [""]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_file_system_without_links_tells_one_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    place = Folder(tmp_path, "place")
    assert place.put_new("a/x", b"1")
    assert not place.put_new("a/x", b"2")
    assert place.read("a/x") == b"1"
    assert os.listdir(tmp_path / "a") == ["x"]


def test_a_repeated_request_finds_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def twice(source: Path, target: Path) -> None:
        link(source, target)
        link(source, target)

    monkeypatch.setattr(os, "link", twice)
    assert Folder(tmp_path, "place").put_new("a/x", b"1")


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    place = Folder(tmp_path / "place", "place")
    place.prepare()
    place.put("a/x", b"1")
    place.put_new("a/y", b"1")
    for path, mode in (("a", 0o700), ("a/x", 0o600), ("a/y", 0o600)):
        assert (tmp_path / "place" / path).stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("mode", [0o600, 0o644])
@pytest.mark.parametrize("links", [True, False])
def test_a_file_is_put_with_its_content_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, links: bool
) -> None:
    def no_link(source: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    if not links:
        monkeypatch.setattr(os, "link", no_link)
    source = tmp_path / "source"
    source.write_bytes(b"1" * 3_000_000)
    source.chmod(mode)
    place = Folder(tmp_path / "place", "place")
    place.prepare()
    place.put("a/x", b"before")
    place.put("a/x", source)
    source.unlink()
    assert place.read("a/x") == b"1" * 3_000_000
    assert (tmp_path / "place/a/x").stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path / "place/a") == ["x"]


def test_the_folder_itself_is_not_made_by_a_file(tmp_path: Path) -> None:
    place = Folder(tmp_path / "place", "place")
    for name in ("x", "a/x"):
        for put in (place.put, place.put_new):
            with pytest.raises(HiphingeError, match=rf"^place/{name}: cannot be written: No such file"):
                put(name, b"")
    assert not (tmp_path / "place").exists()


def test_a_full_disk_leaves_the_file_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Folder(tmp_path, "place")
    place.put("a/x", b"before")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HiphingeError, match=r"^place/a/x: cannot be written: No space left on device"):
        place.put("a/x", b"after")
    monkeypatch.undo()
    assert place.read("a/x") == b"before"
    assert os.listdir(tmp_path / "a") == ["x"]


@pytest.fixture
def objects(storage: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], object]:
    """Puts an object of any name into the bucket, as other programs do."""
    for name, value in storage.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=storage["AWS_ENDPOINT_URL"])
    return lambda key: client.put_object(Bucket=BUCKET, Key=key)


def test_the_empty_objects_of_create_folder_are_nothing(objects: Callable[[str], object], tmp_path: Path) -> None:
    top = tmp_path.name
    sessions, results = (Bucket.named(f"s3://{BUCKET}/{top}/{part}") for part in ("session.toml", "results"))
    for key in ("session.toml/", "session.toml/one/", "session.toml/one/session.toml", "session.toml/two/", "results/"):
        objects(f"{top}/{key}")
    assert sessions.folders() == ["one"]
    assert sessions.inside("one") == ([], ["session.toml"])
    assert results.inside("") == ([], [])
    sign = prepare(results)
    objects(f"{top}/results/sessions/")
    objects(f"{top}/results/sessions/one/")
    assert prepare(results) == sign
    assert SessionResults.of(results, "one", sign).manifest is None
    results.put("sessions/one/x", b"")
    results.remove("sessions/one")
    assert results.inside("sessions/one") == ([], [])


@pytest.mark.parametrize(("key", "why"), [("//stray.txt", "empty path segment"), ("/../x", "illegal character sequence")])
def test_a_name_that_cannot_be_read_is_named(objects: Callable[[str], object], tmp_path: Path, key: str, why: str) -> None:
    place = Bucket.named(f"s3://{BUCKET}/{tmp_path.name}")
    objects(f"{tmp_path.name}/one/session.toml")
    objects(f"{tmp_path.name}{key}")
    with pytest.raises(HiphingeError, match=rf"{tmp_path.name}{key}.*{why}.*Rename or remove") as caught:
        place.folders()
    assert "credentials" not in str(caught.value)


def test_a_bucket_that_is_not_there_is_named(storage: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in storage.items():
        monkeypatch.setenv(name, value)
    place = Bucket.named("s3://another-club/season")
    for ask in (place.folders, lambda: place.put("a", b""), lambda: place.put_new("a", b"")):
        with pytest.raises(HiphingeError, match=r"^s3://another-club/season.*bucket does not exist.*AWS_ENDPOINT_URL"):
            ask()


def test_without_obstore_a_bucket_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "find_spec", lambda _: None)
    with pytest.raises(HiphingeError, match=r"pip install 'hiphinge\[cluster\]'"):
        Bucket.named("s3://club/season")


def test_a_session_of_csv_files_in_a_bucket_gives_the_files_of_a_replay(
    storage: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in storage.items():
        monkeypatch.setenv(name, value)
    name = "50 % \u00fcben"
    session = plain_session(tmp_path / name)
    (session / "raw").mkdir()
    (session / "pelvis.csv").rename(session / "raw/pelvis.csv")
    head = (session / "session.toml").read_text()
    (session / "session.toml").write_text(head.replace('"pelvis.csv"', '"raw/pelvis.csv"'))
    (session / "edits.toml").write_text('[[note]]\ntime_s = 5.0\ntext = "felt tight"\n')
    sessions, results = (Bucket.named(f"s3://{BUCKET}/{tmp_path.name}/{part}") for part in ("sessions", "results"))
    for file in session.rglob("*"):
        if file.is_file():
            sessions.put(f"{name}/{file.relative_to(session).as_posix()}", file)
    sessions.put(f"{name}/live/summary.json", b"of an earlier version")
    sign = prepare(results)
    (job,) = jobs_of(sessions, results, Settings(("live",)), sign)
    assert compute_session(job).state == COMPUTED
    one = SessionResults.of(results, name)
    assert one.manifest is not None
    assert sorted(one.manifest["inputs"]) == [
        *("edits.toml", "lumbar.csv", "raw/pelvis.csv", "session.toml", "thigh_left.csv", "thigh_right.csv")
    ]
    done("replay", session, "--out", tmp_path / "replay" / name, "--estimator", "live", cwd=tmp_path)
    replayed = {path for path in (tmp_path / "replay" / name).rglob("*") if path.is_file()}
    assert {path.relative_to(tmp_path / "replay" / name).as_posix() for path in replayed} == set(one.manifest["files"])
    for path in replayed:
        file = path.relative_to(tmp_path / "replay" / name).as_posix()
        assert results.read(f"{one.folder}/{one.manifest['folder']}/{file}") == path.read_bytes()
    sessions.put(f"{name}/edits.toml", b"")
    (job,) = jobs_of(sessions, results, Settings(("live",)), sign)
    assert compute_session(job).state == COMPUTED
    assert compute_session(replace(job, run="")).state == BEFORE
