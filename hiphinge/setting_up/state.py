"""Setting up, as a state: sensors that were found, where each is worn, the kit, the athlete, the note. Pure.

Events come from the radio (`heard`, `tapped`) and from a page (`order`); `document` is what pages are told. Steps: `find`, then
`place`; from there the session takes over, whose own first steps are to calibrate and to be ready.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from body_signals import HiphingeError, check_athlete
from hiphinge.setting_up.kits import PLACES, Entry, KnownAthlete, RememberedKit, free_name, usable_name

FIND, PLACE, CALIBRATE = "find", "place", "calibrate"
ANSWERS_S = 2.5
"""A sensor that was tapped answers for as long (ours)."""
LOW_PERCENT = 25
"""Below this a battery is to be charged after the session (ours)."""
MOST_SHOWN = 40
"""Sensors that pages are told of (ours)."""
LONGEST_STRAP = 24
"""Characters of the name that people give to a sensor."""


@dataclass(frozen=True, slots=True)
class Found:
    """A sensor near by. id: see `ingest.links.Near`. state: ``seen``, or of its link. fault: what, remedy."""

    id: str
    name: str
    family: str | None
    port: bool = False
    rssi: int | None = None
    battery: int | None = None
    state: str = "seen"
    fault: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class SetUpOrder:
    """What a page says. id: a sensor's. place: a placement, a step, or empty. text: a name."""

    do: str
    id: str = ""
    place: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the session begins with. entries: the `[[sensor]]` tables of its sensors. calibrate: whether calibration follows."""

    kit: str
    entries: tuple[Entry, ...]
    athlete: str | None
    note: str
    calibrate: bool


@dataclass(slots=True)
class SettingUp:
    """The state. kits, athletes: as remembered; the kit used last comes first."""

    kits: Sequence[RememberedKit] = ()
    athletes: Sequence[KnownAthlete] = ()
    step: str = FIND
    found: dict[str, Found] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    """Placement → sensor."""
    kit: str = ""
    """The kit that was chosen; empty: none yet."""
    athlete: str | None = None
    note: str = ""
    chosen: Chosen | None = None
    """Set at the end."""
    stopped: bool = False
    look_again: bool = False
    """Whether a new search was asked for; whoever searches takes it back."""
    faults: tuple[tuple[str, str], ...] = ()
    """What, remedy: of Bluetooth as a whole, or of kits that cannot be read."""
    _tapped: dict[str, float] = field(default_factory=dict)
    _straps: dict[str, str] = field(default_factory=dict)
    """Names that were given here."""
    _skipped: set[str] = field(default_factory=set)
    _wanted: str = ""
    """A place that was asked about."""
    _began_s: float | None = None
    _refused: str = ""
    """Code of what the last order could not do."""

    def heard(self, found: Sequence[Found], faults: Sequence[tuple[str, str]] = ()) -> None:
        """The sensors that are near by now. One that is placed stays in the list while it is not heard."""
        now = {one.id: one for one in found[:MOST_SHOWN]}
        for id in self.places.values():
            if id not in now and id in self.found:
                now[id] = Found(id, self.found[id].name, self.found[id].family, self.found[id].port, state="lost")
        self.found, self.faults = now, tuple(faults)

    def tapped(self, id: str, now_s: float, *, twice: bool) -> None:
        """A sensor was tapped. Twice, while places are given: it is worn at the place that is asked for."""
        self._tapped[id] = now_s
        wanted = self.next_place
        if twice and self.step == PLACE and wanted is not None and id not in self.places.values():
            self._place(id, wanted)

    def order(self, order: SetUpOrder) -> None:
        """What a page says; what cannot be done leaves all as it is and is told in the warnings."""
        self._refused = ""
        do = _ORDERS.get(order.do)
        if do is not None and self.chosen is None:
            do(self, order)

    @property
    def next_place(self) -> str | None:
        """The place that a sensor is asked for: the one that was asked about, else the first that has none and was not left
        out; None where there is none."""
        return self._wanted or next((p for p in PLACES if p not in self.places and p not in self._skipped), None)

    def document(self, now_s: float) -> dict[str, Any]:
        """What pages are told."""
        self._began_s = now_s if self._began_s is None else self._began_s
        return {
            "step": self.step,
            "elapsed_s": int(now_s - self._began_s),
            "found": [self._sensor(one, now_s) for one in self.found.values()],
            "places": {p: self.places[p] for p in PLACES if p in self.places},
            "next": self.next_place if self.step == PLACE else None,
            "skipped": sorted(self._skipped),
            "kits": [self._kit(kit) for kit in self.kits],
            "kit": self.kit or None,
            "athletes": [{"id": a.id, "sessions": a.sessions, "last": a.last or None} for a in self.athletes],
            "athlete": self.athlete,
            "note": self.note or None,
            "warnings": self._warnings(),
            "faults": [{"what": what, "remedy": remedy} for what, remedy in self.faults],
        }

    def _sensor(self, one: Found, now_s: float) -> dict[str, Any]:
        tapped_s = now_s - self._tapped.get(one.id, float("-inf"))
        return {
            "id": one.id,
            "name": one.name,
            "strap": self._strap(one.id),
            "last": self._last_place(one.id),
            "known": self._entry(one.id) is not None,
            "family": one.family,
            "port": one.port,
            "rssi": one.rssi,
            "battery": one.battery,
            "state": one.state,
            "tapped_s": round(tapped_s, 1) if tapped_s <= ANSWERS_S else None,
            "fault": None if one.fault is None else {"what": one.fault[0], "remedy": one.fault[1]},
        }

    def _kit(self, kit: RememberedKit) -> dict[str, Any]:
        there = [id for id in kit.places.values() if id in self.found and self.found[id].state != "lost"]
        return {"name": kit.name, "athlete": kit.athlete, "places": kit.places, "there": len(there), "of": len(kit.places)}

    def _warnings(self) -> list[dict[str, Any]]:
        said: list[dict[str, Any]] = []
        if self._refused:
            said.append({"code": self._refused})
        if self.step == PLACE and self.next_place is None and "pelvis" not in self.places:
            said.append({"code": "no_pelvis", "placement": "pelvis"})
        for place, id in self.places.items():
            last, one = self._last_place(id), self.found.get(id)
            if last is not None and last != place:
                said.append({"code": "other_place", "placement": place, "id": id, "last": last})
            if one is None or one.state == "lost":
                said.append({"code": "not_there", "placement": place, "id": id})
        for one in self.found.values():
            if one.battery is not None and one.battery < LOW_PERCENT:
                said.append({"code": "low_battery", "id": one.id, "percent": one.battery})
        return said

    def _entry(self, id: str) -> Entry | None:
        """What a kit says of a sensor: the one that was chosen, else the one used last."""
        kits = sorted(self.kits, key=lambda kit: kit.name != self.kit)
        return next((entry for kit in kits if (entry := kit.entry(id)) is not None), None)

    def _last_place(self, id: str) -> str | None:
        entry = self._entry(id)
        return str(entry["placement"]) if entry is not None and entry["placement"] in PLACES else None

    def _strap(self, id: str) -> str | None:
        entry = self._entry(id)
        given = self._straps.get(id) or (entry or {}).get("strap")
        return given if isinstance(given, str) else None

    def _place(self, id: str, place: str) -> None:
        for other in [p for p, worn in self.places.items() if worn == id]:
            del self.places[other]
        self.places[place] = id
        self._skipped.discard(place)
        self._wanted = ""

    def _order_scan(self, order: SetUpOrder) -> None:
        self.look_again = True

    def _order_step(self, order: SetUpOrder) -> None:
        if order.place in (FIND, PLACE):
            self.step = order.place

    def _order_place(self, order: SetUpOrder) -> None:
        if order.id not in self.found or self.found[order.id].family is None:
            self._refused = "unknown_sensor"
        elif not order.place:
            self.places = {p: id for p, id in self.places.items() if id != order.id}
        elif order.place in PLACES:
            self._place(order.id, order.place)

    def _order_skip(self, order: SetUpOrder) -> None:
        self._wanted = ""
        if order.place in PLACES and order.place not in self.places:
            self._skipped.add(order.place)

    def _order_want(self, order: SetUpOrder) -> None:
        """A place is asked about: the next sensor goes there, also in another one's stead. Empty: none."""
        self._wanted = order.place if order.place in PLACES else ""

    def _order_exchange(self, order: SetUpOrder) -> None:
        """The sensors at two places, one after the other in `text`, change places."""
        pair = order.text.split()
        if len(pair) == 2 and all(p in self.places for p in pair):
            a, b = pair
            self.places[a], self.places[b] = self.places[b], self.places[a]

    def _order_rename(self, order: SetUpOrder) -> None:
        if order.id in self.found and order.text:
            self._straps[order.id] = order.text[:LONGEST_STRAP]

    def _order_athlete(self, order: SetUpOrder) -> None:
        try:
            self.athlete = check_athlete(order.text) if order.text else None
        except HiphingeError:
            self._refused = "bad_athlete"

    def _order_note(self, order: SetUpOrder) -> None:
        self.note = order.text

    def _order_kit(self, order: SetUpOrder) -> None:
        """A remembered kit: each sensor where it was last time. Another name is what a new kit will be called."""
        kit = next((kit for kit in self.kits if kit.name == order.text), None)
        if kit is None:
            self.kit, self._refused = (order.text, "") if usable_name(order.text) else (self.kit, "bad_kit_name")
            return
        self.kit, self.step, self._skipped = kit.name, PLACE, set()
        self.places = {place: id for place, id in kit.places.items() if id in self.found}
        self.athlete = self.athlete or kit.athlete

    def _order_start(self, order: SetUpOrder) -> None:
        self._start(calibrate=True)

    def _order_start_without(self, order: SetUpOrder) -> None:
        self._start(calibrate=False)

    def _start(self, *, calibrate: bool) -> None:
        if not self.places:
            self._refused = "nothing_placed"
            return
        entries = tuple(self._saved(place, self.places[place]) for place in PLACES if place in self.places)
        name = self.kit or self._kit_of(self.places.values()) or free_name(self.kits)
        self.step = CALIBRATE
        self.chosen = Chosen(name, entries, self.athlete, self.note, calibrate)

    def _kit_of(self, ids: Collection[str]) -> str:
        """The remembered kit that most of these sensors belong to; empty where there is none."""
        shared = {kit.name: sum(kit.entry(id) is not None for id in ids) for kit in self.kits}
        best = max(shared, key=lambda name: shared[name], default="")
        return best if shared.get(best, 0) * 2 > len(ids) else ""

    def _saved(self, place: str, id: str) -> Entry:
        """The `[[sensor]]` table of a sensor at a place: what was known of it, and of how it was worn only where it was worn
        there."""
        known, one = self._entry(id), self.found[id]
        entry: dict[str, Any] = {} if known is None else dict(known)
        if known is None or known["placement"] != place:
            for word in ("worn", "mounting", "name"):
                entry.pop(word, None)
        if known is None:
            entry |= {"family": one.family, ("port" if one.port else "address"): id}
            # an identifier that a Mac has made means nothing elsewhere, and the name does
            entry |= {"advertised": one.name} if one.name and id.count("-") == 4 and not one.port else {}
        strap = self._strap(id)
        return {"placement": place} | {k: v for k, v in entry.items() if k != "placement"} | ({"strap": strap} if strap else {})

    def _order_stop(self, order: SetUpOrder) -> None:
        self.stopped = True


_ORDERS = {
    "scan": SettingUp._order_scan,
    "step": SettingUp._order_step,
    "place": SettingUp._order_place,
    "skip": SettingUp._order_skip,
    "want": SettingUp._order_want,
    "exchange": SettingUp._order_exchange,
    "rename": SettingUp._order_rename,
    "athlete": SettingUp._order_athlete,
    "first_note": SettingUp._order_note,
    "kit": SettingUp._order_kit,
    "start": SettingUp._order_start,
    "start_without": SettingUp._order_start_without,
    "stop": SettingUp._order_stop,
}


def known_entries(kits: Sequence[RememberedKit]) -> Mapping[str, Entry]:
    """What remembered kits say of each sensor, by its id; of several the one used last."""
    found: dict[str, Entry] = {}
    for kit in reversed(kits):
        found |= {kit_id: entry for kit_id in kit.places.values() if (entry := kit.entry(kit_id)) is not None}
    return found
