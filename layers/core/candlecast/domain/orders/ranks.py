"""Slippage by rank: the slippage of a signal's followers by tenth of the turns in which the fan-out served them.

Each signal shuffles its followers anew (`turn` in `domain/values/ids.py`), so nobody is always first. The sums show the
price of a late turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from candlecast.domain.orders.fleet import FEWEST_ORDERS, TENTHS_OF_A_POINT, BacktestFill, FillSpread, spread_of
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.values.ids import TENTHS, turn_tenth
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import OrderType

RETENTION = timedelta(days=30)  # of a signal's sums: recent signals show how the platform is now
RECENT_SIGNALS = 50  # that are shown; each is a small row


@dataclass(frozen=True, kw_only=True)
class SlippageSums:
    """Filled orders and the sum of their slippage in basis points; positive is worse than the signal's price."""

    orders: int = 0
    slippage_bps: Decimal = ZERO

    def __add__(self, other: SlippageSums) -> SlippageSums:
        return SlippageSums(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(SlippageSums)})

    @property
    def mean_bps(self) -> Decimal | None:
        """Mean slippage in basis points; None without orders."""
        return None if self.orders == 0 else (self.slippage_bps / self.orders).quantize(Decimal("0.01"), ROUND_HALF_EVEN)


@dataclass(frozen=True, kw_only=True)
class SignalRanks:
    """The slippage of one signal's orders."""

    signal_id: str
    issued_at: datetime
    tenths: tuple[SlippageSums, ...]
    """By tenth of the turns, from the first served to the last."""
    near: Mapping[int, int] = field(default_factory=dict)
    """Orders by their slippage in tenths of a basis point, to two digits (`domain.orders.fleet.rounded_tenths`)."""
    backtest: BacktestFill | None = None
    """None before the day was compared with a backtest, and for signals from outside."""

    @property
    def total(self) -> SlippageSums:
        return sum(self.tenths, SlippageSums())


@dataclass(frozen=True, kw_only=True)
class SignalCounts:
    """How the orders of one signal have ended, over all followers. Stops, targets and further parts are not among them."""

    placed: int = 0
    """Orders that ended with a fill."""
    not_placed: Mapping[IntentState, Mapping[Reason, int]] = field(default_factory=dict)
    """Orders that ended without a fill, by state and reason."""


def has_counted_end(order: Intent) -> bool:
    """Whether it is an entry or exit of a signal that has ended, with a fill or for a reason."""
    return order.state.is_terminal and order.is_of_signal and (order.is_filled or order.reason is not None)


def fleet_spread(signals: Iterable[SignalRanks]) -> FillSpread | None:
    """All followers' fills beside the backtest's, over signals with `FEWEST_ORDERS` at least; None without such a signal."""
    worse, orders, differences = ZERO, 0, list[tuple[Decimal, int]]()
    for signal in signals:
        total, backtest = signal.total, signal.backtest
        if backtest is None or total.orders < FEWEST_ORDERS:
            continue
        worse += total.slippage_bps - backtest.slippage_bps * total.orders
        orders += total.orders
        differences += [(Decimal(near) / TENTHS_OF_A_POINT - backtest.slippage_bps, count) for near, count in signal.near.items()]
    return spread_of(differences, worse / orders) if orders else None


def own_spread(signals: Iterable[SignalRanks], orders: Iterable[Intent]) -> FillSpread | None:
    """The fills of some orders beside the backtest's of their signals; None without an order of such a signal."""
    fills = {signal.signal_id: signal.backtest for signal in signals}
    differences = list[tuple[Decimal, int]]()
    for order in orders:
        slippage, backtest = counted_slippage(order), fills.get(order.signal_id)
        if slippage is not None and backtest is not None:
            differences.append((slippage - backtest.slippage_bps, 1))
    return spread_of(differences)


def by_tenth(signals: Iterable[SignalRanks]) -> tuple[SlippageSums, ...]:
    """The sums over several signals, by tenth."""
    sums = [SlippageSums()] * TENTHS
    for signal in signals:
        sums = [held + more for held, more in zip(sums, signal.tenths, strict=True)]
    return tuple(sums)


def rank_tenth(order: Intent) -> int | None:
    """The tenth of its signal's turns in which the order's subscription was served; None for a leg without a turn.

    Stops, targets, repeats and further parts have none: they are sent when their own time has come.
    """
    asked_for = order.kind in (LegKind.ENTRY, LegKind.EXIT) and order.leg == order.kind.value
    return turn_tenth(order.signal_id, order.subscription_id) if asked_for else None


def counted_slippage(order: Intent) -> Decimal | None:
    """Slippage in basis points of an order that counts: at market, with a turn, ended with fills. None for any other."""
    is_counted = order.state.is_terminal and order.order_type is OrderType.MARKET and rank_tenth(order) is not None
    return order.slippage_bps if is_counted else None
