"""`hiphinge scan`: lists the sensors in range, over Bluetooth and on serial ports, and puts yours into a kit."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from body_signals import BODY_PLACEMENTS, HiphingeError, Placement
from dashboards.notation import DASH
from hiphinge.commands.options import console, say
from ingest.links import Kit, PortSeen, SensorSeen, add_to_kit, ask_battery, list_ports, read_kit
from ingest.links import scan as scan_ble


def scan(
    seconds: float = typer.Option(5.0, "--seconds", "--timeout", min=0.1, help="Seconds to listen for Bluetooth sensors."),
    ble: bool = typer.Option(False, "--ble", help="Bluetooth only."),
    serial: bool = typer.Option(False, "--serial", help="Serial ports only."),
    as_json: bool = typer.Option(False, "--json", help="For programs."),
    kit_file: Path | None = typer.Option(
        None, "--kit", help="Show which sensors of this kit are in range, with their battery levels."
    ),
    save: Path | None = typer.Option(None, "--save", help="Kit file to put sensors into; created if it does not exist."),
    place: list[str] = typer.Option(
        [], "--place", help="With --save: ADDRESS=PLACEMENT or PORT=PLACEMENT:FAMILY; repeatable. Else you are asked."
    ),
) -> None:
    """List the sensors in range. Connects only to sensors in --kit, to read their battery."""
    kit = read_kit(kit_file) if kit_file is not None else None
    if place and save is None:
        raise HiphingeError("there is no kit to put sensors into", "--place", "Give --save KIT with it")
    wanted = [_placing(word) for word in place]
    both = ble == serial
    ports = list_ports() if serial or both else []
    sensors: list[SensorSeen] = []
    if ble or both:
        try:
            sensors = asyncio.run(_heard(seconds, kit))
        except HiphingeError as error:
            if not both or not ports:
                raise
            say(str(error))
    if as_json:
        print(json.dumps([_sensor_json(s) for s in sensors] + [_port_json(p) for p in ports], indent=1))
    else:
        _show(sensors, ports, kit)
    if save is not None:
        chosen = wanted or _ask(sensors, ports)
        families = {s.address.upper(): s.family for s in sensors} | {p.identity.upper(): p.family for p in ports}
        names = {s.address.upper(): s.name for s in sensors}
        entries = [
            _entry(what, placement, family or families.get(what.upper()), names.get(what.upper(), ""))
            for what, placement, family in chosen
        ]
        if entries:
            saved = add_to_kit(save, entries)
            if not as_json:
                console().print(f"{save}: {', '.join(s.key for s in saved.sensors)}", highlight=False, soft_wrap=True)


async def _heard(seconds: float, kit: Kit | None) -> list[SensorSeen]:
    sensors = await scan_ble(seconds)
    if kit is None:
        return sensors
    asked = []
    for sensor in sensors:
        battery = await ask_battery(sensor) if sensor.address.upper() in kit.addresses else sensor.battery
        asked.append(replace(sensor, battery=battery))
    return asked


def _sensor_json(sensor: SensorSeen) -> dict[str, object]:
    return {
        "address": sensor.address,
        "name": sensor.name,
        "family": sensor.family,
        "rssi": sensor.rssi,
        "battery": sensor.battery,
    }


def _port_json(port: PortSeen) -> dict[str, object]:
    return {
        "port": port.identity,
        "device": port.device,
        "name": port.name,
        "family": port.family,
        "known_by": port.known_by,
        "rssi": None,
        "battery": None,
    }


def _show(sensors: list[SensorSeen], ports: list[PortSeen], kit: Kit | None) -> None:
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", padding=(0, 1))
    for head in ("address or port", "name", "family", "signal", "battery", "worn"):
        table.add_column(head, justify="right" if head in ("signal", "battery") else "left", overflow="fold")
    placed = {(s.sensor.address or s.sensor.port or "").upper(): s.key for s in kit.sensors} if kit is not None else {}
    for s in sensors:
        battery = f"{s.battery} %" if s.battery is not None else DASH
        rssi = f"{s.rssi} dBm" if s.rssi is not None else DASH
        row = (s.address, s.name or DASH, s.family or DASH, rssi, battery, placed.get(s.address.upper(), DASH))
        table.add_row(*map(Text, row))
    for p in ports:
        named = (p.identity.upper(), p.kind.upper(), p.device.upper())
        worn = next((placed[name] for name in named if name in placed), DASH)
        table.add_row(*map(Text, (p.identity, p.name, p.family or DASH, DASH, DASH, worn)))
    screen = console()
    if not sensors and not ports:
        screen.print(
            "No sensor was found. Switch the sensors on, bring them nearer, and disconnect phones and other programs from them."
        )
        return
    screen.print(table)
    for p in ports:
        if p.remark:
            screen.print(f"{p.identity}: {p.remark}.", highlight=False, markup=False, soft_wrap=True)


def _placing(word: str) -> tuple[str, str, str | None]:
    what, equals, where = word.rpartition("=")
    placement, _, family = where.partition(":")
    if not equals or not what or placement not in {p.value for p in BODY_PLACEMENTS}:
        known = ", ".join(p.value for p in BODY_PLACEMENTS)
        raise HiphingeError(f"cannot be understood: {word!r}", "--place", f"Write ADDRESS=PLACEMENT; placements are {known}")
    return what, placement, family or None


def _ask(sensors: list[SensorSeen], ports: list[PortSeen]) -> list[tuple[str, str, str | None]]:
    """Ask where each recognised sensor is worn. HiphingeError where no answer can be typed."""
    if not sys.stdin.isatty():
        raise HiphingeError("nobody can be asked where the sensors are worn", "--save", "Give --place ADDRESS=PLACEMENT")
    known = [p.value for p in BODY_PLACEMENTS]
    chosen: list[tuple[str, str, str | None]] = []
    for what, name, family in [
        *((s.address, s.name, s.family) for s in sensors),
        *((p.identity, f"{p.name} ({p.remark})" if p.remark else p.name, p.family) for p in ports),
    ]:
        if family is None:
            continue
        answer = ""
        while answer not in (*known, "no"):
            answer = typer.prompt(f"{what} {name}: worn at {', '.join(known)}, or no", default="no")
        if answer != "no":
            chosen.append((what, Placement(answer).value, family))
    return chosen


def _entry(what: str, placement: str, family: str | None, name: str = "") -> dict[str, object]:
    if family is None:
        remedy = f"State it: --place {what}={placement}:FAMILY (hiphinge scan shows what is there)"
        raise HiphingeError(f"the family of {what} is not known", "--place", remedy)
    is_address = what.count(":") == 5 or (what.count("-") == 4 and "/" not in what)
    known: dict[str, object] = {"placement": placement, "family": family, "address" if is_address else "port": what}
    # on another Mac only the name finds it
    return known | ({"advertised": name} if is_address and name else {})
