"""An owner closes a position or a part of it: never more than is held or asked for, and the rest stays protected."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from candlecast.adapters.codec import message_from_json, to_json
from candlecast.domain.account.account import DISABLED_BY_OWNER, AccountStatus
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.reduction import Reduction
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import PositionSide
from candlecast.services.orders.close_position import ClosePosition, Closing, PositionPlace
from tests.support.builders import (
    ACCOUNT,
    BTC,
    ETH,
    SUBSCRIPTION,
    TENANT,
    a_market,
    a_position,
    a_signal,
    a_strategy,
    a_subscription,
)
from tests.support.fakes.history import FakeHistory
from tests.support.fakes.queues import FakeTradeQueue
from tests.support.fakes.strategies import FakeStrategyStore
from tests.support.fakes.subscriptions import FakeSubscriptionStore
from tests.support.fakes.venue import Fault
from tests.support.money_path import KEY, MoneyPath, bracket

D = Decimal
HALF = Reduction(share=D("0.5"))
PLACE = PositionPlace(account_id=ACCOUNT, subscription_id=SUBSCRIPTION, market=BTC)
FILLED, PENDING, REJECTED, SKIPPED = IntentState.FILLED, IntentState.PENDING, IntentState.REJECTED, IntentState.SKIPPED
LADDER = (TakeProfit(D(110), D("0.5")), TakeProfit(D(120), D("0.5")))


class Owner:
    """An owner with one account, who closes positions by the API's use case."""

    def __init__(self, **account: Any) -> None:
        self.path = MoneyPath(**account)
        self.queue, self.history = FakeTradeQueue(), FakeHistory(self.path.database)
        FakeStrategyStore(self.path.database).create_strategy(a_strategy())
        subscriptions = FakeSubscriptionStore(self.path.database, self.path.clock)
        subscriptions.write(a_subscription(), None, follower_change=1)
        self.use = ClosePosition(self.path.accounts, self.history, subscriptions, self.path.markets, self.queue, self.path.clock)

    def enter(self, **changes: Any) -> None:
        self.path.enter(**changes)
        self.path.clock.advance(1)

    def close(self, reduction: Reduction | None = None, *, key: str | None = None, place: PositionPlace = PLACE) -> Closing:
        return self.use(TENANT, place, reduction, correlation_id="by-hand", idempotency_key=key)

    def deliver(self) -> None:
        """The executor handles what was sent, as its queue carries it."""
        for order in self.queue.sent:
            self.path.executor(message_from_json(TradeOrder, to_json(order)))
        self.queue.sent.clear()

    def closes(self, reduction: Reduction | None = None) -> Closing:
        closing = self.close(reduction)
        self.deliver()
        return closing

    def relayed(self) -> None:
        for told in self.path.database.stream:
            if told.event.order is not None:
                self.history.put_order(told.event.order, told.version)

    @property
    def held(self) -> Decimal:
        """Base units that both we and the venue hold."""
        position = self.path.position
        ours = D(0) if position is None else position.quantity
        assert ours == self.path.net
        return ours

    def exits(self) -> list[tuple[IntentState, Decimal]]:
        return [(order.state, order.filled_quantity) for order in self.path.told(LegKind.EXIT)]


# -- all of it ---------------------------------------------------------------------------------------------------------------


def test_the_whole_position_is_closed_and_nothing_is_left_behind() -> None:
    owner = Owner()
    owner.enter()
    closing = owner.closes()
    assert (closing.quantity, owner.path.is_flat, owner.exits()) == (D(10), True, [(FILLED, D(10))])
    [exit_] = owner.path.told(LegKind.EXIT)
    assert (exit_.intent_id, exit_.correlation_id) == (closing.order_id, "by-hand")


def test_an_entry_that_rests_for_it_is_cancelled_first() -> None:
    owner = Owner()
    owner.path.execute(bracket(entry=EntryOrder(type=EntryType.LIMIT, price=D(99), rests_seconds=3_600)))
    entry = next(i for i in owner.path.account.intents.values() if i.kind is LegKind.ENTRY)
    owner.path.exchange.fill(KEY, entry.client_order_id, D(4), D(99))
    owner.path.reconcile(60)
    owner.closes()
    assert (owner.path.is_flat, owner.exits()) == (True, [(FILLED, D(4))])


# -- a part of it ------------------------------------------------------------------------------------------------------------


def test_a_part_is_closed_and_the_stop_fits_the_rest() -> None:
    owner = Owner()
    owner.enter(targets=LADDER)
    closing = owner.closes(Reduction(share=D("0.3")))
    assert (closing.quantity, owner.held, owner.exits()) == (D(3), D(7), [(FILLED, D(3))])
    request, delay = owner.path.queue.sent[-1]
    assert (request.awaited, request.full, delay) == (True, False, 0), "a look that makes the stop fit is asked for at once"
    owner.path.reconcile()
    assert owner.path.live_stops() == [(D(7), D(90))]
    assert sorted(t for t in owner.path.live_triggers() if t and t != D(90)) == [D(110), D(120)], "targets stay as they are"
    owner.path.settle()
    assert (owner.held, owner.exits()) == (D(7), [(FILLED, D(3))]), "the rest stays held"


def test_the_position_is_never_without_a_stop_meanwhile() -> None:
    owner, seen = Owner(), list[int]()
    owner.enter()
    receive = owner.path.exchange.receive

    def watch(method: str, *args: Any) -> Any:
        seen.append(len(owner.path.live_stops()))
        return receive(method, *args)

    owner.path.exchange.receive = watch  # type: ignore[method-assign, assignment]
    owner.closes(HALF)
    owner.path.reconcile()
    assert min(seen) >= 1


def test_a_part_of_what_is_held_when_it_is_sent() -> None:
    """A target closes half between the request and its delivery."""
    owner = Owner()
    owner.enter(targets=LADDER)
    owner.close(HALF)
    owner.path.exchange.trade(BTC, D(110))
    owner.path.exchange.trade(BTC, D(105))
    owner.path.reconcile(60)
    assert owner.held == D(5)
    owner.deliver()
    assert (owner.held, owner.exits()) == (D("2.5"), [(FILLED, D("2.5"))])


def test_a_quantity_is_never_more_than_is_held() -> None:
    owner = Owner()
    owner.enter()
    assert owner.closes(Reduction(quantity=D(40))).quantity == D(10)
    assert owner.path.is_flat


def test_a_part_below_the_smallest_order_is_refused_and_named() -> None:
    owner = Owner()
    owner.path.markets.put(a_market(min_quantity=D(2)))
    owner.enter()
    with pytest.raises(Conflict) as refused:
        owner.close(Reduction(share=D("0.1")))
    assert refused.value.code == "QUANTITY_TOO_SMALL"
    assert "2" in refused.value.message
    assert owner.queue.sent == []


def test_a_part_that_has_become_too_small_on_its_way_ends_as_skipped_and_the_rest_stays() -> None:
    owner = Owner()
    owner.enter()
    owner.close(Reduction(share=D("0.3")))
    owner.path.markets.put(a_market(min_quantity=D(4)))
    owner.deliver()
    [exit_] = owner.path.told(LegKind.EXIT)
    assert (exit_.state, exit_.reason, owner.held) == (SKIPPED, Reason.QUANTITY_TOO_SMALL, D(10))


def test_a_rest_below_the_smallest_order_is_closed_too() -> None:
    owner = Owner()
    owner.path.markets.put(a_market(min_quantity=D(2)))
    owner.enter()
    assert owner.closes(Reduction(share=D("0.9"))).quantity == D(10)
    assert owner.path.is_flat


def test_a_part_above_the_markets_maximum_comes_in_orders_that_together_close_it() -> None:
    owner = Owner()
    owner.enter(targets=())
    owner.path.markets.put(a_market(max_quantity=D(2)))
    owner.path.exchange.largest[BTC] = D(2)
    owner.closes(Reduction(share=D("0.7")))
    owner.path.settle()
    assert owner.held == D(3)
    assert sum(filled for _, filled in owner.exits()) == D(7)


@pytest.mark.parametrize("fault", [Fault.AMBIGUOUS_EXECUTED, Fault.AMBIGUOUS_NOT_EXECUTED, Fault.AMBIGUOUS_EXECUTED_LATE])
def test_a_part_whose_answer_was_lost_is_closed_once(fault: Fault) -> None:
    owner = Owner()
    owner.enter()
    owner.path.exchange.script(fault)
    owner.closes(Reduction(share=D("0.4")))
    owner.path.reconcile(1)
    owner.path.exchange.arrive_late()
    owner.path.settle()
    assert (owner.held, owner.path.live_stops()) == (D(6), [(D(6), D(90))])


@pytest.mark.parametrize("fault", [Fault.REJECT, Fault.RETRY_LATER])
def test_a_part_that_the_venue_does_not_take_is_sent_again_for_that_part_alone(fault: Fault) -> None:
    owner = Owner()
    owner.enter()
    owner.path.exchange.script(fault)
    owner.closes(Reduction(share=D("0.4")))
    assert owner.held == D(10)
    assert owner.path.account.under_way(SUBSCRIPTION, BTC)[0].state is PENDING
    owner.path.settle()
    assert (owner.held, owner.path.live_stops()) == (D(6), [(D(6), D(90))])
    assert sum(filled for _, filled in owner.exits()) == D(4)


def test_what_a_part_has_left_of_itself_is_closed_next_and_no_more() -> None:
    owner = Owner()
    owner.enter()
    owner.path.exchange.liquidity = D(1)
    owner.closes(Reduction(share=D("0.4")))
    assert owner.held == D(9)
    owner.path.exchange.liquidity = None
    owner.path.settle()
    assert (owner.held, owner.path.live_stops()) == (D(6), [(D(6), D(90))])


def test_a_part_waits_while_an_earlier_order_is_unknown_and_is_then_a_part_of_what_that_has_left() -> None:
    owner = Owner()
    owner.path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
    owner.enter()
    assert owner.path.position is None
    owner.path.reconcile(26)
    owner.path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
    owner.closes(Reduction(share=D("0.4")))
    owner.path.clock.advance(1)
    owner.closes(HALF)
    assert [i.state for i in owner.path.account.under_way(SUBSCRIPTION, BTC)] == [IntentState.UNKNOWN, PENDING]
    owner.path.settle()
    assert owner.held == D(3)


def test_a_whole_exit_takes_the_place_of_a_part_that_the_venue_refuses() -> None:
    owner = Owner()
    owner.enter()
    owner.path.exchange.script(Fault.REJECT)
    owner.closes(Reduction(share=D("0.4")))
    owner.path.clock.advance(1)
    owner.closes()
    owner.path.settle()
    assert owner.path.is_flat


def test_a_part_does_not_take_the_place_of_a_whole_exit_that_the_venue_refuses() -> None:
    owner = Owner()
    owner.enter()
    owner.path.exchange.script(Fault.REJECT)
    owner.closes()
    owner.path.clock.advance(1)
    owner.closes(Reduction(share=D("0.4")))
    assert owner.held == D(10)
    owner.path.settle()
    assert owner.path.is_flat, "the whole exit goes on"


def test_a_signal_still_closes_the_rest() -> None:
    owner = Owner()
    owner.enter()
    owner.closes(HALF)
    owner.path.clock.advance(1)
    owner.path.execute(a_signal(Action.EXIT, issued_at=owner.path.clock.now()))
    assert owner.path.is_flat


def test_a_part_cancels_an_entry_that_rests_and_closes_its_share_of_what_that_has_filled() -> None:
    owner = Owner()
    owner.path.execute(bracket(entry=EntryOrder(type=EntryType.LIMIT, price=D(99), rests_seconds=3_600)))
    entry = next(i for i in owner.path.account.intents.values() if i.kind is LegKind.ENTRY)
    owner.path.exchange.fill(KEY, entry.client_order_id, D(4), D(99))
    owner.path.reconcile(60)
    owner.closes(HALF)
    owner.path.settle()
    assert (owner.held, owner.path.live_stops()) == (D(2), [(D(2), D(90))])
    assert owner.path.told(LegKind.ENTRY)[-1].state is IntentState.CANCELLED


# -- who asks, and how often -------------------------------------------------------------------------------------------------


def test_two_clicks_are_one_exit_and_a_click_after_it_is_another() -> None:
    owner = Owner()
    owner.enter()
    first, second = owner.close(HALF), owner.close(HALF)
    assert first.order_id == second.order_id
    owner.deliver()
    assert owner.held == D(5)
    owner.queue.forget()
    owner.closes(HALF)
    assert owner.held == D("2.5")


def test_a_click_while_the_venue_refuses_the_exit_asks_for_no_second_part() -> None:
    owner = Owner()
    owner.enter()
    owner.path.exchange.script(Fault.REJECT)
    first = owner.closes(HALF)
    owner.queue.forget()
    assert owner.closes(HALF).order_id == first.order_id
    owner.path.settle()
    assert owner.held == D(5)


def test_a_click_while_the_part_has_closed_some_of_itself_asks_for_no_second_part() -> None:
    owner = Owner()
    owner.enter()
    owner.path.exchange.liquidity = D(1)
    first = owner.closes(HALF)
    assert owner.held == D(9)
    owner.queue.forget()
    assert owner.closes(HALF).order_id == first.order_id
    owner.path.exchange.liquidity = None
    owner.path.settle()
    assert owner.held == D(5)


def test_a_click_long_after_a_refusal_asks_for_no_second_part() -> None:
    owner = Owner()
    owner.enter()
    owner.path.exchange.script(Fault.REJECT)
    first = owner.closes(HALF)
    owner.queue.forget()
    owner.path.change(settled={})  # an account remembers ended orders for a quarter of an hour only
    assert owner.closes(HALF).order_id == first.order_id
    owner.path.settle()
    assert owner.held == D(5)


def test_a_click_after_an_exit_that_ended_without_closing_is_a_new_exit() -> None:
    owner = Owner()
    owner.enter()
    owner.close(Reduction(share=D("0.3")))
    owner.path.markets.put(a_market(min_quantity=D(4)))
    owner.deliver()
    owner.path.markets.put(a_market())
    owner.closes(Reduction(share=D("0.3")))
    assert owner.held == D(7)


def test_a_key_names_one_exit_for_ever() -> None:
    owner = Owner()
    owner.enter()
    first = owner.close(HALF, key="monday")
    owner.deliver()
    owner.relayed()
    owner.queue.forget()
    assert owner.close(HALF, key="monday") == Closing(order_id=first.order_id)
    owner.path.clock.advance(3_600)
    owner.path.change(settled={})
    assert owner.close(HALF, key="monday") == Closing(order_id=first.order_id), "history remembers it"
    assert owner.queue.sent == []
    assert owner.close(HALF, key="tuesday").order_id != first.order_id


def test_an_order_of_a_part_is_a_message_that_older_code_leaves_to_newer_code() -> None:
    owner = Owner()
    owner.enter()
    owner.close(HALF)
    owner.close(None)
    assert [order.schema_version for order in owner.queue.sent] == [2, 1]


@pytest.mark.parametrize(
    ("place", "code"),
    [
        (PositionPlace(account_id=ACCOUNT, subscription_id=SUBSCRIPTION, market=ETH), "NOTHING_HELD"),
        (PositionPlace(account_id=ACCOUNT, subscription_id="another", market=BTC), "NOTHING_HELD"),
    ],
)
def test_where_nothing_is_held_nothing_is_sent(place: PositionPlace, code: str) -> None:
    owner = Owner()
    owner.enter()
    with pytest.raises(Conflict) as refused:
        owner.close(place=place)
    assert (refused.value.code, owner.queue.sent) == (code, [])


def test_another_tenants_account_is_not_found() -> None:
    owner = Owner()
    owner.enter()
    with pytest.raises(NotFound):
        owner.use("tenant-2", PLACE, None, correlation_id="by-hand")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": AccountStatus.DISABLED, "disabled_reason": DISABLED_BY_OWNER}, "ACCOUNT_DISABLED"),
        ({"status": AccountStatus.NO_CREDENTIALS, "credential_version": None}, "NO_CREDENTIALS"),
    ],
)
def test_an_account_that_sends_nothing_says_so(changes: dict[str, Any], code: str) -> None:
    owner = Owner()
    owner.enter()
    owner.path.change(**changes)
    with pytest.raises(Conflict) as refused:
        owner.close()
    assert refused.value.code == code


def test_a_position_that_no_subscription_owns_can_be_closed_too() -> None:
    owner = Owner()
    owner.enter()
    held = owner.path.position
    assert held is not None
    lost = a_position(subscription_id="unattributed-long", side=PositionSide.LONG, entry_intent_id=held.entry_intent_id)
    owner.path.change(positions={lost.key: lost}, intents={})
    place = PositionPlace(account_id=ACCOUNT, subscription_id="unattributed-long", market=BTC)
    owner.close(place=place)
    owner.deliver()
    assert (owner.path.account.positions, owner.path.net) == ({}, D(0))
