"""A folder from which a Grafana is provisioned: the dashboards, the data source, and the file that says where the dashboards
are.

    DIR/dashboards/*.json
    DIR/provisioning/dashboards/hiphinge.yaml
    DIR/provisioning/datasources/hiphinge.yaml

No secret is written: the data source names environment variables and a file, which Grafana reads when it starts.
"""

from __future__ import annotations

import json
from pathlib import Path

from body_signals import HiphingeError
from dashboards.grafana import all_dashboards

VERSIONS = ("1", "2", "3")
"""Versions of InfluxDB: 1.8 requires a user and a password, the others a token in a header."""
URL, DATABASE = "HIPHINGE_INFLUX_URL", "HIPHINGE_INFLUX_DATABASE"
USER = "HIPHINGE_INFLUX_USER"
TOKEN_FILE = "/run/secrets/influx_token"
"""The file from which Grafana reads the token (for 1.8: the password), unless another is given."""

_SOURCE = """# Grafana's data source for hiphinge, made by `hiphinge grafana write`. InfluxDB {version}, InfluxQL.
# Grafana replaces ${{…}} by environment variables and $__file{{…}} by the content of a file when it starts.
apiVersion: 1
datasources:
  - name: hiphinge
    uid: hiphinge
    type: influxdb
    access: proxy
    url: ${{{url}}}
    database: ${{{database}}}
{login}
"""
_USER_AND_PASSWORD = """    user: ${{{user}}}
    jsonData:
      dbName: ${{{database}}}
      version: InfluxQL
      httpMode: POST
    secureJsonData:
      password: $__file{{{token_file}}}"""
_TOKEN = """    jsonData:
      dbName: ${{{database}}}
      version: InfluxQL
      httpMode: GET
      httpHeaderName1: Authorization
    secureJsonData:
      httpHeaderValue1: Token $__file{{{token_file}}}"""
_DASHBOARDS = """# Where Grafana finds the dashboards of hiphinge, made by `hiphinge grafana write`.
apiVersion: 1
providers:
  - name: hiphinge
    folder: hiphinge
    type: file
    disableDeletion: true
    allowUiUpdates: false
    updateIntervalSeconds: 60
    options:
      path: {path}
"""


def data_source(version: str = "2", token_file: str = TOKEN_FILE) -> str:
    """The data source's file for a version of InfluxDB."""
    login = (_USER_AND_PASSWORD if version == "1" else _TOKEN).format(database=DATABASE, user=USER, token_file=token_file)
    return _SOURCE.format(version="1.8" if version == "1" else f"{version}.x", url=URL, database=DATABASE, login=login)


def provider(dashboards_folder: str) -> str:
    """The file that says where the dashboards are."""
    return _DASHBOARDS.format(path=json.dumps(dashboards_folder.replace("$", "$$"), ensure_ascii=False))


def write(
    folder: Path, *, version: str = "2", dashboards_folder: str | None = None, token_file: str = TOKEN_FILE
) -> list[Path]:
    """Write all files into `folder`, replacing earlier ones. HiphingeError where the disk refuses.

    dashboards_folder: where Grafana will find the dashboards (default: where they are written).
    """
    files = {
        Path("dashboards") / f"{page['uid']}.json": json.dumps(page, indent=2, ensure_ascii=False) + "\n"
        for page in all_dashboards()
    }
    there = dashboards_folder or str((folder / "dashboards").resolve())
    files[Path("provisioning/dashboards/hiphinge.yaml")] = provider(there)
    files[Path("provisioning/datasources/hiphinge.yaml")] = data_source(version, token_file)
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}"
        raise HiphingeError(what, str(folder), "Choose a folder that you may write to") from None
    return [folder / name for name in files]
