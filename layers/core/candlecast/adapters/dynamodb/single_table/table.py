"""One table, one client, and the one place where DynamoDB's errors become instructions.

Every key of the table is built from parts that `key` has checked, so that no id can reach into another partition. Rows bind to a
table at run time; the bound classes share one connection, because a client is costly to make.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from types import new_class
from typing import Any, cast

from botocore.exceptions import ConnectionError as BotocoreConnectionError
from botocore.exceptions import HTTPClientError
from pynamodb.attributes import Attribute, NumberAttribute, UnicodeAttribute
from pynamodb.constants import BINARY, NUMBER, STRING
from pynamodb.exceptions import PutError, PynamoDBException, TransactWriteError
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from candlecast.adapters.aws.clients import botocore_session
from candlecast.adapters.aws.fast_path import FastPath
from candlecast.adapters.dynamodb.single_table.compression import compressed, decompressed
from candlecast.domain.values.errors import NotFound, RetryLater

CONNECT_TIMEOUT_SECONDS = 1.0
READ_TIMEOUT_SECONDS = 2.0
MAX_RETRIES = 1  # 2 x (1 + 2) s: one operation at its worst ends well inside the shortest function time-out (10 s)
MAX_CONNECTIONS = 16  # threads of one environment
RETRY_AFTER_SECONDS = 2.0
SCHEMA_VERSION = 1
VERSIONS_OF_A_GENERATION = 10**9  # writes of one account: a century of one every three seconds
MAX_KEY_PART_CHARACTERS = 200  # DynamoDB takes 1,024 bytes of sort key; three parts and their prefixes stay below
SEPARATOR = "#"
FREQUENT = frozenset({"GetItem", "BatchGetItem", "Query", "PutItem"})  # operations; reads, and writes that a condition guards

RETRYABLE_CODES = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
RETRYABLE_CANCELLATIONS = frozenset({"TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"})
CONDITION_FAILED = "ConditionalCheckFailedException"
CANCELLED_BY_CONDITION = "ConditionalCheckFailed"


class DecimalAttribute(Attribute[Decimal]):
    """A number that stays a Decimal: PynamoDB's own goes through float and loses digits."""

    attr_type = NUMBER

    def serialize(self, value: Decimal) -> str:
        return format(value, "f")

    def deserialize(self, value: str) -> Decimal:
        return Decimal(value)


class CompressedAttribute(Attribute[str]):
    """Text that is stored compressed. Plain text of older code can still be read."""

    attr_type = BINARY

    def serialize(self, value: str) -> bytes:
        return compressed(value)

    def get_value(self, value: dict[str, Any]) -> Any:
        return value[STRING] if STRING in value else super().get_value(value)

    def deserialize(self, value: bytes | str) -> str:
        return value if isinstance(value, str) else decompressed(value)


class Index1(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """GSI1: followed strategies, their followers, and their signals. Sparse."""

    class Meta:
        index_name = "GSI1"
        projection = AllProjection()

    partition = UnicodeAttribute(hash_key=True, attr_name="GSI1PK")
    place = UnicodeAttribute(range_key=True, attr_name="GSI1SK")


class Index2(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """GSI2: listings by time or name. Sparse."""

    class Meta:
        index_name = "GSI2"
        projection = AllProjection()

    partition = UnicodeAttribute(hash_key=True, attr_name="GSI2PK")
    place = UnicodeAttribute(range_key=True, attr_name="GSI2SK")


class Index3(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """GSI3: accounts by when it is their turn, which no order moves; reservations by when they must be looked at. Sparse."""

    class Meta:
        index_name = "GSI3"
        projection = IncludeProjection(["tenant_id", "account_id"])

    partition = UnicodeAttribute(hash_key=True, attr_name="GSI3PK")
    place = UnicodeAttribute(range_key=True, attr_name="GSI3SK")


class Index4(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """GSI4: accounts with an open order or position. Sparse, and keys only: a body would be copied again at every order."""

    class Meta:
        index_name = "GSI4"
        projection = KeysOnlyProjection()

    partition = UnicodeAttribute(hash_key=True, attr_name="GSI4PK")
    place = UnicodeAttribute(range_key=True, attr_name="GSI4SK")


class Row(Model):
    """The attributes of every row. `body` is the value as JSON; other attributes are there for conditions and indexes only."""

    partition = UnicodeAttribute(hash_key=True, attr_name="PK")
    place = UnicodeAttribute(range_key=True, attr_name="SK")
    index1_partition = UnicodeAttribute(null=True, attr_name="GSI1PK")
    index1_place = UnicodeAttribute(null=True, attr_name="GSI1SK")
    index2_partition = UnicodeAttribute(null=True, attr_name="GSI2PK")
    index2_place = UnicodeAttribute(null=True, attr_name="GSI2SK")
    index3_partition = UnicodeAttribute(null=True, attr_name="GSI3PK")
    index3_place = UnicodeAttribute(null=True, attr_name="GSI3SK")
    index4_partition = UnicodeAttribute(null=True, attr_name="GSI4PK")
    index4_place = UnicodeAttribute(null=True, attr_name="GSI4SK")
    schema_version = NumberAttribute(default=SCHEMA_VERSION)
    by_index1 = Index1()
    by_index2 = Index2()
    by_index3 = Index3()
    by_index4 = Index4()


class Table:
    """The product's table. Region and endpoint come from the environment as the SDK finds them, unless they are given.

    `generation` counts the restores that have made it: 1 for a table that was never restored.
    """

    def __init__(self, name: str, *, generation: int = 1, region: str | None = None, host: str | None = None) -> None:
        self.name = name
        self.generation = generation
        self._meta = type(
            "Meta",
            (),
            {
                "table_name": name,
                "region": region,
                "host": host,
                "connect_timeout_seconds": CONNECT_TIMEOUT_SECONDS,
                "read_timeout_seconds": READ_TIMEOUT_SECONDS,
                "max_retry_attempts": MAX_RETRIES,
                "max_pool_connections": MAX_CONNECTIONS,
            },
        )
        self._connection = self._bind(Row, {})._get_connection()
        self._connection.connection._local.session = botocore_session()  # else PynamoDB makes another
        FastPath.open(self.client, FREQUENT)

    def rows[R: Row](self, kind: type[R]) -> type[R]:
        """The row class, bound to this table and its one client."""
        return self._bind(kind, {"_connection": self._connection})

    def transaction(self) -> TransactWrite:
        """A transaction, committed when its `with` block ends."""
        return TransactWrite(connection=self._connection.connection)

    @property
    def client(self) -> Any:
        """The client that all rows share."""
        return self._connection.connection.client

    def _bind[R: Row](self, kind: type[R], namespace: dict[str, Any]) -> type[R]:
        return cast(
            type[R], new_class(kind.__name__, (kind,), exec_body=lambda body: body.update({"Meta": self._meta, **namespace}))
        )


def key(*parts: str) -> str:
    """Parts joined to a key; raises `NotFound` for a part that could reach into another key, since nothing has such an id."""
    for part in parts:
        if not part or len(part) > MAX_KEY_PART_CHARACTERS or SEPARATOR in part:
            raise NotFound(f"no id is empty, over {MAX_KEY_PART_CHARACTERS} characters long, or has a number sign")
    return SEPARATOR.join(parts)


def sortable(instant: datetime) -> str:
    """An instant as text that sorts as time does: always with microseconds, always UTC."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def require_tenant(expected: str, found: str) -> None:
    """Refuse a row of another tenant after it was read: only a bug in a key can lead there (invariant 8)."""
    if found != expected:
        raise AssertionError("a row of another tenant was read")


def require_schema(row: Row) -> None:
    """Let newer code read what newer code wrote; raises `RetryLater` (SCHEMA_UNKNOWN) while a deployment is half way."""
    require_version(row.schema_version)


def require_version(schema_version: float, known: frozenset[int] = frozenset({SCHEMA_VERSION})) -> None:
    """The same for an item that is no row."""
    if schema_version not in known:
        raise RetryLater("SCHEMA_UNKNOWN", "the item was written by newer code", after_seconds=30)


@contextmanager
def store_errors() -> Iterator[None]:
    """Translate throttling and lost connections into `RetryLater` (STORE_UNAVAILABLE); everything else passes as it is."""
    try:
        yield
    except PynamoDBException as error:
        if _is_retryable(error):
            raise unavailable(error) from error
        raise


def unavailable(error: Exception) -> RetryLater:
    """STORE_UNAVAILABLE in words that a caller of the API can read."""
    return RetryLater("STORE_UNAVAILABLE", f"the table did not answer: {type(error).__name__}", after_seconds=RETRY_AFTER_SECONDS)


def condition_failed(error: PynamoDBException) -> bool:
    """Whether a single write was refused by its own condition."""
    return error.cause_response_code == CONDITION_FAILED


def cancelled_by(error: TransactWriteError) -> frozenset[int]:
    """Places, in the order checks, deletes, puts, updates, of the conditions that refused a transaction."""
    return frozenset(
        place for place, reason in enumerate(error.cancellation_reasons) if reason and reason.code == CANCELLED_BY_CONDITION
    )


def _is_retryable(error: PynamoDBException) -> bool:
    if isinstance(error.cause, BotocoreConnectionError | HTTPClientError) or error.cause_response_code in RETRYABLE_CODES:
        return True
    if isinstance(error, PutError) and error.cause is None:
        return True  # a part of the batch was throttled to the end
    if not isinstance(error, TransactWriteError) or cancelled_by(error):
        return False
    return any(reason and reason.code in RETRYABLE_CANCELLATIONS for reason in error.cancellation_reasons)
