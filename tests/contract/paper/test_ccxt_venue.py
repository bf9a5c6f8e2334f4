"""The executor's side of a venue (`adapters/ccxt/`) against the paper exchange over HTTP: effect, cost and errors of calls."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.adapters.ccxt.clients import Templates
from candlecast.adapters.ccxt.market_data import CcxtMarketData, download_markets
from candlecast.adapters.ccxt.venue import CcxtVenue, CcxtVenues
from candlecast.domain.market.market import Market
from candlecast.domain.orders.intent import Intent, LegKind
from candlecast.domain.values.errors import Ambiguous, DomainError, Reject, RetryLater
from candlecast.domain.values.terms import MarginMode, OrderType, PositionSide
from candlecast.domain.values.timeframe import Timeframe
from candlecast.domain.venue.reports import VenueOrderStatus
from candlecast.ports.venue import Credentials
from tests.support.builders import NOW, an_intent
from tests.support.paper_venue import BTC_SYMBOL, MINUTE_MS, PATIENCE_SECONDS, START_MS, PaperVenue

QUANTITY = Decimal("0.01")
ORDER_PATH = {"path": "/fapi/v1/order", "method": "POST"}
Connect = Callable[[dict[str, str]], CcxtVenue]


@pytest.fixture
def templates(market: PaperVenue) -> Templates:
    """The templates of an executor's environment: the catalogue's markets, read once."""
    catalogue: dict[str, Market] = {found.symbol: found for found in download_markets("binanceusdm", market.base_url)}
    templates = Templates({"paper": ("binanceusdm", market.base_url)}, lambda _: catalogue)
    templates.of("paper").timeout = 1_000 * PATIENCE_SECONDS
    return templates


@pytest.fixture
def connect(templates: Templates) -> Connect:
    venues = CcxtVenues(templates)
    return lambda keys: venues.connect("paper", "account", "1", Credentials(keys["api_key"], keys["api_secret"]))


@pytest.fixture
def account_keys(market: PaperVenue) -> dict[str, str]:
    return market.open_account(account_id="tenant")


@pytest.fixture
def account(connect: Connect, account_keys: dict[str, str]) -> CcxtVenue:
    return connect(account_keys)


def intent(kind: LegKind = LegKind.ENTRY, **changes: Any) -> Intent:
    trigger = {LegKind.STOP_LOSS: Decimal(49_000), LegKind.TAKE_PROFIT: Decimal(52_000)}.get(kind)
    values = {"quantity": QUANTITY, **({"trigger_price": trigger} if trigger else {})}
    return an_intent(kind, **{**values, **changes})


def place(venue: CcxtVenue, leg: Intent) -> Any:
    return venue.create_order(leg.request())


def test_the_catalogue_takes_over_the_venues_filters(market: PaperVenue) -> None:
    found = download_markets("binanceusdm", market.base_url)
    assert found == [
        Market(
            symbol=BTC_SYMBOL,
            venue_symbol="BTCUSDT",
            base="BTC",
            quote="USDT",
            price_step=Decimal("0.1"),
            quantity_step=Decimal("0.001"),
            min_quantity=Decimal("0.001"),
            max_quantity=Decimal(100_000),
            min_notional=Decimal(100),
            taker_fee=found[0].taker_fee,
            multiplier_up=Decimal("1.05"),
            multiplier_down=Decimal("0.95"),
        )
    ]


@pytest.mark.parametrize("side", PositionSide)
def test_the_catalogues_price_band_is_the_exchanges_own(
    market: PaperVenue, templates: Templates, account: CcxtVenue, side: PositionSide
) -> None:
    (banded,) = download_markets("binanceusdm", market.base_url)
    furthest = banded.furthest_price(CcxtMarketData(templates).quote("paper", BTC_SYMBOL, NOW).mark_price, side)
    assert furthest is not None
    limit: dict[str, Any] = {"order_type": OrderType.LIMIT, "position_side": side}
    with pytest.raises(Reject, match="OUTSIDE_PRICE_BAND"):
        place(account, intent(price=banded.round_price(furthest) + banded.price_step * side.sign, **limit))
    place(account, intent(price=banded.round_price(furthest), **limit))


def test_an_entry_is_filled_and_found_again_with_its_fee(account: CcxtVenue) -> None:
    placed = place(account, intent())
    assert (placed.status, placed.filled_quantity, placed.average_price) == (VenueOrderStatus.FILLED, QUANTITY, Decimal(50_005))
    found = account.find_order(intent())
    assert found == replace(placed, fee=Decimal("0.250025"))
    assert account.find_order(intent(signal_id="another")) is None


def test_stop_and_target_wait_and_are_found_when_the_stop_has_filled(market: PaperVenue, account: CcxtVenue) -> None:
    market.load(["50000"] * 61 + [("50000", "50000", "48500", "49000")] + ["49000"] * 9)
    stop, target = intent(LegKind.STOP_LOSS), intent(LegKind.TAKE_PROFIT)
    for leg in (intent(), stop, target):
        place(account, leg)
    resting = account.open_orders(BTC_SYMBOL)
    assert {(o.client_order_id, o.side, o.quantity, o.trigger_price) for o in resting} == {
        (leg.client_order_id, leg.side, QUANTITY, leg.trigger_price) for leg in (stop, target)
    }
    assert {o.market for o in resting} == {BTC_SYMBOL}
    waiting = account.find_order(stop)
    assert waiting is not None
    assert waiting.status is VenueOrderStatus.OPEN
    market.set_minute(62)
    filled = account.find_order(stop)
    assert filled is not None
    assert (filled.status, filled.average_price) == (VenueOrderStatus.FILLED, Decimal("48995.1"))
    assert filled.fee == QUANTITY * Decimal("48995.1") * Decimal("0.0005")
    assert [o.client_order_id for o in account.open_orders()] == [target.client_order_id]
    assert account.positions() == []


def test_an_order_that_somebody_else_placed_is_among_the_open_ones(templates: Templates, account: CcxtVenue) -> None:
    account._client.create_order(BTC_SYMBOL, "limit", "buy", "0.02", "49000", {"clientOrderId": "web_1"})
    (external,) = account.open_orders(BTC_SYMBOL)
    assert (external.client_order_id, external.quantity, external.trigger_price) == ("web_1", Decimal("0.02"), None)


def test_open_orders_of_both_kinds_are_cancelled_though_no_intent_knows_them(account: CcxtVenue) -> None:
    place(account, intent())
    place(account, intent(LegKind.STOP_LOSS))
    account._client.create_order(BTC_SYMBOL, "limit", "buy", "0.02", "49000", {"clientOrderId": "web_1"})
    resting = account.open_orders(BTC_SYMBOL)
    for order in (*resting, *resting):  # what is gone is no error
        account.cancel_open_order(order)
    assert (len(resting), account.open_orders(BTC_SYMBOL)) == (2, [])


def test_trades_since_an_instant_name_orders_that_are_found_by_the_venues_id(account: CcxtVenue) -> None:
    entry, leave = intent(), intent(LegKind.EXIT)
    begun = datetime.now(UTC) - timedelta(seconds=1)  # a trade is stamped with wall time, as an order is
    place(account, entry)
    (bought,) = account.trades_since(BTC_SYMBOL, begun)
    assert (bought.side, bought.quantity, bought.price, bought.fee) == (
        entry.side,
        QUANTITY,
        Decimal(50_005),
        Decimal("0.250025"),
    )
    place(account, leave)
    assert [trade.side for trade in account.trades_since(BTC_SYMBOL, begun)] == [entry.side, leave.side]
    later = account.trades_since(BTC_SYMBOL, bought.traded_at + timedelta(milliseconds=1))
    assert [trade.side for trade in later] == [leave.side]
    found = account.find_order_by_venue_id(BTC_SYMBOL, bought.venue_order_id)
    assert found is not None
    assert (found.client_order_id, found.status, found.filled_quantity) == (
        entry.client_order_id,
        VenueOrderStatus.FILLED,
        QUANTITY,
    )
    assert account.find_order_by_venue_id(BTC_SYMBOL, "987654321") is None


def test_fees_of_an_order_funding_and_rates_are_the_exchanges_own(market: PaperVenue, account: CcxtVenue) -> None:
    market.operate("PUT", "/funding", {})
    market.load(["50000"] * 600)
    begun = datetime.now(UTC) - timedelta(seconds=1)
    order = place(account, intent())
    (bought,) = account.trades_of(BTC_SYMBOL, order.venue_order_id)
    assert (bought.fee_paid, bought.fee_asset, bought.quantity) == (Decimal("0.250025"), "USDT", QUANTITY)
    assert account.trades_of(BTC_SYMBOL, "987654321") == []
    market.set_minute(481)
    (paid,) = account.funding(begun, datetime.now(UTC) + timedelta(seconds=1))
    assert (paid.market, paid.asset, paid.amount) == (BTC_SYMBOL, "USDT", Decimal("-0.05"))
    rates = account.fee_rates(BTC_SYMBOL, NOW)
    assert (rates.maker, rates.taker) == (Decimal("0.0002"), Decimal("0.0005"))
    assert account.mark_of("BTC", "USDT") == 50_000
    with pytest.raises(Reject, match="UNKNOWN_MARKET"):
        account.mark_of("BNB", "USDT")
    assert account.balance(NOW).assets == {"USDT": account.balance(NOW).equity}


def test_the_cap_of_a_leverage_is_the_exchanges_own(market: PaperVenue, account: CcxtVenue) -> None:
    account.set_market_settings(BTC_SYMBOL, Decimal(125), MarginMode.CROSS)
    cap = account.leverage_caps({BTC_SYMBOL: Decimal(125)}, NOW)[BTC_SYMBOL]
    assert cap.notional is not None
    most = (cap.notional / Decimal(50_010)).quantize(QUANTITY)
    with pytest.raises(Reject, match="POSITION_LIMIT"):
        place(account, intent(quantity=most + Decimal("0.1")))
    assert place(account, intent(quantity=most - Decimal("0.1"), signal_id="within")).status is VenueOrderStatus.FILLED


def test_cancelling_what_is_gone_is_no_error(account: CcxtVenue) -> None:
    place(account, intent())
    place(account, intent(LegKind.STOP_LOSS))
    for _ in range(2):
        account.cancel_order(intent(LegKind.STOP_LOSS))
    account.cancel_order(intent())
    cancelled = account.find_order(intent(LegKind.STOP_LOSS))
    assert cancelled is not None
    assert cancelled.status is VenueOrderStatus.CANCELLED


def test_settings_may_be_set_to_what_they_are(account: CcxtVenue) -> None:
    for _ in range(2):
        account.set_market_settings(BTC_SYMBOL, Decimal(7), MarginMode.ISOLATED)


def test_positions_and_balance(account: CcxtVenue) -> None:
    account.set_market_settings(BTC_SYMBOL, Decimal(10), MarginMode.CROSS)
    place(account, intent(position_side=PositionSide.SHORT))
    position = account.positions()[0]
    assert (position.market, position.side, position.quantity) == (BTC_SYMBOL, PositionSide.SHORT, QUANTITY)
    assert position.entry_price == Decimal(49_995)
    balance = account.balance(NOW)
    wallet = 10_000 - QUANTITY * 49_995 * Decimal("0.0005") - QUANTITY * 5
    assert (balance.equity, balance.available, balance.as_of) == (wallet, wallet - 50, NOW)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": Decimal(100)}, "INSUFFICIENT_FUNDS"),
        ({"quantity": Decimal("0.001")}, "NOTIONAL_TOO_SMALL"),
        ({"kind": LegKind.EXIT}, "VENUE_REJECTED"),
        ({"kind": LegKind.STOP_LOSS, "trigger_price": Decimal(51_000)}, "WOULD_TRIGGER"),
    ],
    ids=["margin", "minimum notional", "nothing to reduce", "would trigger at once"],
)
def test_what_the_venue_refuses_for_good_is_a_reject(account: CcxtVenue, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Reject) as refused:
        place(account, intent(**changes))
    assert refused.value.code == code


def test_a_revoked_key_is_refused_even_after_it_has_worked(
    market: PaperVenue, account: CcxtVenue, account_keys: dict[str, str]
) -> None:
    place(account, intent())
    market.operate("DELETE", f"/accounts/tenant/keys/{account_keys['key_id']}")
    with pytest.raises(RetryLater, match="KEYS_REFUSED"):  # a second look decides
        place(account, intent(signal_id="next"))


def test_an_open_duplicate_is_an_unknown_outcome(account: CcxtVenue) -> None:
    place(account, intent(LegKind.STOP_LOSS))
    with pytest.raises(Ambiguous):
        place(account, intent(LegKind.STOP_LOSS))


@pytest.mark.parametrize(
    ("fault", "instruction"),
    [
        ({"kind": "timeout", "executed": True}, Ambiguous),
        ({"kind": "timeout"}, Ambiguous),
        ({"kind": "server_error", "executed": True}, Ambiguous),
        ({"kind": "unavailable"}, RetryLater),
        ({"kind": "closed", "executed": True}, Ambiguous),
        ({"kind": "rate_limited", "retry_after_seconds": 3}, RetryLater),
        ({"kind": "banned", "retry_after_seconds": 3}, RetryLater),
    ],
    ids=lambda value: f"{value['kind']}{'-executed' if value.get('executed') else ''}" if isinstance(value, dict) else "",
)
def test_a_lost_answer_is_ambiguous_and_a_refused_one_comes_again(
    market: PaperVenue, account: CcxtVenue, fault: dict[str, Any], instruction: type[DomainError]
) -> None:
    market.operate("POST", "/faults", {**ORDER_PATH, **fault})
    with pytest.raises(instruction) as raised:
        place(account, intent())
    if "retry_after_seconds" in fault:
        assert isinstance(raised.value, RetryLater)
        assert raised.value.after_seconds == fault["retry_after_seconds"]
    assert (account.find_order(intent()) is not None) is fault.get("executed", False)


def test_a_clock_that_is_wrong_is_told_apart(market: PaperVenue, account: CcxtVenue) -> None:
    market.wall_clock.offset_ms = 60_000
    with pytest.raises(RetryLater, match="CLOCK_SKEWED"):
        place(account, intent())


def test_an_order_costs_one_request_and_nothing_is_downloaded(market: PaperVenue, account: CcxtVenue) -> None:
    market.operate("PUT", "/counting", {"counting": True})
    place(account, intent())
    place(account, intent(LegKind.STOP_LOSS))
    assert market.operate("GET", "/counts")["counts"] == {"tenant": {"POST /fapi/v1/order": 1, "POST /fapi/v1/algoOrder": 1}}


def test_fifty_accounts_in_parallel_with_failures_never_sign_for_each_other(market: PaperVenue, connect: Connect) -> None:
    keys = {f"user{number:02}": market.open_account(account_id=f"user{number:02}") for number in range(50)}
    for kind in ("timeout", "rate_limited", "server_error"):
        market.operate("POST", "/faults", {**ORDER_PATH, "kind": kind, "count": 10})
    bad = {**keys["user00"], "api_secret": "wrong"}

    def trade(name: str) -> None:
        venue = connect(bad if name == "user00" else keys[name])
        for number in range(3):
            try:
                place(venue, intent(signal_id=f"{name}-{number}", subscription_id=name))
            except DomainError:
                continue

    with ThreadPoolExecutor(max_workers=50) as pool:
        list(pool.map(trade, keys))
    owner = {
        intent(signal_id=f"{name}-{number}", subscription_id=name).client_order_id: name for name in keys for number in range(3)
    }
    orders = market.book("orders")
    assert len({row["client_order_id"] for row in orders}) == len(orders)
    assert 49 * 3 - 30 <= len(orders) <= 49 * 3
    for row in orders:
        name = owner[row["client_order_id"]]
        assert name != "user00"
        assert (row["account_id"], row["signed_by"]) == (name, keys[name]["key_id"])


def test_candles_and_prices_are_those_of_the_market_clock(market: PaperVenue, templates: Templates) -> None:
    market.load([str(100 + minute) for minute in range(90)])
    market.set_minute(60)
    data = CcxtMarketData(templates)
    until = datetime.fromtimestamp((START_MS + 60 * MINUTE_MS) / 1000, UTC)
    minutes = data.candles("paper", BTC_SYMBOL, Timeframe.M1, until, 5)
    assert [candle.close for candle in minutes] == [Decimal(155 + index) for index in range(5)]
    tens = data.candles("paper", BTC_SYMBOL, Timeframe.M10, until, 3)
    assert [(candle.open, candle.close, candle.volume) for candle in tens] == [
        (Decimal(start), Decimal(start + 9), Decimal(100)) for start in (130, 140, 150)
    ]
    assert data.quote("paper", BTC_SYMBOL, until).mark_price == Decimal(159)
    with pytest.raises(Reject, match="UNKNOWN_MARKET"):
        data.quote("paper", "NO/SUCH:SUCH", until)


@pytest.mark.parametrize("count", [1_001, 1_500])
def test_more_candles_than_the_venue_lists_at_once_end_with_the_newest(
    market: PaperVenue, templates: Templates, count: int
) -> None:
    market.load([str(100 + minute) for minute in range(1_700)])
    market.set_minute(1_600)
    until = datetime.fromtimestamp((START_MS + 1_600 * MINUTE_MS) / 1000, UTC)
    found = CcxtMarketData(templates).candles("paper", BTC_SYMBOL, Timeframe.M1, until, count)
    assert [candle.close for candle in found] == [Decimal(100 + minute) for minute in range(1_600 - count, 1_600)]


def test_settled_rates_of_funding_are_listed_from_a_start_on(market: PaperVenue, templates: Templates) -> None:
    market.load(["100"] * 2_880)
    market.set_minute(60)
    market.operate("PUT", "/funding", {"rate": "-0.0002"})
    market.set_minute(1_000)
    start = datetime.fromtimestamp(START_MS / 1000, UTC)
    found = CcxtMarketData(templates).funding_rates("paper", BTC_SYMBOL, start, start + timedelta(minutes=1_000))
    assert [(each.at, each.rate) for each in found] == [(start + timedelta(hours=hours), Decimal("-0.0002")) for hours in (8, 16)]
    later = CcxtMarketData(templates).funding_rates("paper", BTC_SYMBOL, start + timedelta(hours=8, milliseconds=1), NOW)
    assert list(later) == found[1:]
    before = start + timedelta(hours=8)
    assert list(CcxtMarketData(templates).funding_rates("paper", BTC_SYMBOL, start, before)) == [], "the end is not included"


def test_a_quote_has_best_prices_mark_price_and_funding(market: PaperVenue, templates: Templates) -> None:
    market.load([str(100 + minute) for minute in range(90)])
    market.set_minute(60)
    quote = CcxtMarketData(templates).quote("paper", BTC_SYMBOL, NOW)
    assert quote.bid <= Decimal(159) <= quote.ask
    assert quote.bid <= quote.mark_price <= quote.ask
    assert quote.funding_rate is not None
    assert quote.as_of == NOW
