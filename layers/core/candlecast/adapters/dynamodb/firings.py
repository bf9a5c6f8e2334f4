"""The firings of schedules in one item, an attribute for each timeframe, and one for parity.

Three functions write the item, so each write is an update of the writer's own attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from candlecast.adapters.dynamodb.single_table.batch import ask
from candlecast.adapters.dynamodb.single_table.table import CONDITION_FAILED, SCHEMA_VERSION, Table, require_version, sortable
from candlecast.domain.market.firings import PARITY, Firings
from candlecast.domain.values.timeframe import Timeframe

FIRINGS_KEY = {"PK": {"S": "SCHEDULES"}, "SK": {"S": "FIRINGS"}}


class DynamoFirings:
    """`ports.firings.FiringStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def note_firing(self, timeframe: Timeframe, scheduled_at: datetime) -> None:
        self._note(timeframe.value, scheduled_at)

    def note_parity(self, scheduled_at: datetime) -> None:
        self._note(PARITY, scheduled_at)

    def _note(self, name: str, scheduled_at: datetime) -> None:
        note = partial(
            self._table.client.update_item,
            **self._update({name: scheduled_at}),
            ConditionExpression="attribute_not_exists(#a0) OR #a0 < :a0",
        )
        try:
            ask(note)
        except ClientError as error:
            if error.response["Error"]["Code"] != CONDITION_FAILED:
                raise

    def load_firings(self) -> Firings:
        answer = ask(partial(self._table.client.get_item, TableName=self._table.name, Key=FIRINGS_KEY, ConsistentRead=True))
        item = answer.get("Item")
        if item is None:
            return Firings()
        require_version(int(item["schema_version"]["N"]))
        return Firings(
            newest={timeframe: _instant(item[timeframe.value]) for timeframe in Timeframe if timeframe.value in item},
            watched_since=_found(item, "watched_since"),
            watched_at=_found(item, "watched_at"),
            parity=_found(item, PARITY),
            parity_since=_found(item, "parity_since"),
        )

    def save_watch(self, firings: Firings) -> None:
        names = ("watched_since", "watched_at", "parity_since")
        known = {name: getattr(firings, name) for name in names}
        ask(partial(self._table.client.update_item, **self._update({name: at for name, at in known.items() if at is not None})))

    def _update(self, instants: Mapping[str, datetime]) -> dict[str, Any]:
        """A request that sets these attributes, the first of them as `#a0` to `:a0`."""
        places = {f"a{number}": name for number, name in enumerate(instants)}
        return {
            "TableName": self._table.name,
            "Key": FIRINGS_KEY,
            "UpdateExpression": "SET " + ", ".join(f"#{place} = :{place}" for place in places) + ", schema_version = :version",
            "ExpressionAttributeNames": {f"#{place}": name for place, name in places.items()},
            "ExpressionAttributeValues": {
                **{f":{place}": {"S": sortable(instants[name])} for place, name in places.items()},
                ":version": {"N": str(SCHEMA_VERSION)},
            },
        }


def _found(item: Mapping[str, Mapping[str, str]], name: str) -> datetime | None:
    return _instant(item[name]) if name in item else None


def _instant(attribute: Mapping[str, str]) -> datetime:
    return datetime.fromisoformat(attribute["S"])
