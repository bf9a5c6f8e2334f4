"""Everything in one DynamoDB table, so that any number of environments serve one venue.

    | PK | SK | what |
    |---|---|---|
    | EXCHANGE | STATE | shared state with its version |
    | KEY#fingerprint | KEY | whose key it is |
    | ACCOUNTS | account id | index of accounts |
    | ACCOUNT#id | STATE | the account with its version: open orders, positions, balances, keys |
    | ACCOUNT#id | ORDER#n, ALGO#n, FILL#n, INCOME#n | closed orders, executions, incomes without a trade |
    | ACCOUNT#id | CHANGE#n, MARGIN#n | amendments of orders, margin moved by hand |
    | ACCOUNT#id | CLIENT#id, ALGOCLIENT#id | the latest closed order of a client id |
    | CANDLES#symbol#generation | n | a compressed chunk |
    | FAULT#rule | TAKEN | how often a rule was applied |
    | COUNTS#account | path | how many requests |

A signed request costs one BatchGetItem: shared state and account together. A change costs one more request: a transaction
replaces the account on condition of its version and appends closed orders, fills and incomes. Nothing is ever half written, and
nobody's order is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from paper_exchange.accounts.account import Account, AlgoOrder, Fill, Income, MarginChange, Order, OrderChange, Outcome
from paper_exchange.markets.state import ExchangeState
from paper_exchange.store import codec
from paper_exchange.store.codec import Codec
from paper_exchange.store.store import AccountExists, StoredAccount, StoredState, WriteConflict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

PAGE = 500  # history rows a query; about 250 kB
DELETE_BATCH = 25  # BatchWriteItem's limit
UNPROCESSED_ATTEMPTS = 8  # a throttled batch comes back in part; on-demand capacity catches up within a few
LAST_SORT_KEY = "\U0010ffff"  # sorts after every sort key
STATE_KEY = {"PK": {"S": "EXCHANGE"}, "SK": {"S": "STATE"}}
LOST_RACE = frozenset({"ConditionalCheckFailed", "TransactionConflict"})

Item = dict[str, Any]


class DynamoDbStore:
    """`PaperStore` on a table with keys PK and SK."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._client = client
        self._table = table_name

    def state(self) -> StoredState:
        answer = self._client.get_item(TableName=self._table, Key=STATE_KEY, ConsistentRead=True)
        return _stored_state(answer.get("Item"))

    def save_state(self, stored: StoredState, state: ExchangeState) -> None:
        item = {**STATE_KEY, "body": {"S": codec.STATE.dump(state)}, "version": {"N": str(stored.version + 1)}}
        self._transact([self._put_versioned(item, stored.version)])

    def account_of_key(self, fingerprint: str) -> str | None:
        answer = self._client.get_item(TableName=self._table, Key=_key(f"KEY#{fingerprint}", "KEY"), ConsistentRead=True)
        item = answer.get("Item")
        return None if item is None else item["account_id"]["S"]

    def open(self, account_id: str) -> tuple[StoredState, StoredAccount | None]:
        wanted: Any = {self._table: {"Keys": [STATE_KEY, _account_key(account_id)], "ConsistentRead": True}}
        found: list[Item] = []
        for _ in range(UNPROCESSED_ATTEMPTS):
            answer = self._client.batch_get_item(RequestItems=wanted)
            found.extend(answer["Responses"].get(self._table, []))
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                break
        items = {item["PK"]["S"]: item for item in found}
        account = items.get(f"ACCOUNT#{account_id}")
        stored = (
            None if account is None else StoredAccount(codec.ACCOUNT.load(account["body"]["S"]), int(account["version"]["N"]))
        )
        return _stored_state(items.get("EXCHANGE")), stored

    def create_account(self, account: Account) -> None:
        index = {**_key("ACCOUNTS", account.account_id)}
        keys = [self._put_new(_key_item(fingerprint, account.account_id)) for fingerprint in account.keys]
        try:
            self._transact([self._put_versioned(_account_item(account, 1), 0), self._put(index), *keys])
        except WriteConflict:
            raise AccountExists from None

    def add_key(self, stored: StoredAccount, account: Account, fingerprint: str) -> None:
        if self.account_of_key(fingerprint) is not None:
            raise AccountExists
        item = _account_item(account, stored.version + 1)
        new_key = self._put_new(_key_item(fingerprint, account.account_id))
        self._transact([self._put_versioned(item, stored.version), new_key])

    def commit(self, stored: StoredAccount, outcome: Outcome) -> None:
        account = _account_item(outcome.account, stored.version + 1)
        rows = [self._put(item) for item in _history_items(outcome)]
        self._transact([self._put_versioned(account, stored.version), *rows])

    def account_ids(self, after: str, limit: int) -> list[str]:
        rows = self._rows("ACCOUNTS", after, LAST_SORT_KEY, newest_first=False, page=limit)
        return [row["SK"]["S"] for row, _ in zip(rows, range(limit), strict=False)]

    def order(self, account_id: str, order_id: int) -> Order | None:
        return self._row(account_id, _sort_key("ORDER", order_id), codec.ORDER)

    def order_of_client(self, account_id: str, client_order_id: str) -> Order | None:
        return self._row(account_id, f"CLIENT#{client_order_id}", codec.ORDER)

    def algo_order(self, account_id: str, algo_id: int) -> AlgoOrder | None:
        return self._row(account_id, _sort_key("ALGO", algo_id), codec.ALGO_ORDER)

    def algo_order_of_client(self, account_id: str, client_algo_id: str) -> AlgoOrder | None:
        return self._row(account_id, f"ALGOCLIENT#{client_algo_id}", codec.ALGO_ORDER)

    def orders(self, account_id: str, *, after: int = 0, newest_first: bool = False) -> Iterator[Order]:
        return self._history(account_id, "ORDER", after, newest_first, codec.ORDER)

    def algo_orders(self, account_id: str, *, after: int = 0, newest_first: bool = False) -> Iterator[AlgoOrder]:
        return self._history(account_id, "ALGO", after, newest_first, codec.ALGO_ORDER)

    def fills(self, account_id: str, *, after: int = 0, newest_first: bool = False) -> Iterator[Fill]:
        return self._history(account_id, "FILL", after, newest_first, codec.FILL)

    def incomes(self, account_id: str, *, after: int = 0, newest_first: bool = False) -> Iterator[Income]:
        return self._history(account_id, "INCOME", after, newest_first, codec.INCOME)

    def changes(self, account_id: str, *, after: int = 0, newest_first: bool = False) -> Iterator[OrderChange]:
        return self._history(account_id, "CHANGE", after, newest_first, codec.CHANGE)

    def margin_changes(self, account_id: str, *, after: int = 0, newest_first: bool = False) -> Iterator[MarginChange]:
        return self._history(account_id, "MARGIN", after, newest_first, codec.MARGIN_CHANGE)

    def save_chunk(self, symbol: str, generation: int, chunk: int, data: bytes) -> None:
        item = {**_key(f"CANDLES#{symbol}#{generation}", f"{chunk:08}"), "data": {"B": data}}
        self._client.put_item(TableName=self._table, Item=item)

    def load_chunk(self, symbol: str, generation: int, chunk: int) -> bytes:
        key = _key(f"CANDLES#{symbol}#{generation}", f"{chunk:08}")
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return bytes(answer["Item"]["data"]["B"])

    def take_fault(self, rule_id: str, count: int) -> bool:
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(f"FAULT#{rule_id}", "TAKEN"),
                UpdateExpression="ADD taken :one",
                ConditionExpression="attribute_not_exists(taken) OR taken < :limit",
                ExpressionAttributeValues={":one": {"N": "1"}, ":limit": {"N": str(count)}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def faults_taken(self, rule_id: str) -> int:
        key = _key(f"FAULT#{rule_id}", "TAKEN")
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return 0 if item is None else int(item["taken"]["N"])

    def count_request(self, account_id: str, path: str) -> None:
        self._client.update_item(
            TableName=self._table,
            Key=_key(f"COUNTS#{account_id}", path),
            UpdateExpression="ADD requests :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )

    def request_counts(self, account_id: str) -> dict[str, int]:
        rows = self._rows(f"COUNTS#{account_id}", "", LAST_SORT_KEY, newest_first=False)
        return {row["SK"]["S"]: int(row["requests"]["N"]) for row in rows}

    def clear_accounts(self) -> None:
        while account_ids := self.account_ids("", DELETE_BATCH):
            for account_id in account_ids:
                self._forget(account_id)
        public = self._rows("COUNTS#", "", LAST_SORT_KEY, newest_first=False)
        self._delete([{"PK": row["PK"], "SK": row["SK"]} for row in public])

    def _forget(self, account_id: str) -> None:
        """Delete an account; its index entry last, so that a run which is cut off is taken up by the next."""
        _, stored = self.open(account_id)
        keys = [_key(f"KEY#{fingerprint}", "KEY") for fingerprint in (stored.account.keys if stored else ())]
        for partition in (f"ACCOUNT#{account_id}", f"COUNTS#{account_id}"):
            rows = self._rows(partition, "", LAST_SORT_KEY, newest_first=False)
            keys.extend({"PK": row["PK"], "SK": row["SK"]} for row in rows)
        self._delete([*keys, _key("ACCOUNTS", account_id)])

    def _delete(self, keys: list[Item]) -> None:
        for start in range(0, len(keys), DELETE_BATCH):
            batch: Any = {self._table: [{"DeleteRequest": {"Key": key}} for key in keys[start : start + DELETE_BATCH]]}
            for _ in range(UNPROCESSED_ATTEMPTS):
                batch = self._client.batch_write_item(RequestItems=batch).get("UnprocessedItems")
                if not batch:
                    break

    def _row[Value](self, account_id: str, sort_key: str, decoder: Codec[Value]) -> Value | None:
        key = _key(f"ACCOUNT#{account_id}", sort_key)
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return None if item is None else decoder.load(item["body"]["S"])

    def _history[Value](
        self, account_id: str, kind: str, after: int, newest_first: bool, decoder: Codec[Value]
    ) -> Iterator[Value]:
        rows = self._rows(f"ACCOUNT#{account_id}", _sort_key(kind, after), f"{kind}#~", newest_first=newest_first)
        return (decoder.load(row["body"]["S"]) for row in rows)

    def _rows(self, partition: str, after: str, until: str, *, newest_first: bool, page: int = PAGE) -> Iterator[Item]:
        """Rows of a partition with `after < SK <= until`, page by page as they are wanted."""
        start: Any = {}
        while True:
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="PK = :pk AND SK BETWEEN :after AND :until",
                ExpressionAttributeValues={
                    ":pk": {"S": partition},
                    ":after": {"S": after + "\x00"},  # BETWEEN includes its bounds; nothing sorts between a text and this
                    ":until": {"S": until},
                },
                ScanIndexForward=not newest_first,
                ConsistentRead=True,
                Limit=page,
                **start,
            )
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _put(self, item: Item) -> Item:
        return {"Put": {"TableName": self._table, "Item": item}}

    def _put_new(self, item: Item) -> Item:
        return {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(PK)"}}

    def _put_versioned(self, item: Item, expected: int) -> Item:
        """Replace an item that has the expected version; 0 means that there is none yet."""
        if expected == 0:
            return self._put_new(item)
        condition = {
            "ConditionExpression": "version = :expected",
            "ExpressionAttributeValues": {":expected": {"N": str(expected)}},
        }
        return {"Put": {"TableName": self._table, "Item": item, **condition}}

    def _transact(self, operations: list[Item]) -> None:
        operations_typed: Any = operations
        try:
            self._client.transact_write_items(TransactItems=operations_typed)
        except ClientError as error:
            reasons: Any = error.response.get("CancellationReasons", [])
            codes = {reason.get("Code") for reason in reasons}
            conflict = error.response["Error"]["Code"] == "TransactionConflictException"
            if conflict or (codes & LOST_RACE and codes <= LOST_RACE | {"None"}):
                raise WriteConflict from error
            raise


def _key(partition: str, sort: str) -> Item:
    return {"PK": {"S": partition}, "SK": {"S": sort}}


def _account_key(account_id: str) -> Item:
    return _key(f"ACCOUNT#{account_id}", "STATE")


def _sort_key(kind: str, number: int) -> str:
    return f"{kind}#{number:020}"


def _key_item(fingerprint: str, account_id: str) -> Item:
    return {**_key(f"KEY#{fingerprint}", "KEY"), "account_id": {"S": account_id}}


def _account_item(account: Account, version: int) -> Item:
    body = {"S": codec.ACCOUNT.dump(account)}
    return {**_account_key(account.account_id), "body": body, "version": {"N": str(version)}}


def _history_items(outcome: Outcome) -> Iterable[Item]:
    """One item per closed row, and one per client id that holds its latest row (a client id may close twice in one step)."""
    partition = f"ACCOUNT#{outcome.account.account_id}"
    items: dict[str, str] = {}
    for order in outcome.orders:
        items[_sort_key("ORDER", order.order_id)] = items[f"CLIENT#{order.client_order_id}"] = codec.ORDER.dump(order)
    for algo in outcome.algo_orders:
        items[_sort_key("ALGO", algo.algo_id)] = items[f"ALGOCLIENT#{algo.client_algo_id}"] = codec.ALGO_ORDER.dump(algo)
    for fill in outcome.fills:
        items[_sort_key("FILL", fill.trade_id)] = codec.FILL.dump(fill)
    for income in outcome.incomes:
        items[_sort_key("INCOME", income.income_id)] = codec.INCOME.dump(income)
    for change in outcome.changes:
        items[_sort_key("CHANGE", change.change_id)] = codec.CHANGE.dump(change)
    for moved in outcome.margin_changes:
        items[_sort_key("MARGIN", moved.change_id)] = codec.MARGIN_CHANGE.dump(moved)
    return ({**_key(partition, sort), "body": {"S": body}} for sort, body in items.items())


def _stored_state(item: Item | None) -> StoredState:
    if item is None:
        return StoredState(ExchangeState(), 0)
    return StoredState(codec.STATE.load(item["body"]["S"]), int(item["version"]["N"]))
