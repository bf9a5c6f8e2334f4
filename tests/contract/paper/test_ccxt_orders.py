"""Every kind of order through `adapters/ccxt/venue.py` to the paper exchange over HTTP: placed, found, taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.adapters.ccxt.clients import Templates
from candlecast.adapters.ccxt.market_data import download_markets
from candlecast.adapters.ccxt.venue import CcxtVenue, CcxtVenues
from candlecast.domain.orders.intent import Intent, LegKind
from candlecast.domain.values.errors import Reject
from candlecast.domain.values.terms import MarginMode, OrderType, PositionMode, PositionSide, TimeInForce, WorkingType
from candlecast.domain.venue.reports import StopTrigger, VenueOrderStatus
from candlecast.domain.venue.rules import BINANCE_USDM
from candlecast.ports.venue import Credentials
from tests.support.builders import an_intent
from tests.support.paper_venue import BTC_SYMBOL, PATIENCE_SECONDS, PaperVenue

D = Decimal
QUANTITY = D("0.01")
CALM = ["50000"] * 61
HEDGE = PositionMode.HEDGE
Candles = list[str | tuple[str, str, str, str]]


@pytest.fixture
def account(market: PaperVenue) -> CcxtVenue:
    catalogue = {found.symbol: found for found in download_markets("binanceusdm", market.base_url)}
    templates = Templates({"paper": ("binanceusdm", market.base_url)}, lambda _: catalogue)
    templates.of("paper").timeout = 1_000 * PATIENCE_SECONDS
    keys = market.open_account(account_id="tenant")
    return CcxtVenues(templates).connect("paper", "account", "1", Credentials(keys["api_key"], keys["api_secret"]))


def entry(order_type: OrderType = OrderType.MARKET, **changes: Any) -> Intent:
    return an_intent(quantity=QUANTITY, order_type=order_type, **changes)


def protective(kind: LegKind, order_type: OrderType, **changes: Any) -> Intent:
    return an_intent(kind, leg=changes.pop("leg", order_type.value), quantity=QUANTITY, **{"order_type": order_type, **changes})


def place(venue: CcxtVenue, leg: Intent, mode: PositionMode = PositionMode.ONE_WAY) -> Any:
    return venue.create_order(leg.request(mode))


def status_of(venue: CcxtVenue, leg: Intent) -> tuple[VenueOrderStatus, Decimal, Decimal | None] | None:
    found = venue.find_order(leg)
    return None if found is None else (found.status, found.filled_quantity, found.average_price)


def goes_on(market: PaperVenue, *candles: str | tuple[str, str, str, str]) -> None:
    """A minute of the market for each candle, after the calm."""
    rows: Candles = [*CALM, *candles, *[candles[-1] if isinstance(candles[-1], str) else candles[-1][3]] * 5]
    market.load(rows)


def test_a_limit_entry_rests_until_its_price_comes(market: PaperVenue, account: CcxtVenue) -> None:
    goes_on(market, ("50000", "50000", "48900", "49500"))
    leg = entry(OrderType.LIMIT, price=D(49_000))
    placed = place(account, leg)
    assert (placed.status, placed.filled_quantity) == (VenueOrderStatus.OPEN, 0)
    (resting,) = account.open_orders(BTC_SYMBOL)
    assert (resting.client_order_id, resting.is_conditional, resting.trigger_price) == (leg.client_order_id, False, None)
    assert status_of(account, leg) == (VenueOrderStatus.OPEN, D(0), None)
    market.set_minute(62)
    assert status_of(account, leg) == (VenueOrderStatus.FILLED, QUANTITY, D(49_000))
    assert [(p.quantity, p.entry_price) for p in account.positions()] == [(QUANTITY, D(49_000))]


def test_a_limit_entry_is_taken_back(account: CcxtVenue) -> None:
    leg = entry(OrderType.LIMIT, price=D(49_000))
    place(account, leg)
    for _ in range(2):
        account.cancel_order(leg)
    assert status_of(account, leg) == (VenueOrderStatus.CANCELLED, D(0), None)
    assert account.open_orders(BTC_SYMBOL) == []


def test_an_immediate_order_that_meets_nobody_is_gone(account: CcxtVenue) -> None:
    placed = place(account, entry(OrderType.LIMIT, price=D(49_000), time_in_force=TimeInForce.IOC))
    assert (placed.status, placed.filled_quantity) == (VenueOrderStatus.CANCELLED, 0)
    taken = place(account, entry(OrderType.LIMIT, signal_id="next", price=D(50_100), time_in_force=TimeInForce.IOC))
    assert (taken.status, taken.filled_quantity) == (VenueOrderStatus.FILLED, QUANTITY)


def test_a_post_only_order_rests_or_is_not_placed(account: CcxtVenue) -> None:
    resting = place(account, entry(OrderType.LIMIT, price=D(49_000), post_only=True))
    assert resting.status is VenueOrderStatus.OPEN
    taker = entry(OrderType.LIMIT, signal_id="next", price=D(50_100), post_only=True)
    try:
        ended = place(account, taker)
    except Reject as refused:
        assert refused.code == "ENTRY_NOT_FILLED"
    else:
        assert (ended.status, ended.filled_quantity) == (VenueOrderStatus.CANCELLED, 0)
    assert account.positions() == []


@pytest.mark.parametrize(
    ("order_type", "prices", "filled_at"),
    [
        (OrderType.STOP_MARKET, {"trigger_price": D(51_000)}, None),
        (OrderType.STOP_LIMIT, {"trigger_price": D(51_000), "price": D(51_050)}, None),
    ],
)
def test_a_stop_entry_waits_for_its_trigger(
    market: PaperVenue, account: CcxtVenue, order_type: OrderType, prices: dict[str, Decimal], filled_at: None
) -> None:
    goes_on(market, ("50000", "51200", "50000", "51000"))
    leg = entry(order_type, **prices)
    assert place(account, leg).status is VenueOrderStatus.OPEN
    (resting,) = account.open_orders(BTC_SYMBOL)
    assert (resting.client_order_id, resting.is_conditional, resting.trigger_price) == (leg.client_order_id, True, D(51_000))
    market.set_minute(62)
    found = account.find_order(leg)
    assert found is not None
    assert (found.status, found.filled_quantity) == (VenueOrderStatus.FILLED, QUANTITY)
    assert found.average_price is not None
    assert D(51_000) <= found.average_price <= D(51_050)


def test_a_stop_limit_that_was_triggered_and_rests_is_taken_back(market: PaperVenue, account: CcxtVenue) -> None:
    goes_on(market, ("51000", "51200", "50900", "51200"), "51500")
    leg = entry(OrderType.STOP_LIMIT, trigger_price=D(51_000), price=D(50_500))
    place(account, leg)
    market.set_minute(62)
    assert status_of(account, leg) == (VenueOrderStatus.OPEN, D(0), None)
    account.cancel_order(leg)
    assert status_of(account, leg) == (VenueOrderStatus.CANCELLED, D(0), None)
    assert account.open_orders(BTC_SYMBOL) == []


def test_a_target_with_a_price_is_filled_at_it_or_better(market: PaperVenue, account: CcxtVenue) -> None:
    goes_on(market, ("50000", "52500", "50000", "52200"), "52200")
    target = protective(LegKind.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT, trigger_price=D(52_000), price=D(52_000))
    for leg in (entry(), target):
        place(account, leg)
    assert [order.reduce_only for order in account.open_orders(BTC_SYMBOL)] == [True]
    market.set_minute(63)  # triggered in the first minute, met in the second
    found = account.find_order(target)
    assert found is not None
    assert (found.status, found.filled_quantity) == (VenueOrderStatus.FILLED, QUANTITY)
    assert found.average_price is not None
    assert found.average_price >= 52_000
    assert account.positions() == []


def test_an_order_for_all_or_nothing_that_meets_nobody_is_gone(account: CcxtVenue) -> None:
    with pytest.raises(Reject, match="ENTRY_NOT_FILLED"):
        place(account, entry(OrderType.LIMIT, price=D(49_000), time_in_force=TimeInForce.FOK))
    taken = place(account, entry(OrderType.LIMIT, signal_id="next", price=D(50_100), time_in_force=TimeInForce.FOK))
    assert (taken.status, taken.filled_quantity) == (VenueOrderStatus.FILLED, QUANTITY)


@pytest.mark.parametrize("order_type", [OrderType.LIMIT, OrderType.STOP_LIMIT])
@pytest.mark.parametrize("rests", [60, 660])
def test_an_entry_that_rests_ends_at_the_venue_by_itself(
    market: PaperVenue, account: CcxtVenue, order_type: OrderType, rests: int
) -> None:
    now = datetime.fromtimestamp(market.wall_clock() / 1000, UTC)
    trigger = D(51_000) if order_type is OrderType.STOP_LIMIT else None
    price = D(49_000) if trigger is None else D(51_050)
    leg = entry(order_type, price=price, trigger_price=trigger, submitted_at=now, expires_at=now + timedelta(seconds=rests))
    placed = account.create_order(leg.request(rules=BINANCE_USDM))
    assert placed.status is VenueOrderStatus.OPEN
    market.load([*CALM, *["50000"] * 20])
    market.set_minute(61 + 9)
    assert status_of(account, leg) == (VenueOrderStatus.OPEN, D(0), None)
    market.set_minute(61 + 12)
    assert status_of(account, leg) == (VenueOrderStatus.CANCELLED, D(0), None)


@pytest.mark.parametrize(("working_type", "status"), [("MARK_PRICE", "FILLED"), ("CONTRACT_PRICE", "OPEN")])
def test_a_stop_is_triggered_by_the_price_that_was_chosen(
    market: PaperVenue, account: CcxtVenue, working_type: str, status: str
) -> None:
    goes_on(market, ("50000", "50000", "49500", "49500"))
    place(account, entry())
    market.operate("PUT", "/mark", {"offset_bps": "-100", "symbols": ["BTCUSDT"]})
    trigger = StopTrigger(working_type=WorkingType(working_type))
    leg = protective(LegKind.STOP_LOSS, OrderType.STOP_MARKET, trigger_price=D(49_203), stop_trigger=trigger)
    place(account, leg)
    market.set_minute(62)
    found = account.find_order(leg)
    assert found is not None
    assert found.status == status


def test_a_protected_stop_waits_while_mark_and_last_price_are_far_apart(market: PaperVenue, account: CcxtVenue) -> None:
    goes_on(market, ("50000", "50000", "47500", "47500"))
    place(account, entry())
    market.operate("PUT", "/mark", {"offset_bps": "900", "symbols": ["BTCUSDT"]})
    legs = [
        protective(
            LegKind.STOP_LOSS,
            OrderType.STOP_MARKET,
            leg=f"protected {protect}",
            trigger_price=D(48_000),
            stop_trigger=StopTrigger(price_protect=protect),
        )
        for protect in (True, False)
    ]
    for leg in legs:
        place(account, leg)
    market.set_minute(62)
    found = [account.find_order(leg) for leg in legs]
    assert [order and order.status for order in found] == [VenueOrderStatus.OPEN, VenueOrderStatus.FILLED]


@pytest.mark.parametrize("activation", [None, D(50_500)])
def test_a_trailing_stop_follows_and_closes_when_the_price_comes_back(
    market: PaperVenue, account: CcxtVenue, activation: Decimal | None
) -> None:
    goes_on(market, ("50000", "52000", "50000", "52000"), ("52000", "52000", "51000", "51000"), "51000")
    trailing = protective(LegKind.TRAILING_STOP, OrderType.TRAILING_STOP, trigger_price=activation, callback_percent=D("1.5"))
    for leg in (entry(), trailing):
        place(account, leg)
    market.set_minute(62)
    assert status_of(account, trailing) == (VenueOrderStatus.OPEN, D(0), None)
    market.set_minute(63)
    found = account.find_order(trailing)
    assert found is not None
    assert (found.status, found.filled_quantity) == (VenueOrderStatus.FILLED, QUANTITY)
    assert found.average_price is not None
    assert abs(found.average_price - D(52_000) * D("0.985")) < 10  # half a spread
    assert account.positions() == []


def test_a_position_tells_what_it_is_worth_and_where_it_ends(account: CcxtVenue) -> None:
    account.set_market_settings(BTC_SYMBOL, D(20), MarginMode.ISOLATED)
    place(account, entry())
    (position,) = account.positions()
    assert (position.mark_price, position.margin_mode) == (D(50_000), MarginMode.ISOLATED)
    assert position.unrealised_pnl == QUANTITY * (D(50_000) - D(50_005))
    assert position.liquidation_price is not None
    assert 45_000 < position.liquidation_price < 50_000


def test_in_hedge_mode_both_sides_stand_beside_each_other_and_are_closed_apart(account: CcxtVenue) -> None:
    for _ in range(2):
        account.set_position_mode(HEDGE)
    long, short = entry(), entry(signal_id="short", position_side=PositionSide.SHORT)
    for leg in (long, short):
        place(account, leg, HEDGE)
    assert {(p.side, p.quantity) for p in account.positions()} == {(side, QUANTITY) for side in PositionSide}
    stop = protective(LegKind.STOP_LOSS, OrderType.STOP_MARKET, trigger_price=D(49_000))
    place(account, stop, HEDGE)
    assert status_of(account, stop) == (VenueOrderStatus.OPEN, D(0), None)
    leave = replace(an_intent(LegKind.EXIT, quantity=QUANTITY), position_side=PositionSide.SHORT)
    place(account, leave, HEDGE)
    assert [(p.side, p.quantity) for p in account.positions()] == [(PositionSide.LONG, QUANTITY)]
    sides = {trade.position_side for trade in account.trades_since(BTC_SYMBOL, leave.created_at.replace(year=2021))}
    assert sides <= {PositionSide.LONG, PositionSide.SHORT}


def test_an_order_of_the_other_mode_is_refused_by_name(account: CcxtVenue) -> None:
    with pytest.raises(Reject, match="POSITION_MODE_MISMATCH"):
        place(account, entry(), HEDGE)
    account.set_position_mode(HEDGE)
    with pytest.raises(Reject, match="POSITION_MODE_MISMATCH"):
        place(account, entry())


def test_the_mode_is_not_changed_under_a_position(account: CcxtVenue) -> None:
    place(account, entry())
    with pytest.raises(Reject):
        account.set_position_mode(HEDGE)
