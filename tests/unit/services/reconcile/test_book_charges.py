"""Fees and funding as the venue has charged them: booked at the account's turn, told as events, seen by limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.account import MAX_DUE_FEES, MAX_SETTLING, Account
from candlecast.domain.account.booking import CHARGES_GIVEN_UP_AFTER, FEE_RATES_AGE
from candlecast.domain.account.events import Event, EventType
from candlecast.domain.orders.charges import Charge, ChargeKind
from candlecast.domain.orders.position import Position, Trade
from candlecast.domain.reconcile.look_schedule import FULL_LOOK_INTERVAL, due_in_turn
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.domain.venue.reports import FUNDING_AT_ONCE, VenueFunding
from candlecast.services.reconcile import book_charges
from tests.support.builders import BTC, ETH, SUBSCRIPTION, a_quote
from tests.support.money_path import KEY, MoneyPath, bracket

D = Decimal
TURN = 301.0  # seconds: a turn of the account lies within
READS = ("trades_of", "funding", "fee_rates", "mark_of", "leverage_caps")


def a_path(*, charged: str = "0.0003", coin: str | None = None, venue: str = "binanceusdm", **account: Any) -> MoneyPath:
    """An account that pays this fraction; the estimate is 0.0004."""
    path = MoneyPath(venue=venue, **account)
    path.exchange.fee_rate = D(charged)
    path.exchange.books[KEY].fee_coin = coin
    return path


def enter(path: MoneyPath) -> None:
    """Open a long position of 10 at 100, without a stop."""
    now = path.clock.now()
    path.execute(bracket(stop=None, targets=(), issued_at=now), quote=a_quote(as_of=now))


def charges(path: MoneyPath) -> list[Charge]:
    return [told.event.charge for told in path.database.stream if told.event.charge is not None]


def told(path: MoneyPath) -> list[Event]:
    return [each.event for each in path.database.stream if each.event.type is EventType.CHARGE_BOOKED]


def held(path: MoneyPath) -> Position:
    assert path.position is not None
    return path.position


def reads(path: MoneyPath) -> dict[str, int]:
    return {name: path.exchange.count(name) for name in READS if path.exchange.count(name)}


def pay(path: MoneyPath, amount: str, market: str = BTC, asset: str = "USDT", ago: float = 0) -> None:
    at = path.clock.now() - timedelta(seconds=ago)
    path.exchange.books[KEY].funding.append(VenueFunding(market=market, asset=asset, amount=D(amount), paid_at=at))


def last_trade(path: MoneyPath) -> Trade:
    return [each.event.trade for each in path.database.stream if each.event.trade is not None][-1]


# -- fees --------------------------------------------------------------------------------------------------------------------


def test_a_held_positions_fee_becomes_what_was_charged_at_the_accounts_turn() -> None:
    path = a_path()
    path.enter()
    assert (held(path).fees, len(path.account.due_fees)) == (D("0.4"), 1)
    path.reconcile(TURN)
    assert (held(path).fees, path.account.due_fees) == (D("0.3"), {})
    (event,) = told(path)
    assert event.position == held(path), "whatever changes a position is an event of the position"
    charge = event.charge
    assert charge is not None
    assert (charge.kind, charge.amount, charge.correction) == (ChargeKind.FEE, D("0.3"), D("0.1"))
    assert path.account.usage.results_of(SUBSCRIPTION, path.clock.now()).day_pnl == 0, "it counts when the trade does"


def test_a_closed_trade_is_corrected_and_so_are_the_results_that_limits_see() -> None:
    path = a_path()
    enter(path)
    path.leave()
    assert (last_trade(path).fees, path.account.realised_today(SUBSCRIPTION, path.clock.now())) == (D("0.8"), D("-0.8"))
    assert [closed.position.quantity for closed in path.account.settling.values()] == [0]
    path.reconcile(TURN)
    assert (last_trade(path).fees, path.account.realised_today(SUBSCRIPTION, path.clock.now())) == (D("0.6"), D("-0.6"))
    assert path.account.usage.market(f"{SUBSCRIPTION}|{BTC}").profit == D("-0.6")
    assert not path.account.awaits_charges


def test_a_fee_in_another_coin_is_converted_at_a_price_that_the_event_states() -> None:
    path = a_path(coin="BNB")
    enter(path)
    path.exchange.coin_price = D(600)
    path.reconcile(TURN)
    (charge,) = charges(path)
    (paid,) = charge.paid
    assert (paid.asset, paid.amount, paid.price) == ("BNB", D("0.0006"), D(600))
    assert held(path).fees == charge.amount == D("0.36")
    assert reads(path)["mark_of"] == 1


def test_a_fee_in_a_coin_without_a_price_stays_an_estimate() -> None:
    path = a_path(coin="BNB")
    enter(path)
    path.exchange.books[KEY].fee_coin = None  # which is how the fake venue has no price of it
    path.reconcile(TURN)
    assert (held(path).fees, path.account.due_fees, charges(path)) == (D("0.4"), {}, [])
    assert path.metrics.counts["FeesNotConverted"] == 1


def test_an_estimate_that_was_right_changes_nothing_and_tells_nothing() -> None:
    path = a_path(charged="0.0004")
    enter(path)
    path.reconcile(TURN)
    assert (held(path).fees, path.account.due_fees, told(path)) == (D("0.4"), {}, [])


def test_prices_of_executions_take_the_place_of_an_average_that_was_rounded() -> None:
    path = a_path(charged="0.0004")
    enter(path)
    book = path.exchange.books[KEY]
    book.trades[0] = replace(book.trades[0], price=D("100.1"))
    path.reconcile(TURN)
    assert held(path).entry_price == D("100.1")
    assert charges(path)[0].correction == D(-1)


@pytest.mark.parametrize("absurd", [{"fee_paid": D(10**9)}, {"fee_paid": D(-51)}, {"price": D(10**12)}, {"price": D("1e-20")}])
def test_executions_that_cannot_be_those_of_the_order_move_nothing_and_are_read_again(absurd: dict[str, Any]) -> None:
    path = a_path()
    enter(path)
    book = path.exchange.books[KEY]
    honest, book.trades[0] = book.trades[0], replace(book.trades[0], **absurd)
    path.reconcile(TURN)
    assert (held(path).fees, held(path).entry_price, len(charges(path))) == (D("0.4"), D(100), 0)
    assert path.metrics.counts["VenueErrors"] == 1
    book.trades[0] = honest
    path.reconcile(TURN)
    assert held(path).fees == D("0.3")


def test_executions_that_are_not_all_listed_yet_are_read_at_a_later_turn() -> None:
    path = a_path()
    enter(path)
    path.exchange.blank = {"trades_of"}
    path.reconcile(TURN)
    assert (held(path).fees, len(path.account.due_fees)) == (D("0.4"), 1)
    path.exchange.blank = set()
    path.reconcile(TURN)
    assert held(path).fees == D("0.3")


@pytest.mark.parametrize("method", READS[:3])
def test_a_venue_without_time_for_charges_holds_up_nothing_else(method: str) -> None:
    path = a_path()
    enter(path)
    pay(path, "-1")
    path.clock.advance(3_600)
    path.exchange.fail(method, RetryLater("OVERLOADED", "later", after_seconds=5))
    before = path.account.reconciled_at
    path.reconcile(TURN)
    assert path.account.reconciled_at != before
    path.reconcile(TURN)
    assert (held(path).fees, "USDT" in path.account.fee_rates) == (D("0.3"), method != "fee_rates")


def test_charges_that_nobody_could_read_for_a_day_are_given_up() -> None:
    path = a_path()
    enter(path)
    path.leave()
    path.exchange.blank = {"trades_of"}
    path.reconcile(TURN)
    assert path.account.awaits_charges
    path.reconcile(CHARGES_GIVEN_UP_AFTER.total_seconds())
    assert not path.account.awaits_charges


# -- what a turn asks ----------------------------------------------------------------------------------------------------------


def test_a_turn_with_nothing_to_read_asks_nothing() -> None:
    path = a_path()
    for _ in range(3):
        path.reconcile(TURN)
    assert reads(path) == {}
    enter(path)
    path.reconcile(TURN)
    first = reads(path)
    assert first == {"trades_of": 1, "fee_rates": 1, "leverage_caps": 1}
    for _ in range(3):
        path.reconcile(TURN)
    assert reads(path) == first, "until the next hour, when funding may have been paid"


def test_an_hour_that_something_was_held_costs_one_reading_of_funding() -> None:
    path = a_path()
    enter(path)
    for _ in range(24):  # two hours
        path.reconcile(TURN)
    assert reads(path)["funding"] == 2


def test_an_account_that_nobody_trades_on_any_more_keeps_its_turn_until_its_charges_are_read() -> None:
    path = a_path()
    enter(path)
    path.leave()
    account = path.change(subscriptions={SUBSCRIPTION: SubscriptionStatus.CANCELLED})
    waits, again = due_in_turn(account), path.clock.now() + FULL_LOOK_INTERVAL
    path.reconcile(TURN)
    vetted = due_in_turn(path.account)
    assert waits is not None
    assert vetted is not None
    assert waits <= again < vetted, "from then on only its keys are looked at"


# -- funding -----------------------------------------------------------------------------------------------------------------


def test_funding_of_a_held_position_counts_at_once_and_once() -> None:
    path = a_path(charged="0.0004")
    enter(path)
    path.clock.advance(3_600)
    pay(path, "-0.25", ago=1)
    path.reconcile(TURN)
    assert held(path).funding == D("-0.25")
    assert path.account.realised_today(SUBSCRIPTION, path.clock.now()) == D("-0.25")
    (event,) = told(path)
    assert event.position == held(path)
    path.reconcile(TURN)
    path.leave()
    assert (last_trade(path).funding, last_trade(path).net_pnl) == (D("-0.25"), D("-1.05"))
    assert path.account.realised_today(SUBSCRIPTION, path.clock.now()) == D("-1.05")


def test_a_payment_above_what_the_position_is_worth_is_no_funding() -> None:
    path = a_path(charged="0.0004")
    enter(path)
    path.clock.advance(3_600)
    pay(path, "-1000000000", ago=1)
    pay(path, "-0.25", ago=2)
    path.reconcile(TURN)
    assert held(path).funding == path.account.realised_today(SUBSCRIPTION, path.clock.now()) == D("-0.25")


def test_funding_of_a_position_that_was_closed_meanwhile_corrects_its_trade() -> None:
    path = a_path(charged="0.0004")
    enter(path)
    path.clock.advance(3_600)
    pay(path, "0.5", ago=1)
    path.leave()
    assert last_trade(path).funding == 0
    path.reconcile(TURN)
    assert (last_trade(path).funding, last_trade(path).net_pnl) == (D("0.5"), D("-0.3"))
    assert path.account.realised_today(SUBSCRIPTION, path.clock.now()) == D("-0.3")
    assert not path.account.awaits_charges


def test_funding_in_a_market_where_nothing_is_ours_is_nobody_of_ours() -> None:
    path = a_path(charged="0.0004")
    enter(path)
    path.clock.advance(3_600)
    pay(path, "-7", market=ETH)
    pay(path, "-7", market="OLDUSDT")
    path.reconcile(TURN)
    assert held(path).funding == 0
    assert not told(path)


def test_pages_of_funding_end_and_begin_between_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    path = a_path(charged="0.0004")
    enter(path)
    path.clock.advance(7_200)
    for number in range(FUNDING_AT_ONCE + 500):
        pay(path, "-0.001", ago=3_000 - number // 2)  # two at once
    path.reconcile(TURN)
    assert (held(path).funding, reads(path)["funding"]) == (D("-1.5"), 2)
    path.reconcile(TURN)
    assert held(path).funding == D("-1.5")


def test_more_pages_than_a_look_reads_are_read_by_later_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_charges, "MAX_PAGES", 1)
    path = a_path(charged="0.0004")
    enter(path)
    path.clock.advance(7_200)
    for number in range(FUNDING_AT_ONCE + 5):
        pay(path, "-0.001", ago=3_000 - number)
    path.reconcile(TURN)
    assert D("-1.005") < held(path).funding < 0
    path.reconcile(3_600)
    assert held(path).funding == D("-1.005")


# -- rates and bounds ----------------------------------------------------------------------------------------------------------


def test_the_accounts_own_rate_takes_the_place_of_the_catalogues_once_a_day() -> None:
    path = a_path()
    enter(path)
    path.reconcile(TURN)
    assert path.account.fee_rates["USDT"].taker == D("0.0003")
    path.leave()
    assert last_trade(path).fees == D("0.6"), "the estimate is right from then on"
    path.reconcile(TURN)
    path.clock.advance(FEE_RATES_AGE.total_seconds())
    enter(path)
    path.reconcile(TURN)
    assert reads(path)["fee_rates"] == 2


def test_the_venues_cap_of_a_traded_market_is_read_once_a_day_and_denies_an_entry_beyond_it() -> None:
    path = a_path()
    path.exchange.leverage_cap = D(999)
    enter(path)
    path.reconcile(TURN)
    assert path.account.leverage_caps[BTC].notional == D(999)
    path.leave()
    path.reconcile(TURN)
    enter(path)
    assert path.position is None
    (denied,) = [each.event.order for each in path.database.stream if each.event.order and each.event.order.denial]
    assert (denied.reason, reads(path)["leverage_caps"]) == (Reason.POSITION_LIMIT, 1)
    path.exchange.leverage_cap = D(2_000)
    path.clock.advance(3 * 86_400)
    enter(path)
    path.reconcile(TURN)
    assert (held(path).quantity, path.account.leverage_caps[BTC].notional) == (D(10), D(2_000))


def test_caps_that_cannot_be_read_stop_nothing_else() -> None:
    path = a_path()
    enter(path)
    path.exchange.fail("leverage_caps", RetryLater("OVERLOADED", "later", after_seconds=5))
    path.reconcile(TURN)
    assert (held(path).fees, path.account.leverage_caps) == (D("0.3"), {})


def test_what_waits_for_charges_is_bounded() -> None:
    path = a_path()
    for _ in range(MAX_SETTLING + 3):
        enter(path)
        path.clock.advance(1)
        path.leave()
        path.clock.advance(1)
    assert len(path.account.settling) == MAX_SETTLING
    assert len(path.account.due_fees) <= MAX_DUE_FEES
    path.settle()
    path.reconcile(TURN)
    path.reconcile(TURN)
    assert not path.account.awaits_charges


def test_a_booking_of_another_reconciler_is_not_repeated() -> None:
    path = a_path()
    enter(path)
    loads = path.accounts.load
    other: list[Account] = []

    def overtaken(tenant_id: str, account_id: str) -> Account:
        account = loads(tenant_id, account_id)
        if not other:
            other.append(account)
            path.reconcile(0)
        return account

    path.clock.advance(TURN)
    path.accounts.load = overtaken  # type: ignore[method-assign]
    path.reconcile(0)
    assert held(path).fees == D("0.3")
    assert len(told(path)) == 1


def test_an_order_that_fills_in_parts_and_pays_in_two_assets_is_booked_once_it_has_ended() -> None:
    path = a_path()
    now, resting = path.clock.now(), EntryOrder(type=EntryType.LIMIT, price=D(95), rests_seconds=3_600)
    path.execute(bracket(stop=None, targets=(), issued_at=now, entry=resting), quote=a_quote(as_of=now))
    (order,) = path.venue_orders()
    path.exchange.fill(KEY, order.client_order_id, D(4), D(95))
    path.reconcile(60)
    assert (held(path).fees, path.account.due_fees) == (D("0.114"), {}), "the venue tells a fee in the quote asset"
    path.exchange.books[KEY].fee_coin = "BNB"
    path.exchange.fill(KEY, order.client_order_id, D(2), D(95))
    path.reconcile(TURN)
    (due,) = path.account.due_fees.values()
    assert (due.quantity, charges(path)) == (D(6), []), "it may fill again"
    path.clock.advance(3_600)
    path.settle()
    path.reconcile(TURN)
    assert [paid.asset for paid in charges(path)[0].paid] == ["BNB", "USDT"]
    assert (held(path).fees, path.account.due_fees) == (D("0.171"), {})
