"""deploy/: the compose file's structure, paths, secrets and names. Docker itself is not run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from dashboards.grafana import provisioning
from hiphinge.config import load
from tests.conftest import ROOT, missing

DEPLOY = ROOT / "deploy"
PROGRAM = {*load(None, {}).influx_words, "HIPHINGE_SESSIONS"}
GRAFANA = {provisioning.URL, provisioning.DATABASE}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    try:
        yaml = import_module("yaml")
    except ImportError:
        missing("PyYAML is not installed")
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return found


def test_services_have_what_they_need(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"influxdb", "dashboards", "grafana", "push"}
    mounted = {v.split(":")[0] for s in services.values() for v in s.get("volumes", []) if not v.startswith("$")}
    assert mounted == set(compose["volumes"])
    for name, service in services.items():
        if name != "dashboards":  # which ends
            assert {"test", "interval", "retries"} <= set(service["healthcheck"]), name
            assert service["restart"] == "unless-stopped"
        for other, condition in service.get("depends_on", {}).items():
            ends = other == "dashboards"
            assert condition == {"condition": "service_completed_successfully" if ends else "service_healthy"}
            assert ends or "healthcheck" in services[other]
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")
        image = service["image"]
        assert re.search(r":[\w.]+$", image), f"{image} is not pinned"
        assert not image.endswith(":latest")


def test_secrets_are_files_that_are_never_committed(compose: dict[str, Any]) -> None:
    services, secrets = compose["services"], compose["secrets"]
    assert {s for service in services.values() for s in service.get("secrets", [])} == set(secrets)
    for name, secret in secrets.items():
        assert secret == {"file": f"./secrets/{name}"}
        said = subprocess.run(["git", "check-ignore", "-q", f"deploy/secrets/{name}"], cwd=ROOT, check=False)
        assert said.returncode == 0
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if value.startswith("/run/secrets/"):
                assert variable.endswith("_FILE")
                assert value.removeprefix("/run/secrets/") in service["secrets"]
            else:
                assert not re.search("TOKEN|PASSWORD|SECRET", variable), f"{name}: {variable} is written down"


def test_settings_are_those_of_the_programs(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {v for v in services["push"]["environment"] if v.startswith("HIPHINGE_")} == PROGRAM - {"HIPHINGE_INFLUX_TOKEN"}
    assert {v for v in services["grafana"]["environment"] if v.startswith("HIPHINGE_")} == GRAFANA
    influx = services["influxdb"]["environment"]
    assert services["push"]["environment"]["HIPHINGE_INFLUX_BUCKET"] == influx["DOCKER_INFLUXDB_INIT_BUCKET"]
    assert services["grafana"]["environment"]["HIPHINGE_INFLUX_DATABASE"] == influx["DOCKER_INFLUXDB_INIT_BUCKET"]
    assert services["push"]["environment"]["HIPHINGE_INFLUX_ORG"] == influx["DOCKER_INFLUXDB_INIT_ORG"]
    assert "HIPHINGE_INFLUX_TOKEN" in (DEPLOY / "push-forever").read_text("utf-8")


def test_grafana_finds_what_is_written_for_it(compose: dict[str, Any], tmp_path: Path) -> None:
    yaml = import_module("yaml")
    services = compose["services"]
    command = services["dashboards"]["command"]
    assert command[:4] == ["hiphinge", "grafana", "write", "/provision"]
    assert services["dashboards"]["volumes"] == ["provision:/provision"]
    seen = "/etc/hiphinge"
    assert f"provision:{seen}:ro" in services["grafana"]["volumes"]
    assert services["grafana"]["environment"]["GF_PATHS_PROVISIONING"] == f"{seen}/provisioning"
    there = command[command.index("--dashboards") + 1]
    written = provisioning.write(tmp_path, version=command[command.index("--influxdb") + 1], dashboards_folder=there)
    assert f"{seen}/dashboards" == there
    assert {path.parent for path in written if path.suffix == ".json"} == {tmp_path / "dashboards"}
    provider = yaml.safe_load((tmp_path / "provisioning/dashboards/hiphinge.yaml").read_text("utf-8"))
    assert provider["apiVersion"] == 1
    assert provider["providers"][0]["options"]["path"] == there
    for version in provisioning.VERSIONS:
        text = provisioning.data_source(version)
        (source,) = yaml.safe_load(text)["datasources"]
        assert (source["type"], source["access"], source["jsonData"]["version"]) == ("influxdb", "proxy", "InfluxQL")
        assert source["database"] == source["jsonData"]["dbName"] == f"${{{provisioning.DATABASE}}}"
        (secret,) = source["secureJsonData"].values()
        assert secret.endswith("$__file{/run/secrets/influx_token}")
        names = set(re.findall(r"\$\{(\w+)\}", text))
        assert names == GRAFANA | ({provisioning.USER} if version == "1" else set())
    assert "influx_token" in services["grafana"]["secrets"]


def test_the_image_is_made_of_what_is_there() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    for line in re.findall(r"^COPY (?:--\S+ )?(.+)$", text, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
    assert "--require-hashes" in text
    assert re.search(r"^USER \w+$", text, re.MULTILINE)


def test_push_forever_tries_again_and_ends_when_told(tmp_path: Path) -> None:
    assert os.access(DEPLOY / "push-forever", os.X_OK)
    (tmp_path / "token").write_text("t0ken\n")
    fake = tmp_path / "hiphinge"
    fake.write_text(
        f'#!/bin/sh\necho "$HIPHINGE_INFLUX_TOKEN $*" >> {tmp_path}/rounds\ntest $(wc -l < {tmp_path}/rounds) -gt 1\n'
    )
    fake.chmod(0o755)
    env = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "INFLUX_TOKEN_FILE": str(tmp_path / "token"),
        "PUSHED_MARK": str(tmp_path / "pushed"),
        "PUSH_EVERY_S": "0.1",
    }
    process = subprocess.Popen([DEPLOY / "push-forever"], env=env)
    until = time.monotonic() + 10
    while not (tmp_path / "pushed").exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 143
    assert (tmp_path / "pushed").exists()
    assert set((tmp_path / "rounds").read_text().splitlines()) == {"t0ken push --all"}
