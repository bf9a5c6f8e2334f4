"""Closes by the reconciler because of limits on held positions: positions that are held too long or lose too much."""

from __future__ import annotations

from decimal import Decimal

from candlecast.domain.limits.limits import Limits
from candlecast.domain.values.reasons import Reason
from tests.support.builders import BTC, settings
from tests.support.money_path import MoneyPath, bracket

D = Decimal
MINUTE = 60


def holding(limits: Limits) -> MoneyPath:
    """A long position of 10 at 100 under limits."""
    path = MoneyPath()
    path.execute(bracket(), settings=settings(limits=limits))
    assert path.net == D(10)
    return path


def closed_by(path: MoneyPath) -> list[str]:
    return [told.event.trade.closed_by.rpartition("_")[0] for told in path.database.stream if told.event.trade]


def test_a_position_that_was_held_as_long_as_it_may_is_closed_and_its_orders_with_it() -> None:
    path = holding(Limits(max_holding_hours=D(1)))
    path.reconcile(59 * MINUTE)
    assert path.net == D(10)
    path.reconcile(MINUTE)
    assert (path.is_flat, closed_by(path)) == (True, [Reason.HOLDING_TIME_OVER])


def test_a_position_that_loses_what_it_may_is_closed_at_the_next_look() -> None:
    path = holding(Limits(max_unrealised_loss_percent=D(4)))
    path.exchange.prices[BTC] = D("96.01")
    path.reconcile(MINUTE)
    assert path.net == D(10)
    path.exchange.prices[BTC] = D(96)
    path.reconcile(MINUTE)
    assert (path.is_flat, closed_by(path)) == (True, [Reason.UNREALISED_LOSS])


def test_every_look_asks_for_the_price_that_a_loss_depends_on_and_no_other_look_does() -> None:
    asked = []
    for limits in (Limits(max_unrealised_loss_percent=D(4)), Limits()):
        path = holding(limits)
        path.reconcile(MINUTE)
        before = path.exchange.count("positions")
        path.reconcile(MINUTE)
        asked.append(path.exchange.count("positions") - before)
    assert asked == [1, 0]


def test_one_exit_is_enough_for_two_reasons() -> None:
    path = holding(Limits(max_unrealised_loss_percent=D(4), max_holding_hours=D(1)))
    path.exchange.prices[BTC] = D(95)
    path.reconcile(60 * MINUTE)
    assert (path.is_flat, closed_by(path)) == (True, [Reason.HOLDING_TIME_OVER])


def test_what_has_ended_by_its_stop_meanwhile_is_not_closed_again() -> None:
    path = holding(Limits(max_unrealised_loss_percent=D(4)))
    path.exchange.trade(BTC, D(89))
    path.reconcile(MINUTE)
    path.settle(looks=3)
    assert path.is_flat
    assert path.exchange.count("create_order") == 3, "entry, stop and target, and no exit"
