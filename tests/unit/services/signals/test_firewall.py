"""A sender's price is not believed: not one message of a lying source makes an order that a limit forbids."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from candlecast.domain.limits.limits import Limits
from candlecast.domain.orders.position import position_key
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.subscriptions.subscription import Sizing, SizingMode
from candlecast.domain.values.reasons import Reason
from tests.support.builders import BTC, SUBSCRIPTION
from tests.support.desk import Desk

D = Decimal
BOUND = D(1_000)
BOUNDS = Limits(max_order_notional=BOUND, max_position_notional=BOUND, max_gross_exposure=BOUND)
LOST = (
    ("one instead of a hundred", Action.LONG, {"price": D(1), "stop_loss": D("0.9")}),
    ("a stop entry with a low trigger", Action.LONG, {"entry": EntryOrder(type=EntryType.STOP, trigger_price=D(1))}),
    ("a limit far below the market, sold", Action.SHORT, {"entry": EntryOrder(type=EntryType.LIMIT, price=D(1))}),
    ("a lost digit", Action.LONG, {"price": D(10)}),
    ("a digit too many", Action.SHORT, {"price": D(1_000)}),
)


@pytest.mark.parametrize(("action", "signal"), [case[1:] for case in LOST], ids=[case[0] for case in LOST])
def test_a_wrong_price_reaches_nobody_under_bounds_of_a_thousand(action: Action, signal: dict[str, Any]) -> None:
    desk = Desk(BOUNDS)
    signal_id = desk.send(action, **signal)
    assert desk.verdict(signal_id).is_quarantined
    assert (desk.path.net, list(desk.path.venue_orders())) == (Decimal(0), [])


@pytest.mark.parametrize(("action", "signal"), [case[1:] for case in LOST], ids=[case[0] for case in LOST])
def test_nor_does_it_while_only_the_emergency_limits_are_known(action: Action, signal: dict[str, Any]) -> None:
    desk = Desk()
    desk.limits.unavailable = True
    desk.send(action, **signal)
    assert desk.path.venue_orders() == []
    kept = desk.send(Action.LONG, price=D(96))  # within the bounds of the firewall, and sized by the mark
    (entry,) = desk.entries_sent(kept)
    assert entry.quantity * desk.mark <= BOUND


def test_a_quarantined_reversal_leaves_the_position_and_its_stop_alone() -> None:
    desk = Desk(BOUNDS)
    desk.send(Action.LONG, stop_loss=D(95))
    before = (desk.held, desk.path.live_stops())
    assert before[0] > 0
    desk.send(Action.SHORT, price=D(1))
    assert (desk.held, desk.path.live_stops()) == before
    desk.send(Action.EXIT, price=D(1))  # an exit needs no true price
    assert desk.held == 0


@pytest.mark.parametrize("price", ["95.01", "104.99"])
@pytest.mark.parametrize(
    "sizing",
    [
        Sizing(SizingMode.FIXED_NOTIONAL, BOUND),
        Sizing(SizingMode.PERCENT_OF_CAPITAL, D(10)),
        Sizing(SizingMode.PERCENT_OF_EQUITY, D(10)),
        Sizing(SizingMode.RISK_PERCENT, D("0.5")),
        Sizing(SizingMode.RISK_AMOUNT, D(50)),
    ],
    ids=lambda it: it.mode,
)
def test_a_lie_that_passes_buys_no_more_than_the_truth(sizing: Sizing, price: str) -> None:
    desk = Desk(BOUNDS, sizing=sizing)
    (entry,) = desk.entries_sent(desk.send(price=D(price), stop_loss=D(94)))
    assert 0 < entry.quantity * desk.mark <= BOUND
    if sizing.mode in (SizingMode.RISK_PERCENT, SizingMode.RISK_AMOUNT):
        assert entry.quantity * (desk.mark - 94) <= 50


HOUR, EVERY = 3_600, 10
SIZES = (
    Sizing(SizingMode.FIXED_QUANTITY, D("4")),
    Sizing(SizingMode.FIXED_NOTIONAL, D(400)),
    Sizing(SizingMode.PERCENT_OF_EQUITY, D(4)),
    Sizing(SizingMode.RISK_AMOUNT, D(20)),
)
ACTIONS = (Action.LONG, Action.LONG, Action.SHORT, Action.SHORT, Action.EXIT)


@pytest.mark.slow
@pytest.mark.parametrize("sizing", SIZES, ids=lambda it: it.mode)
def test_in_an_hour_of_wrong_prices_no_order_brings_a_position_above_a_limit_at_the_mark(sizing: Sizing) -> None:
    """Prices are wrong by 0.01 to 100 times; the mark is that of the verdict. Moves of the market afterwards do not count."""
    random, desk = Random(sizing.mode.value), Desk(_limits(), sizing=sizing)
    entered = quarantined = 0
    for second in range(0, HOUR, EVERY):
        desk.path.exchange.trade(BTC, (desk.mark * (1 + D(random.randint(-8, 8)) / 1_000)).quantize(D("0.1")))
        held, key = desk.held, position_key(SUBSCRIPTION, BTC)
        before = desk.path.account.positions.get(key)
        action, mark = random.choice(ACTIONS), desk.mark
        signal_id = desk.send(action, **_lie(random, action, mark))
        if not action.is_entry:
            assert desk.held == 0
        else:
            quarantined += desk.verdict(signal_id).is_quarantined
        for entry in desk.entries_sent(signal_id):
            entered += 1
            same = before is not None and before.side is entry.position_side
            after = entry.quantity + (held if same else 0)
            assert entry.quantity * mark <= BOUND
            assert after * mark <= BOUND, f"{after} at {mark}"
        if second % 60 == 0:
            desk.path.reconcile()
        desk.path.clock.advance(EVERY)
    assert (entered > 20, quarantined > 100) == (True, True), (entered, quarantined)


def _limits() -> Limits:
    return Limits(max_order_notional=BOUND, max_position_notional=BOUND, max_gross_exposure=BOUND, max_adds=5)


def _lie(random: Random, action: Action, mark: Decimal) -> dict[str, Any]:
    """A message of a source that mistakes its price, its levels or its order in two of three cases."""
    factor = D(1) if random.random() < 1 / 3 else D(str(10 ** random.uniform(-2, 2)))
    small = D(random.randint(96, 104)) / 100
    sign = 1 if action is Action.LONG else -1
    signal: dict[str, Any] = {"price": mark * random.choice((small, factor))}
    if not action.is_entry:
        return signal
    signal["stop_loss"] = mark * (1 - sign * D(random.randint(5, 9)) / 100) * random.choice((D(1), D(1), factor))
    if random.random() < 0.3:
        signal["take_profits"] = (TakeProfit(mark * (1 + sign * D("0.06")) * factor),)
    if random.random() < 0.2:
        at = (mark * factor).quantize(D("0.1"))
        if at > 0:
            limit = EntryOrder(type=EntryType.LIMIT, price=at)
            signal["entry"] = random.choice((limit, EntryOrder(type=EntryType.STOP, trigger_price=at)))
    return signal


def test_what_the_source_said_is_kept_for_people_with_the_reason() -> None:
    desk = Desk(BOUNDS)
    desk.send(price=D(1))
    (held,) = desk.verdicts.list_quarantined().items
    assert held.denial is not None
    assert (held.denial.reason, held.mark_price) == (Reason.PRICE_COLLAR, D(100))
