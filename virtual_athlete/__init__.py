"""A simulated athlete who wears virtual sensors that speak real bytes, with the truth beside it: for demo and tests."""

from virtual_athlete.athlete import START, SimulatedAthlete, SimulatedSession, simulate, to_plain
from virtual_athlete.body import Body, JointAngles, Motion
from virtual_athlete.people import Person
from virtual_athlete.radio import LinkSettings, Outage
from virtual_athlete.scenarios import SCENARIOS, demo, mixed, screen, training
from virtual_athlete.script import Script, TrueRepetition
from virtual_athlete.sensors import Samples, SensorSettings, Skin, simulate_sensor
from virtual_athlete.serial_line import HAS_PSEUDO_TERMINALS, VirtualPort
from virtual_athlete.virtual_devices import DeviceSettings, Ledger, Reboot, VirtualKit, VirtualSensor, encode_stream

__all__ = [
    "HAS_PSEUDO_TERMINALS",
    "SCENARIOS",
    "START",
    "Body",
    "DeviceSettings",
    "JointAngles",
    "Ledger",
    "LinkSettings",
    "Motion",
    "Outage",
    "Person",
    "Reboot",
    "Samples",
    "Script",
    "SensorSettings",
    "SimulatedAthlete",
    "SimulatedSession",
    "Skin",
    "TrueRepetition",
    "VirtualKit",
    "VirtualPort",
    "VirtualSensor",
    "demo",
    "encode_stream",
    "mixed",
    "screen",
    "simulate",
    "simulate_sensor",
    "to_plain",
    "training",
]
