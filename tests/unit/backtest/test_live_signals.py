"""A backtest's signals are those of a live run over the same candles, to the byte."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.adapters.strategy_code import BuiltInStrategies
from candlecast.backtest.exact_path import BACKTEST, signal_at
from candlecast.domain.market.candle import Candle
from candlecast.domain.signals.signal import Signal
from candlecast.domain.values.timeframe import EPOCH, Timeframe
from candlecast.services.market.run_candle import RunCandle
from candlecast.services.signals.publish_signal import PublishSignal
from candlecast.strategy import Candles, evaluate
from candlecast.strategy.registry import load_strategy
from tests.support.backtest_exact import terms, walk
from tests.support.builders import BTC, STRATEGY, a_candle_closed, a_strategy
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.executions import FakeExecutionStore
from tests.support.fakes.history import FakePriceStore
from tests.support.fakes.market_data import FakeMarketData
from tests.support.fakes.queues import FakeSignalQueue
from tests.support.fakes.signals import FakeSignalStore
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore

MINUTE = timedelta(minutes=1)
ROWS = 40  # behind the lookback


def as_published(candles: Candles) -> list[Candle]:
    """The candles as a venue lists them."""
    columns = zip(candles.time, candles.open, candles.high, candles.low, candles.close, candles.volume, strict=True)
    return [
        Candle(EPOCH + int(time) * timedelta(milliseconds=1), *(Decimal(repr(float(value))) for value in values))
        for time, *values in columns
    ]


def live_signals(candles: Candles, first: int, definition: Any) -> list[Signal | None]:
    """The signals of a live run at the close of each row from `first` on; None for a HOLD."""
    published, found = as_published(candles), list[Signal | None]()
    for row in range(first, len(candles)):
        database, queue, market_data = FakeDatabase(), FakeSignalQueue(), FakeMarketData()
        close = published[row].open_time + MINUTE
        clock, metrics = FakeClock(close), RecordingMetrics()
        strategies = FakeStrategyStore(database)
        strategies.create_strategy(definition)
        market_data.put(BTC, Timeframe.M1, published)
        run = RunCandle(
            strategies=strategies,
            executions=FakeExecutionStore(database),
            prices=FakePriceStore(database),
            market_data=market_data,
            code=BuiltInStrategies(),
            version_of=strategies.get_version,
            publish=PublishSignal(FakeSignalStore(database), queue, clock, metrics),
            clock=clock,
            metrics=metrics,
            max_lateness=timedelta(minutes=5),
        )
        run(a_candle_closed(candle_close=close), "worker-1")
        found.append(queue.sent[0].signal if queue.sent else None)
    return found


@pytest.mark.parametrize("code", ["sma_cross", "donchian_breakout", "rsi_mean_reversion"])
def test_a_backtest_has_the_signals_of_a_live_run_to_the_byte(code: str) -> None:
    definition = a_strategy(code=code, subscriber_count=1)
    strategy = load_strategy(code).with_parameters(definition.parameters)
    first = strategy.lookback - 1
    candles = walk(7, first + ROWS)
    run_terms = terms(strategy_id=STRATEGY, strategy_version=BuiltInStrategies().version(definition))
    mine = [signal_at(strategy, candles, row, run_terms) for row in range(first, len(candles))]
    live = live_signals(candles, first, definition)
    as_backtest = [None if each is None else replace(each, correlation_id=BACKTEST) for each in live]
    assert repr(mine) == repr(as_backtest)
    decided = [row for row, signal in enumerate(mine) if signal is not None]
    assert decided == (evaluate(strategy, candles).side[first:] != 0).nonzero()[0].tolist()
    assert decided, "the walk of this test must lead to a decision"
