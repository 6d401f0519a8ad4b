"""Files as the programs of sensor makers write them, from samples that are known."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from body_signals import G0, Floats
from tests.ingest.formats.turning import Turning, turning

NOON_S = 1_795_442_700
"""2026-11-23T14:05:00Z."""


def write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", "utf-8")


def cells(row: Floats, delimiter: str = ",", form: str = ".9g") -> str:
    return delimiter.join(f"{value:{form}}" for value in row)


def dot(folder: Path, motion: Turning, names: str, *columns: Floats, tag: str = "Pelvis") -> None:
    stamps = np.mod(4_294_000_000 + np.round(motion.time_s * 1e6), 2**32)
    head = ["sep=,", f"DeviceTag:,{tag}", "OutputRate:,60Hz", "StartTime: ,2026-11-23_14:05:00_250 CET", "© maker", ""]
    rows = np.column_stack(columns)
    body = [f"{i},{stamp:.0f},{cells(row)}" for i, (stamp, row) in enumerate(zip(stamps, rows, strict=True))]
    write(folder / f"{tag}_20261123.csv", [*head, f"PacketCounter,SampleTimeFine,{names}", *body])


def shimmer(folder: Path, motion: Turning) -> None:
    quantities = ("Timestamp_Unix", *(f"{s}_{a}" for s in ("Accel_LN", "Gyro") for a in "XYZ"))
    names = [f"Shimmer_68B7_{name}_CAL" for name in quantities]
    units = ["ms", *["m/(s^2)"] * 3, *["deg/s"] * 3]
    rows = np.column_stack((NOON_S * 1e3 + motion.time_s * 1e3, motion.acc, np.degrees(motion.gyr)))
    body = ["\t".join(repr(float(v)) for v in row) + "\t" for row in rows]
    name = "pelvis_Session1_Shimmer_68B7_Calibrated_PC.csv"
    write(folder / name, ['"sep=\t"', "\t".join(names) + "\t", "\t".join(units) + "\t", *body])


def witmotion(folder: Path, motion: Turning) -> None:
    names = [
        "time",
        "DeviceName",
        *(f"Acc{a}(g)" for a in "XYZ"),
        *(f"As{a}(°/s)" for a in "XYZ"),
        *(f"Q{i}()" for i in range(4)),
    ]
    rows = np.column_stack((motion.acc / G0, np.degrees(motion.gyr), motion.quat))
    lines = ["\t".join(names)]
    for t, row in zip(motion.time_s, rows, strict=True):
        at = datetime.fromtimestamp(NOON_S + float(t), UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        lines += ["\t".join([at, device, cells(row, "\t", ".7f")]) for device in ("pelvis(c0:01)", "left thigh(c0:02)")]
    write(folder / "data.txt", lines)


def metabase(folder: Path, motion: Turning) -> None:
    late = turning(begin_s=0.003)
    for name, of, values, unit in (
        ("Accelerometer_100.000Hz", motion, motion.acc / G0, "g"),
        ("Gyroscope_100.000Hz", late, np.degrees(late.gyr), "deg/s"),
    ):
        head = ",".join(["epoc (ms),timestamp (+0100),elapsed (s)", *(f"{a}-axis ({unit})" for a in "xyz")])
        stamps = [f"{NOON_S * 1000 + 1000 * t:.0f},2026-11-23T15.05.00.000,{t:.3f}" for t in of.time_s]
        body = [f"{stamp},{cells(row, form='.6f')}" for stamp, row in zip(stamps, values, strict=True)]
        for who in ("pelvis", "lumbar"):
            write(folder / f"{who}_2026-11-23_{name}_1.7.3.csv", [head, *body])


def phyphox(folder: Path, motion: Turning) -> None:
    for name, quantity, unit, values in (
        ("Accelerometer", "Acceleration", "m/s^2", motion.acc),
        ("Gyroscope", "Gyroscope", "rad/s", motion.gyr),
    ):
        names = ['"Time (s)"', *(f'"{quantity} {a} ({unit})"' for a in "xyz")]
        body = [cells(row, ";").replace(".", ",") for row in np.column_stack((motion.time_s, values))]
        write(folder / f"{name}.csv", [";".join(names), *body])
    head = '"event","experiment time","system time","system time text"'
    write(folder / "meta" / "time.csv", [head, f'"START",0.000,{NOON_S}.5,"2026-11-23 14:05:00.500 UTC"'])


def sensor_logger(folder: Path, motion: Turning, platform: str = "android") -> None:
    sign = -1.0 if platform == "ios" else 1.0
    shaking = Rotation.from_quat(motion.quat, scalar_first=True).inv().apply(motion.free)
    stamps = [f"{NOON_S * 10**9 + round(t * 1e9)},{t:.6f}" for t in motion.time_s]
    files = {"Gyroscope": motion.gyr, "Gravity": sign * (motion.acc - shaking), "Accelerometer": sign * shaking}
    for name, values in files.items():
        body = [f"{stamp},{cells(row[::-1])}" for stamp, row in zip(stamps, values, strict=True)]
        write(folder / f"{name}.csv", ["time,seconds_elapsed,z,y,x", *body])
    write(folder / "Metadata.csv", ["version,device name,platform,standardisation", f"3,phone,{platform},false"])
