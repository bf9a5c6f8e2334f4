"""Cards of the marketplace: three items for each strategy, one in each order, so that a page is one query of the index.

Writers write disjoint attributes. A change of the strategy writes its words and whether it is listed, the walk its record. The
runner of backtests writes its backtest, and the check of parity its parity. So no figure that was computed before a change brings
a strategy back. The items stay while the strategy is unlisted.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import TransactWriteError, UpdateError
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.single_table.batch import Item, ask
from candlecast.adapters.dynamodb.single_table.listing import start_of
from candlecast.adapters.dynamodb.single_table.table import (
    SCHEMA_VERSION,
    Row,
    Table,
    cancelled_by,
    condition_failed,
    key,
    require_schema,
    require_version,
    sortable,
    store_errors,
)
from candlecast.adapters.paging import check_limit, encode_cursor
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.listing import (
    SCORE_DIGITS,
    Card,
    ListedBacktest,
    ListedRecord,
    Listing,
    ListingQuery,
    ListingSort,
    ListingWalk,
    is_listed,
)
from candlecast.domain.strategies.parity_share import ParityShare
from candlecast.domain.venue.rules import rules_of
from candlecast.ports.store import Page

LISTING, MARKETPLACE, WALK = "LISTING", "MARKETPLACE", "WALK"
MAX_CARDS_READ = 300  # for a filtered page: half a megabyte; the page may then be short, its cursor goes on
KEYS = ("GSI2PK", "GSI2SK", "PK", "SK")
# The walk finds cards that must be refreshed in this order, so its items are written last.
ORDERS = (ListingSort.RECORD, ListingSort.FOLLOWERS, ListingSort.NEWEST)


class ListingRow(Row):
    """A card in one order. `tags` has a blank around each tag, so that a filter finds whole tags."""

    words = UnicodeAttribute()
    searched = UnicodeAttribute()
    tags = UnicodeAttribute()
    record = UnicodeAttribute()
    backtest = UnicodeAttribute(null=True)
    parity = UnicodeAttribute(null=True)


class WalkRow(Row):
    """The walk."""

    body = UnicodeAttribute()


class ListingRows:
    """Writes the words of cards within the transactions of their strategies."""

    def __init__(self, table: Table) -> None:
        self._rows = table.rows(ListingRow)

    def write(self, transaction: TransactWrite, definition: StrategyDefinition, *, only_new: bool = False) -> None:
        """Bring the card up to the definition as it will be stored: listed if the strategy is public, else in no listing.

        With `only_new` the transaction is refused if there is a card.
        """
        condition = self._rows.partition.does_not_exist() if only_new else None
        for order in ORDERS:
            row = self._rows(key(LISTING, definition.strategy_id), order.value)
            transaction.update(row, actions=self._actions(definition, order), condition=condition)

    def _actions(self, definition: StrategyDefinition, order: ListingSort) -> list[Action]:
        rows, listing = self._rows, Listing.of(definition)
        first = ListedRecord(followers=definition.subscriber_count)
        place = _place(order, listing.strategy_id, first, sortable(listing.created_at))
        actions = [
            rows.words.set(to_json(listing)),
            rows.searched.set(listing.searched_text),
            rows.tags.set(" ".join(["", *listing.tags, ""])),
            rows.record.set(rows.record | to_json(first)),
            rows.index2_place.set(rows.index2_place | place),
            rows.schema_version.set(SCHEMA_VERSION),
        ]
        if is_listed(definition):
            partition = _partition(is_paper=rules_of(definition.venue).is_paper, order=order)
            return [*actions, rows.index2_partition.set(partition)]
        return [*actions, rows.index2_partition.remove()]


class DynamoListingStore:
    """`ports.listings.ListingStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = table.rows(ListingRow)
        self._walks = table.rows(WalkRow)
        self._words = ListingRows(table)

    def browse(self, query: ListingQuery, cursor: str | None = None, limit: int = 50) -> Page[Card]:
        check_limit(limit)
        partition = _partition(is_paper=query.is_paper, order=query.sort)
        conditions, names, values = _filter(query)
        request: dict[str, Any] = {
            "TableName": self._table.name,
            "IndexName": "GSI2",
            "KeyConditionExpression": "#partition = :partition",
            "ExpressionAttributeNames": {"#partition": "GSI2PK", **names},
            "ExpressionAttributeValues": {":partition": {"S": partition}, **values},
            "ScanIndexForward": False,
            "Limit": MAX_CARDS_READ if conditions else limit + 1,
        }
        if conditions:
            request["FilterExpression"] = " AND ".join(conditions)
        if (start := start_of(partition, KEYS, cursor)) is not None:
            request["ExclusiveStartKey"] = start
        answer = ask(partial(self._table.client.query, **request))
        found, last = answer["Items"][:limit], answer.get("LastEvaluatedKey")
        if len(answer["Items"]) > limit:
            last = found[-1]
        cards = [card for item in found if (card := _card(item)) is not None]
        return Page(cards, None if not last else encode_cursor(partition, {name: last[name]["S"] for name in KEYS}))

    def add_missing(self, definition: StrategyDefinition) -> None:
        place = {"PK": {"S": key(LISTING, definition.strategy_id)}, "SK": {"S": ORDERS[-1].value}}
        if "Item" in ask(partial(self._table.client.get_item, TableName=self._table.name, Key=place)):
            return  # a refused transaction would cost as much as a written one
        try:
            with store_errors(), self._table.transaction() as transaction:
                self._words.write(transaction, definition, only_new=True)
        except TransactWriteError as error:
            if not cancelled_by(error):
                raise

    def refresh(self, strategy_id: str, record: ListedRecord) -> None:
        rows = self._rows
        for order in ORDERS:
            actions: list[Action] = [rows.record.set(to_json(record))]
            if order is not ListingSort.NEWEST:
                actions.append(rows.index2_place.set(_place(order, strategy_id, record)))
            self._update(strategy_id, order, actions)

    def put_backtest(self, strategy_id: str, backtest: ListedBacktest) -> None:
        for order in ORDERS:
            self._update(strategy_id, order, [self._rows.backtest.set(to_json(backtest))])

    def put_parity(self, strategy_id: str, parity: ParityShare) -> None:
        for order in ORDERS:
            self._update(strategy_id, order, [self._rows.parity.set(to_json(parity))])

    def _update(self, strategy_id: str, order: ListingSort, actions: list[Action]) -> None:
        rows = self._rows
        try:
            with store_errors():
                rows(key(LISTING, strategy_id), order.value).update(actions=actions, condition=rows.partition.exists())
        except UpdateError as error:
            if not condition_failed(error):
                raise

    def load_walk(self) -> ListingWalk | None:
        with store_errors():
            try:
                row = self._walks.get(MARKETPLACE, WALK, consistent_read=True)
            except self._walks.DoesNotExist:
                return None
        require_schema(row)
        return from_json(ListingWalk, row.body)

    def save_walk(self, walk: ListingWalk) -> None:
        with store_errors():
            self._walks(MARKETPLACE, WALK, body=to_json(walk)).save()


def _partition(*, is_paper: bool, order: ListingSort) -> str:
    return key(MARKETPLACE, "PAPER" if is_paper else "LIVE", order.value)


def _place(order: ListingSort, strategy_id: str, record: ListedRecord, created: str = "") -> str:
    if order is ListingSort.RECORD:
        return key(record.score, strategy_id)
    return key(created if order is ListingSort.NEWEST else f"{record.followers:0{SCORE_DIGITS}}", strategy_id)


def _filter(query: ListingQuery) -> tuple[list[str], dict[str, str], dict[str, Mapping[str, str]]]:
    """Conditions of a query with the names and values that they use."""
    values = {f":word{number}": {"S": word} for number, word in enumerate(query.words)}
    conditions = [f"contains(#searched, {name})" for name in values]
    names = {"#searched": "searched"} if query.words else {}
    if query.tag is not None:
        conditions.append("contains(#tags, :tag)")
        names["#tags"], values[":tag"] = "tags", {"S": f" {query.tag} "}
    return conditions, names, dict(values)


def _card(item: Item) -> Card | None:
    """The card in an item; None for an item of another partition, since roles do not limit an index's attributes."""
    require_version(int(item["schema_version"]["N"]))
    listing = from_json(Listing, item["words"]["S"])
    if item["PK"]["S"] != key(LISTING, listing.strategy_id):
        return None
    backtest = from_json(ListedBacktest, item["backtest"]["S"]) if "backtest" in item else None
    parity = from_json(ParityShare, item["parity"]["S"]) if "parity" in item else None
    return Card(listing=listing, record=from_json(ListedRecord, item["record"]["S"]), backtest=backtest, parity=parity)
