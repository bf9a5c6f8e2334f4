"""The venue's whole book for an operator, to be held against somebody else's account of it. No secret is in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from paper_exchange.accounts.account import Account, AlgoOrder, ApiKey, Fill, Order, PositionSide, position_of_key
from paper_exchange.errors import OperatorError
from paper_exchange.http.render_market import number

if TYPE_CHECKING:
    from paper_exchange.operator.operations import Operations


ROW_ID = re.compile(r"[0-9]{1,19}", re.ASCII)


class BookKind(StrEnum):
    ORDERS = "orders"
    ALGO_ORDERS = "algo-orders"
    FILLS = "fills"
    POSITIONS = "positions"


Row = dict[str, Any]


def page(operations: Operations, kind: BookKind, cursor: str, limit: int) -> tuple[list[Row], str | None]:
    """Rows of all accounts by account and id, and where the next page begins; raises `OperatorError` CURSOR_INVALID.

    Accounts are brought up to date as they are reached. A row that is written behind the cursor meanwhile is not seen.
    """
    account_id, _, number_text = cursor.rpartition("/")
    if cursor and not (account_id and ROW_ID.fullmatch(number_text)):
        raise OperatorError("CURSOR_INVALID", "not a cursor of this book")
    rows: list[Row] = []
    for current, after in _accounts(operations, account_id, int(number_text or 0)):
        for row_id, row in _rows_of(operations, kind, current, after):
            if len(rows) == limit:
                return rows, rows[-1].pop("_cursor")
            for earlier in rows[-1:]:
                earlier.pop("_cursor", None)
            rows.append({**row, "_cursor": f"{current.account_id}/{row_id}"})
    for row in rows[-1:]:
        row.pop("_cursor")
    return rows, None


def _accounts(operations: Operations, first: str, after: int) -> Iterator[tuple[Account, int]]:
    """Accounts from the cursor's on, with the row id to continue after."""
    if first and (account := operations.exchange.settle(first)) is not None:
        yield account, after
    for account_id in operations.account_ids(first):
        if (account := operations.exchange.settle(account_id)) is not None:
            yield account, 0


def _rows_of(operations: Operations, kind: BookKind, account: Account, after: int) -> Iterator[tuple[int, Row]]:
    store = operations.exchange.store
    if kind is BookKind.FILLS:
        for fill in store.fills(account.account_id, after=after):
            yield fill.trade_id, _fill_row(account, fill)
    elif kind is BookKind.POSITIONS:
        for index, key in enumerate(sorted(account.positions), start=1):
            if index > after:
                yield index, _position_row(account, *position_of_key(key))
    elif kind is BookKind.ORDERS:
        closed = store.orders(account.account_id, after=after)
        for order in _by_id([*closed, *account.orders.values()], lambda order: order.order_id, after):
            yield order.order_id, order_row(account.account_id, order)
    else:
        closed_algos = store.algo_orders(account.account_id, after=after)
        for algo in _by_id([*closed_algos, *account.algo_orders.values()], lambda algo: algo.algo_id, after):
            yield algo.algo_id, algo_row(account.account_id, algo)


def _by_id[T](rows: list[T], row_id: Callable[[T], int], after: int) -> list[T]:
    return sorted((row for row in rows if row_id(row) > after), key=row_id)


def order_row(account_id: str, order: Order) -> Row:
    return {
        "account_id": account_id,
        "signed_by": order.signed_by,
        "order_id": order.order_id,
        "client_order_id": order.client_order_id,
        "symbol": order.symbol,
        "side": order.side,
        "position_side": order.position_side,
        "type": order.original_kind,
        "status": order.status,
        "quantity": number(order.quantity),
        "executed": number(order.executed),
        "quote": number(order.quote),
        "reduce_only": order.reduce_only,
        "placed_ms": order.placed_ms,
        "market_ms": order.market_ms,
    }


def algo_row(account_id: str, algo: AlgoOrder) -> Row:
    return {
        "account_id": account_id,
        "signed_by": algo.signed_by,
        "algo_id": algo.algo_id,
        "client_algo_id": algo.client_algo_id,
        "symbol": algo.symbol,
        "side": algo.side,
        "position_side": algo.position_side,
        "type": algo.kind,
        "status": algo.status,
        "quantity": number(algo.quantity),
        "trigger_price": number(algo.trigger_price),
        "reduce_only": algo.reduce_only,
        "close_position": algo.close_position,
        "order_id": algo.order_id,
        "placed_ms": algo.placed_ms,
        "market_ms": algo.market_ms,
    }


def _fill_row(account: Account, fill: Fill) -> Row:
    return {
        "account_id": account.account_id,
        "signed_by": fill.signed_by,
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "client_order_id": fill.client_order_id,
        "symbol": fill.symbol,
        "side": fill.side,
        "position_side": fill.position_side,
        "price": number(fill.price),
        "quantity": number(fill.quantity),
        "fee": number(fill.fee),
        "fee_asset": fill.fee_asset,
        "realized": number(fill.realized),
        "maker": fill.maker,
        "time_ms": fill.time_ms,
        "market_ms": fill.market_ms,
    }


def _position_row(account: Account, symbol: str, side: PositionSide) -> Row:
    position = account.position(symbol, side)
    return {
        "account_id": account.account_id,
        "symbol": symbol,
        "position_side": side,
        "amount": number(position.amount),
        "entry_price": number(position.entry_price),
    }


def account_row(account: Account) -> Row:
    """An account without its secrets."""
    return {
        "account_id": account.account_id,
        "balances": {asset: number(amount) for asset, amount in account.balances.items()},
        "keys": {key_id: _key_row(key) for key_id, key in account.keys.items()},
        "evaluated_ms": account.evaluated_ms,
        "open_orders": len(account.orders),
        "open_algo_orders": len(account.algo_orders),
    }


def _key_row(key: ApiKey) -> Row:
    return {"created_ms": key.created_ms, "revoked": key.revoked, "rights": sorted(key.rights)}


def fault_rows(operations: Operations) -> list[Row]:
    store = operations.exchange.store
    return [
        {
            "rule_id": rule.rule_id,
            "kind": rule.kind,
            "path": rule.path,
            "count": rule.count,
            "taken": store.faults_taken(rule.rule_id),
        }
        for rule in store.state().state.faults
    ]
