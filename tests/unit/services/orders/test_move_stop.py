"""An owner moves the stop of a position: checked against the market and limits, and never a moment without a stop."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.account import DISABLED_BY_OWNER, AccountStatus
from candlecast.domain.limits.limits import Limits
from candlecast.domain.market.quote import Quote
from candlecast.domain.orders.intent import LegKind
from candlecast.domain.orders.position import Position
from candlecast.domain.signals.signal import Action
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound, RetryLater
from candlecast.services.orders.close_position import PositionPlace
from candlecast.services.orders.move_stop import MoveStop
from tests.support.builders import ACCOUNT, BTC, SUBSCRIPTION, TENANT, a_quote, a_strategy, a_subscription, settings
from tests.support.fakes.limits import FakeLimitStore, read_limits
from tests.support.fakes.strategies import FakeStrategyStore
from tests.support.fakes.subscriptions import FakeSubscriptionStore
from tests.support.fakes.venue import Fault
from tests.support.money_path import MoneyPath, bracket

D = Decimal
PLACE = PositionPlace(account_id=ACCOUNT, subscription_id=SUBSCRIPTION, market=BTC)


class Owner:
    """An owner with a long position of 10 at 100 and its stop at 90; the subscription has these limits."""

    def __init__(self, limits: Limits | None = None, *, action: Action = Action.LONG, stop: str | None = "90") -> None:
        self.path = MoneyPath()
        FakeStrategyStore(self.path.database).create_strategy(a_strategy())
        self.limits = FakeLimitStore()
        subscriptions = FakeSubscriptionStore(self.path.database, self.path.clock)
        chosen = settings() if limits is None else settings(limits=limits)
        subscriptions.write(a_subscription(settings=chosen), None, follower_change=1)
        read = read_limits(self.path.clock, self.limits)
        self.use = MoveStop(self.path.accounts, subscriptions, self.path.markets, self, read, self.path.queue, self.path.clock)
        self.path.execute(bracket(action, stop=stop, targets=()))
        self.path.clock.advance(10)

    def quote(self, _venue: str, market: str, at: Any) -> Quote:
        return a_quote(self.path.exchange.prices[market], as_of=at)

    def move(self, price: str, tenant_id: str = TENANT) -> Position:
        return self.use(tenant_id, PLACE, D(price), "by-hand").position


@pytest.mark.parametrize("price", ["95", "99.9", "80"])
def test_the_new_stop_is_placed_first_and_then_the_old_one_is_cancelled(price: str) -> None:
    owner, seen = Owner(), list[int]()
    assert owner.move(price).stop_price == D(price)
    assert owner.path.live_stops() == [(D(10), D(90))], "the one who asks sends nothing"
    request, delay = owner.path.queue.sent[-1]
    assert (request.awaited, request.correlation_id, delay) == (True, "by-hand", 0)
    receive = owner.path.exchange.receive

    def watch(method: str, *args: Any) -> Any:
        seen.append(len(owner.path.live_stops()))
        return receive(method, *args)

    owner.path.exchange.receive = watch  # type: ignore[method-assign, assignment]
    owner.path.reconcile()
    assert owner.path.live_stops() == [(D(10), D(price))]
    assert min(seen) == 1


def test_a_short_position_too() -> None:
    owner = Owner(action=Action.SHORT, stop="110")
    owner.move("105")
    owner.path.reconcile()
    assert owner.path.live_stops() == [(D(10), D(105))]


def test_a_position_without_a_stop_gets_one() -> None:
    owner = Owner(stop=None)
    owner.move("95")
    owner.path.reconcile()
    assert owner.path.live_stops() == [(D(10), D(95))]


@pytest.mark.parametrize(
    ("action", "stop", "price"), [(Action.LONG, "90", "100"), (Action.LONG, "90", "101"), (Action.SHORT, "110", "99")]
)
def test_a_stop_that_would_trigger_at_once_is_refused(action: Action, stop: str, price: str) -> None:
    owner = Owner(action=action, stop=stop)
    with pytest.raises(Conflict) as refused:
        owner.move(price)
    assert refused.value.code == "STOP_ON_WRONG_SIDE"
    assert owner.path.live_stops() == [(D(10), D(stop))]
    assert owner.path.position is not None
    assert owner.path.position.stop_price == D(stop)


def test_a_price_that_the_market_does_not_have_is_refused_with_the_tick() -> None:
    with pytest.raises(InvalidValue) as refused:
        Owner().move("95.05")
    assert refused.value.code == "PRICE_OFF_TICK"
    assert "0.10" in refused.value.message


@pytest.mark.parametrize(
    ("limits", "price", "code"),
    [
        (Limits(max_stop_distance_percent=D(10)), "89", "MAX_STOP_DISTANCE"),
        (Limits(max_risk_per_trade_percent=D(1)), "85", "MAX_RISK_PER_TRADE"),
    ],
)
def test_a_looser_stop_keeps_the_limits_and_a_tighter_one_needs_none(limits: Limits, price: str, code: str) -> None:
    owner = Owner(limits)
    with pytest.raises(Conflict) as refused:
        owner.move(price)
    assert refused.value.code == code
    assert owner.move("95").stop_price == D(95)
    assert owner.move("90").stop_price == D(90), "within the limits it may go back"


def test_a_repeat_writes_nothing_more() -> None:
    owner = Owner()
    owner.move("95")
    saves = owner.path.accounts.saves
    owner.move("95")
    assert owner.path.accounts.saves == saves


def test_a_venue_that_does_not_take_the_new_stop_leaves_the_old_one() -> None:
    owner = Owner()
    owner.move("95")
    owner.path.exchange.script(Fault.REJECT)
    owner.path.reconcile()
    assert owner.path.live_stops() == [(D(10), D(90))]
    owner.path.settle()
    assert owner.path.live_stops() == [(D(10), D(95))]


@pytest.mark.parametrize("fault", [Fault.AMBIGUOUS_EXECUTED, Fault.AMBIGUOUS_NOT_EXECUTED, Fault.AMBIGUOUS_EXECUTED_LATE])
def test_a_stop_whose_answer_was_lost_ends_as_the_only_one(fault: Fault) -> None:
    owner = Owner()
    owner.move("95")
    owner.path.exchange.script(fault)
    owner.path.reconcile()
    owner.path.exchange.arrive_late()
    owner.path.settle()
    assert owner.path.live_stops() == [(D(10), D(95))]


def test_a_part_that_is_closed_later_keeps_the_price() -> None:
    owner = Owner()
    owner.move("95")
    owner.path.reconcile()
    assert {leg.trigger_price for leg in owner.path.account.intents.values() if leg.kind is LegKind.STOP_LOSS} == {D(95)}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"positions": {}}, "NOTHING_HELD"),
        ({"status": AccountStatus.DISABLED, "disabled_reason": DISABLED_BY_OWNER}, "ACCOUNT_DISABLED"),
        ({"status": AccountStatus.NO_CREDENTIALS, "credential_version": None}, "NO_CREDENTIALS"),
    ],
)
def test_where_no_stop_can_be_moved_the_answer_says_why(changes: dict[str, Any], code: str) -> None:
    owner = Owner()
    owner.path.change(**changes)
    with pytest.raises(Conflict) as refused:
        owner.move("95")
    assert refused.value.code == code


def test_another_tenants_account_is_not_found() -> None:
    with pytest.raises(NotFound):
        Owner().move("95", tenant_id="tenant-2")


def test_a_queue_that_refuses_loses_nothing() -> None:
    owner = Owner()
    owner.path.queue.fail_next()
    assert owner.move("95").stop_price == D(95)


def test_without_a_quote_nothing_is_written() -> None:
    owner = Owner()

    class Silent:
        def quote(self, _venue: str, _market: str, at: Any) -> Quote:
            raise RetryLater("VENUE_UNAVAILABLE", "no answer", after_seconds=1)

    silent = MoveStop(
        owner.use.accounts, owner.use.subscriptions, owner.use.markets, Silent(), owner.use.read, owner.use.looks, owner.use.clock
    )
    with pytest.raises(RetryLater):
        silent(TENANT, PLACE, D(95), "by-hand")
    assert owner.path.position is not None
    assert owner.path.position.stop_price == D(90)


def test_a_dry_run_judges_the_same_and_writes_nothing() -> None:
    owner = Owner(Limits(max_stop_distance_percent=D(20), max_risk_per_trade_percent=D(3)))
    saves, asked = owner.path.accounts.saves, len(owner.path.queue.sent)
    dry = owner.use(TENANT, PLACE, D(85), "by-hand", dry_run=True)
    assert dry.position.stop_price == D(85)
    told = [(limit.reason, limit.value, limit.bound, limit.margin) for limit in dry.limits]
    assert told == [("MAX_STOP_DISTANCE", D(15), D(20), D(5)), ("MAX_RISK_PER_TRADE", D("1.5"), D(3), D("1.5"))]
    assert (owner.path.accounts.saves, len(owner.path.queue.sent)) == (saves, asked)
    with pytest.raises(Conflict):
        owner.use(TENANT, PLACE, D(60), "by-hand", dry_run=True)
