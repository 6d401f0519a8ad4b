"""A mapping proposed for a file imports that file, and says how sure it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from body_signals import G0, Floats, HiphingeError
from ingest.formats import guess, import_session
from tests.ingest.formats import product_files
from tests.ingest.formats.turning import turning

MOTION = turning()


def csv(names: str, *columns: Floats, delimiter: str = ",", decimal: str = ".", form: str = ".6f") -> str:
    body = [product_files.cells(row, delimiter, form).replace(".", decimal) for row in np.column_stack(columns)]
    return "\n".join([*([names] if names else []), *body]) + "\n"


T, ACC, GYR = MOTION.time_s, MOTION.acc, MOTION.gyr
DEGREES = np.degrees(GYR)
WITH_UNITS = "Time (ms),Acc X (g),Acc Y (g),Acc Z (g),Gyr X (deg/s),Gyr Y (deg/s),Gyr Z (deg/s)"
GERMAN = "Zeit;Beschl X;Beschl Y;Beschl Z;Drehrate X;Drehrate Y;Drehrate Z"
UNITS_BELOW = "ts,a_x,a_y,a_z,g_x,g_y,g_z\nus,m/s^2,m/s^2,m/s^2,deg/s,deg/s,deg/s"
FILES: dict[str, tuple[str, list[str]]] = {
    "short names": (
        csv("t,ax,ay,az,gx,gy,gz", T, ACC, GYR),
        ['unit = "s" }   # likely', 'unit = "m/s2" }   # likely', 'unit = "rad/s" }   # likely', "100 samples a second"],
    ),
    "units in names": (
        csv(WITH_UNITS, T * 1e3, ACC / G0, DEGREES),
        ['unit = "ms" }   # sure', 'unit = "g" }   # sure', 'unit = "deg/s" }   # sure'],
    ),
    "German spreadsheet": (csv(GERMAN, T, ACC, GYR, delimiter=";", decimal=","), ['decimal = ","', 'delimiter = ";"']),
    "no time": ("Serial: 1\n\n" + csv("ax;ay;az;gx;gy;gz", ACC / G0, DEGREES, delimiter=";"), ["unsure: no column is a time"]),
    "no names": (csv("", T, ACC, GYR), ["header = [", "unsure: the file has no names"]),
    "raw counts": (
        csv("t,ax,ay,az,gx,gy,gz", T, ACC * 8192 / G0, DEGREES * 65.5, form=".3f"),
        ["scale = ", "unsure: raw counts"],
    ),
    "units below": (csv(UNITS_BELOW, T * 1e6, ACC, DEGREES), ['unit = "us" }   # sure', 'unit = "deg/s" }   # sure']),
}


@pytest.mark.parametrize("name", FILES)
def test_a_proposal_imports_its_file(name: str, tmp_path: Path) -> None:
    text, says = FILES[name]
    file = tmp_path / "pelvis.csv"
    file.write_text(text, "utf-8")
    proposed = guess(file).text()
    assert [words for words in says if words not in proposed] == [], proposed
    (tmp_path / "map.toml").write_text(proposed, "utf-8")
    one = import_session("csv", file, mapping=tmp_path / "map.toml").samples["pelvis"]
    if name != "no time":
        np.testing.assert_allclose(one.time_s, T, atol=1e-5)
    within = 0.35 if name == "raw counts" else 1e-3
    np.testing.assert_allclose(one.acc, ACC, atol=within)
    assert one.gyr is not None
    np.testing.assert_allclose(one.gyr, GYR, atol=0.3 if name == "raw counts" else 1e-3)


def test_several_sensors_in_one_file_are_told_apart(tmp_path: Path) -> None:
    product_files.witmotion(tmp_path, MOTION)
    proposed = guess(tmp_path / "data.txt").text()
    assert 'split_by = "DeviceName"' in proposed
    assert 'unit = "iso" }   # sure' in proposed
    (tmp_path / "map.toml").write_text(proposed, "utf-8")
    imported = import_session("csv", tmp_path / "data.txt", mapping=tmp_path / "map.toml")
    assert len(imported.samples) == 2


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "empty"),
        ("a letter\nto a friend\n", "no table of numbers"),
        ("t,ax,ay,az,n,gx,gy,gz\n1,0,0,1,1,x,y,z\n2,0,0,1,1,x,y,z\n3,0,0,1,1,x,y,z\n", "gyroscope"),
        ("t,u,v,w\n1,2,3,4\n2,3,4,5\n3,4,5,6\n4,5,6,7\n", "no columns that look like"),
    ],
)
def test_what_is_no_recording_is_refused(text: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(HiphingeError, match=what) as caught:
        guess(tmp_path / "x.csv")
    assert caught.value.remedy
