"""The plan of a subscriber's share of a signal, from the account's state alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.account import MAX_OPEN_INTENTS, MAX_REFUSED, Account, AccountStatus, remembered
from candlecast.domain.decide.plan import UNDECIDED_BOUND_SECONDS, Plan, plan_orders
from candlecast.domain.orders.bracket import forced_exit, replacement_stop
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.orders.position import position_key
from candlecast.domain.signals.signal import Action, Signal, TakeProfit
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.ids import digest, intent_id
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import MarginMode, OrderType, PositionSide, Side
from candlecast.domain.venue.reports import MarketSettings
from candlecast.runtime.batch import pause_seconds
from tests.support.builders import (
    BTC,
    ETH,
    NOW,
    SUBSCRIPTION,
    a_market,
    a_position,
    a_quote,
    a_signal,
    a_trade_order,
    after,
    an_account,
    an_intent,
    settings,
)

D = Decimal
KEY = position_key(SUBSCRIPTION, BTC)
LADDER = (TakeProfit(D(110), D("0.5")), TakeProfit(D(120), D("0.5")))
EXIT_OF = {PositionSide.LONG: Action.EXIT_LONG, PositionSide.SHORT: Action.EXIT_SHORT}


def plan(account: Account, signal: Signal, seconds: float = 1, **changes: Any) -> Plan:
    return plan_orders(account, a_trade_order(signal, **changes), a_market(), after(seconds))


def decided(result: Plan) -> list[tuple[LegKind, IntentState, Reason | None]]:
    return [(i.kind, i.state, i.reason) for i in result.decided]


def holding(side: PositionSide = PositionSide.LONG, **changes: Any) -> Account:
    position = a_position(side=side, signal_id=digest("earlier"), signal_issued_at=after(-60), **changes)
    return an_account(positions={position.key: position})


def test_an_entry_becomes_itself_its_stop_and_each_target_in_this_order() -> None:
    result = plan(an_account(), a_signal(stop_loss=D(90), take_profits=LADDER))
    assert result.decided == ()
    entry, stop, first, second = result.legs
    assert [leg.leg for leg in result.legs] == ["ENTRY", "STOP_LOSS", "TAKE_PROFIT_1", "TAKE_PROFIT_2"]
    assert (entry.side, entry.quantity, entry.order_type, entry.reduce_only) == (Side.BUY, D(10), OrderType.MARKET, False)
    assert (stop.side, stop.quantity, stop.order_type, stop.trigger_price) == (Side.SELL, D(10), OrderType.STOP_MARKET, D(90))
    assert [(t.side, t.quantity, t.trigger_price) for t in (first, second)] == [
        (Side.SELL, D(5), D(110)),
        (Side.SELL, D(5), D(120)),
    ]
    assert all(leg.reduce_only and leg.bracket_of == entry.intent_id and leg.expires_at is None for leg in (stop, first, second))
    assert {leg.state for leg in result.legs} == {IntentState.SUBMITTING}
    assert {leg.submitted_at for leg in result.legs} == {after(1)}


def test_an_entry_carries_its_expiry_its_stop_and_what_it_needs_in_force() -> None:
    wanted = settings(leverage=D(7), margin_mode=MarginMode.ISOLATED, max_signal_age_seconds=45)
    entry = plan(an_account(), a_signal(stop_loss=D(90)), settings=wanted).legs[0]
    assert entry.expires_at == after(45)
    assert entry.stop_price == D(90)
    assert entry.market_settings == MarketSettings(D(7), MarginMode.ISOLATED)


def test_leg_ids_follow_from_signal_subscription_and_leg_alone() -> None:
    signal = a_signal(stop_loss=D(90))
    first = plan(an_account(), signal, 1)
    second = plan(an_account(account_id="another"), signal, 50)
    assert [leg.intent_id for leg in first.legs] == [leg.intent_id for leg in second.legs]
    assert first.legs[0].intent_id == intent_id(signal.signal_id, SUBSCRIPTION, "ENTRY")
    assert len({leg.intent_id for leg in first.legs}) == 2


def test_decisions_of_two_versions_on_one_candle_enter_once() -> None:
    """A follower whose version changes between the fan-outs of one candle gets the signals of both."""
    stable, candidate = (a_signal(signal_id=digest(which), decision_id="candle", stop_loss=D(90)) for which in "sc")
    first = plan(an_account(), stable)
    account = an_account(intents={leg.intent_id: leg for leg in first.legs})
    assert plan(account, candidate) == Plan()
    assert plan(account, replace(candidate, action=Action.SHORT, stop_loss=D(110))) == Plan()
    with pytest.raises(RetryLater):  # a decision of its own waits for the order ahead
        plan(account, replace(candidate, decision_id=None))
    assert [leg.intent_id for leg in first.legs] == [
        intent_id("candle", SUBSCRIPTION, "ENTRY"),
        intent_id(stable.signal_id, SUBSCRIPTION, "STOP_LOSS"),
    ]


@pytest.mark.parametrize("side", PositionSide)
def test_an_exit_closes_what_is_held_and_nothing_else(side: PositionSide) -> None:
    (leg,) = plan(holding(side), a_signal(EXIT_OF[side])).legs
    assert (leg.kind, leg.quantity, leg.side) == (LegKind.EXIT, D(10), Side.closing(side))


@pytest.mark.parametrize("side", PositionSide)
def test_an_exit_of_the_other_side_has_nothing_to_close(side: PositionSide) -> None:
    other = PositionSide.SHORT if side is PositionSide.LONG else PositionSide.LONG
    result = plan(holding(side), a_signal(EXIT_OF[other]))
    assert (result.legs, decided(result)) == ((), [(LegKind.EXIT, IntentState.SKIPPED, Reason.NOTHING_HELD)])


def test_an_exit_without_a_position_is_skipped_with_its_reason() -> None:
    assert decided(plan(an_account(), a_signal(Action.EXIT))) == [(LegKind.EXIT, IntentState.SKIPPED, Reason.NOTHING_HELD)]
    no_keys = an_account(status=AccountStatus.NO_CREDENTIALS)
    assert decided(plan(no_keys, a_signal(Action.EXIT))) == [(LegKind.EXIT, IntentState.SKIPPED, Reason.NO_CREDENTIALS)]


def test_an_exit_never_expires() -> None:
    assert [leg.kind for leg in plan(holding(), a_signal(Action.EXIT), 10**6).legs] == [LegKind.EXIT]


def test_a_reversal_exits_before_it_enters() -> None:
    result = plan(holding(), a_signal(Action.SHORT, stop_loss=D(110)))
    assert [(leg.kind, leg.side) for leg in result.legs] == [
        (LegKind.EXIT, Side.SELL),
        (LegKind.ENTRY, Side.SELL),
        (LegKind.STOP_LOSS, Side.BUY),
    ]


def test_a_reversal_whose_entry_is_denied_by_a_limit_still_exits_and_the_receipt_says_why() -> None:
    result = plan(holding(), a_signal(Action.SHORT, stop_loss=D(110)), settings=settings(max_order_notional=D(10)))
    assert [leg.kind for leg in result.legs] == [LegKind.EXIT]
    assert decided(result) == [(LegKind.ENTRY, IntentState.DENIED, Reason.MAX_ORDER_NOTIONAL)]
    assert result.receipt is not None
    assert json.loads(result.receipt.text())["exit_stands"] == {"because": "EXITS_ARE_NOT_LIMITED", "entry": "MAX_ORDER_NOTIONAL"}


@pytest.mark.parametrize(
    "levels", [{"stop_loss": D(90)}, {"take_profits": (TakeProfit(D(110)),)}, {"stop_loss": D(103), "price": D(101)}]
)
def test_a_reversal_with_impossible_levels_does_nothing_at_all(levels: dict[str, Any]) -> None:
    order = a_trade_order(a_signal(Action.SHORT, **levels), quote=a_quote(D(104) if "price" in levels else D(100)))
    waiting = an_intent(signal_id=digest("earlier"), state=IntentState.UNKNOWN, position_side=PositionSide.LONG)
    for account in (holding(), replace(holding(), intents={waiting.intent_id: waiting})):
        result = plan_orders(account, order, a_market(), NOW)
        assert (result.legs, result.waiting, result.comes_again) == ((), (), False)
        assert [(i.kind, i.state) for i in result.decided] == [(LegKind.ENTRY, IntentState.DENIED)]
        assert result.receipt is not None
        assert "exit_stands" not in json.loads(result.receipt.text())


def test_a_reversal_without_a_quote_exits_and_enters_nothing() -> None:
    result = plan(holding(), a_signal(Action.SHORT), quote=None)
    assert [leg.kind for leg in result.legs] == [LegKind.EXIT]
    assert decided(result) == [(LegKind.ENTRY, IntentState.DENIED, Reason.QUOTE_MISSING)]


def test_an_exit_older_than_the_position_does_not_close_it() -> None:
    result = plan(holding(), a_signal(Action.EXIT, issued_at=after(-61)))
    assert (result.legs, decided(result)) == ((), [(LegKind.EXIT, IntentState.SKIPPED, Reason.POSITION_IS_NEWER)])


def test_an_exit_of_the_same_instant_as_the_position_closes_it() -> None:
    assert [leg.kind for leg in plan(holding(), a_signal(Action.EXIT, issued_at=after(-60))).legs] == [LegKind.EXIT]


@pytest.mark.parametrize(
    ("account", "seconds", "expected"),
    [
        (an_account(status=AccountStatus.NO_CREDENTIALS), 1, (IntentState.SKIPPED, Reason.NO_CREDENTIALS)),
        (
            an_account(subscriptions={SUBSCRIPTION: SubscriptionStatus.PAUSED}),
            1,
            (IntentState.SKIPPED, Reason.SUBSCRIPTION_PAUSED),
        ),
        (
            an_account(subscriptions={SUBSCRIPTION: SubscriptionStatus.CANCELLED}),
            1,
            (IntentState.SKIPPED, Reason.SUBSCRIPTION_CANCELLED),
        ),
        (an_account(subscriptions={}), 1, (IntentState.SKIPPED, Reason.SUBSCRIPTION_CANCELLED)),
        (an_account(), 120.000001, (IntentState.EXPIRED, Reason.SIGNAL_TOO_OLD)),
        (an_account(newest_signals={KEY: after(0.000001)}), 1, (IntentState.EXPIRED, Reason.SIGNAL_SUPERSEDED)),
        (an_account(status=AccountStatus.DISABLED), 1, (IntentState.DENIED, Reason.ACCOUNT_DISABLED)),
    ],
)
def test_an_entry_is_not_even_considered(account: Account, seconds: float, expected: tuple[IntentState, Reason]) -> None:
    result = plan(account, a_signal(), seconds)
    assert (result.legs, decided(result)) == ((), [(LegKind.ENTRY, *expected)])


def test_an_account_on_another_venue_takes_no_entry_of_the_strategy() -> None:
    result = plan(an_account(venue="binanceusdm"), a_signal(), venue="paper")
    assert (result.legs, decided(result)) == ((), [(LegKind.ENTRY, IntentState.SKIPPED, Reason.VENUE_MISMATCH)])
    assert result.receipt is not None


def test_an_account_on_another_venue_still_closes_what_it_holds() -> None:
    live = replace(holding(), venue="binanceusdm")
    result = plan(live, a_signal(Action.SHORT), venue="paper")
    assert [leg.kind for leg in result.legs] == [LegKind.EXIT]
    assert decided(result) == [(LegKind.ENTRY, IntentState.SKIPPED, Reason.VENUE_MISMATCH)]
    assert [leg.kind for leg in plan(live, a_signal(Action.EXIT), venue="paper").legs] == [LegKind.EXIT]


def test_every_leg_and_the_receipt_name_the_strategys_version() -> None:
    result = plan(an_account(), a_signal(stop_loss=D(90)), strategy_version="v1")
    assert [leg.strategy_version for leg in result.legs] == ["v1", "v1"]
    assert result.receipt is not None
    assert '"strategy_version":"v1"' in result.receipt.text()


def test_an_entry_is_taken_up_to_the_last_moment() -> None:
    assert plan(an_account(newest_signals={KEY: NOW}), a_signal(), 120).legs[0].kind is LegKind.ENTRY


def test_a_denial_for_age_says_age_and_bound() -> None:
    (entry,) = plan(an_account(), a_signal(), 121).decided
    assert entry.denial is not None
    assert (entry.denial.value, entry.denial.bound, entry.denial.margin) == (D(121), D(120), D(1))


def test_what_a_paused_subscription_holds_is_still_closed() -> None:
    paused = replace(holding(), subscriptions={SUBSCRIPTION: SubscriptionStatus.PAUSED})
    result = plan(paused, a_signal(Action.SHORT))
    assert [leg.kind for leg in result.legs] == [LegKind.EXIT]
    assert decided(result) == [(LegKind.ENTRY, IntentState.SKIPPED, Reason.SUBSCRIPTION_PAUSED)]


def test_a_disabled_account_places_nothing_exits_included() -> None:
    disabled = replace(holding(), status=AccountStatus.DISABLED)
    result = plan(disabled, a_signal(Action.SHORT))
    denied = (IntentState.DENIED, Reason.ACCOUNT_DISABLED)
    assert (result.legs, decided(result)) == ((), [(LegKind.EXIT, *denied), (LegKind.ENTRY, *denied)])


# -- repeats and obstacles -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [s for s in IntentState if not s.is_terminal])
def test_a_repeat_plans_nothing_while_its_leg_is_open(state: IntentState) -> None:
    known = an_intent(state=state)
    assert plan(an_account(intents={known.intent_id: known}), a_signal()) == Plan()


@pytest.mark.parametrize("action", [Action.LONG, Action.EXIT])
def test_a_repeat_plans_nothing_once_its_leg_has_ended(action: Action) -> None:
    kind = LegKind.ENTRY if action is Action.LONG else LegKind.EXIT
    known = an_intent(kind, signal_id=a_signal(action).signal_id)
    account = replace(holding(), settled={remembered(known.intent_id): after(900)})
    assert plan(account, a_signal(action)) == Plan()


def test_a_repeat_of_a_reversal_whose_exit_is_done_plans_the_entry_alone() -> None:
    signal = a_signal(Action.SHORT)
    done = an_intent(LegKind.EXIT, signal_id=signal.signal_id)
    result = plan(an_account(settled={remembered(done.intent_id): after(900)}), signal)
    assert [leg.kind for leg in result.legs] == [LegKind.ENTRY]


EARLIER = [
    (kind, state)
    for kind in (LegKind.ENTRY, LegKind.EXIT)
    for state in IntentState
    if not state.is_terminal and (kind, state) != (LegKind.ENTRY, IntentState.OPEN)
]


def waiting_account(kind: LegKind, state: IntentState, **changes: Any) -> Account:
    earlier = an_intent(kind, signal_id=digest("earlier"), state=state, **changes)
    return replace(holding(), intents={earlier.intent_id: earlier})


@pytest.mark.parametrize(("kind", "state"), EARLIER)
def test_no_entry_is_decided_while_an_earlier_order_of_the_position_is_undecided(kind: LegKind, state: IntentState) -> None:
    with pytest.raises(RetryLater, match="OUTCOME_UNKNOWN") as raised:
        plan(waiting_account(kind, state), a_signal(Action.LONG))
    assert (raised.value.after_seconds, raised.value.at_most_seconds) == (10, 44)


@pytest.mark.parametrize(("kind", "state"), EARLIER)
def test_an_entry_waits_a_bounded_time_for_the_order_ahead_of_it(kind: LegKind, state: IntentState) -> None:
    result = plan(waiting_account(kind, state), a_signal(Action.LONG), UNDECIDED_BOUND_SECONDS)
    assert (decided(result), result.comes_again) == ([(LegKind.ENTRY, IntentState.DENIED, Reason.OUTCOME_UNKNOWN)], False)
    assert result.receipt is not None


@pytest.mark.parametrize(
    ("seconds", "changes", "expected"),
    [
        (21, {}, (IntentState.EXPIRED, Reason.SIGNAL_TOO_OLD)),
        (20, {}, (IntentState.DENIED, Reason.OUTCOME_UNKNOWN)),
        (1, {"subscriptions": {SUBSCRIPTION: SubscriptionStatus.PAUSED}}, (IntentState.SKIPPED, Reason.SUBSCRIPTION_PAUSED)),
        (1, {"newest_signals": {KEY: after(1)}}, (IntentState.EXPIRED, Reason.SIGNAL_SUPERSEDED)),
    ],
)
def test_an_entry_that_would_be_refused_anyway_waits_for_nothing(
    seconds: float, changes: dict[str, Any], expected: tuple[IntentState, Reason]
) -> None:
    account = replace(waiting_account(LegKind.ENTRY, IntentState.UNKNOWN), **changes)
    result = plan(account, a_signal(Action.LONG), seconds, settings=settings(max_signal_age_seconds=20))
    assert decided(result) == [(LegKind.ENTRY, *expected)]


def test_the_message_of_an_entry_comes_back_no_later_than_the_entry_expires() -> None:
    account = waiting_account(LegKind.ENTRY, IntentState.UNKNOWN)
    with pytest.raises(RetryLater) as raised:
        plan(account, a_signal(Action.LONG), 16, settings=settings(max_signal_age_seconds=20))
    assert raised.value.at_most_seconds == 4
    assert pause_seconds(raised.value, 3) == 4


@pytest.mark.parametrize(("kind", "state"), EARLIER)
@pytest.mark.parametrize(
    ("action", "side"), [(Action.EXIT, None), (Action.EXIT_LONG, PositionSide.LONG), (Action.SHORT, PositionSide.LONG)]
)
def test_an_exit_that_cannot_be_decided_yet_is_kept_by_the_account(
    kind: LegKind, state: IntentState, action: Action, side: PositionSide | None
) -> None:
    result = plan(waiting_account(kind, state), a_signal(action))
    (wish,) = result.waiting
    assert (wish.kind, wish.state, wish.position_side, wish.quantity) == (LegKind.EXIT, IntentState.PENDING, side, D(0))
    assert (wish.submitted_at, result.legs, result.decided) == (None, (), ())
    assert result.comes_again is (action is Action.SHORT)  # for its entry, which the account does not keep


# -- an entry that rests ---------------------------------------------------------------------------------------------------------


def resting_account(side: PositionSide = PositionSide.LONG, **changes: Any) -> Account:
    """An account with an entry in the venue's book, of a signal a minute ago."""
    resting = an_intent(
        position_side=side,
        state=IntentState.OPEN,
        **{"signal_id": digest("earlier"), "order_type": OrderType.LIMIT, "issued_at": after(-60), **changes},
    )
    return an_account(intents={resting.intent_id: resting})


def test_a_second_entry_of_a_position_is_denied_at_once_while_its_entry_rests() -> None:
    result = plan(resting_account(), a_signal(Action.LONG))
    assert decided(result) == [(LegKind.ENTRY, IntentState.DENIED, Reason.ENTRY_RESTS)]
    filled_in_part = replace(holding(), intents=resting_account(filled_quantity=D(4)).intents)
    assert decided(plan(filled_in_part, a_signal(Action.LONG))) == [(LegKind.ENTRY, IntentState.DENIED, Reason.ENTRY_RESTS)]


@pytest.mark.parametrize("action", [Action.EXIT, Action.EXIT_LONG, Action.SHORT])
def test_an_exit_over_an_entry_that_rests_is_a_wish_that_cancels_it(action: Action) -> None:
    result = plan(resting_account(), a_signal(action))
    (wish,) = result.waiting
    assert (wish.kind, wish.state, result.over_resting, result.legs, result.decided) == (
        LegKind.EXIT,
        IntentState.PENDING,
        True,
        (),
        (),
    )
    assert result.comes_again is (action is Action.SHORT)


@pytest.mark.parametrize(
    ("action", "issued_at", "reason"),
    [(Action.EXIT_SHORT, 0, Reason.NOTHING_HELD), (Action.EXIT, -61, Reason.POSITION_IS_NEWER)],
)
def test_an_exit_that_is_not_about_the_entry_leaves_it_resting(action: Action, issued_at: int, reason: Reason) -> None:
    result = plan(resting_account(), a_signal(action, issued_at=after(issued_at)))
    assert (decided(result), result.waiting) == ([(LegKind.EXIT, IntentState.SKIPPED, reason)], ())


def test_an_entry_that_rests_is_in_nobody_elses_way() -> None:
    result = plan(resting_account(market=ETH), a_signal(), settings=settings(max_positions=2))
    assert [leg.kind for leg in result.legs] == [LegKind.ENTRY]
    others = resting_account(subscription_id="subscription-2", market=ETH)
    assert [leg.kind for leg in plan(others, a_signal()).legs] == [LegKind.ENTRY]


def test_an_exit_of_an_older_position_also_ends_the_add_that_rests() -> None:
    add = an_intent(signal_id=digest("add"), state=IntentState.OPEN, issued_at=after(10), bracket_of=digest("earlier"))
    result = plan(replace(holding(), intents={add.intent_id: add}), a_signal(Action.EXIT))
    assert (len(result.waiting), result.over_resting) == (1, True)


def test_a_repeat_of_an_exit_that_waits_plans_nothing_and_of_a_reversal_waits_for_its_entry() -> None:
    account = waiting_account(LegKind.ENTRY, IntentState.UNKNOWN)
    for action in (Action.EXIT, Action.SHORT):
        kept = account.decide(plan(account, a_signal(action)).intents, NOW)
        if action is Action.EXIT:
            assert plan(kept, a_signal(action)).intents == ()
        else:
            with pytest.raises(RetryLater, match="OUTCOME_UNKNOWN"):
                plan(kept, a_signal(action))


def test_an_exit_of_the_side_that_is_neither_held_nor_coming_is_decided_at_once() -> None:
    result = plan(waiting_account(LegKind.ENTRY, IntentState.UNKNOWN), a_signal(Action.EXIT_SHORT))
    assert [(i.state, i.reason) for i in result.decided] == [(IntentState.SKIPPED, Reason.NOTHING_HELD)]


def test_an_exit_of_a_disabled_account_is_denied_while_an_earlier_order_may_still_turn_out_to_be_held() -> None:
    unknown = an_intent(signal_id=digest("earlier"), state=IntentState.UNKNOWN)
    account = an_account(status=AccountStatus.DISABLED, intents={unknown.intent_id: unknown})
    assert decided(plan(account, a_signal(Action.EXIT))) == [(LegKind.EXIT, IntentState.DENIED, Reason.ACCOUNT_DISABLED)]


def test_an_exit_waits_with_its_message_where_the_account_has_no_room_for_it() -> None:
    account = waiting_account(LegKind.ENTRY, IntentState.UNKNOWN)
    stops = [
        an_intent(LegKind.STOP_LOSS, state=IntentState.OPEN, leg=f"STOP_{n}", market=ETH) for n in range(MAX_OPEN_INTENTS - 1)
    ]
    full = replace(account, intents={**account.intents, **{i.intent_id: i for i in stops}})
    with pytest.raises(RetryLater, match="OUTCOME_UNKNOWN"):
        plan(full, a_signal(Action.EXIT))


def test_an_unknown_order_of_another_market_is_not_in_the_way() -> None:
    elsewhere = an_intent(signal_id=digest("earlier"), market=ETH, state=IntentState.UNKNOWN)
    account = an_account(intents={elsewhere.intent_id: elsewhere})
    result = plan(account, a_signal(), settings=settings(max_positions=3))
    assert [leg.kind for leg in result.legs] == [LegKind.ENTRY]


def test_an_unknown_entry_of_another_subscription_keeps_its_market() -> None:
    others = an_intent(signal_id=digest("earlier"), subscription_id="subscription-2", state=IntentState.UNKNOWN)
    account = an_account(intents={others.intent_id: others})
    result = plan(account, a_signal())
    assert (result.legs, [decided.reason for decided in result.decided]) == ((), [Reason.MARKET_IN_USE])


def test_an_unknown_stop_is_not_in_the_way_of_its_exit() -> None:
    stop = an_intent(LegKind.STOP_LOSS, signal_id=digest("earlier"), state=IntentState.UNKNOWN)
    assert [leg.kind for leg in plan(replace(holding(), intents={"s": stop}), a_signal(Action.EXIT)).legs] == [LegKind.EXIT]


def test_an_account_that_remembers_its_most_takes_no_entry_and_every_exit() -> None:
    full = {digest(str(n)): after(900) for n in range(MAX_REFUSED)}
    with pytest.raises(RetryLater, match="TOO_MANY_RECENT_ORDERS"):
        plan(an_account(settled=full), a_signal())
    assert [leg.kind for leg in plan(replace(holding(), settled=full), a_signal(Action.EXIT)).legs] == [LegKind.EXIT]
    fading = dict.fromkeys(full, NOW)
    assert [leg.kind for leg in plan(an_account(settled=fading), a_signal()).legs] == [LegKind.ENTRY]


# -- legs that the reconciler makes ----------------------------------------------------------------------------------------------


def test_a_new_stop_has_an_id_of_its_own_for_each_version_and_belongs_to_the_entry() -> None:
    position = a_position(stop_price=D(90), quantity=D(4))
    stop, later = (
        replacement_stop(position, version, after(5) if version == 7 else NOW + timedelta(minutes=5)) for version in (7, 8)
    )
    assert (stop.kind, stop.order_type, stop.trigger_price, stop.quantity) == (
        LegKind.STOP_LOSS,
        OrderType.STOP_MARKET,
        D(90),
        D(4),
    )
    assert stop.bracket_of == position.entry_intent_id
    assert stop.intent_id != later.intent_id


def test_an_unprotected_position_is_closed_at_market_as_far_as_it_is_held() -> None:
    leg = forced_exit(a_position(stop_price=D(90), quantity=D(4)), Reason.WOULD_TRIGGER, 7, NOW)
    assert (leg.kind, leg.order_type, leg.trigger_price, leg.quantity, leg.reduce_only, leg.bracket_of) == (
        LegKind.EXIT,
        OrderType.MARKET,
        None,
        D(4),
        True,
        None,
    )


def test_a_leg_that_waited_unsent_ends_when_the_venue_refuses_the_key_and_blocks_nothing() -> None:
    waiting = an_intent(signal_id=digest("earlier"), state=IntentState.PENDING)
    stopped = an_account(intents={waiting.intent_id: waiting}).disable("AUTHENTICATION_FAILED", NOW)
    assert (dict(stopped.intents), stopped.outbox[-1].order and stopped.outbox[-1].order.reason) == ({}, Reason.ACCOUNT_DISABLED)
    unknown = an_intent(signal_id=digest("earlier"), state=IntentState.UNKNOWN)
    result = plan(an_account(status=AccountStatus.DISABLED, intents={unknown.intent_id: unknown}), a_signal())
    assert [decided.reason for decided in result.decided] == [Reason.ACCOUNT_DISABLED]
