"""What the doctor says of the packages that the program needs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from hiphinge.checkup.installation import installation
from tests.conftest import ROOT


def package(folder: Path, name: str, version: str, *requires: str, content: str | None = "") -> None:
    """An installed package: its metadata, and its module unless `content` is None."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    (info / "RECORD").write_text(f"{name.replace('-', '_')}.py,,\n")
    if content is not None:
        (folder / f"{name.replace('-', '_')}.py").write_text(content)


def test_every_dependency_of_the_package_is_looked_at() -> None:
    found = {what.lower(): (ok, text) for what, ok, text in installation()}
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {r.name for r in map(Requirement, stated) if r.marker is None or r.marker.evaluate()}
    # what was added since this was installed is not in its metadata yet
    assert names - set(found) <= {"packaging"}
    assert {"bleak", "bleak-retry-connector", "pyserial"} <= set(found)
    assert all(ok for ok, _ in found.values()), found


def packages_of(file: str) -> dict[str, str]:
    """The lines of each package in a list of pinned ones, by its name."""
    listed = re.split(r"\n(?=\S)", (ROOT / file).read_text("utf-8").strip())
    return {re.split(r"[=;\s]", lines)[0]: lines for lines in listed}


def test_what_is_tested_is_what_is_shipped() -> None:
    """A package has the same lines in each list that names it; the Makefile installs what tests need beyond the others."""
    shipped, built = packages_of("requirements.txt"), packages_of("requirements-build.txt")
    tested = packages_of("requirements-test.txt")
    assert shipped == {name: tested[name] for name in shipped}
    both = tested.keys() & built.keys()
    assert {name: tested[name] for name in both} == {name: built[name] for name in both}


@pytest.mark.parametrize("passes_over_what_has_gone", [False, True])
def test_each_kind_of_fault_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passes_over_what_has_gone: bool
) -> None:
    if passes_over_what_has_gone:
        # as Python's library does from 3.12 on: a package without its files has no modules
        listed = packages_distributions
        without = lambda: {module: names for module, names in listed().items() if module != "hollow_one"}  # noqa: E731
        monkeypatch.setattr("hiphinge.checkup.installation.packages_distributions", without)
    needs = (
        "fine-one>=1.0",
        "old-one>=2.0",
        "absent-one>=3",
        "hollow-one",
        "raising-one",
        "tests-only; extra == 'test'",
        "other-system; sys_platform == 'nowhere'",
        "with-extra[more]>=1",
    )
    package(tmp_path, "program-x", "1.0", *needs)
    package(tmp_path, "fine-one", "1.0")
    package(tmp_path, "old-one", "1.9")
    package(tmp_path, "hollow-one", "1.0", content=None)
    package(tmp_path, "raising-one", "1.0", content="raise RuntimeError('no such processor')")
    package(tmp_path, "with-extra", "1.0", "below-one>=2; extra == 'more'", "unwanted; extra == 'less'")
    package(tmp_path, "below-one", "1.0")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = {what: (ok, text) for what, ok, text in installation("program-x")}
    assert set(found) == {"fine-one", "old-one", "absent-one", "hollow-one", "raising-one", "with-extra", "below-one"}
    assert found["fine-one"] == (True, "1.0")
    assert found["with-extra"] == (True, "1.0")
    wrong = {
        "old-one": "is 1.9, but >=2.0 is needed",
        "absent-one": "is not installed",
        "hollow-one": "cannot be used (ModuleNotFoundError",
        "raising-one": "cannot be used (RuntimeError: no such processor)",
        "below-one": "is 1.0, but >=2 is needed",
    }
    for name, words in wrong.items():
        ok, text = found[name]
        assert not ok
        assert text.startswith(words)
        assert f"{sys.executable} -m pip install '{name}" in text


def test_a_program_that_is_not_installed(tmp_path: Path) -> None:
    ((what, ok, text),) = installation("nobody-has-this")
    assert (what, ok) == ("nobody-has-this", False)
    assert "install it" in text


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("bleak", "bleak"),
        ("bleak_retry_connector", "bleak-retry-connector"),
        ("serial", "pyserial"),
        ("pyarrow", "pyarrow"),
        ("msgspec", "msgspec"),
        ("packaging", "packaging"),
        ("numpy", "numpy"),
        ("typer", "typer"),
    ],
)
def test_the_doctor_answers_where_a_package_is_missing(tmp_path: Path, module: str, name: str) -> None:
    program = (
        f"import sys; sys.modules[{module!r}] = None; sys.argv = ['hiphinge', 'doctor']; import hiphinge.cli as c; c.main()"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    lines = [line for line in (result.stdout + result.stderr).splitlines() if line.startswith(f"NOT {name}: ")]
    assert len(lines) == 1
    assert "install hiphinge again" in lines[0]
