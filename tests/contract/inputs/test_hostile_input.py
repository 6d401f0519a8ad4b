"""Whatever a command finds in a file, the answer is a result or one line of ours: no traceback, no waiting, no bomb."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from body_signals import HiphingeError
from dashboards.answers import answer_of
from dashboards.notation import calendar
from dashboards.tables import read_repetitions, read_summary
from hiphinge import cli
from tests.contract.command_line import COMMAND, child, done, environment, hiphinge, one_line, refused
from tests.contract.recorded_sessions import brief_session

HEAD = "[athlete]\nid = 'a'\n[[sensor]]\nplacement = 'pelvis'\nfile = 'pelvis.csv'\n"
NONSENSE: dict[str, bytes] = {
    "digits": b"x = " + b"9" * 5000,
    "hexadecimal digits": b"start = 2026-01-01T00:00:00Z\n" + HEAD.encode() + b"rate_hz = 0x" + b"f" * 4000,
    "arrays": b"x = " + b"[" * 5000,
    "tables": b"x = " + b"{a=" * 5000,
    "dotted": b"a." * 100_000 + b"b = 1",
    "no text": b"x = '\xff'",
    "zeros": bytes(100),
    "nothing": b"",
    "too large": b"#" * (5 << 20),
    "year 1": b"start = 0001-01-01T00:00:00+14:00\n" + HEAD.encode(),
    "year 9999": b"start = 9999-12-31T23:59:59-14:00\n" + HEAD.encode(),
    "other types": b"sensor = 1\nathlete = [2]\nmark = 3\nrepetition = 4\nlive = 5\ntime = 6",
    "lists of lists": b"sensor = [[1]]\nrepetition = [[]]\n[influx]\nurl = [1]\n[time]\ncolumn = 1\n",
}
MAPPING = (
    'time = { column = "t", unit = "s" }\nacc = { columns = ["a", "a", "a"], unit = "g" }\n'
    'gyr = { columns = ["a", "a", "a"], unit = "rad/s" }\n'
)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recorded session with its results."""
    return brief_session(tmp_path_factory.mktemp("hostile") / "s")


@pytest.fixture
def copy(session: Path, tmp_path: Path) -> Path:
    """One to spoil."""
    return Path(shutil.copytree(session, tmp_path / "s"))


def answered(*words: str | Path, cwd: Path, **env: str) -> int:
    """Run a command, which must end in order; its exit code."""
    result = hiphinge(*words, cwd=cwd, **env)
    assert result.returncode in (0, 1), (words, result.stderr)
    assert "Traceback" not in result.stdout + result.stderr
    assert all(line.startswith("hiphinge: ") for line in result.stderr.splitlines()), result.stderr
    return result.returncode


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_toml_that_is_nonsense(copy: Path, tmp_path: Path, nonsense: str) -> None:
    (tmp_path / "x.toml").write_bytes(NONSENSE[nonsense])
    (tmp_path / "a.csv").write_text("t,a\n1,2\n")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/session.toml").write_bytes(NONSENSE[nonsense])
    for words in (
        ["live", "--kit", "x.toml"],
        ["scan", "--serial", "--kit", "x.toml"],
        ["import", "csv", "a.csv", "--mapping", "x.toml", "--out", "out"],
        ["replay", "plain", "--out", "out"],
    ):
        refused(*words, cwd=tmp_path)
    answered("doctor", "--config", "x.toml", cwd=tmp_path)
    (copy / "edits.toml").write_bytes(NONSENSE[nonsense])
    answered("push", "--dry-run", "s", cwd=tmp_path)
    (copy / "session.toml").write_bytes(NONSENSE[nonsense])
    answered("forget", "--only-folders", "--yes", "nobody", cwd=tmp_path, HIPHINGE_SESSIONS=str(tmp_path))


@pytest.mark.parametrize("text", [b"", b"[" * 100_000, b"9" * 5000, b"NaN", b"{}", b"[1]", b"\xff", b'{"schema": 1}'])
def test_json_that_is_nonsense(copy: Path, tmp_path: Path, text: bytes) -> None:
    for name in ("ledger.json", "cursor.json", "rejected.lp"):
        (copy / "outbox").mkdir(exist_ok=True)
        (copy / "outbox" / name).write_bytes(text)
    (copy / "outbox" / "²³.lp").write_bytes(text)
    assert answered("doctor", cwd=tmp_path, HIPHINGE_SESSIONS=str(tmp_path)) in (0, 1)
    (copy / "live/summary.json").write_bytes(text)
    assert "cannot be read, it is damaged or of another version" in refused("push", "--dry-run", "s", cwd=tmp_path)
    assert "summary.json" in refused("report", "s", "--estimator", "live", cwd=tmp_path)


def _parts(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if at:
        yield at
    entries = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, part in entries:
        yield from _parts(part, (*at, key))


@given(st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_summary_that_is_read_can_be_shown_and_sent(session: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Every part replaced by what it is not: refused when it is read, or every reader copes."""
    from dashboards.influx.line_protocol import closing_points
    from dashboards.report.facts import BODY, Facts
    from dashboards.report.page import for_athlete, for_physio
    from dashboards.report.wording import wording
    from dashboards.terminal import calibration_table, sensors_table

    document = json.loads((session / "live/summary.json").read_text())
    at = data.draw(st.sampled_from(sorted(_parts(document), key=str)))
    part = document
    for key in at[:-1]:
        part = part[key]
    odd = [
        None,
        5,
        -1,
        1.5,
        "x",
        "[/bold]",
        "",
        [],
        {},
        [None],
        {"a": None},
        [[1]],
        True,
        1e300,
        -(2**62),
        "0001-01-01T00:00:00+14:00",
    ]
    part[at[-1]] = data.draw(st.sampled_from(odd))
    (tmp_path / "live").mkdir(exist_ok=True)
    (tmp_path / "live/summary.json").write_text(json.dumps(document))
    try:
        summary = read_summary(tmp_path, "live")
        calibration_table(summary), sensors_table(summary)
        calendar(summary["start"])
        angles = {name: np.empty(0) for name in ("time_s", *BODY)}
        facts = Facts(summary, (), (), angles, answer_of(summary["screen"]), "live")
        for_physio(facts, wording("de")), for_athlete(facts, wording("de"))
        list(closing_points(tmp_path, ["live"]))
    except HiphingeError as error:
        assert str(error).count("\n") == 0  # noqa: PT017


def test_tables_of_another_shape(copy: Path, tmp_path: Path) -> None:
    repetitions = read_repetitions(copy, "live")
    at = repetitions.schema.get_field_index("start_s")
    lost = repetitions.set_column(at, repetitions.schema.field(at), pa.array([float("nan")] * len(repetitions)))
    for table in (pa.table({"a": list(range(len(repetitions)))}), lost):
        pq.write_table(table, copy / "live/repetitions.parquet")
        assert "repetitions.parquet: cannot be read" in refused("push", "--dry-run", "s", cwd=tmp_path)
    pq.write_table(repetitions, copy / "live/repetitions.parquet")
    for content in (b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1"):
        (copy / "live/angles.parquet").write_bytes(content)
        assert "angles.parquet: cannot be read" in refused("report", "s", "--estimator", "live", cwd=tmp_path)


@pytest.mark.parametrize("what", ["pipe", "/dev/zero", "/dev/tty"])
def test_what_is_no_file_is_refused_and_never_waited_for(session: Path, tmp_path: Path, what: str) -> None:
    for name in ("pipe", "pipe.mcap"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "a.csv").write_text("t,a\n1,2\n")
    (tmp_path / "map.toml").write_text(MAPPING)
    for words in (
        ["live", "--kit", what],
        ["scan", "--serial", "--kit", what],
        ["scan", "--serial", "--save", what, "--place", "/dev/ttyX=pelvis:hiphinge-v1-serial"],
        ["doctor", "--config", what],
        ["import", "csv", "a.csv", "--mapping", what, "--out", "out"],
        ["import", "csv", what, "--mapping", "map.toml", "--out", "out"],
        ["import", "xsens-opensense", what, "--out", "out"],
        ["decode", "hiphinge-v1", what],
        ["replay", what if what != "pipe" else "pipe.mcap", "--out", "out"],
        ["report", str(session), "--out", what],
        ["report", what],
        ["push", "--dry-run", what],
    ):
        refused(*words, cwd=tmp_path)


@pytest.mark.parametrize(
    "name",
    ["session.toml", "edits.toml", ".lock", "live/summary.json", "live/angles.parquet", "outbox/ledger.json", "outbox/1.lp"],
)
def test_a_pipe_inside_a_session_holds_nobody_up(copy: Path, tmp_path: Path, name: str) -> None:
    (copy / "outbox").mkdir(exist_ok=True)
    (copy / name).unlink(missing_ok=True)
    os.mkfifo(copy / name)
    for words in (["push", "--dry-run", "s"], ["doctor"], ["forget", "--only-folders", "--yes", "nobody"]):
        answered(*words, cwd=tmp_path, HIPHINGE_SESSIONS=str(tmp_path))


def test_bytes_from_a_pipe_are_decoded_as_before(tmp_path: Path) -> None:
    result = subprocess.run(
        [*COMMAND, "decode", "witmotion-ble", "/dev/stdin", "--json"],
        input=b"5561" + b"00" * 18 + b"\n",
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert len(json.loads(result.stdout)["packets"]) == 1


@pytest.mark.parametrize("url", ["http://[::1", "http://host:port", "http://host:99999", "http://"])
def test_half_an_address(tmp_path: Path, url: str) -> None:
    said = refused("grafana", "push", "--url", url, cwd=tmp_path, HIPHINGE_GRAFANA_TOKEN="x")
    assert "is not an address of the form" in said
    influx = {"HIPHINGE_INFLUX_URL": url, "HIPHINGE_INFLUX_BUCKET": "b", "HIPHINGE_SESSIONS": str(tmp_path)}
    assert "is not an address of the form" in refused("forget", "x", "--yes", cwd=tmp_path, **influx)


def test_a_user_whom_nobody_knows(tmp_path: Path) -> None:
    said = refused("doctor", cwd=tmp_path, HIPHINGE_SESSIONS="~no-such-user/sessions")
    assert "names a user whom this computer does not know" in said


@pytest.mark.parametrize(
    "line", ["range_dps = -1", "range_g = -1", "range_dps = 1e9", "model = [1]", "config = { acc_range_g = 'x' }"]
)
@pytest.mark.parametrize("family", ["hiphinge-v1", "metamotion", "polar-pmd"])
def test_a_kit_that_no_device_can_follow(tmp_path: Path, line: str, family: str) -> None:
    kit = f'[[sensor]]\nplacement = "pelvis"\nfamily = "{family}"\naddress = "C0:00:00:00:00:02"\n{line}\n'
    (tmp_path / "kit.toml").write_text(kit)
    if family == "metamotion" or "range" in line.split("=")[0]:
        assert refused("live", "--kit", "kit.toml", "--seconds", "0.1", cwd=tmp_path).startswith("kit.toml, line ")


def test_a_name_in_brackets_is_printed_as_it_is(copy: Path, tmp_path: Path) -> None:
    """rich would take it for markup, colour what follows, or fail."""
    for name in ("[bold]x[/bold]", "[/red]", ":heart:"):
        folder = tmp_path / f"a {name.replace('/', '-')}"
        done("replay", "s", "--out", folder, "--estimator", "live", cwd=tmp_path)
        assert str(folder.name) in done("report", folder, cwd=tmp_path).stdout
    path = copy / "live/summary.json"
    text = path.read_text().replace('"pelvis"', '"[/red]pelvis"').replace("stood still", "[/bold] stood :heart:")
    path.write_text(text)
    import io

    from dashboards.terminal import calibration_table, sensors_table
    from hiphinge.commands.options import console

    screen = console()
    screen.file = io.StringIO()
    summary = read_summary(copy, "live")
    screen.print(calibration_table(summary))
    screen.print(sensors_table(summary))
    assert "[/red]pelvis" in screen.file.getvalue()
    assert "[/bold] stood :heart:" in " ".join(screen.file.getvalue().split())


def test_a_fault_that_nobody_has_foreseen_is_said_and_shown_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("one\nby nothing")

    monkeypatch.setattr(cli, "app", broken)
    result = hiphinge("doctor", cwd=tmp_path)
    assert result.returncode == cli.PROGRAM_FAULT
    said = "a fault of the program: ZeroDivisionError: one by nothing. Run it again with HIPHINGE_TRACEBACK=1, and report"
    assert one_line(result).startswith(said)
    with pytest.raises(ZeroDivisionError):
        hiphinge("doctor", cwd=tmp_path, HIPHINGE_TRACEBACK="1")


def test_huge_files_cost_no_memory(tmp_path: Path) -> None:
    """20 GB that take no room on the disk: a recording, a table, a configuration, bytes to decode."""
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/session.toml").write_text("start = 2026-01-01T00:00:00Z\n" + HEAD)
    (tmp_path / "map.toml").write_text(MAPPING)
    for name in ("x.mcap", "x.csv", "x.toml", "x.bin", "plain/pelvis.csv"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(20_000_000_000)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    for words in (
        ["replay", "x.mcap", "--out", "out"],
        ["import", "csv", "x.csv", "--mapping", "map.toml", "--out", "out"],
        ["live", "--kit", "x.toml"],
        ["decode", "hiphinge-v1", "x.bin"],
        ["replay", "plain", "--out", "out"],
    ):
        result = child(*words, cwd=tmp_path)
        assert result.returncode == 1
        one_line(result)
    # of a child the system counts what its parent took when it began, too
    parent = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss <= max(before, parent, 300_000)
