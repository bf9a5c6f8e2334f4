"""Slippage by rank: one row for each signal of a strategy, with two numbers for each tenth of its turns.

Beside them it counts orders by their slippage to two digits, and has the fill of a backtest. A second row counts the signal's
other orders by their end.

The rows of a strategy have a partition of their own: a signal's followers fill within seconds, and nothing else must wait.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import islice

from pynamodb.attributes import NumberAttribute
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.operand import Path

from candlecast.adapters.dynamodb.single_table.batch import Item, ask, query_items
from candlecast.adapters.dynamodb.single_table.table import (
    SCHEMA_VERSION,
    SEPARATOR,
    Row,
    Table,
    condition_failed,
    key,
    require_version,
    sortable,
    store_errors,
)
from candlecast.domain.orders.fleet import BacktestFill, SignalFill, rounded_tenths
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.orders.ranks import (
    RETENTION,
    SignalCounts,
    SignalRanks,
    SlippageSums,
    counted_slippage,
    has_counted_end,
    rank_tenth,
)
from candlecast.domain.values.ids import TENTHS
from candlecast.domain.values.reasons import Reason

RANKS, NEAR = "RANKS", "near_"
BEFORE_EVERY_SIGNAL, AFTER_EVERY_SIGNAL = "0", ":"  # they sort before and behind every year, and before `ENDED`
ENDED = "ENDED"
PLACED = "placed"


class RankRow(Row):
    """The orders of one signal: `orders_1` to `orders_10`, and the sums of their slippage, `bps_1` to `bps_10`.

    `near_33` counts orders with a slippage near 3.3 basis points. `backtest_price` and `backtest_bps` are the backtest's fill.
    """

    expires_at = NumberAttribute(null=True)


class EndedRow(Row):
    """How orders of one signal have ended that its `RankRow` does not count.

    `placed` counts those with a fill. `DENIED_MAX_ORDER_NOTIONAL` counts those without, by state and reason.
    """

    expires_at = NumberAttribute(null=True)


class RankRows:
    """Adds orders to the row of their signal, and reads the newest rows. `ports.parity.FillStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = table.rows(RankRow)
        self._ended = table.rows(EndedRow)

    def count(self, order: Intent) -> None:
        """Add an order that has ended: to the slippage, or else to the ends of its signal's orders.

        Nothing for an order that does not count. One update, which no condition can refuse.
        """
        slippage, tenth = counted_slippage(order), rank_tenth(order)
        if slippage is None:
            self._count_end(order)
            return
        rows = self._rows
        row = rows(key(RANKS, order.strategy_id), key(sortable(order.issued_at), order.signal_id))
        with store_errors():
            row.update(
                actions=[
                    Path(f"orders_{tenth}").add(1),
                    Path(f"bps_{tenth}").add(_exact(slippage)),
                    Path(f"{NEAR}{rounded_tenths(slippage)}").add(1),
                    rows.expires_at.set(int((order.issued_at + RETENTION).timestamp())),
                    rows.schema_version.set(SCHEMA_VERSION),
                ]
            )

    def _count_end(self, order: Intent) -> None:
        if not has_counted_end(order):
            return
        rows = self._ended
        with store_errors():
            rows(key(RANKS, order.strategy_id), key(ENDED, order.signal_id)).update(
                actions=[
                    Path(PLACED if order.is_filled else f"{order.state}_{order.reason}").add(1),
                    rows.expires_at.set(int((order.issued_at + RETENTION).timestamp())),
                    rows.schema_version.set(SCHEMA_VERSION),
                ]
            )

    def counts(self, strategy_id: str, signal_id: str, issued_at: datetime) -> SignalCounts:
        """How the orders of a signal have ended. Two reads."""
        partition = key(RANKS, strategy_id)
        filled = self._item(partition, key(sortable(issued_at), signal_id))
        ended = self._item(partition, key(ENDED, signal_id))
        placed = sum(_sums(filled, tenth).orders for tenth in range(1, TENTHS + 1)) + int(ended.get(PLACED, {"N": "0"})["N"])
        not_placed: dict[IntentState, dict[Reason, int]] = {}
        for name, number in ended.items():
            state, _, reason = name.partition("_")
            if state in IntentState and reason in Reason:  # older code may not know a reason that newer code counts
                not_placed.setdefault(IntentState(state), {})[Reason(reason)] = int(number["N"])
        return SignalCounts(placed=placed, not_placed=not_placed)

    def _item(self, partition: str, place: str) -> Item:
        """An item as DynamoDB writes it; empty if there is none."""
        keys = {"PK": {"S": partition}, "SK": {"S": place}}
        item: Item = ask(partial(self._table.client.get_item, TableName=self._table.name, Key=keys)).get("Item", {})
        if item:
            require_version(int(item["schema_version"]["N"]))
        return item

    def put_fills(self, strategy_id: str, fills: Sequence[SignalFill]) -> None:
        rows = self._rows
        for each in fills:
            row = rows(key(RANKS, strategy_id), key(sortable(each.issued_at), each.signal_id))
            try:
                with store_errors():
                    row.update(
                        actions=[
                            Path("backtest_price").set(_exact(each.fill.price)),
                            Path("backtest_bps").set(_exact(each.fill.slippage_bps)),
                        ],
                        condition=rows.partition.exists(),
                    )
            except UpdateError as error:
                if not condition_failed(error):
                    raise

    def newest(self, strategy_id: str, until: datetime | None, limit: int) -> Sequence[SignalRanks]:
        """The newest signals first, of those issued before `until`. One query."""
        found = query_items(
            self._table,
            KeyConditionExpression="#pk = :pk AND #sk BETWEEN :first AND :last",
            ExpressionAttributeNames={"#pk": "PK", "#sk": "SK"},
            ExpressionAttributeValues={
                ":pk": {"S": key(RANKS, strategy_id)},
                ":first": {"S": BEFORE_EVERY_SIGNAL},
                ":last": {"S": AFTER_EVERY_SIGNAL if until is None else sortable(until)},
            },
            ScanIndexForward=False,
            Limit=limit,
        )
        return [_signal(item) for item in islice(found, limit)]


def _signal(item: Item) -> SignalRanks:
    require_version(int(item["schema_version"]["N"]))
    issued_at, signal_id = item["SK"]["S"].split(SEPARATOR)
    tenths = tuple(_sums(item, tenth) for tenth in range(1, TENTHS + 1))
    near = {int(name.removeprefix(NEAR)): int(number["N"]) for name, number in item.items() if name.startswith(NEAR)}
    return SignalRanks(
        signal_id=signal_id, issued_at=datetime.fromisoformat(issued_at), tenths=tenths, near=near, backtest=_fill(item)
    )


def _fill(item: Mapping[str, Mapping[str, str]]) -> BacktestFill | None:
    if "backtest_price" not in item:
        return None
    return BacktestFill(price=Decimal(item["backtest_price"]["N"]), slippage_bps=Decimal(item["backtest_bps"]["N"]))


def _exact(number: Decimal) -> dict[str, str]:
    """A number as DynamoDB takes it; PynamoDB's own number goes through float."""
    return {"N": format(number, "f")}


def _sums(item: Mapping[str, Mapping[str, str]], tenth: int) -> SlippageSums:
    if f"orders_{tenth}" not in item:
        return SlippageSums()
    return SlippageSums(orders=int(item[f"orders_{tenth}"]["N"]), slippage_bps=Decimal(item[f"bps_{tenth}"]["N"]))
