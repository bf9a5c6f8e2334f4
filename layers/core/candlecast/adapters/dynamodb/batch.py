"""Read several items of the table in one request, strongly consistent.

PynamoDB's own batch asks again for what was throttled without a pause or an end; here what did not come is an error of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from candlecast.adapters.dynamodb.table import RETRY_AFTER_SECONDS, RETRYABLE_CODES, Table
from candlecast.domain.errors import RetryLater

MAX_ITEMS = 100  # what DynamoDB gives in one BatchGetItem

Key = tuple[str, str]
Item = Mapping[str, Any]


def read_items(table: Table, keys: Collection[Key]) -> Mapping[Key, Item]:
    """The items that there are, by (PK, SK), as DynamoDB writes them; one request for every hundred keys.

    Raises `RetryLater` (STORE_UNAVAILABLE) if any of them could not be read: part of an answer is no answer.
    """
    wanted = sorted(set(keys))
    found: dict[Key, Item] = {}
    for start in range(0, len(wanted), MAX_ITEMS):
        asked = [{"PK": {"S": partition}, "SK": {"S": place}} for partition, place in wanted[start : start + MAX_ITEMS]]
        answer = _ask(table, asked)
        if answer.get("UnprocessedKeys"):
            raise RetryLater("STORE_UNAVAILABLE", "part of a batch was throttled", after_seconds=RETRY_AFTER_SECONDS)
        for item in answer["Responses"].get(table.name, ()):
            found[item["PK"]["S"], item["SK"]["S"]] = item
    return found


def _ask(table: Table, keys: list[dict[str, Any]]) -> Any:
    try:
        return table.client.batch_get_item(RequestItems={table.name: {"Keys": keys, "ConsistentRead": True}})
    except ClientError as error:
        if error.response["Error"]["Code"] in RETRYABLE_CODES:
            raise RetryLater("STORE_UNAVAILABLE", type(error).__name__, after_seconds=RETRY_AFTER_SECONDS) from error
        raise
    except BotoCoreError as error:
        raise RetryLater("STORE_UNAVAILABLE", type(error).__name__, after_seconds=RETRY_AFTER_SECONDS) from error
