"""A backtest by the live domain: the same signals, the same `plan_orders`, the same account, candle by candle.

A backtest has two paths:

- `fast_path` takes whole columns. It serves entries of one quantity with one target at most, at market, without limits and
  without state between trades (`PlainTerms`). It knows neither leverage nor the filters of a market.
- This path takes the settings of a subscription. It makes a `Signal` of each decision, plans it on an `Account`, and has
  `CandleVenue` fill the legs. Candles in which nothing can happen are skipped.

A decision falls at the close of its candle, with a quote made of that close. Its orders are sent at once (`FillAt.CLOSE`), or at
the open of the next candle. Stops move once a candle, at its close. Funding is paid at the open price of the candle in which its
time falls. A payment at the very open comes before the orders of that open.

A candle tells no mark price. Stops that follow the mark are refused (BACKTEST_MARK_PRICE_UNKNOWN).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np

from candlecast.backtest.candle_desk import CandleDesk, ExactFill, ExactTrade
from candlecast.backtest.candle_venue import Bar, CandleVenue, Fees, Moment
from candlecast.backtest.curve import Curve
from candlecast.backtest.fills import FillAt
from candlecast.backtest.margin import Margin
from candlecast.backtest.plain import first_row
from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.backtests.market_fill import Slippage
from candlecast.domain.limits.limits import Authority, EffectiveLimits, Limits
from candlecast.domain.market.market import Market
from candlecast.domain.market.quote import Quote
from candlecast.domain.orders.position import Position
from candlecast.domain.signals.candle_signal import candle_signal
from candlecast.domain.signals.signal import Signal
from candlecast.domain.signals.verdict import implausible
from candlecast.domain.subscriptions.subscription import Settings, SubscriptionStatus
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import ZERO, require_decimal
from candlecast.domain.values.terms import WorkingType
from candlecast.domain.values.timeframe import EPOCH, Timeframe
from candlecast.domain.venue.reports import FeeRates
from candlecast.strategy import Candles, Side, Signals, Strategy, decide, evaluate
from candlecast.strategy.candles import MILLISECOND

BACKTEST = "backtest"  # tenant, account, subscription and correlation of a run: ids that no live record has
FIRST_CHUNK = 64  # rows that are searched first; each further chunk is twice as long
NO_FEES, NO_SLIPPAGE = Fees(), Slippage()
NO_LIMITS_ABOVE = EffectiveLimits(authority=Authority.LIVE)
EQUITY_LIMITS = (
    "max_account_daily_loss_percent",
    "max_drawdown_percent",
    "max_trailing_drawdown_percent",
    "max_end_of_day_drawdown_percent",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Everything beside strategy and candles that a run depends on. Money in quote units.

    `venue` names the rules that live has (`rules_of`). `limits` are those above the account. `funding` has pairs of a time in
    milliseconds and a rate, ascending. Without `margin` nothing is liquidated, and any entry can be carried. Without `levels`
    the signals have neither stops nor targets.

    Raises `InvalidValue`: BACKTEST_MARK_PRICE_UNKNOWN, CASH_INVALID, FUNDING_INVALID.
    """

    market: Market
    timeframe: Timeframe
    venue: str
    settings: Settings
    cash: Decimal
    fill_at: FillAt = FillAt.NEXT_OPEN
    fees: Fees = NO_FEES
    slippage: Slippage = NO_SLIPPAGE
    limits: EffectiveLimits = NO_LIMITS_ABOVE
    funding: tuple[tuple[int, Decimal], ...] = ()
    margin: Margin | None = None
    strategy_id: str = BACKTEST
    strategy_version: str | None = None
    levels: bool = True

    def __post_init__(self) -> None:
        if require_decimal("cash", self.cash) <= 0:
            raise InvalidValue("a backtest begins with cash above zero", code="CASH_INVALID")
        times = [at for at, _ in self.funding]
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise InvalidValue("times of funding must be strictly ascending", code="FUNDING_INVALID")
        for _, rate in self.funding:
            require_decimal("funding rate", rate)
        if self.settings.stop_working_type is not WorkingType.CONTRACT_PRICE or self.settings.stop_price_protect:
            raise InvalidValue("candles have no mark price for stops", code="BACKTEST_MARK_PRICE_UNKNOWN")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExactResult:
    """The outcome of a run. `curve` gives the equity at each candle's close.

    `denials` counts the reasons of orders that were not placed.

    The profit of the open position counts in the equity and in no trade. `decisions` counts rows at which all candles decide
    something. `differing_decisions` counts those of them at which the lookback's candles alone decide otherwise. The run follows
    the lookback's candles there, as live does. A row at which all candles hold is never asked again.
    """

    trades: tuple[ExactTrade, ...]
    fills: tuple[ExactFill, ...]
    fees: Decimal
    funding: Decimal
    curve: Curve
    final_equity: Decimal
    denials: Mapping[str, int]
    open_position: Position | None
    open_row: int | None
    decisions: int
    differing_decisions: int
    first_decision_row: int
    account: Account


def unwatched(row: int) -> None:
    """Nobody follows the rows of the run."""


def run_exactly(strategy: Strategy[Any], candles: Candles, terms: Terms, watch: Callable[[int], None] = unwatched) -> ExactResult:
    """Run a strategy over candles by the live domain. Raises what `evaluate` raises, and `InvalidValue` of impossible signals.

    A decision of the last candle is not filled at a next open. `watch` is given each row before the row is played; an error that
    it raises ends the run.
    """
    return _Run(strategy, candles, terms, evaluate(strategy, candles)).result(watch)


def signal_at(strategy: Strategy[Any], candles: Candles, row: int, terms: Terms) -> Signal | None:
    """The signal that a live run publishes at the close of a row, issued at that close: from the lookback's candles alone."""
    decision = decide(strategy, candles.rows(max(0, row + 1 - strategy.lookback), row + 1))
    if not terms.levels:
        decision = replace(decision, stop_loss=None, take_profits=())
    closed = _time(candles, row) + terms.timeframe.length
    return candle_signal(
        decision,
        strategy_id=terms.strategy_id,
        market=terms.market.symbol,
        candle_close=closed,
        issued_at=closed,
        correlation_id=BACKTEST,
        strategy_version=terms.strategy_version,
    )


class _Run:
    """One run: the rows to be visited, and the account, the venue and the equity on the way."""

    def __init__(self, strategy: Strategy[Any], candles: Candles, terms: Terms, signals: Signals) -> None:
        self.strategy, self.candles, self.terms = strategy, candles, terms
        self.decided = np.flatnonzero(signals.side).tolist()
        self.side, self.differing = signals.side, 0
        self.funded = 0  # payments of the past
        self.funding_times = np.array([at for at, _ in terms.funding], dtype=np.int64)
        self.desk = CandleDesk(
            account=_account(terms, _time(candles, 0) if len(candles) else EPOCH),
            venue=CandleVenue(terms.market, terms.fees, terms.slippage),
            market=terms.market,
            settings=terms.settings,
            cash=terms.cash,
            margin=terms.margin,
        )
        self.states: list[tuple[int, Decimal, Decimal]] = [(0, terms.cash, ZERO)]
        limits = (terms.limits.limits, terms.settings.limits)
        self.values_all = any(_limits_equity(each) for each in limits)

    def result(self, watch: Callable[[int], None]) -> ExactResult:
        last, later = len(self.candles) - 1, self.terms.fill_at is FillAt.NEXT_OPEN
        decided = [row for row in self.decided if row < last or not later]
        index, row = 0, decided[0] if decided else last + 1
        while row <= last:
            watch(row)
            is_decision = index < len(decided) and decided[index] == row
            self._visit(row, decides=is_decision)
            index += is_decision
            row = self._next(row, decided[index] if index < len(decided) else last + 1)
        desk, position = self.desk, self.desk.position
        closing = decimal_of(self.candles.close[last]) if last >= 0 else ZERO
        return ExactResult(
            trades=tuple(desk.trades),
            fills=tuple(desk.fills),
            fees=desk.fees,
            funding=desk.funding,
            curve=self._curve(),
            final_equity=desk.equity(closing),
            denials=dict(desk.denials),
            open_position=position,
            open_row=None if position is None else desk.entry_row(position),
            decisions=len(self.decided),
            differing_decisions=self.differing,
            first_decision_row=first_row(self.strategy, self.candles),
            account=desk.account,
        )

    # -- one candle --------------------------------------------------------------------------------------------------------

    def _visit(self, row: int, *, decides: bool) -> None:
        desk, bar = self.desk, self._bar(row)
        desk.begin(row, bar.opens_at)
        desk.venue.begin(bar, Moment.OPEN)
        desk.end_expired()
        self._pay_funding(bar, bar.opens_at)
        desk.liquidate_beyond()
        if desk.has_waiting:
            desk.send_waiting()
        desk.play()
        self._pay_funding(bar, bar.closes_at - MILLISECOND)
        desk.venue.begin(bar, Moment.INSIDE)
        desk.play()
        desk.end_candle()
        desk.begin(row, bar.closes_at)
        desk.venue.begin(bar, Moment.CLOSE)
        self._close(bar, decides=decides)
        state = (row, desk.cash, desk.venue.held)
        if state[1:] != self.states[-1][1:]:
            self.states.append(state)

    def _close(self, bar: Bar, *, decides: bool) -> None:
        desk = self.desk
        if decides or self.values_all:
            desk.value(bar.close)
        if desk.position is not None:
            desk.move_stops(bar.close)
            desk.close_by_limits(bar.close)
        if decides:
            desk.end_expired()
            signal = signal_at(self.strategy, self.candles, bar.row, self.terms)
            action = None if signal is None else signal.action.name
            self.differing += action != Side(int(self.side[bar.row])).name
            if signal is not None:
                self._pass_on(signal, bar)
        if self.terms.fill_at is FillAt.CLOSE and desk.has_waiting:
            desk.send_waiting()

    def _pass_on(self, signal: Signal, bar: Bar) -> None:
        """Have a signal decided, unless live would quarantine it; nobody releases a signal of a backtest."""
        side = signal.entry_side
        denial = None if side is None else implausible(signal, side, bar.close)
        if denial is not None:
            self.desk.denials[denial.reason.value] += 1
        else:
            self.desk.decide(self._order(signal, bar))

    def _order(self, signal: Signal, bar: Bar) -> TradeOrder:
        terms, half = self.terms, self.terms.slippage.half_spread
        known = int(np.searchsorted(self.funding_times, _milliseconds(bar.closes_at), side="right"))
        quote = Quote(
            bid=max(bar.close - half, terms.market.price_step),
            ask=bar.close + half,
            mark_price=bar.close,
            as_of=bar.closes_at,
            funding_rate=terms.funding[known - 1][1] if known else None,
        )
        return TradeOrder(
            signal=signal,
            tenant_id=BACKTEST,
            account_id=BACKTEST,
            subscription_id=BACKTEST,
            settings=terms.settings,
            limits=terms.limits,
            quote=quote if signal.action.is_entry else None,
            strategy_version=terms.strategy_version,
            venue=terms.venue,
        )

    def _pay_funding(self, bar: Bar, until: datetime) -> None:
        end = int(np.searchsorted(self.funding_times, _milliseconds(until), side="right"))
        for at, rate in self.terms.funding[self.funded : end]:
            if self.desk.position is not None:
                self.desk.pay_funding(EPOCH + at * MILLISECOND, rate, bar.open)
        self.funded = max(self.funded, end)

    # -- the next candle in which something can happen ---------------------------------------------------------------------

    def _next(self, row: int, decision: int) -> int:
        """The next row to visit: that of a decision, a payment, a level that is reached, or simply the next."""
        desk, position = self.desk, self.desk.position
        levels = desk.venue.levels()
        follows = position is not None and (
            position.stop_rules is not None or position.limits_to_close is not None or self.values_all
        )
        if desk.has_waiting or levels is None or follows:
            return row + 1
        last = min(decision, len(self.candles))
        if position is not None:
            last = min(last, self._funding_row(row))
        low, high = levels
        liquidation = desk.liquidation_price
        if position is not None and liquidation is not None:
            if position.side.sign > 0:
                low = liquidation if low is None else max(low, liquidation)
            else:
                high = liquidation if high is None else min(high, liquidation)
        if low is None and high is None:
            return last
        return self._reached(row + 1, last, -np.inf if low is None else float(low), np.inf if high is None else float(high))

    def _funding_row(self, row: int) -> int:
        """The row behind `row` in which the next payment falls; it falls on the next one if the time lies in a gap."""
        if self.funded == len(self.funding_times):
            return len(self.candles)
        at = self.funding_times[self.funded]
        found = int(np.searchsorted(self.candles.time, at, side="right")) - 1
        in_gap = found >= 0 and at >= self.candles.time[found] + self.terms.timeframe.milliseconds
        return max(row + 1, found + in_gap)

    def _reached(self, first: int, last: int, low: float, high: float) -> int:
        """The first row from `first` to before `last` that reaches a level; `last` if none does."""
        size = FIRST_CHUNK
        while first < last:
            end = min(first + size, last)
            hit = (self.candles.low[first:end] <= low) | (self.candles.high[first:end] >= high)
            at = int(hit.argmax())
            if hit[at]:
                return first + at
            first, size = end, size * 2
        return last

    # -- columns -----------------------------------------------------------------------------------------------------------

    def _bar(self, row: int) -> Bar:
        candles, at = self.candles, _time(self.candles, row)
        prices = (decimal_of(column[row]) for column in (candles.open, candles.high, candles.low, candles.close))
        return Bar(row, at, at + self.terms.timeframe.length, *prices)

    def _curve(self) -> Curve:
        rows, cash, held = zip(*self.states, strict=True)
        return Curve(np.array(rows, dtype=np.int64), np.array(cash, dtype=np.float64), np.array(held, dtype=np.float64))


def _account(terms: Terms, now: datetime) -> Account:
    """An account of this run alone: active, followed, with the fees of the terms."""
    return Account(
        tenant_id=BACKTEST,
        account_id=BACKTEST,
        venue=terms.venue,
        label=BACKTEST,
        status=AccountStatus.ACTIVE,
        created_at=now,
        credential_version=BACKTEST,
        subscriptions={BACKTEST: SubscriptionStatus.ACTIVE},
        fee_rates={terms.market.quote: FeeRates(terms.fees.maker, terms.fees.taker, now)},
    )


def _limits_equity(limits: Limits) -> bool:
    """Whether a limit looks at the way of the equity, so that each candle counts."""
    return any(getattr(limits, name) is not None for name in EQUITY_LIMITS)


def _time(candles: Candles, row: int) -> datetime:
    return EPOCH + int(candles.time[row]) * MILLISECOND


def _milliseconds(at: datetime) -> int:
    return (at - EPOCH) // MILLISECOND


def decimal_of(value: float) -> Decimal:
    """The shortest decimal number that is this float: the digits that a file or a person wrote."""
    return Decimal(repr(float(value)))
