"""A simulated athlete who wears virtual sensors that speak real bytes, with the truth beside it: for demo and tests."""

from simulation.athlete import START, SimulatedAthlete, SimulatedSession, simulate, to_plain
from simulation.body import Body, JointAngles, Motion
from simulation.movements import Script, TrueRepetition
from simulation.radio import LinkSettings, Outage
from simulation.scenarios import SCENARIOS, demo, mixed, screen, training
from simulation.sensors import Samples, SensorSettings, Skin, simulate_sensor
from simulation.virtual_devices import DeviceSettings, Ledger, Reboot, VirtualKit, VirtualSensor, encode_stream

__all__ = [
    "SCENARIOS",
    "START",
    "Body",
    "DeviceSettings",
    "JointAngles",
    "Ledger",
    "LinkSettings",
    "Motion",
    "Outage",
    "Reboot",
    "Samples",
    "Script",
    "SensorSettings",
    "SimulatedAthlete",
    "SimulatedSession",
    "Skin",
    "TrueRepetition",
    "VirtualKit",
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
