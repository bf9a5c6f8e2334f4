"""Point-in-time recovery: a restored table has the items of the moment that was asked for.

The emulator restores the present, ignores the setting in a template and offers any moment. So a rehearsal of a lost table would
prove nothing.
"""

import copy
import json
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from math import ceil
from typing import Any

from .patching import replace

# Changes that each table remembers. They hold the items as they were, about 3 kB each; a restore to an earlier moment is refused.
MOST_CHANGES = 50_000
OK = 200

Items = dict[Any, dict[Any, Any]]


@dataclass(frozen=True, slots=True)
class Change:
    """A write of one item: `before` is the item that it replaced or removed, None if there was none."""

    at: float
    partition: Any
    sort: Any
    before: Any


class Journal:
    """The changes of one table since its recovery was switched on, oldest first."""

    def __init__(self, since: float) -> None:
        self.since = since
        self._changes: deque[Change] = deque()

    def note(self, change: Change) -> None:
        """Remember one change; the oldest makes room, and from then on its moment cannot be had."""
        if len(self._changes) >= MOST_CHANGES:
            self.since = self._changes.popleft().at
        self._changes.append(change)

    def as_of(self, moment: float, items: Items) -> Items:
        """The items at a moment: the present ones with all later changes taken back."""
        found: Items = {partition: dict(rows) for partition, rows in items.items()}
        for change in reversed(self._changes):
            if change.at <= moment:
                break
            rows = found.setdefault(change.partition, {})
            if change.before is None:
                rows.pop(change.sort, None)
            else:
                rows[change.sort] = change.before
        return {partition: rows for partition, rows in found.items() if rows}


_journals: dict[str, Journal] = {}  # by the table's id, which no other table ever has


def point_in_time() -> None:
    """Keep a journal for each table with recovery, and restore by it. Items are never changed in place, so references will do."""
    from ministack.services import dynamodb

    put, remove = dynamodb._set_item, dynamodb._remove_item

    def note(table: Any, partition: Any, sort: Any) -> None:
        journal = _journals.get(table.get("TableId", ""))
        if journal is None and dynamodb._pitr_settings.get(table["TableName"]):  # of a state that was kept from an earlier run
            journal = _journals.setdefault(table["TableId"], Journal(time.time()))
        if journal is not None:
            before = table["items"].get(partition, {}).get(sort)
            journal.note(Change(time.time(), partition, sort, before))

    def put_noted(table: Any, partition: Any, sort: Any, item: Any) -> Any:
        note(table, partition, sort)
        return put(table, partition, sort, item)

    def remove_noted(table: Any, partition: Any, sort: Any) -> Any:
        note(table, partition, sort)
        return remove(table, partition, sort)

    replace(dynamodb, "_set_item", put_noted)
    replace(dynamodb, "_remove_item", remove_noted)
    _switched(dynamodb)
    _restored(dynamodb)


def _switched(dynamodb: Any) -> None:
    """Begin a journal when recovery is switched on, end it when it is switched off, and tell the window that can be restored."""

    def update(data: Any) -> Any:
        answer = original(data)
        name = dynamodb._normalize_table_name(data.get("TableName"))
        table = dynamodb._tables.get(name)
        if table is not None and dynamodb._pitr_settings.get(name):
            _journals.setdefault(table["TableId"], Journal(time.time()))
        elif table is not None:
            _journals.pop(table["TableId"], None)
        return answer

    def describe(data: Any) -> Any:
        answer = described(data)
        table = dynamodb._tables.get(dynamodb._normalize_table_name(data.get("TableName")))
        journal = None if table is None else _journals.get(table["TableId"])
        if journal is None:
            return answer
        told = json.loads(answer[2])
        window = told["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        window["EarliestRestorableDateTime"] = ceil(journal.since)
        return dynamodb.json_response(told)

    original = replace(dynamodb, "_update_continuous_backups", update)
    described = replace(dynamodb, "_describe_continuous_backups", describe)


def _restored(dynamodb: Any) -> None:
    """Restore the items of the moment, whole seconds as AWS has them, and the source's encryption unless another is given."""

    def restore(data: Any) -> Any:
        name = data.get("SourceTableName") or dynamodb._normalize_table_name(data.get("SourceTableArn") or "")
        source = dynamodb._tables.get(name)
        if source is None or data.get("TargetTableName") in (None, *dynamodb._tables):
            return original(data)
        journal = _journals.get(source["TableId"])
        if journal is None:
            message = f"Point in time recovery is not enabled for table '{name}'"
            return dynamodb.error_response_json("PointInTimeRecoveryUnavailableException", message, 400)
        now = time.time()
        moment = now if data.get("UseLatestRestorableTime") else int(float(data.get("RestoreDateTime") or 0))
        if not journal.since <= moment <= now:
            message = "RestoreDateTime is not within the restore window"
            return dynamodb.error_response_json("InvalidRestoreTimeException", message, 400)
        answer = original(data)
        if answer[0] != OK:
            return answer
        target = dynamodb._tables[data["TargetTableName"]]
        target["items"] = defaultdict(dict, copy.deepcopy(journal.as_of(moment, source["items"])))
        dynamodb._items_replaced(target)
        override = dynamodb._sse_description_from_spec(data.get("SSESpecificationOverride"))
        target["SSEDescription"] = override or source.get("SSEDescription")
        return dynamodb.json_response({"TableDescription": dynamodb._table_description(data["TargetTableName"])})

    original = replace(dynamodb, "_restore_table_to_point_in_time", restore)
