"""`hiphinge grafana`: files that Grafana provisions itself from, and dashboards into one that a small server plays."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from dashboards.grafana import all_dashboards
from tests.contract.command_line import done, hiphinge, refused, tree
from tests.peers.web import Reply, Request, web

TOKEN = "glsa_s3cret"


def grafana(request: Request) -> Reply:
    """What Grafana 11 answers to a token that may edit."""
    if request.headers.get("authorization") != f"Bearer {TOKEN}":
        return 401, {}, '{"message":"Invalid API key","statusCode":401}'
    body = json.loads(request.body)
    if request.path == "/api/folders":
        return 412, {}, '{"message":"the folder has been changed by someone else","status":"version-mismatch"}'
    assert request.path == "/api/dashboards/db"
    assert (body["folderUid"], body["overwrite"]) == ("hiphinge", True)
    uid = body["dashboard"]["uid"]
    return 200, {}, json.dumps({"uid": uid, "url": f"/d/{uid}/page", "status": "success", "version": 2})


def test_dashboards_reach_a_running_grafana(tmp_path: Path) -> None:
    with web(grafana) as server:
        result = done("grafana", "push", "--url", server.url + "/", cwd=tmp_path, HIPHINGE_GRAFANA_TOKEN=TOKEN)
        assert result.stdout.split() == [f"{server.url}/d/{page['uid']}/page" for page in all_dashboards()]
        sent = [json.loads(request.body)["dashboard"] for request in server.asked[1:]]
        assert sent == all_dashboards()
        # the address may come from the environment, too
        done("grafana", "push", cwd=tmp_path, HIPHINGE_GRAFANA_TOKEN=TOKEN, HIPHINGE_GRAFANA_URL=server.url)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            (401, {}, '{"message":"Invalid API key"}'),
            r"does not accept the token: status 401 (Invalid API key). Check HIPHINGE_GRAFANA_TOKEN",
        ),
        ((403, {}, '{"message":"no"}'), "does not let this token save dashboards: status 403 (no). Give its service account"),
        ((400, {}, '{"message":"Cannot save provisioned dashboard"}'), "were provisioned from files: status 400"),
        ((404, {}, "<html>not here</html>"), "does not answer like a Grafana: status 404. Check HIPHINGE_GRAFANA_URL"),
        ((500, {}, '{"message":"glsa_s3cret broke"}'), "refused the dashboards: status 500 (… broke)"),
    ],
)
def test_refusals_are_one_clear_line(tmp_path: Path, reply: Reply, said: str) -> None:
    with web(lambda _: reply) as server:
        line = refused("grafana", "push", "--url", server.url, cwd=tmp_path, HIPHINGE_GRAFANA_TOKEN=TOKEN)
        assert line.startswith(f"{server.url}: ")
        assert said in line
        assert TOKEN not in line


def test_the_token_does_not_follow_a_redirection(tmp_path: Path) -> None:
    with web(grafana) as other, web(lambda r: (302, {"Location": other.url + r.path}, "")) as server:
        line = refused("grafana", "push", "--url", server.url, cwd=tmp_path, HIPHINGE_GRAFANA_TOKEN=TOKEN)
        assert line.startswith(f"{server.url}: Grafana redirects to {other.url}/api/folders, which is another server")
        assert TOKEN not in line
        assert other.asked == []
    with web(lambda r: (308, {"Location": f"/behind{r.path}"}, "") if "behind" not in r.path else moved(r)) as server:
        done("grafana", "push", "--url", server.url, cwd=tmp_path, HIPHINGE_GRAFANA_TOKEN=TOKEN)
        assert server.asked[-1].path == "/behind/api/dashboards/db"


def moved(request: Request) -> Reply:
    return grafana(replace(request, path=request.path.removeprefix("/behind")))


def test_nobody_there_and_settings_that_are_missing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert "cannot be reached (Connection refused)" in refused(
        "grafana", "push", "--url", url, cwd=tmp_path, HIPHINGE_GRAFANA_TOKEN=TOKEN
    )
    assert "HIPHINGE_GRAFANA_TOKEN: is not set" in refused("grafana", "push", "--url", url, cwd=tmp_path)
    assert "is not an address" in refused("grafana", "push", "--url", "gym:3000", cwd=tmp_path, HIPHINGE_GRAFANA_TOKEN=TOKEN)
    with web(lambda _: (200, {}, "{}")) as server:
        encrypted = server.url.replace("http:", "https:")
        line = refused("grafana", "push", "--url", encrypted, cwd=tmp_path, HIPHINGE_GRAFANA_TOKEN=TOKEN)
        assert "the encrypted connection failed" in line
    assert hiphinge("grafana", "nothing", cwd=tmp_path).returncode == 2


def test_files_for_provisioning(tmp_path: Path) -> None:
    done("grafana", "write", "gym", cwd=tmp_path)
    uids = [page["uid"] for page in all_dashboards()]
    assert {name for name in tree(tmp_path / "gym") if "." in name} == {
        *(f"dashboards/{uid}.json" for uid in uids),
        "provisioning/dashboards/hiphinge.yaml",
        "provisioning/datasources/hiphinge.yaml",
    }
    for page in all_dashboards():
        assert json.loads((tmp_path / "gym/dashboards" / f"{page['uid']}.json").read_text("utf-8")) == page
    provider = (tmp_path / "gym/provisioning/dashboards/hiphinge.yaml").read_text("utf-8")
    assert f'path: "{tmp_path / "gym/dashboards"}"' in provider
    source = (tmp_path / "gym/provisioning/datasources/hiphinge.yaml").read_text("utf-8")
    assert "httpHeaderValue1: Token $__file{/run/secrets/influx_token}" in source
    done("grafana", "write", "gym", "--influxdb", "1", "--dashboards", "/srv/pages", cwd=tmp_path)
    source = (tmp_path / "gym/provisioning/datasources/hiphinge.yaml").read_text("utf-8")
    assert "password: $__file{/run/secrets/influx_token}" in source
    assert "httpHeaderName1" not in source
    assert 'path: "/srv/pages"' in (tmp_path / "gym/provisioning/dashboards/hiphinge.yaml").read_text("utf-8")
    assert "--influxdb: unknown version '4'. Choose 1, 2 or 3" in refused(
        "grafana", "write", "x", "--influxdb", "4", cwd=tmp_path
    )
    (tmp_path / "file").write_text("")
    assert "cannot be written: Not a directory" in refused("grafana", "write", "file", cwd=tmp_path)
