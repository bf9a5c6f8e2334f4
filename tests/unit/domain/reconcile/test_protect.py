"""Stops follow the market in worthwhile steps, never back; targets follow what was filled; the watchdog knows since when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.account import Account
from candlecast.domain.market.market import Market
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.orders.position import Position, StopRules
from candlecast.domain.reconcile.protect import (
    MIN_MOVE_INTERVAL,
    StopMove,
    break_even_price,
    follow,
    follows_price,
    move_stop,
    naked_bound,
    scale_targets,
    stop_moves,
    tell_if_too_long,
    watch,
)
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.ids import intent_id
from candlecast.domain.values.terms import PositionSide
from candlecast.domain.venue.rules import BINANCE_USDM, CAUTIOUS
from tests.support.builders import BTC, NOW, SUBSCRIPTION, a_market, a_position, a_signal, after, an_account, an_intent

D = Decimal
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
TRAIL = StopRules(trail_percent=D(5))


def market_of(_: str) -> Market | None:
    return a_market()


def holding(rules: StopRules | None = TRAIL, side: PositionSide = LONG, stop: str | None = None, **changes: Any) -> Account:
    where = D(stop) if stop is not None else D(100 - 10 * side.sign)
    position = a_position(side=side, **{"stop_rules": rules, "stop_price": where, "initial_stop": where, **changes})
    return an_account(positions={position.key: position})


def held(account: Account) -> Position:
    (position,) = account.positions.values()
    return position


def moves(account: Account, mark: str, seconds: float = 0) -> list[tuple[Decimal | None, Decimal]]:
    found = stop_moves(account, {BTC: D(mark)}, market_of, after(seconds))
    return [(move.stop_price, move.best_price) for move in found]


def at(account: Account, *marks: str, seconds: float = 60) -> Account:
    """The account after so many looks, a minute apart."""
    for number, mark in enumerate(marks, start=1):
        now = after(number * seconds)
        for move in stop_moves(account, {BTC: D(mark)}, market_of, now):
            account = follow(account, move, now)
    return account


@pytest.mark.parametrize(
    ("side", "mark", "stop"),
    [(LONG, "110", D("104.5")), (SHORT, "90", D("94.5")), (LONG, "109.99", D("104.4")), (SHORT, "90.01", D("94.6"))],
)
def test_a_trailing_stop_stands_its_distance_behind_the_best_price_on_the_tick_that_is_further_away(
    side: PositionSide, mark: str, stop: Decimal
) -> None:
    assert moves(holding(side=side), mark) == [(stop, D(mark))]


def test_it_advances_with_the_best_price_and_never_goes_back() -> None:
    account = at(holding(), "110", "106", "108", "105")
    assert (held(account).stop_price, held(account).best_price) == (D("104.5"), D(110))
    assert held(at(account, "120", seconds=300)).stop_price == D(114)


def test_it_may_stay_a_distance_in_quote_units_behind() -> None:
    assert moves(holding(StopRules(trail_distance=D("3.33"))), "110") == [(D("106.6"), D(110))]


def test_it_begins_once_there_is_the_profit_that_activates_it() -> None:
    rules = StopRules(trail_percent=D(2), activation_percent=D(5))
    assert moves(holding(rules), "104.9") == [(None, D("104.9"))]
    assert moves(holding(rules), "105") == [(D("102.9"), D(105))]
    remembered = at(holding(rules), "106", "104.9")  # the best price counts, not the last
    assert held(remembered).stop_price == D("103.8")


def test_a_step_that_is_worth_nothing_is_not_made() -> None:
    account = at(holding(), "110")
    assert moves(account, "110.1", seconds=120) == []
    assert moves(account, "110.2", seconds=120) == [(None, D("110.2"))]  # remembered, for later
    assert moves(account, "110.5", seconds=120) == [(D("104.9"), D("110.5"))]


def test_two_moves_are_an_interval_apart() -> None:
    account = at(holding(), "110", seconds=1)
    early, late = 1 + MIN_MOVE_INTERVAL.total_seconds() - 1, 1 + MIN_MOVE_INTERVAL.total_seconds()
    assert moves(account, "120", early) == [(None, D(120))]
    assert moves(account, "120", late) == [(D(114), D(120))]


def test_nothing_is_placed_beyond_the_price() -> None:
    account = holding(best_price=D(120))  # 114 was never placed, and the price has gone below it
    assert moves(account, "113.9") == []
    assert moves(account, "114.1") == [(D(114), D(120))]


def test_while_the_venues_own_trailing_stop_covers_all_that_is_held_ours_rests() -> None:
    account, native = holding(), an_intent(LegKind.TRAILING_STOP, leg="TRAILING_STOP", state=IntentState.OPEN)
    native = replace(native, bracket_of=held(account).entry_intent_id)
    with_native = replace(account, intents={native.intent_id: native})
    assert moves(with_native, "110") == [(None, D(110))]  # the best price is followed, should it be needed
    for gone in (replace(native, quantity=D(9)), replace(native, state=IntentState.PENDING)):
        assert moves(replace(account, intents={gone.intent_id: gone}), "110") == [(D("104.5"), D(110))]


@pytest.mark.parametrize(("side", "r"), [(LONG, "1"), (SHORT, "1"), (LONG, "1.5")])
def test_after_so_many_r_the_stop_goes_to_where_nothing_is_lost_fees_included(side: PositionSide, r: str) -> None:
    rules = StopRules(break_even_after_r=D(r))
    sign, distance = side.sign, D(r) * 10
    account = holding(rules, side)
    assert [stop for stop, _ in moves(account, str(100 + sign * (distance - D("0.1"))))] == [None]
    ((stop, _),) = moves(account, str(100 + sign * distance))
    assert stop is not None
    fee = a_market().taker_fee
    profit = (stop - 100) * sign * 10 - (stop + 100) * 10 * fee
    one_tick_less = (stop - sign * a_market().price_step - 100) * sign * 10 - (stop + 100) * 10 * fee
    assert profit >= 0 > one_tick_less


def test_break_even_brings_back_exactly_what_entering_has_cost() -> None:
    price, fee = break_even_price(held(holding()), D("0.0004")), D("0.0004")
    assert abs(price * (1 - fee) - 100 * (1 + fee)) < D("1e-20")


def test_after_a_first_target_the_stop_goes_to_break_even_as_soon_as_the_price_allows() -> None:
    rules = StopRules(break_even_after_target=True)
    assert moves(holding(rules), "105") == [(None, D(105))]
    after_target = holding(rules, quantity=D(7))
    assert moves(after_target, "100.05") == []  # it would be triggered at once
    assert moves(after_target, "105") == [(D("100.1"), D(105))]
    assert moves(at(after_target, "105"), "105", 200) == []  # once


def test_of_two_rules_the_tighter_one_counts() -> None:
    both = StopRules(trail_percent=D(5), break_even_after_r=D("0.3"))
    assert moves(holding(both), "103") == [(D("100.1"), D(103))]
    assert moves(holding(both), "110") == [(D("104.5"), D(110))]


def test_no_rule_no_mark_or_no_market_is_no_move() -> None:
    assert moves(holding(None), "150") == []
    assert stop_moves(holding(), {}, market_of, NOW) == ()
    assert stop_moves(holding(), {BTC: D(150)}, lambda _: None, NOW) == ()
    assert follows_price(holding())
    assert not follows_price(holding(None))


def test_a_first_stop_is_given_to_a_position_that_had_none() -> None:
    rules = StopRules(trail_percent=D(2), activation_percent=D(5))
    account = holding(rules, stop_price=None, initial_stop=None)
    assert account.naked_positions() == ()
    assert held(at(account, "106")).stop_price == D("103.8")


@pytest.mark.parametrize(("side", "looser"), [(LONG, "89.9"), (SHORT, "110.1")])
def test_a_stop_is_never_loosened(side: PositionSide, looser: str) -> None:
    account = holding(side=side)
    with pytest.raises(InvalidValue, match="STOP_LOOSENED"):
        move_stop(account, held(account).key, D(looser), NOW)
    late = StopMove(held(account).key, D(looser), D(100))
    assert follow(account, late, NOW) is account


def test_a_move_of_a_position_that_is_gone_is_void() -> None:
    assert follow(an_account(), StopMove("gone", D(1), D(1)), NOW) == an_account()


def test_a_move_is_told() -> None:
    account = at(holding(), "110")
    assert [(e.position.stop_price if e.position else None) for e in account.outbox] == [D("104.5")]


def test_targets_of_an_entry_that_got_less_are_scaled_and_what_is_too_small_is_forgotten() -> None:
    entry = an_intent()
    legs = [
        an_intent(LegKind.TAKE_PROFIT, leg=f"TAKE_PROFIT_{number}", quantity=D(quantity), bracket_of=entry.intent_id)
        for number, quantity in enumerate(("7.997", "2", "0.003"), start=1)
    ]
    stop = an_intent(LegKind.STOP_LOSS, bracket_of=entry.intent_id)
    account = an_account(intents={leg.intent_id: leg for leg in (entry, stop, *legs)})
    scaled = scale_targets(account, entry, D("2.5"), a_market())
    kept = [i.quantity for i in scaled.intents.values() if i.kind is LegKind.TAKE_PROFIT]
    assert kept == [D("1.999"), D("0.5")]
    assert scaled.intents[stop.intent_id] == stop  # a stop takes the held quantity when it is sent
    assert scale_targets(account, entry, D(10), a_market()) is account


def test_a_target_that_is_at_the_venue_is_left_as_it_is() -> None:
    entry = an_intent()
    target = an_intent(LegKind.TAKE_PROFIT, bracket_of=entry.intent_id, state=IntentState.OPEN)
    account = an_account(intents={target.intent_id: target})
    assert scale_targets(account, entry, D(5), a_market()) == account


def live_stop(account: Account) -> Account:
    stop = an_intent(LegKind.STOP_LOSS, state=IntentState.OPEN, bracket_of=held(account).entry_intent_id)
    return replace(account, intents={stop.intent_id: stop})


def test_the_watchdog_knows_since_when_a_position_is_without_its_stop() -> None:
    account = watch(holding(), NOW)
    key = held(account).key
    assert account.naked_since == {key: NOW}
    assert watch(account, after(50)) is account
    assert watch(live_stop(account), after(60)).naked_since == {}
    vanished = watch(replace(watch(live_stop(account), after(60)), intents={}), after(90))
    assert vanished.naked_since == {key: after(90)}
    assert watch(replace(account, positions={}), after(60)).naked_since == {}
    assert watch(holding(stop_price=None), NOW).naked_since == {}


def test_a_stop_that_is_only_on_its_way_protects_nothing_yet() -> None:
    account = live_stop(holding())
    (stop,) = account.intents.values()
    sent = replace(account, intents={stop.intent_id: replace(stop, state=IntentState.UNKNOWN)})
    assert (len(watch(sent, NOW).naked_since), sent.naked_positions()) == (1, ())


def test_the_watchdog_barks_once_beyond_the_bound() -> None:
    bound = naked_bound(BINANCE_USDM)
    account = watch(holding(), NOW)
    assert tell_if_too_long(account, BINANCE_USDM, NOW + bound) is account
    told = tell_if_too_long(account, BINANCE_USDM, NOW + bound + timedelta(seconds=1))
    assert [event.code for event in told.outbox] == ["POSITION_NAKED_TOO_LONG"]
    assert tell_if_too_long(told, BINANCE_USDM, NOW + 2 * bound) is told


def test_the_bound_is_the_longest_way_of_a_crash() -> None:
    """Settle window, a minute of the clock's, and one pause between the two lookups."""
    assert naked_bound(BINANCE_USDM) == timedelta(seconds=25 + 60 + 3)
    assert naked_bound(CAUTIOUS) == timedelta(seconds=110 + 60 + 10)


def test_an_add_that_fills_grows_the_position_and_counts_once() -> None:
    account = live_stop(holding(None))
    position = held(account)
    signal = a_signal(issued_at=after(60))
    add = an_intent(
        signal_id=signal.signal_id,
        intent_id=intent_id(signal.signal_id, SUBSCRIPTION, "ENTRY"),
        bracket_of=position.entry_intent_id,
        quantity=D(5),
        stop_price=D(95),
    )
    grown = position
    for done, price in ((2, 110), (3, 120)):
        grown = grown.added(D(done), D(price), D("0.1"), add.stop_price, begins=done == 2)
    assert (grown.quantity, grown.adds, grown.stop_price, grown.fees) == (D(15), 1, D(95), D("0.2"))
    assert grown.entry_price * 15 == 10 * 100 + 2 * 110 + 3 * 120
    assert position.added(D(1), D(100), D(0), D(80), begins=True).stop_price == 90  # a looser one is not taken
