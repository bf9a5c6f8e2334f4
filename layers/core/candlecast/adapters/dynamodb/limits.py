"""Limit records: one item for each platform, organisation, group and user that somebody has set limits for."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.accounts import tenant_key
from candlecast.adapters.dynamodb.single_table.batch import read_items
from candlecast.adapters.dynamodb.single_table.table import SCHEMA_VERSION, Row, Table, condition_failed, key, store_errors
from candlecast.domain.limits.limits import Scope
from candlecast.domain.limits.record import LimitPlace, LimitRecord
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, RetryLater

LIMITS = "LIMITS"


class LimitRow(Row):
    """A limit record."""

    version = NumberAttribute()
    body = UnicodeAttribute()


class DynamoLimitStore:
    """`ports.limits.LimitStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = table.rows(LimitRow)

    def read(self, places: Collection[LimitPlace]) -> Mapping[LimitPlace, LimitRecord]:
        by_key = {(_partition(place), LIMITS): place for place in places}
        found = read_items(self._table, by_key.keys())
        return {by_key[item_key]: _record(item, by_key[item_key]) for item_key, item in found.items()}

    def save(self, record: LimitRecord) -> LimitRecord:
        stored = replace(record, version=record.version + 1)
        row = self._rows(_partition(record.place), LIMITS, version=stored.version, body=to_json(stored))
        is_new = record.version == 0
        try:
            with store_errors():
                row.save(condition=self._rows.partition.does_not_exist() if is_new else self._rows.version == record.version)
        except PutError as error:
            if condition_failed(error):
                raise Conflict("VERSION_CONFLICT", "the limits have changed since they were read") from error
            raise
        return stored


def _partition(place: LimitPlace) -> str:
    return tenant_key(place.scope_id) if place.scope is Scope.USER else key(LIMITS, place.scope.value, place.scope_id)


def _record(item: Mapping[str, Mapping[str, str]], place: LimitPlace) -> LimitRecord:
    if int(item["schema_version"]["N"]) != SCHEMA_VERSION:
        raise RetryLater("SCHEMA_UNKNOWN", "the limits were written by newer code", after_seconds=30)
    record = from_json(LimitRecord, item["body"]["S"])
    if record.place != place:
        raise AssertionError("limits of another place were read")
    return record
