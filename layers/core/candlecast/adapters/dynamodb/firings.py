"""The firings of schedules in one item, an attribute for each timeframe.

Two functions write the item, so each write is an update of the writer's own attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from candlecast.adapters.dynamodb.single_table.batch import ask
from candlecast.adapters.dynamodb.single_table.table import CONDITION_FAILED, SCHEMA_VERSION, Table, require_version, sortable
from candlecast.domain.market.firings import Firings
from candlecast.domain.values.timeframe import Timeframe

FIRINGS_KEY = {"PK": {"S": "SCHEDULES"}, "SK": {"S": "FIRINGS"}}


class DynamoFirings:
    """`ports.firings.FiringStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def note_firing(self, timeframe: Timeframe, scheduled_at: datetime) -> None:
        note = partial(
            self._table.client.update_item,
            **self._update({timeframe.value: scheduled_at}),
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
            watched_since=_instant(item["watched_since"]) if "watched_since" in item else None,
            watched_at=_instant(item["watched_at"]) if "watched_at" in item else None,
        )

    def save_watch(self, firings: Firings) -> None:
        known = {"watched_since": firings.watched_since, "watched_at": firings.watched_at}
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


def _instant(attribute: Mapping[str, str]) -> datetime:
    return datetime.fromisoformat(attribute["S"])
