"""Settings: the command line's, else the environment's, else those of a configuration file, else none.

The file is TOML: ``sessions = "…"`` and ``[influx] url, token, org, bucket``. A file that holds a token must not be
readable by others.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from dashboards.influx import InfluxSettings
from signals import HiphingeError

_INFLUX = ("url", "token", "org", "bucket")
_KNOWN = {"sessions", "influx"}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the commands share. sessions: folder of the session folders, if one is set. influx_words: InfluxDB's settings
    by the names of their environment variables, empty where not set."""

    sessions: Path | None
    influx_words: Mapping[str, str]

    @property
    def influx_configured(self) -> bool:
        """Whether anything names an InfluxDB."""
        return bool(self.influx_words.get("HIPHINGE_INFLUX_URL"))

    def influx(self) -> InfluxSettings:
        """The InfluxDB to send to. HiphingeError names what is missing."""
        return InfluxSettings.from_environment(self.influx_words)


def default_file() -> Path:
    """config.toml in the user's configuration folder."""
    return Path(typer.get_app_dir("hiphinge")) / "config.toml"


def load(file: Path | None, env: Mapping[str, str] | None = None) -> Settings:
    """Settings from `file` (else the default file, if there is one) with the environment on top."""
    environment = os.environ if env is None else env
    if file is not None and not file.is_file():
        raise HiphingeError("no such configuration file", str(file), "Give the path of a TOML file, or leave --config out")
    chosen = file or default_file()
    content = _read(chosen) if chosen.is_file() else {}
    influx = content.get("influx", {})
    words: dict[str, str] = {}
    for name in _INFLUX:
        value = environment.get(f"HIPHINGE_INFLUX_{name.upper()}", influx.get(name, ""))
        if not isinstance(value, str):
            raise HiphingeError(f"influx.{name} is not a text", str(chosen), "Put it into quotation marks")
        words[f"HIPHINGE_INFLUX_{name.upper()}"] = value
    sessions = environment.get("HIPHINGE_SESSIONS") or content.get("sessions")
    if sessions is not None and not isinstance(sessions, str):
        raise HiphingeError("sessions is not a text", str(chosen), "Put the folder into quotation marks")
    return Settings(Path(sessions).expanduser() if sessions else None, words)


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text("utf-8")
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as error:
        raise HiphingeError(f"cannot be read: {error.strerror}", str(file), "Check its permissions") from None
    except UnicodeDecodeError:
        raise HiphingeError("is not UTF-8 text", str(file), "Save the file as UTF-8") from None
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = found[1] if found else max(1, len(text.splitlines()))
        raise HiphingeError(f"is not valid TOML: {error}", f"{file}, line {line}", "Correct this line") from None
    influx = content.get("influx", {})
    if not isinstance(influx, dict):
        raise HiphingeError("'influx' is not a table", str(file), "Write [influx] and below it url, token, org, bucket")
    for name in (*(content.keys() - _KNOWN), *(influx.keys() - set(_INFLUX))):
        known = "sessions, and in [influx] url, token, org, bucket"
        raise HiphingeError(f"unknown setting {name!r}", str(file), f"The settings are: {known}")
    if "token" in influx and os.name == "posix" and mode & 0o077:
        raise HiphingeError("holds a token and can be read by others", str(file), f"Run: chmod 600 {file}")
    return content
