"""`hiphinge grafana`: the dashboards, as files that Grafana reads at its start, or sent to a running one."""

from __future__ import annotations

from pathlib import Path

import typer

from body_signals import HiphingeError
from hiphinge import config
from hiphinge.commands.command import Command
from hiphinge.commands.options import CONFIG, console

grafana = typer.Typer(
    help="The Grafana dashboards: as files, or into a running Grafana.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@grafana.command(cls=Command)
def write(
    folder: Path = typer.Argument(..., metavar="DIR", help="Folder for dashboards/ and provisioning/."),
    influx: str = typer.Option("2", "--influxdb", help="Version of InfluxDB: 1 (1.8), 2 or 3."),
    dashboards: str | None = typer.Option(None, "--dashboards", help="Where Grafana will find DIR/dashboards, if not there."),
) -> None:
    """Write the dashboards and the files from which Grafana provisions itself. No secret is written."""
    from dashboards.grafana import provisioning

    if influx not in provisioning.VERSIONS:
        raise HiphingeError(f"unknown version {influx!r}", "--influxdb", "Choose 1, 2 or 3")
    for path in provisioning.write(folder, version=influx, dashboards_folder=dashboards):
        console().print(str(path), highlight=False, markup=False, soft_wrap=True)


@grafana.command(cls=Command)
def push(
    url: str | None = typer.Option(None, "--url", help="Address of Grafana, e.g. http://localhost:3000."),
    config_file: Path | None = CONFIG,
) -> None:
    """Put the dashboards into a running Grafana; the token of a service account is in HIPHINGE_GRAFANA_TOKEN."""
    from dashboards.grafana import all_dashboards
    from dashboards.grafana.server import bring

    for address in bring(config.load(config_file).grafana(url), all_dashboards()):
        console().print(address, highlight=False, markup=False, soft_wrap=True)
