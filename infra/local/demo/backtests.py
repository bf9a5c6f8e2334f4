"""The demo's candles once more, as backtests: the signals that live has published, and each fill beside its live fill.

Every ordinary user is run anew with the same settings, on the paper exchange's fees and filters. Three facts of a replay
decide the terms:

- The market's clock stands at a candle's close while its orders are filled. So the backtest fills at the close, not at the next
  open, which is nearer to a real venue.
- An order at market pays half of the exchange's spread. That is the backtest's slippage.
- A strategy runs for the first time on the first replayed candle. So the backtest's first decision is that of this candle.

Both sides put the same spread on the same price and round it to the tick against the order. So one tick is the most by which
two fills may differ: `bound_bps`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.strategy_code import BuiltInStrategies
from candlecast.backtest.candle_venue import Fees
from candlecast.backtest.exact_path import Terms, run_exactly, signal_at
from candlecast.backtest.fills import FillAt
from candlecast.domain.backtests.market_fill import Slippage
from candlecast.domain.market.market import Market
from candlecast.domain.signals.signal import Signal
from candlecast.domain.strategies.definition import StrategyDefinition, StrategyKind
from candlecast.domain.subscriptions.subscription import Settings
from candlecast.domain.values.copying import replace
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.timeframe import EPOCH
from candlecast.strategy import Candles, Strategy, evaluate
from candlecast.strategy.candles import MILLISECOND
from candlecast.strategy.registry import load_strategy
from infra.local.demo.exchange import BookFill, ListedMarket, as_loaded, listed
from infra.local.demo.people import Person
from infra.local.demo.report import Records
from infra.local.demo.scenario import VENUE, Case, PlannedStrategy, PlannedUser

BASIS_POINTS = Decimal(10_000)

type Key = tuple[str, str]  # a signal's id and a leg: the same order live and in a backtest


@dataclass(frozen=True, slots=True)
class Filled:
    """A filled order: the close of the candle that filled it (ms of market time), base units, average price."""

    at_ms: int
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Again:
    """One strategy of the demo, ready to be run over the replayed candles."""

    planned: PlannedStrategy
    strategy: Strategy[Any]
    candles: Candles
    spec: ListedMarket

    @staticmethod
    def of(planned: PlannedStrategy, count: int) -> Again:
        """The replayed candles, and before them just the history of the first decision."""
        strategy = load_strategy(planned.code).with_parameters(planned.parameters)
        candles = Candles.from_candles(as_loaded(planned.file, strategy.lookback - 1 + count))
        return Again(planned, strategy, candles, listed(planned.file))

    def terms(self, user: PlannedUser) -> Terms:
        """The settings and the money of a user, at the paper exchange."""
        spec, planned = self.spec, self.planned
        return Terms(
            market=_market(planned.file.market, spec),
            timeframe=planned.file.timeframe,
            venue=VENUE,
            settings=from_json(Settings, json.dumps(dict(user.settings))),
            cash=user.balance,
            fill_at=FillAt.CLOSE,
            fees=Fees(maker=spec.maker_fee, taker=spec.taker_fee),
            slippage=Slippage(bps=spec.half_spread_bps),
            strategy_id=planned.strategy_id,
            strategy_version=BuiltInStrategies().version(_definition(planned)),
        )

    def signals(self, user: PlannedUser) -> Iterator[Signal]:
        """The signals of the run, in their order."""
        terms, side = self.terms(user), evaluate(self.strategy, self.candles).side
        for row in np.flatnonzero(side).tolist():
            signal = signal_at(self.strategy, self.candles, row, terms)
            if signal is not None:
                yield signal

    def fills(self, user: PlannedUser) -> dict[Key, Filled]:
        """The fills of the run, by the order."""
        found: dict[Key, list[tuple[int, Decimal, Decimal]]] = {}
        length = self.planned.file.timeframe.length // MILLISECOND
        for fill in run_exactly(self.strategy, self.candles, self.terms(user)).fills:
            closed = int(self.candles.time[fill.row]) + length
            found.setdefault((fill.signal_id, fill.leg), []).append((closed, fill.quantity, fill.price))
        return {key: _together(parts) for key, parts in found.items()}

    @property
    def tick_bps(self) -> Decimal:
        """A tick at the lowest price of the candles, in basis points."""
        return self.spec.tick_size / Decimal(repr(float(self.candles.low.min()))) * BASIS_POINTS


def compare(records: Records, fills: Sequence[BookFill], people: Sequence[Person], count: int) -> dict[str, Any]:
    """The figures of `backtest` in build/demo/report.json.

    `signals_different` counts signals of one side alone, and signals whose bytes differ. `fills_different` names orders that one
    side alone has filled, in another candle, or in another size. `worst_slippage_bps` is the distance of a live fill from the
    price of its backtest fill, and `bound_bps` one tick of its market. Both are of the fill that comes nearest to its bound.
    """
    followed = {person.plan.strategy.strategy_id: person.plan.strategy for person in people}
    runs = {strategy_id: Again.of(planned, count) for strategy_id, planned in followed.items()}
    ordinary = [person for person in people if person.plan.case is Case.ORDINARY]
    compared, different = 0, 0
    for strategy_id, run in runs.items():
        user = next(person.plan for person in people if person.plan.strategy.strategy_id == strategy_id)
        backtest = {signal.signal_id: _text(signal) for signal in run.signals(user)}
        live = {it.signal.signal_id: _text(it.signal) for it in records.signals if it.signal.strategy_id == strategy_id}
        compared += len(backtest.keys() | live.keys())
        different += sum(backtest.get(key) != live.get(key) for key in backtest.keys() | live.keys())
    matched, found = 0, list[str]()
    worst = ZERO, ZERO, min(run.tick_bps for run in runs.values())  # share of the bound, distance, bound
    filled = live_fills(records, fills)
    for person in ordinary:
        run = runs[person.plan.strategy.strategy_id]
        backtest_fills, bound = run.fills(person.plan), run.tick_bps
        of_live = filled.get(person.subscription_id, {})
        found += [f"{person.plan.name}: {line}" for line in _differences(of_live, backtest_fills)]
        for key in of_live.keys() & backtest_fills.keys():
            matched += 1
            apart = abs(of_live[key].price / backtest_fills[key].price - 1) * BASIS_POINTS
            worst = max(worst, (apart / bound, apart, bound))
    return {
        "signals": compared,
        "signals_different": different,
        "users": len(ordinary),
        "fills": matched,
        "fills_different": found,
        "worst_slippage_bps": round(float(worst[1]), 6),
        "bound_bps": round(float(worst[2]), 6),
    }


def is_followed(comparison: Mapping[str, Any]) -> bool:
    """Whether live and backtest are the same within the bound."""
    same = not comparison["signals_different"] and not comparison["fills_different"]
    return same and comparison["worst_slippage_bps"] <= comparison["bound_bps"]


def compared(comparison: Mapping[str, Any]) -> str:
    """The comparison in one line."""
    signals, fills = f"{comparison['signals']} signals", f"{comparison['fills']} fills of {comparison['users']} users"
    if not is_followed(comparison):
        differ = comparison["signals_different"], len(comparison["fills_different"])
        return f"LIVE DIFFERS FROM ITS BACKTEST: {differ[0]} of {signals}, {differ[1]} beside {fills}"
    apart = f"{comparison['worst_slippage_bps']} bps where a tick is {comparison['bound_bps']}"
    return f"live equals its backtest: {signals} to the byte, {fills} within a tick, at worst {apart}"


def live_fills(records: Records, fills: Sequence[BookFill]) -> dict[str, dict[Key, Filled]]:
    """The fills of the venue's book by subscription and order."""
    parts: dict[str, list[tuple[int, Decimal, Decimal]]] = {}
    for fill in fills:
        parts.setdefault(fill.client_order_id, []).append((fill.market_ms, fill.quantity, fill.price))
    found: dict[str, dict[Key, Filled]] = {}
    for order in records.orders:
        if order.client_order_id in parts:
            place = found.setdefault(order.subscription_id, {})
            place[order.signal_id, order.leg] = _together(parts[order.client_order_id])
    return found


def _together(parts: Sequence[tuple[int, Decimal, Decimal]]) -> Filled:
    quantity = sum((part for _, part, _ in parts), ZERO)
    return Filled(parts[-1][0], quantity, sum((part * price for _, part, price in parts), ZERO) / quantity)


def _differences(live: Mapping[Key, Filled], backtest: Mapping[Key, Filled]) -> Iterator[str]:
    for signal_id, leg in sorted(live.keys() | backtest.keys()):
        ours, theirs = live.get((signal_id, leg)), backtest.get((signal_id, leg))
        if ours is None or theirs is None:
            yield f"{leg} of {signal_id}: filled {'in the backtest' if ours is None else 'live'} alone"
        elif (ours.at_ms, ours.quantity) != (theirs.at_ms, theirs.quantity):
            yield f"{leg} of {signal_id}: live {_words(ours)}, the backtest {_words(theirs)}"


def _words(filled: Filled) -> str:
    return f"{filled.quantity.normalize():f} at {filled.price.normalize():f} by {EPOCH + filled.at_ms * MILLISECOND:%m-%d %H:%M}"


def _text(signal: Signal) -> str:
    """The signal's bytes without the run's own: the wall time of its decision, and the id that its log lines share."""
    return to_json(replace(signal, issued_at=signal.candle_close or EPOCH, correlation_id=""))


def _market(symbol: str, spec: ListedMarket) -> Market:
    """The market as the catalogue has it, which asks the exchange."""
    return Market(
        symbol=symbol,
        venue_symbol=spec.symbol,
        base=spec.base,
        quote=spec.quote,
        price_step=spec.tick_size,
        quantity_step=spec.step_size,
        min_quantity=spec.step_size,
        max_quantity=spec.max_market_quantity,
        min_notional=spec.min_notional,
        taker_fee=spec.taker_fee,
    )


def _definition(planned: PlannedStrategy) -> StrategyDefinition:
    return StrategyDefinition(
        strategy_id=planned.strategy_id,
        name=planned.strategy_id,
        kind=StrategyKind.BUILT_IN,
        venue=VENUE,
        created_at=EPOCH,
        market=planned.file.market,
        timeframe=planned.file.timeframe,
        code=planned.code,
        parameters=planned.parameters,
    )
