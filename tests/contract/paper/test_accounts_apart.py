"""Many accounts at once, and one account from many sides: nobody's order is lost and no key signs for somebody else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support.paper_venue import BTC_SYMBOL, PaperVenue

ACCOUNTS = 20
ORDERS = 5


def test_parallel_accounts_sign_their_own_orders_only(market: PaperVenue, trader: Any) -> None:
    issued = {f"user{number:02}": market.open_account(account_id=f"user{number:02}") for number in range(ACCOUNTS)}

    def trade(name: str) -> None:
        client = market.client(issued[name])
        client.set_markets(trader.markets)
        for number in range(ORDERS):
            client.create_order(BTC_SYMBOL, "market", "buy", 0.01, None, {"clientOrderId": f"{name}-{number}"})

    with ThreadPoolExecutor(max_workers=ACCOUNTS) as pool:
        list(pool.map(trade, issued))
    orders = market.book("orders")
    assert len(orders) == ACCOUNTS * ORDERS
    for row in orders:
        owner = row["client_order_id"].split("-")[0]
        assert (row["account_id"], row["signed_by"]) == (owner, issued[owner]["key_id"])


def test_one_account_from_many_sides_loses_no_order(market: PaperVenue, trader: Any) -> None:
    keys = market.open_account("1000000", account_id="busy")

    def trade(number: int) -> None:
        client = market.client(keys)
        client.set_markets(trader.markets)
        client.create_order(BTC_SYMBOL, "market", "buy", 0.01, None, {"clientOrderId": f"order{number}"})

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(trade, range(40)))
    assert len(market.book("orders")) == 40
    assert market.book("positions")[0]["amount"] == "0.4"
