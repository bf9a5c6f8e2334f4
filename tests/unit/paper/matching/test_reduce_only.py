"""Orders that only reduce end with their position, leave room for better ones, and never open or turn a position."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from paper_exchange.accounts.account import Account, AlgoStatus, Order, OrderKind, OrderStatus, Outcome, Side
from paper_exchange.errors import VenueError
from paper_exchange.markets.candles import Bar
from paper_exchange.matching.conditional import place_algo_order
from paper_exchange.matching.matching import place_order
from paper_exchange.matching.reduce_only import MAX_EXPIRED_AT_ONCE
from paper_exchange.matching.resting import amend_order
from paper_exchange.matching.triggers import bring_up_to_date, is_up_to_date
from paper_exchange.requests.requests import AlgoRequest, Amendment, OrderReference, OrderRequest
from tests.support.quotes import MINUTE_MS, STAMP, ListedQuotes, account, bar

STILL = bar(0, "100", "100", "100", "100")


def order(side: Side, quantity: str = "10", price: str = "0", *, reduce_only: bool = True, name: str = "") -> OrderRequest:
    kind = OrderKind.LIMIT if price != "0" else OrderKind.MARKET
    return OrderRequest("BTCUSDT", side, kind, Decimal(quantity), Decimal(price), "GTC", reduce_only, name)


def closing_stop(kind: OrderKind = OrderKind.STOP_MARKET, trigger: str = "95", *, time_in_force: str = "GTE_GTC") -> AlgoRequest:
    whole = time_in_force == "GTE_GTC"
    quantity = Decimal(0) if whole else Decimal(10)
    return AlgoRequest(
        "BTCUSDT",
        Side.SELL,
        kind,
        quantity,
        Decimal(trigger),
        not whole,
        whole,
        "CONTRACT_PRICE",
        f"{kind}@{trigger}",
        time_in_force=time_in_force,
    )


def quotes(*then: Bar) -> ListedQuotes:
    return ListedQuotes({"BTCUSDT": [STILL, *then]}, MINUTE_MS)


def placed(state: Account, request: OrderRequest, market: ListedQuotes | None = None) -> Outcome:
    return place_order(state, request, market or quotes(), STAMP)[0]


def long_of(quantity: str = "10") -> Account:
    return placed(account(evaluated_ms=MINUTE_MS), order(Side.BUY, quantity, reduce_only=False)).account


def looked_at(state: Account, market: ListedQuotes) -> Outcome:
    outcome = Outcome(state)
    while not is_up_to_date(outcome.account, market):
        outcome = outcome.then(bring_up_to_date(outcome.account, market, market.dated))
    return outcome


def resting(state: Account) -> dict[str, Decimal]:
    return {found.client_order_id: found.remaining for found in state.orders.values()}


def statuses(orders: tuple[Order, ...]) -> dict[str, OrderStatus]:
    return {found.client_order_id: found.status for found in orders}


@pytest.mark.parametrize("closing", [order(Side.SELL), order(Side.SELL, reduce_only=False)], ids=["reduce-only", "plain"])
def test_a_resting_order_expires_when_its_position_is_closed(closing: OrderRequest) -> None:
    state = placed(long_of(), order(Side.SELL, price="105", name="target")).account
    outcome = placed(state, closing)
    assert statuses(outcome.orders)["target"] is OrderStatus.EXPIRED
    assert outcome.account.orders == {}


def test_it_does_not_eat_the_next_position() -> None:
    market = quotes(bar(1, "100", "106", "100", "106"))
    state = placed(long_of(), order(Side.SELL, price="105", name="target"), market).account
    state = placed(state, order(Side.SELL, reduce_only=False), market).account
    state = placed(state, order(Side.BUY, "7", reduce_only=False), market).account
    outcome = looked_at(state, market.at(2 * MINUTE_MS))
    assert (outcome.account.position("BTCUSDT").amount, outcome.fills) == (Decimal(7), ())


def test_a_resting_order_expires_when_its_position_is_turned() -> None:
    state = placed(long_of(), order(Side.SELL, price="105", name="target")).account
    outcome = placed(state, order(Side.SELL, "15", reduce_only=False))
    assert (outcome.account.position("BTCUSDT").amount, resting(outcome.account)) == (Decimal(-5), {})


def test_a_candle_that_closes_the_position_ends_the_other_orders_at_once() -> None:
    market = quotes(bar(1, "100", "111", "94", "100"))
    state = placed(long_of(), order(Side.SELL, "4", price="110", name="far"), market).account
    state = placed(state, order(Side.SELL, "6", price="109", name="near"), market).account
    state = place_algo_order(state, closing_stop(time_in_force="GTC"), market, STAMP)[0].account
    outcome = looked_at(state, market.at(2 * MINUTE_MS))
    assert statuses(outcome.orders) == {
        "far": OrderStatus.EXPIRED,
        "near": OrderStatus.EXPIRED,
        "STOP_MARKET@95": OrderStatus.FILLED,
    }
    assert {found.updated_ms for found in outcome.orders} == {market.dated(2 * MINUTE_MS - 1)}


def test_a_better_price_replaces_a_worse_one() -> None:
    state = placed(long_of(), order(Side.SELL, price="110", name="worse")).account
    outcome = placed(state, order(Side.SELL, price="105", name="better"))
    assert (statuses(outcome.orders), resting(outcome.account)) == ({"worse": OrderStatus.EXPIRED}, {"better": Decimal(10)})


def test_the_worst_ones_go_first_and_only_as_many_as_needed() -> None:
    state = long_of()
    for quantity, price in (("3", "106"), ("3", "108"), ("4", "107")):
        state = placed(state, order(Side.SELL, quantity, price=price, name=f"at {price}")).account
    outcome = placed(state, order(Side.SELL, "2", price="105", name="new"))
    assert statuses(outcome.orders) == {"at 108": OrderStatus.EXPIRED}
    assert resting(outcome.account) == {"at 106": Decimal(3), "at 107": Decimal(4), "new": Decimal(2)}


def test_better_orders_that_take_it_all_refuse_a_worse_one() -> None:
    state = placed(long_of(), order(Side.SELL, price="105", name="better")).account
    for price in ("105", "106"):
        with pytest.raises(VenueError) as refusal:
            placed(state, order(Side.SELL, price=price, name="worse"))
        assert refusal.value.code == -2022


def test_a_worse_order_gets_what_better_ones_leave() -> None:
    state = placed(long_of(), order(Side.SELL, "6", price="105", name="better")).account
    assert resting(placed(state, order(Side.SELL, price="106", name="worse")).account)["worse"] == Decimal(4)


def test_a_market_order_comes_before_every_price() -> None:
    state = placed(long_of(), order(Side.SELL, price="105", name="target")).account
    outcome = placed(state, order(Side.SELL, "4"))
    assert statuses(outcome.orders)["target"] is OrderStatus.EXPIRED
    assert outcome.account.position("BTCUSDT").amount == Decimal(6)


def test_an_order_that_comes_to_nothing_replaces_nothing() -> None:
    state = placed(long_of(), order(Side.SELL, price="110", name="target")).account
    outcome = placed(state, replace(order(Side.SELL, price="105", name="now"), time_in_force="IOC"))
    assert (statuses(outcome.orders), resting(outcome.account)) == ({"now": OrderStatus.EXPIRED}, {"target": Decimal(10)})


def test_a_plain_order_of_the_other_side_is_nobodys_rival() -> None:
    state = placed(long_of(), order(Side.BUY, price="90", reduce_only=False, name="add")).account
    assert resting(placed(state, order(Side.SELL, price="105", name="target")).account).keys() == {"add", "target"}


def test_what_is_left_of_an_order_expires_with_the_position() -> None:
    """A plain order takes a part of the position before the candle comes: the rest of the target has nothing left to reduce."""
    market = quotes(bar(1, "100", "106", "100", "106"))
    state = placed(long_of(), order(Side.SELL, price="105", name="target"), market).account
    state = placed(state, order(Side.SELL, "4", reduce_only=False), market).account
    outcome = looked_at(state, market.at(2 * MINUTE_MS))
    (target,) = outcome.orders
    assert (target.status, target.executed, target.quantity) == (OrderStatus.EXPIRED, Decimal(6), Decimal(10))
    assert outcome.account.position("BTCUSDT").amount == 0


def test_new_terms_find_room_or_are_refused() -> None:
    state = placed(long_of(), order(Side.SELL, "6", price="105", name="near")).account
    state = placed(state, order(Side.SELL, "4", price="106", name="far")).account
    far = next(found for found in state.orders.values() if found.client_order_id == "far")

    def amended(quantity: str, price: str) -> Outcome:
        terms = Amendment("BTCUSDT", Side.SELL, Decimal(quantity), Decimal(price))
        return amend_order(state, terms, OrderReference(far.order_id, ""), quotes(), STAMP)[0]

    with pytest.raises(VenueError, match="-2022"):
        amended("5", "106")
    outcome = amended("5", "104")
    assert (statuses(outcome.orders), resting(outcome.account)) == ({"near": OrderStatus.EXPIRED}, {"far": Decimal(5)})


def test_a_stop_without_a_quantity_ends_with_its_position() -> None:
    market = quotes()
    outcome, stop = place_algo_order(long_of(), closing_stop(), market, STAMP)
    closed = placed(outcome.account, order(Side.SELL), market)
    assert [(algo.algo_id, algo.status) for algo in closed.algo_orders] == [(stop.algo_id, AlgoStatus.EXPIRED)]
    assert closed.account.algo_orders == {}


def test_a_stop_with_a_quantity_outlives_its_position_and_is_rejected_when_it_triggers() -> None:
    market = quotes(bar(1, "100", "100", "94", "96"))
    state = place_algo_order(long_of(), closing_stop(time_in_force="GTC"), market, STAMP)[0].account
    state = placed(state, order(Side.SELL), market).account
    assert len(state.algo_orders) == 1
    outcome = looked_at(state, market.at(2 * MINUTE_MS))
    assert [algo.status for algo in outcome.algo_orders] == [AlgoStatus.REJECTED]
    assert outcome.account.position("BTCUSDT").amount == 0


def test_what_ends_with_a_position_needs_one() -> None:
    with pytest.raises(VenueError, match="-4509"):
        place_algo_order(account(evaluated_ms=MINUTE_MS), closing_stop(), quotes(), STAMP)


def test_one_stop_and_one_target_close_the_whole_position() -> None:
    state = place_algo_order(long_of(), closing_stop(), quotes(), STAMP)[0].account
    state = place_algo_order(state, closing_stop(OrderKind.TAKE_PROFIT_MARKET, "105"), quotes(), STAMP)[0].account
    with pytest.raises(VenueError, match="-4130"):
        place_algo_order(state, closing_stop(trigger="94"), quotes(), STAMP)


def test_more_orders_than_a_transaction_holds_end_at_the_next_look() -> None:
    state = long_of("40")
    for number in range(30):
        state = placed(state, order(Side.SELL, "1", price=str(110 + number), name=f"target {number}")).account
    closed = placed(state, order(Side.SELL, "40", reduce_only=False))
    assert len(closed.orders) == 1 + MAX_EXPIRED_AT_ONCE
    later = looked_at(closed.account, quotes())
    assert (len(later.orders), later.account.orders) == (30 - MAX_EXPIRED_AT_ONCE, {})
    assert {found.updated_ms for found in (*closed.orders, *later.orders)} == {STAMP.wall_ms}
