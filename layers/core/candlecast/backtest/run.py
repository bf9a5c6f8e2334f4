"""One backtest: a strategy, candles and terms in, one `Result` out, by the path of the terms.

Terms have two forms. `PlainTerms` are the convention of other engines (`plain`), and take the fast path. `Terms` are the settings
of a subscription, which the live domain follows. Settings of one quantity give the same trades on both paths (`terms_of_plain`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import numpy as np

from candlecast.backtest.candle_venue import Fees
from candlecast.backtest.exact_path import BACKTEST, ExactResult, Terms, decimal_of, run_exactly, unwatched
from candlecast.backtest.fast_path import ExitBy
from candlecast.backtest.plain import MOST_QUANTITY, PlainTerms, parameters_of, run_plainly, unplaced
from candlecast.backtest.result import EXACT, ClosedTrades, Note, OpenPosition, Result
from candlecast.domain.backtests.market_fill import Slippage
from candlecast.domain.market.market import Market
from candlecast.domain.subscriptions.subscription import MAX_LEVERAGE, Settings, Sizing, SizingMode
from candlecast.domain.values.money import HUNDRED, ZERO
from candlecast.domain.values.timeframe import Timeframe
from candlecast.strategy import Candles, Floats, Strategy, evaluate

FINE_STEP = Decimal("1E-12")  # of prices and quantities: four digits finer than any venue's, so that rounding moves nothing
MOST_PRICE = Decimal(10) ** 12  # of a base unit; a capital of so much a unit denies no entry


def run(
    strategy: Strategy[Any],
    candles: Candles,
    terms: PlainTerms | Terms,
    *,
    timeframe: Timeframe = Timeframe.M1,
    watch: Callable[[int], None] = unwatched,
) -> Result:
    """Run a strategy over candles. Raises what `evaluate` and `run_exactly` raise.

    Plain terms with a ladder of targets go to the exact path, whose settings limit nothing; only that needs the candles'
    `timeframe`. The exact path gives each of its rows to `watch`; the fast path is over before anybody could watch.
    """
    if isinstance(terms, PlainTerms):
        plain = run_plainly(strategy, candles, terms)
        if plain is not None:
            return plain
        terms = terms_of_plain(terms, timeframe)
    notes = () if terms.levels else unplaced(evaluate(strategy, candles))
    return _exact_result(strategy, candles, terms, run_exactly(strategy, candles, terms, watch), notes)


def fine_market(symbol: str = "BASE/QUOTE:QUOTE") -> Market:
    """A market whose steps and bounds move nothing: for a file that says nothing of its market."""
    base, _, rest = symbol.partition("/")
    return Market(
        symbol=symbol,
        venue_symbol=symbol,
        base=base,
        quote=rest.partition(":")[0],
        price_step=FINE_STEP,
        quantity_step=FINE_STEP,
        min_quantity=FINE_STEP,
        max_quantity=Decimal(int(MOST_QUANTITY)),
        min_notional=ZERO,
        taker_fee=ZERO,
    )


def terms_of_plain(terms: PlainTerms, timeframe: Timeframe) -> Terms:
    """Plain terms for the exact path."""
    return Terms(
        market=fine_market(),
        timeframe=timeframe,
        venue=BACKTEST,
        settings=settings_of_plain(terms),
        cash=decimal_of(terms.cash),
        fill_at=terms.fill_at,
        fees=Fees(maker=decimal_of(terms.costs.taker_fee), taker=decimal_of(terms.costs.taker_fee)),
        slippage=Slippage(bps=decimal_of(terms.costs.slippage_bps)),
        levels=terms.levels,
    )


def settings_of_plain(terms: PlainTerms) -> Settings:
    """Settings of one quantity, with a capital that limits nothing; a venue that asks for margin still may."""
    quantity = decimal_of(terms.quantity)
    return Settings(
        capital=max(decimal_of(terms.cash), quantity * MOST_PRICE),
        sizing=Sizing(SizingMode.FIXED_QUANTITY, quantity),
        max_daily_loss_percent=HUNDRED,
        leverage=MAX_LEVERAGE,
    )


def _exact_result(strategy: Strategy[Any], candles: Candles, terms: Terms, exact: ExactResult, notes: tuple[Note, ...]) -> Result:
    trades = [each.trade for each in exact.trades]
    entry_row = np.array([each.entry_row for each in exact.trades], dtype=np.int64)
    exit_row = np.array([each.exit_row for each in exact.trades], dtype=np.int64)
    table = ClosedTrades(
        side=np.array([trade.side.sign for trade in trades], dtype=np.int8),
        entry_row=entry_row,
        exit_row=exit_row,
        entry_time=candles.time[entry_row],
        exit_time=candles.time[exit_row],
        entry_price=_column(trade.entry_price for trade in trades),
        exit_price=_column(trade.exit_price for trade in trades),
        quantity=_column(trade.quantity for trade in trades),
        fees=_column(trade.fees for trade in trades),
        funding=_column(trade.funding for trade in trades),
        pnl=_column(trade.net_pnl for trade in trades),
        reason=np.array([ExitBy[each.closed_by.value] for each in exact.trades], dtype=np.int8),
    )
    pnl, held = exact.final_equity - terms.cash, exact.open_position
    position = None
    if held is not None and exact.open_row is not None:
        position = OpenPosition(
            side=held.side.value,
            entry_row=exact.open_row,
            entry_time=int(candles.time[exact.open_row]),
            entry_price=float(held.entry_price),
            quantity=float(held.quantity),
            mark_price=float(candles.close[-1]),
            fees=float(held.fees),
            funding=float(held.funding),
            pnl=float(pnl - sum((trade.net_pnl for trade in trades), ZERO)),
        )
    return Result(
        strategy=strategy.name,
        parameters=parameters_of(strategy),
        candles=candles,
        cash=float(terms.cash),
        path=EXACT,
        first_decision_row=exact.first_decision_row,
        orders=len(exact.fills),
        trades=table,
        open_position=position,
        fees=float(exact.fees),
        funding=float(exact.funding),
        pnl=float(pnl),
        curve=exact.curve,
        denials=exact.denials,
        differing_decisions=exact.differing_decisions,
        notes=notes,
    )


def _column(values: Iterable[Decimal]) -> Floats:
    return np.array([float(value) for value in values], dtype=np.float64)
