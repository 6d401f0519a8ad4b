"""Grafana dashboards as code: five pages of panels, their queries made from the schema table, their provisioning files.

`all_dashboards` gives them as Grafana's JSON; `provisioning` writes them to a folder, `server` brings them to a running
Grafana. `offline` runs their queries without a Grafana, for tests, figures and preview pictures.

The queries are InfluxQL, of the subset that InfluxDB 1.8, 2.x and 3.x share. A field that the schema table does not have
cannot be written here: building the dashboard raises ValueError.
"""

from __future__ import annotations

from typing import Any


def all_dashboards() -> list[dict[str, Any]]:
    """The dashboards as Grafana's JSON, in the order in which people need them."""
    from dashboards.grafana import live_session, rhythm, sensors, squad, training_day

    return [page.dashboard() for page in (live_session, rhythm, training_day, squad, sensors)]
