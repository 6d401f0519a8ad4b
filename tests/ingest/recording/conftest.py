"""A recording of 200 events, made once."""

from pathlib import Path

import pytest

from tests.ingest.recording.recorded import fresh, plain_log, write


@pytest.fixture(scope="module")
def whole_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = fresh(tmp_path_factory)
    write(path, plain_log(200))
    return path


@pytest.fixture
def whole(whole_file: Path) -> bytes:
    return whole_file.read_bytes()
