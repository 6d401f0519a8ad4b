"""Settings: the command line's, else the environment's, else those of a configuration file, else none.

The file is TOML: ``sessions = "…"``, ``gym = "…"``, ``[live] patience_ms``, ``[screen]`` with limits of the hip screen,
``[influx] url, token, org, bucket`` and ``[grafana] url, token``. A file that holds a token must not be readable by others.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from body_signals import (
    LONGEST_PATIENCE_S,
    PATIENCE_S,
    SHORTEST_PATIENCE_S,
    HiphingeError,
    check_reach,
    limits_with,
    session_fact,
)
from hiphinge import logbook
from on_disk import MOST_TOML_BYTES, read_text, shown, toml_document

if TYPE_CHECKING:
    from dashboards.grafana.server import GrafanaSettings
    from dashboards.influx import InfluxSettings

_log = logging.getLogger(__name__)
_SECTIONS = {"influx": ("url", "token", "org", "bucket"), "grafana": ("url", "token")}
_KNOWN = {"sessions", "gym", "live", "screen", *_SECTIONS}


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of all commands. sessions: folder of the session folders, if one is set. influx_words, grafana_words:
    settings by the names of their environment variables, empty where not set. patience_s, screen_limits: see
    `body_signals.Session`. gym: the name of the place; empty where none is set."""

    sessions: Path | None
    influx_words: Mapping[str, str]
    grafana_words: Mapping[str, str] = field(default_factory=dict)
    patience_s: float = PATIENCE_S
    screen_limits: Mapping[str, float] = field(default_factory=dict)
    gym: str = ""

    @property
    def influx_configured(self) -> bool:
        """Whether an InfluxDB is set."""
        return bool(self.influx_words.get("HIPHINGE_INFLUX_URL"))

    def influx(self) -> InfluxSettings:
        """The InfluxDB to send to. HiphingeError names what is missing."""
        from dashboards.influx import InfluxSettings

        return InfluxSettings.from_environment(self.influx_words)

    def grafana(self, url: str | None = None) -> GrafanaSettings:
        """The Grafana for the dashboards, at `url` if that is given. HiphingeError names what is missing."""
        from dashboards.grafana.server import GrafanaSettings

        words = self.grafana_words
        return GrafanaSettings.of(url or words.get("HIPHINGE_GRAFANA_URL", ""), words.get("HIPHINGE_GRAFANA_TOKEN", ""))


def default_file() -> Path:
    """config.toml in the user's configuration folder."""
    return Path(typer.get_app_dir("hiphinge")) / "config.toml"


def kits_folder(file: Path | None) -> Path:
    """Where kits are remembered: `kits` beside the configuration file, `file` or the default one."""
    return (file or default_file()).parent / "kits"


def protocols_folder(file: Path | None) -> Path:
    """Where a person's own protocols are: `protocols` beside the configuration file, `file` or the default one."""
    return (file or default_file()).parent / "protocols"


def load(file: Path | None, env: Mapping[str, str] | None = None) -> Settings:
    """Settings from `file` (else the default file, if there is one) with the environment on top."""
    environment = os.environ if env is None else env
    if file is not None and not file.is_file():
        raise HiphingeError("no such configuration file", str(file), "Give the path of a TOML file, or leave --config out")
    chosen = file or default_file()
    content = _read(chosen) if chosen.is_file() else {}
    words: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for section, names in _SECTIONS.items():
        for name in names:
            variable = f"HIPHINGE_{section.upper()}_{name.upper()}"
            value = environment.get(variable, content.get(section, {}).get(name, ""))
            if not isinstance(value, str):
                raise HiphingeError(f"{section}.{name} is not text", str(chosen), "Put it into quotation marks")
            words[section][variable] = value
    logbook.hide(words["influx"]["HIPHINGE_INFLUX_TOKEN"], words["grafana"]["HIPHINGE_GRAFANA_TOKEN"])
    _log.info("settings of %s", chosen if chosen.is_file() else "the environment alone")
    sessions = environment.get("HIPHINGE_SESSIONS") or content.get("sessions")
    if sessions is not None and not isinstance(sessions, str):
        raise HiphingeError("sessions is not text", str(chosen), "Put the folder into quotation marks")
    patience_s = _patience(environment.get("HIPHINGE_LIVE_PATIENCE_MS") or content.get("live", {}).get("patience_ms"), chosen)
    folder = _folder(sessions, chosen) if sessions else None
    limits = _screen_limits(content.get("screen", {}), chosen)
    gym = _gym(environment.get("HIPHINGE_GYM", content.get("gym", "")), chosen)
    return Settings(folder, words["influx"], words["grafana"], patience_s, limits, gym)


def _gym(given: object, file: Path) -> str:
    """The gym's name as a session states it by its mark."""
    if given == "":
        return ""
    fact = session_fact(f"gym {given}") if isinstance(given, str) and given.isprintable() else None
    if fact is None:
        where = f"HIPHINGE_GYM, or gym in {file}"
        raise HiphingeError(f"{shown(given)} is not a name of a gym", where, 'Write it as one line of text, e.g. gym = "north"')
    return str(fact.value)


def _folder(sessions: str, file: Path) -> Path:
    where = "HIPHINGE_SESSIONS, or sessions in " + str(file)
    if any(ord(c) < 32 or ord(c) == 127 for c in sessions):
        raise HiphingeError(f"{shown(sessions)} is not a path", where, "Write the path of a folder")
    try:
        return Path(sessions).expanduser()
    except RuntimeError:
        # the system knows no such user
        what = f"{shown(sessions)} names a user whom this computer does not know"
        raise HiphingeError(what, where, "Write the whole path of the folder") from None


def _screen_limits(given: object, file: Path) -> dict[str, float]:
    if not isinstance(given, dict):
        remedy = "Write [screen] and below it limits, e.g. rock_back_slack_deg = 22"
        raise HiphingeError("'screen' is not a table", str(file), remedy)
    try:
        check_reach(limits_with(given))
    except ValueError as error:
        raise HiphingeError(f"[screen] {error}", str(file), "The limits and their values are in docs/screen.md") from None
    return {name: float(value) for name, value in given.items()}


def _patience(given: object, file: Path) -> float:
    """Patience in seconds, from milliseconds as a number or (in the environment) a text; None: the default."""
    if given is None:
        return PATIENCE_S
    try:
        if not isinstance(given, str | int | float) or isinstance(given, bool):
            raise ValueError
        seconds = float(given) / 1e3
    except ValueError:
        raise HiphingeError(
            f"patience_ms = {shown(given)} is not a number", str(file), "Write milliseconds, e.g. 150"
        ) from None
    if not SHORTEST_PATIENCE_S <= seconds <= LONGEST_PATIENCE_S:
        remedy = f"Write milliseconds, {SHORTEST_PATIENCE_S * 1e3:g} to {LONGEST_PATIENCE_S * 1e3:g}"
        raise HiphingeError(f"patience_ms = {shown(given)} is out of range", str(file), remedy)
    return seconds


def _read(file: Path) -> dict[str, Any]:
    text = read_text(file, MOST_TOML_BYTES, "Give the path of a TOML file")
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as error:
        raise HiphingeError(f"cannot be read: {error.strerror}", str(file), "Check its permissions") from None
    content = toml_document(text, file, "is not valid TOML")
    for unknown in content.keys() - _KNOWN:
        raise _unknown(unknown, file)
    for section, names in (_SECTIONS | {"live": ("patience_ms",)}).items():
        table = content.get(section, {})
        if not isinstance(table, dict):
            remedy = f"Write [{section}] and below it {', '.join(names)}"
            raise HiphingeError(f"'{section}' is not a table", str(file), remedy)
        for unknown in table.keys() - set(names):
            raise _unknown(unknown, file)
        if "token" in table and os.name == "posix" and mode & 0o077:
            raise HiphingeError("holds a token and can be read by others", str(file), f"Run: chmod 600 {file}")
    return content


def _unknown(name: str, file: Path) -> HiphingeError:
    known = (
        "sessions, gym, in [live] patience_ms, in [screen] limits, in [influx] url, token, org, bucket, and in [grafana] url, "
        "token"
    )
    return HiphingeError(f"unknown setting {name!r}", str(file), f"The settings are: {known}")
