"""The weight that an egress address has used in a venue's minute: one item, so that one request answers for lease and ban.

The block is copied for the gate of every order. Its latest end counts, so each copy is written by itself and in any order.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from candlecast.adapters.dynamodb.copies import copy_keys
from candlecast.adapters.dynamodb.single_table.batch import Key
from candlecast.adapters.dynamodb.single_table.table import (
    SCHEMA_VERSION,
    Row,
    Table,
    condition_failed,
    key,
    sortable,
    store_errors,
)
from candlecast.domain.venue.weight_budget import Address, Spent, minute_of

STATE = "STATE"


class WeightsRow(Row):
    """`minute` says which minute `leased` is about; instants are text that sorts as time does."""

    minute = UnicodeAttribute(null=True)
    leased = NumberAttribute(null=True)
    blocked_until = UnicodeAttribute(null=True)


class DynamoWeights:
    """`ports.budget.WeightStore`."""

    def __init__(self, table: Table) -> None:
        self._rows = table.rows(WeightsRow)
        self._begun: dict[Address, datetime] = {}  # minutes that are known to have begun, so that nobody begins them again

    def lease(self, address: Address, now: datetime, weight: int, ceiling: int) -> Spent | None:
        added, minute = self._add(address, now, weight, ceiling), minute_of(now)
        if added is None and weight <= ceiling and self._begun.get(address) != minute:
            added = self._begin(address, now, weight) or self._add_to_known(address, now, weight, ceiling)
        if added is not None:
            self._begun[address] = minute
        return added

    def _add_to_known(self, address: Address, now: datetime, weight: int, ceiling: int) -> Spent | None:
        """Add to a minute that somebody else may just have begun, if there is room."""
        known = self.read_spent(address, now)
        if known.leased:
            self._begun[address] = known.minute
        if known.is_blocked(now) or known.leased + weight > ceiling:
            return None
        return self._add(address, now, weight, ceiling)

    def read_spent(self, address: Address, now: datetime) -> Spent:
        with store_errors():
            try:
                row = self._rows.get(*_address_key(address), consistent_read=True)
            except self._rows.DoesNotExist:
                return Spent(minute=minute_of(now))
        return _spent(row, now)

    def block(self, address: Address, until: datetime, now: datetime) -> None:
        rows = self._rows
        later = rows.blocked_until.does_not_exist() | (rows.blocked_until < sortable(until))
        actions: list[Action] = [rows.blocked_until.set(sortable(until)), rows.schema_version.set(SCHEMA_VERSION)]
        for at in copy_keys(_address_key(address)):
            self._update(at, actions, later)

    def _add(self, address: Address, now: datetime, weight: int, ceiling: int) -> Spent | None:
        rows = self._rows
        room = (rows.minute == sortable(minute_of(now))) & (rows.leased <= ceiling - weight)
        row = self._update(_address_key(address), [rows.leased.add(weight)], room & self._is_free(now))
        return _spent(row, now) if row is not None else None

    def _begin(self, address: Address, now: datetime, weight: int) -> Spent | None:
        rows, minute = self._rows, sortable(minute_of(now))
        actions: list[Action] = [rows.minute.set(minute), rows.leased.set(weight), rows.schema_version.set(SCHEMA_VERSION)]
        row = self._update(
            _address_key(address), actions, (rows.minute.does_not_exist() | (rows.minute < minute)) & self._is_free(now)
        )
        return _spent(row, now) if row is not None else None

    def _is_free(self, now: datetime) -> Condition:
        free: Condition = self._rows.blocked_until.does_not_exist() | (self._rows.blocked_until <= sortable(now))
        return free

    def _update(self, at: Key, actions: list[Action], condition: Condition) -> WeightsRow | None:
        """The row as it is then; None if the condition does not hold."""
        row = self._rows(*at)
        try:
            with store_errors():
                row.update(actions=actions, condition=condition)
        except UpdateError as error:
            if condition_failed(error):
                return None
            raise
        return row


def weights_key(venue: str, egress: str) -> Key:
    """Where the item of an address lies."""
    return key("WEIGHTS", venue, egress), STATE


def _address_key(address: Address) -> Key:
    return weights_key(address.venue, address.egress)


def instant(text: str | None) -> datetime | None:
    """The instant that `sortable` wrote."""
    return datetime.fromisoformat(text).astimezone(UTC) if text is not None else None


def _spent(row: WeightsRow, now: datetime) -> Spent:
    minute = minute_of(now)
    leased = int(row.leased or 0) if row.minute == sortable(minute) else 0
    return Spent(minute=minute, leased=leased, blocked_until=instant(row.blocked_until))
