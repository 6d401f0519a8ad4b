"""Installing the dashboards in a running Grafana through its HTTP interface; the meaning of its refusals.

The token appears in no message and no repr, and is sent to no other host: `dashboards.http_edge` ensures both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from body_signals import HiphingeError
from dashboards.http_edge import Edge, Service, parted

FOLDER = "hiphinge"
_URL, _TOKEN = "HIPHINGE_GRAFANA_URL", "HIPHINGE_GRAFANA_TOKEN"


@dataclass(frozen=True, slots=True)
class GrafanaSettings:
    """Where the dashboards go. token: of a service account that may edit."""

    url: str
    token: str = field(repr=False)

    @classmethod
    def of(cls, url: str, token: str) -> GrafanaSettings:
        """Checked settings. HiphingeError names the fault."""
        url, token = url.strip().rstrip("/"), token.strip()
        try:
            parted(url)
        except ValueError as error:
            what = (
                str(error).replace("is not an address", "is not an address of the form http://host:3000")
                if url
                else "is not set"
            )
            remedy = "Give the address of your Grafana, e.g. http://localhost:3000"
            raise HiphingeError(what, f"--url or {_URL}", remedy) from None
        if not token or not all(32 < ord(c) < 127 for c in token):
            what = "holds a character that no token has" if token else "is not set"
            raise HiphingeError(
                what, _TOKEN, "Make a service account with the role Editor in Grafana, and set this to its token"
            )
        return cls(url, token)


def bring(settings: GrafanaSettings, dashboards: Sequence[Mapping[str, Any]], *, timeout_s: float = 10.0) -> list[str]:
    """Put the dashboards into the folder `hiphinge`, replacing earlier ones; returns their addresses. HiphingeError on
    failure."""
    service = Service("Grafana", settings.url, _URL, f"Bearer {settings.token}", (settings.token,))
    with closing(Edge(service, timeout_s=timeout_s)) as edge:
        grafana = _Grafana(service, edge)
        grafana.make_folder()
        return [settings.url + grafana.save(page) for page in dashboards]


@dataclass(frozen=True, slots=True)
class _Grafana:
    service: Service
    edge: Edge

    def make_folder(self) -> None:
        status, answer = self._post("/api/folders", {"uid": FOLDER, "title": FOLDER})
        # 409 and 412: the folder exists
        if status not in (200, 409, 412):
            raise self._refused(status, answer)

    def save(self, page: Mapping[str, Any]) -> str:
        body = {"dashboard": page, "folderUid": FOLDER, "overwrite": True, "message": "hiphinge grafana push"}
        status, answer = self._post("/api/dashboards/db", body)
        if status != 200:
            raise self._refused(status, answer)
        return self.service.clean(answer.get("url", f"/d/{page['uid']}"))

    def _post(self, path: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        head = {"Content-Type": "application/json", "Accept": "application/json"}
        answer = self.edge.request("POST", path, body=json.dumps(body).encode(), headers=head)
        return answer.status, answer.document

    def _refused(self, status: int, answer: Mapping[str, Any]) -> HiphingeError:
        words = self.service.clean(answer.get("message", ""), 200)
        told = f" ({words})" if words else ""
        if status == 401:
            what, remedy = "Grafana does not accept the token", f"Check {_TOKEN}"
        elif status == 403:
            what, remedy = "Grafana does not let this token save dashboards", "Give its service account the role Editor"
        elif status == 400 and "provisioned" in words.lower():
            what, remedy = (
                "these dashboards were provisioned from files",
                "Use `hiphinge grafana write` for this Grafana instead",
            )
        elif not answer:
            what, remedy = (
                "this does not answer like a Grafana",
                f"Check {_URL}, also its path where Grafana is behind another server",
            )
        else:
            what, remedy = "Grafana refused the dashboards", "Grafana 11 or later is needed; its log says more"
        return self._error(f"{what}: status {status}{told}", remedy)

    def _error(self, what: str, remedy: str) -> HiphingeError:
        return HiphingeError(what, self.service.url, remedy)
