"""Parts of a sweep come in any order, twice, or from workers that die; the sweep is judged once all are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from candlecast.domain.backtests.backtest import TIME_LIMIT, Backtest, BacktestStatus
from candlecast.domain.backtests.sweep import SweepPlan
from candlecast.domain.strategies.definition import MAX_LOOKBACK
from candlecast.domain.values.errors import Conflict, DomainError, InvalidValue, Reject, RetryLater
from candlecast.domain.values.timeframe import Timeframe
from candlecast.services.backtests.cancel_backtest import CancelBacktest
from candlecast.services.backtests.read_inputs import ReadInputs
from candlecast.services.backtests.run_sweep_part import LOOK_EVERY, RunSweepPart
from candlecast.services.market.read_funding import ReadFunding
from candlecast.services.market.read_history import ReadHistory
from tests.support.builders import BTC, NOW, TENANT, a_market, a_strategy, candles_until
from tests.support.fakes.backtests import (
    BACKTEST,
    FakeBacktestStore,
    FakeEngine,
    FakeResults,
    FakeSweepEngine,
    a_backtest,
    a_plan,
    a_summary,
    a_task,
)
from tests.support.fakes.candle_history import FakeCandleHistory
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.market_data import FakeMarketData, FakeMarkets
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore

SWEEP = SweepPlan(axes={"fast": tuple(range(18))}, trials_of_a_part=5)
ROWS = 120  # of the plan


class Killed(BaseException):
    """The process is gone."""


class Store(FakeBacktestStore):
    """`busy`: somebody else has always written before. `failing`: the number of the read that fails."""

    busy = False
    failing: int | None = None
    reads = 0

    def find_backtest(self, tenant_id: str, backtest_id: str) -> Backtest:
        self.reads += 1
        if self.reads == self.failing:
            raise RetryLater("STORE_UNAVAILABLE", after_seconds=1)
        return super().find_backtest(tenant_id, backtest_id)

    def save_backtest(self, backtest: Backtest) -> Backtest:
        if self.busy:
            raise Conflict("VERSION_CONFLICT")
        return super().save_backtest(backtest)


@dataclass
class Bench:
    """Workers over fakes, with a sweep of eighteen trials in four parts."""

    store: Store = field(default_factory=Store)
    market_data: FakeMarketData = field(default_factory=FakeMarketData)
    engine: FakeSweepEngine = field(default_factory=FakeSweepEngine)
    results: FakeResults = field(default_factory=FakeResults)
    clock: FakeClock = field(default_factory=FakeClock)
    metrics: RecordingMetrics = field(default_factory=RecordingMetrics)

    def __post_init__(self) -> None:
        strategies, history = FakeStrategyStore(FakeDatabase()), FakeCandleHistory()
        strategies.create_strategy(a_strategy())
        self.market_data.put(BTC, Timeframe.M1, candles_until(NOW, 3_000))
        self._run = RunSweepPart(
            backtests=self.store,
            inputs=ReadInputs(
                strategies=strategies,
                markets=FakeMarkets(a_market(BTC)),
                history=ReadHistory(history, self.market_data, self.clock, self.metrics),
                funding=ReadFunding(history, self.market_data, self.clock, self.metrics),
                engine=FakeEngine(),
            ),
            engine=self.engine,
            parts=self.results,
            results=self.results,
            clock=self.clock,
            metrics=self.metrics,
        )
        self.cancel = CancelBacktest(self.store, self.clock)
        self.store.create_backtest(a_backtest(plan=a_plan(sweep=SWEEP)))

    def run(self, *parts: int) -> None:
        for part in parts:
            self._run(a_task(part=part), part)

    @property
    def found(self) -> Backtest:
        return self.store.backtests[TENANT, BACKTEST]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def die(*_: int) -> None:
    raise Killed


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2)])
def test_the_last_part_has_all_of_them_judged_in_order(bench: Bench, order: tuple[int, ...]) -> None:
    bench.run(*order)
    assert bench.engine.merged == [["0", "1", "2", "3"]]
    found = bench.found
    assert (found.status, found.summary, found.code_version) == (BacktestStatus.DONE, a_summary(), "c0de")
    assert (found.parts_done, found.trials_done, found.ended_at) == ((0, 1, 2, 3), 18, NOW)
    assert bench.metrics.counts["BacktestsDone"] == 1
    assert (TENANT, BACKTEST) in bench.results.kept


def test_the_first_part_says_that_the_sweep_runs_and_each_end_how_far_it_is(bench: Bench) -> None:
    seen: list[tuple[BacktestStatus, int, int]] = []
    bench.engine.during = lambda _: seen.append((bench.found.status, bench.found.tries, bench.found.trials_done))
    bench.run(3, 0)
    assert sorted(set(seen)) == [(BacktestStatus.RUNNING, 1, 0), (BacktestStatus.RUNNING, 1, 3)]
    assert (bench.found.trials_done, bench.found.started_at) == (8, NOW)


def test_all_parts_and_the_judgement_have_the_same_candles(bench: Bench) -> None:
    bench.run(0, 1, 2, 3)
    assert bench.engine.rows == {ROWS + MAX_LOOKBACK - 1}


def test_a_part_that_is_kept_is_not_computed_again(bench: Bench) -> None:
    bench.run(0, 0)
    assert bench.engine.tried == [0]


@pytest.mark.parametrize("part", [-1, 4])
def test_a_part_that_the_sweep_does_not_have_is_refused(bench: Bench, part: int) -> None:
    with pytest.raises(InvalidValue, match=f"part {part}"):
        bench.run(part)
    assert (bench.found.parts_done, bench.engine.tried, bench.results.kept_parts) == ((), [], {})


def test_the_part_of_a_killed_worker_is_computed_again(bench: Bench) -> None:
    bench.run(0, 1)
    bench.engine.during = die
    with pytest.raises(Killed):
        bench.run(2)
    bench.engine.during = None
    bench.run(3, 2)
    assert (bench.found.status, bench.engine.merged) == (BacktestStatus.DONE, [["0", "1", "2", "3"]])


def test_a_worker_that_is_killed_while_it_judges_is_followed_by_another(bench: Bench) -> None:
    bench.run(0, 1, 2)
    bench.engine.merging = die
    with pytest.raises(Killed):
        bench.run(3)
    assert bench.found.status is BacktestStatus.RUNNING
    bench.engine.merging = None
    bench.run(3)
    assert (bench.found.status, bench.engine.tried) == (BacktestStatus.DONE, [0, 1, 2, 3])


def test_two_workers_at_the_end_of_a_sweep_leave_one_result(bench: Bench) -> None:
    bench.run(0, 1, 2)

    def meanwhile() -> None:
        bench.engine.merging = None
        bench.run(1)  # its message came again

    bench.engine.merging = meanwhile
    bench.run(3)
    assert (bench.found.status, bench.metrics.counts["BacktestsDone"]) == (BacktestStatus.DONE, 1)


def test_parts_that_end_at_once_are_both_noted(bench: Bench) -> None:
    def other() -> None:
        bench.store.save_backtest(bench.found.with_part(1))

    def end(_: int) -> None:
        bench.store.during = other

    bench.run(2)
    bench.engine.during = end
    bench.run(0)
    assert bench.found.parts_done == (0, 1, 2)


def test_a_part_waits_while_others_write_all_the_time(bench: Bench) -> None:
    bench.store.busy = True
    with pytest.raises(RetryLater, match="SWEEP_BUSY"):
        bench.run(0)


def test_a_cancelled_sweep_stops_at_its_next_look_and_its_other_parts_are_not_computed(bench: Bench) -> None:
    def during(_: int) -> None:
        bench.clock.advance(5)
        bench.cancel(TENANT, BACKTEST)

    bench.engine.during = during
    bench.run(0, 1)
    assert (bench.engine.tried, bench.found.status) == ([0], BacktestStatus.CANCELLED)
    assert not bench.results.kept_parts


def test_a_look_that_fails_stops_nothing(bench: Bench) -> None:
    def during(_: int) -> None:
        bench.clock.advance(5)
        bench.store.failing = bench.store.failing or bench.store.reads + 1

    bench.engine.during = during
    bench.run(0)
    assert bench.store.failing is not None
    assert bench.found.parts_done == (0,)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Reject("PARAMETER_UNKNOWN", "no such parameter"), "PARAMETER_UNKNOWN"),
        (InvalidValue("x", code="SWEEP_TOO_LARGE"), "SWEEP_TOO_LARGE"),
    ],
)
def test_a_part_that_cannot_be_computed_fails_the_sweep(bench: Bench, error: DomainError, code: str) -> None:
    bench.run(0)
    bench.engine.error = error
    bench.run(1)
    assert (bench.found.status, bench.found.error_code) == (BacktestStatus.FAILED, code)
    assert bench.metrics.counts["BacktestsFailed"] == 1
    bench.engine.error = None
    bench.run(2)
    assert bench.engine.tried == [0, 1]


def test_a_judgement_that_fails_fails_the_sweep(bench: Bench) -> None:
    def fail() -> None:
        raise Reject("SWEEP_FAILED", "every combination failed")

    bench.engine.merging = fail
    bench.run(0, 1, 2, 3)
    assert bench.found.error_code == "SWEEP_FAILED"


def test_a_part_that_takes_too_long_fails_the_sweep(bench: Bench) -> None:
    def during(_: int) -> None:
        bench.clock.advance(TIME_LIMIT.total_seconds() / 3)

    bench.engine.during = during
    bench.run(0)
    assert bench.found.error_code == "BACKTEST_TOO_SLOW"


def test_a_judgement_that_takes_too_long_fails_the_sweep(bench: Bench) -> None:
    """A function that is killed at its time-out would judge again and again, and keep its place from others."""

    def slow() -> None:
        bench.clock.advance(TIME_LIMIT.total_seconds() + 1)

    bench.engine.merging = slow
    bench.run(0, 1, 2, 3)
    assert bench.found.error_code == "BACKTEST_TOO_SLOW"


def test_a_sweep_that_is_cancelled_while_it_is_judged_has_no_result(bench: Bench) -> None:
    def cancel() -> None:
        bench.cancel(TENANT, BACKTEST)
        bench.clock.advance(LOOK_EVERY.total_seconds())

    bench.engine.merging = cancel
    bench.run(0, 1, 2, 3)
    assert bench.found.status is BacktestStatus.CANCELLED
    assert not bench.results.kept


def lose_results(bench: Bench) -> None:
    bench.results.error = RetryLater("TOLD_TO_FAIL", after_seconds=1)


def lose_code(bench: Bench) -> None:
    bench.engine.error = RetryLater("TOLD_TO_FAIL", after_seconds=1)


@pytest.mark.parametrize("lose", [lose_results, lose_code])
def test_a_part_waits_for_what_does_not_answer(bench: Bench, lose: Callable[[Bench], None]) -> None:
    lose(bench)
    with pytest.raises(RetryLater, match="TOLD_TO_FAIL"):
        bench.run(0)
    bench.results.error = bench.engine.error = None
    bench.run(0, 1, 2, 3)
    assert bench.found.status is BacktestStatus.DONE


def test_a_sweep_that_was_forgotten_is_not_computed(bench: Bench) -> None:
    bench.store.backtests.clear()
    bench.run(0)
    assert not bench.engine.tried
