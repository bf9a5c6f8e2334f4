"""Read many items of the table in few requests.

Items that are asked for by key are strongly consistent unless the caller can do with less. PynamoDB's own batch asks for
throttled keys again without a pause or an end. Here missing answers are an error.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import batched
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from candlecast.adapters.dynamodb.single_table.table import RETRY_AFTER_SECONDS, RETRYABLE_CODES, Table, unavailable
from candlecast.adapters.lanes import side_by_side
from candlecast.domain.values.errors import RetryLater

MAX_ITEMS = 100  # what DynamoDB gives in one BatchGetItem

Key = tuple[str, str]
Item = Mapping[str, Any]


def read_items(table: Table, keys: Collection[Key], *, consistent: bool = True) -> Mapping[Key, Item]:
    """The items that there are, by (PK, SK), as DynamoDB writes them; one request for every hundred keys, side by side.

    A read that need not be consistent costs half.
    Raises `RetryLater` (STORE_UNAVAILABLE) if any of them could not be read: part of an answer is no answer.
    """
    parts = list(batched(sorted(set(keys)), MAX_ITEMS, strict=False))
    return {
        (item["PK"]["S"], item["SK"]["S"]): item
        for items in side_by_side(partial(_read, table, consistent), parts)
        for item in items
    }


def query_items(table: Table, **request: Any) -> Iterator[Item]:
    """The items that a query finds, as DynamoDB writes them, page after page; `request` is that of the SDK's `query`.

    For thousands of small items: PynamoDB's rows cost several times what reading them does. Raises as `read_items`.
    """
    while True:
        page = ask(partial(table.client.query, TableName=table.name, **request))
        yield from page["Items"]
        if not page.get("LastEvaluatedKey"):
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _read(table: Table, consistent: bool, keys: Sequence[Key]) -> Sequence[Item]:
    asked = [{"PK": {"S": partition}, "SK": {"S": place}} for partition, place in keys]
    wanted = {table.name: {"Keys": asked, "ConsistentRead": consistent}}
    answer = ask(partial(table.client.batch_get_item, RequestItems=wanted))
    if answer.get("UnprocessedKeys"):
        raise RetryLater("STORE_UNAVAILABLE", "part of a batch was throttled", after_seconds=RETRY_AFTER_SECONDS)
    items: Sequence[Item] = answer["Responses"].get(table.name, ())
    return items


def ask(request: Callable[[], Any]) -> Any:
    """The SDK's answer; raises `RetryLater` (STORE_UNAVAILABLE) for throttling and lost connections, else as the SDK does."""
    try:
        return request()
    except ClientError as error:
        if error.response["Error"]["Code"] in RETRYABLE_CODES:
            raise unavailable(error) from error
        raise
    except BotoCoreError as error:
        raise unavailable(error) from error
