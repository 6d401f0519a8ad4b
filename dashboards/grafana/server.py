"""Bringing the dashboards to a running Grafana through its HTTP interface; what its refusals mean.

The token appears in no message and no repr, and does not follow a redirection to another address.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from signals import HiphingeError

FOLDER = "hiphinge"
_URL, _TOKEN = "HIPHINGE_GRAFANA_URL", "HIPHINGE_GRAFANA_TOKEN"


@dataclass(frozen=True, slots=True)
class GrafanaSettings:
    """Where the dashboards go. token: of a service account that may edit."""

    url: str
    token: str = field(repr=False)

    @classmethod
    def of(cls, url: str, token: str) -> GrafanaSettings:
        """Checked settings. HiphingeError names what is wrong."""
        url, token = url.strip().rstrip("/"), token.strip()
        try:
            parts = urlsplit(url)
            sound = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
            sound = sound and parts.username is None
        except ValueError:
            # half an IPv6 address, or a port that is none
            sound = False
        if not sound:
            what = "is no address of the form http://host:3000" if url else "is not set"
            raise HiphingeError(what, f"--url or {_URL}", "Give the address of your Grafana, e.g. http://localhost:3000")
        if not token or not all(32 < ord(c) < 127 for c in token):
            what = "holds a character that no token has" if token else "is not set"
            raise HiphingeError(
                what, _TOKEN, "Make a service account with the role Editor in Grafana, and set this to its token"
            )
        return cls(url, token)


def bring(settings: GrafanaSettings, dashboards: Sequence[Mapping[str, Any]], *, timeout_s: float = 10.0) -> list[str]:
    """Put the dashboards into the folder `hiphinge`, over those that are there; their addresses. HiphingeError otherwise."""
    grafana = _Grafana(settings, timeout_s)
    grafana.make_folder()
    return [settings.url + grafana.save(page) for page in dashboards]


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class _Grafana:
    settings: GrafanaSettings
    timeout_s: float

    def make_folder(self) -> None:
        status, answer = self._post("/api/folders", {"uid": FOLDER, "title": FOLDER})
        # 409 and 412: it is there
        if status not in (200, 409, 412):
            raise self._refused(status, answer)

    def save(self, page: Mapping[str, Any]) -> str:
        body = {"dashboard": page, "folderUid": FOLDER, "overwrite": True, "message": "hiphinge grafana push"}
        status, answer = self._post("/api/dashboards/db", body)
        if status != 200:
            raise self._refused(status, answer)
        return str(answer.get("url", f"/d/{page['uid']}"))

    def _post(self, path: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        head = {
            "Authorization": f"Bearer {self.settings.token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        request = urllib.request.Request(self.settings.url + path, json.dumps(body).encode(), head, method="POST")
        try:
            try:
                with urllib.request.build_opener(_NoRedirection).open(request, timeout=self.timeout_s) as answer:
                    return answer.status, _document(answer.read())
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, _document(error.read())
        except TimeoutError:
            raise self._error("Grafana did not answer in time", f"Check {_URL} and that Grafana runs") from None
        except urllib.error.URLError as error:
            raise self._unreachable(error.reason) from None
        except (OSError, ValueError) as error:
            raise self._unreachable(error) from None

    def _unreachable(self, reason: object) -> HiphingeError:
        if isinstance(reason, TimeoutError):
            return self._error("Grafana did not answer in time", f"Check {_URL} and that Grafana runs")
        if "ssl" in type(reason).__name__.lower():
            return self._error(
                "the encrypted connection failed", f"Check http or https in {_URL}, and the server's certificate"
            )
        if type(reason).__name__ == "gaierror":
            return self._error("there is no computer of this name", f"Check {_URL}")
        why = getattr(reason, "strerror", None) or type(reason).__name__
        return self._error(f"Grafana cannot be reached ({why})", f"Check {_URL} and that Grafana runs")

    def _refused(self, status: int, answer: Mapping[str, Any]) -> HiphingeError:
        words = str(answer.get("message", "")).replace(self.settings.token, "…")[:200]
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
        return HiphingeError(what, self.settings.url, remedy)


def _document(body: bytes) -> dict[str, Any]:
    """An answer's JSON object; empty where it is none."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
