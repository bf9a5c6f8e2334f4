"""Kill switches and breakers, one item each, read together in the last request before an order leaves.

A switch's event lies beside the switch, as an account's events do, so that the stream reports every change. Breakers, and the
switches that concern more than one user, have copies (`copies.py`): every order reads the platform's and its venue's items.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pynamodb.attributes import UnicodeAttribute

from candlecast.adapters.codec import from_json, list_to_json, to_json
from candlecast.adapters.dynamodb.copies import CopiedItems, VersionedRow, copy_key, save_alone
from candlecast.adapters.dynamodb.deployment_pauses import pause_key
from candlecast.adapters.dynamodb.single_table.batch import Item, Key, read_items
from candlecast.adapters.dynamodb.single_table.listing import read_page
from candlecast.adapters.dynamodb.single_table.table import (
    VERSIONS_OF_A_GENERATION,
    CompressedAttribute,
    Table,
    key,
    require_schema,
    require_version,
    store_errors,
)
from candlecast.adapters.dynamodb.weights import instant, weights_key
from candlecast.domain.account.deployment_pause import DeploymentPause
from candlecast.domain.account.events import Event, EventType
from candlecast.domain.account.kill_switch import KillSwitch, SwitchPlace, SwitchScope
from candlecast.domain.values.copying import replace
from candlecast.domain.venue.breaker import Breaker
from candlecast.ports.gate import GateReading
from candlecast.ports.store import Page

SWITCH_KIND = "KILL_SWITCH"
STATE = "STATE"
LISTING = "KILL_SWITCHES"
LISTING_KEYS = ("GSI2PK", "GSI2SK", "PK", "SK")
MAX_COMPLETED = 1_000  # switches that operators have set, in one turn of the clock: nobody has set that many


class SwitchRow(VersionedRow):
    """A switch. `kind`, `tenant_id`, `account_id` and `outbox` are what the stream's consumer reads of an account, too."""

    kind = UnicodeAttribute(default=SWITCH_KIND)
    tenant_id = UnicodeAttribute()
    account_id = UnicodeAttribute()
    outbox = CompressedAttribute()


class BreakerRow(VersionedRow):
    """A venue's breaker."""


class DynamoGate:
    """`ports.gate`: reader, breakers, switches and their copies in one table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._items = CopiedItems(table)
        self._switches = table.rows(SwitchRow)
        self._breakers = table.rows(BreakerRow)

    def read_gate(self, venue: str, egress: str, places: Collection[SwitchPlace], account_id: str) -> GateReading:
        copied = (_breaker_key(venue), weights_key(venue, egress), pause_key())
        breaker, weights, paused = (copy_key(at, account_id) for at in copied)
        found = read_items(self._table, [breaker, weights, paused, *(_switch_copy(place, account_id) for place in places)])
        switches = (_value(KillSwitch, item) for at, item in found.items() if at not in (breaker, weights, paused))
        pause = _value(DeploymentPause, found[paused]) if paused in found else None
        return GateReading(
            switches=tuple(switch for switch in switches if switch.grade is not None),
            breaker=_value(Breaker, found[breaker]) if breaker in found else Breaker(venue=venue),
            blocked_until=instant(found.get(weights, {}).get("blocked_until", {}).get("S")),
            pause=pause if pause is not None and pause.is_on else None,
        )

    def load_breaker(self, venue: str) -> Breaker:
        with store_errors():
            try:
                row = self._breakers.get(*_breaker_key(venue), consistent_read=True)
            except self._breakers.DoesNotExist:
                return Breaker(venue=venue)
        require_schema(row)
        return from_json(Breaker, row.body)

    def save_breaker(self, breaker: Breaker) -> Breaker:
        stored = replace(breaker, version=breaker.version + 1)
        row = self._breakers(*_breaker_key(breaker.venue), version=stored.version, body=to_json(stored))
        self._items.save_together(row, breaker.version)
        return stored

    def list_switches(self) -> Sequence[KillSwitch]:
        with store_errors():
            rows = list(self._switches.by_index2.query(LISTING))
        return [from_json(KillSwitch, row.body) for row in rows]

    def page_switches(self, cursor: str | None = None, limit: int = 50) -> Page[KillSwitch]:
        return read_page(self._switches.by_index2.query, LISTING, LISTING_KEYS, _switch, cursor, limit, ascending=True)

    def find_switch(self, place: SwitchPlace) -> KillSwitch | None:
        with store_errors():
            try:
                row = self._switches.get(*_switch_key(place), consistent_read=True)
            except self._switches.DoesNotExist:
                return None
        require_schema(row)
        return from_json(KillSwitch, row.body)

    def save_switch(self, switch: KillSwitch) -> KillSwitch:
        # Above all versions of the table's earlier generations, as an account's: the event's id is made of the version.
        stored = replace(switch, version=max(switch.version, (self._table.generation - 1) * VERSIONS_OF_A_GENERATION) + 1)
        event = Event(type=EventType.KILL_SWITCH_CHANGED, occurred_at=stored.changed_at, kill_switch=stored)
        place = stored.place
        row = self._switches(
            *_switch_key(place),
            tenant_id=place.scope_id if place.scope is SwitchScope.USER else place.scope.value,
            account_id=f"{SWITCH_KIND}-{place.scope}-{place.scope_id}",
            version=stored.version,
            body=to_json(stored),
            outbox=list_to_json(Event, (event,)),
        )
        if stored.grade is not None:
            row.index2_partition, row.index2_place = LISTING, key(place.scope, place.scope_id)
        if not _has_copies(place):
            save_alone(row, switch.version)
        elif stored.grade is None:
            self._items.save_together(row, switch.version)
        else:
            self._items.save_surely(row, switch.version)
        return stored

    def complete_switch(self, place: SwitchPlace) -> int:
        return self._items.complete(_switch_key(place)) if _has_copies(place) else 0

    def complete_switches(self) -> int:
        copied = self._switches.index2_place < SwitchScope.USER.value  # the scopes with copies sort before it
        with store_errors():
            rows = self._switches.by_index2.query(LISTING, copied, limit=MAX_COMPLETED, attributes_to_get=["PK", "SK"])
            keys = [(row.partition, row.place) for row in rows]
        return sum(map(self._items.complete, keys))


def _switch(row: SwitchRow) -> KillSwitch:
    require_schema(row)
    return from_json(KillSwitch, row.body)


def _switch_key(place: SwitchPlace) -> Key:
    return key(SWITCH_KIND, place.scope, place.scope_id), STATE


def _switch_copy(place: SwitchPlace, account_id: str) -> Key:
    """Where the copy of a switch lies that an account reads."""
    return copy_key(_switch_key(place), account_id) if _has_copies(place) else _switch_key(place)


def _breaker_key(venue: str) -> Key:
    return key("BREAKER", venue), STATE


def _has_copies(place: SwitchPlace) -> bool:
    """Whether more accounts read the switch than one user has: those of one user stay far below a partition's reads."""
    return place.scope is not SwitchScope.USER


def _value[T](kind: type[T], item: Item) -> T:
    require_version(int(item["schema_version"]["N"]))
    return from_json(kind, item["body"]["S"])
