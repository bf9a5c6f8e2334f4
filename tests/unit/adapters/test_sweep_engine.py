"""A sweep in parts equals `candlecast sweep` in one process, number by number, for code in process and in the sandbox alike."""

from __future__ import annotations

import csv
import inspect
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest

from candlecast.adapters.aws.sandbox_function import SandboxFunction
from candlecast.adapters.sweep_engine import LiveCodeSweep
from candlecast.backtest.candle_venue import Fees
from candlecast.backtest.exact_path import Terms
from candlecast.backtest.grid import Axis, combinations_of
from candlecast.backtest.sweep import SweepResult, run_sweep, sweep_document
from candlecast.backtest.walk_forward import WalkForward, walk_forward, walk_forward_document, windows_of
from candlecast.domain.backtests.market_fill import Slippage
from candlecast.domain.backtests.sweep import RandomSearch, Value, WalkForwardPlan, planned_sweep
from candlecast.domain.strategies.definition import MAX_LOOKBACK
from candlecast.domain.values.errors import Reject, RetryLater
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.backtests import BacktestOutcome, Computation, Stopped
from candlecast.strategy import Candles
from candlecast.strategy.registry import load_strategy
from infra.local.candle_files import read_candle_file, sample_files
from tests.support.builders import TENANT, a_market, a_strategy, a_version, an_uploaded_strategy, settings
from tests.support.fakes.backtests import a_backtest, a_plan
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.unit.adapters.aws.test_sandbox_function import Functions
from tests.unit.adapters.test_backtest_engine import Sandbox
from tests.unit.adapters.test_uploaded_strategies import Texts

ALL = read_candle_file(sample_files()[0]).candles
ROWS = 400
CANDLES = ALL[-(ROWS + 500) :]
START, UNTIL = CANDLES[-ROWS].open_time, CANDLES[-1].close_time(Timeframe.M1)
SMA = load_strategy("sma_cross")
SOURCE = inspect.getsource(inspect.getmodule(SMA))  # type: ignore[arg-type]
OTHERS: dict[str, Value] = {"stop_atr": 2.0}
# The strategy refuses a fast period that is not below the slow one.
AXES: dict[str, Sequence[Value]] = {"fast_period": [3, 5, 8, 13], "slow_period": [8, 13, 21]}
FEE = Decimal("0.0005")


def computation(axes: Mapping[str, Sequence[Value]] = AXES, metric: str = "total_return", **changes: Any) -> Computation:
    sweep = replace(planned_sweep(axes, metric, ROWS), trials_of_a_part=5)
    plan = a_plan(start=START, until=UNTIL, taker_fee=FEE, slippage_bps=Decimal(2), sweep=sweep)
    values: dict[str, Any] = {
        "backtest": a_backtest(plan=plan),
        "strategy": a_strategy(parameters=OTHERS),
        "version": None,
        "market": a_market(),
        "candles": CANDLES,
    }
    return Computation(**{**values, **changes})


def uploaded(source: str = SOURCE, axes: Mapping[str, Sequence[Value]] = AXES) -> tuple[Computation, Texts]:
    version = a_version(parameters=OTHERS, source_hash=sha256(source.encode()).hexdigest(), digest="d1ge57")
    asked = computation(axes, strategy=an_uploaded_strategy(), version=version)
    return replace(asked, backtest=replace(asked.backtest, plan=replace(asked.backtest.plan, version=1))), Texts(source)


def a_sweep(code: Texts | None = None, sandbox: Functions | None = None) -> LiveCodeSweep:
    functions = sandbox or Sandbox()
    return LiveCodeSweep(
        code or Texts(SOURCE),
        SandboxFunction(lambda: functions, "sandbox", FakeClock(), RecordingMetrics()),  # type: ignore[arg-type,return-value]
    )


def unwatched() -> None: ...


def in_parts(asked: Computation, engine: LiveCodeSweep | None = None, watch: Callable[[], None] = unwatched) -> BacktestOutcome:
    """Each part by itself, the last one first, as workers may do them."""
    engine = engine or a_sweep()
    parts = {part: engine.try_part(asked, part, watch) for part in reversed(range(asked.backtest.plan.tasks))}
    return engine.merge(asked, [parts[part] for part in sorted(parts)], watch)


def the_terms() -> Terms:
    return Terms(
        market=a_market(),
        timeframe=Timeframe.M1,
        venue="paper",
        settings=settings(),
        cash=Decimal(10_000),
        fees=Fees(maker=FEE, taker=FEE),
        slippage=Slippage(bps=Decimal(2)),
    )


def in_one_process(
    axes: Mapping[str, Sequence[Value]] = AXES, metric: str = "total_return", random: RandomSearch | None = None
) -> SweepResult:
    terms = the_terms()
    combinations = combinations_of(SMA, [Axis(name, tuple(values)) for name, values in axes.items()], OTHERS, random)
    return run_sweep(
        SMA, combinations, Candles.from_candles(CANDLES), terms, metric=metric, first=len(CANDLES) - ROWS, timeframe=Timeframe.M1
    )


def document_of(outcome: BacktestOutcome) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(outcome.files.document)
    return found


def of_command(swept: SweepResult) -> dict[str, Any]:
    """The document of the command, as it is read again."""
    found: dict[str, Any] = json.loads(json.dumps(sweep_document(swept)))
    return found


def same(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Equal but for the name; uploaded code puts its line before a refusal."""
    for name in wanted.keys() - {"strategy", "refusal"}:
        assert found[name] == wanted[name], name
    assert str(found["refusal"]).endswith(str(wanted["refusal"]))


@pytest.mark.parametrize("metric", ["total_return", "sharpe_ratio", "profit_factor"])
def test_a_sweep_in_parts_equals_one_process_number_by_number(metric: str) -> None:
    wanted = of_command(in_one_process(metric=metric))
    assert (wanted["tried"], wanted["refused"]) == (9, 3)
    same(document_of(in_parts(computation(metric=metric))), wanted)


def test_uploaded_code_gives_the_numbers_of_the_same_code_in_process() -> None:
    asked, code = uploaded()
    same(document_of(in_parts(asked, a_sweep(code))), of_command(in_one_process()))


def test_uploaded_code_runs_for_its_owner_with_the_parameters_of_each_combination() -> None:
    sandbox = Sandbox()
    asked, code = uploaded()
    a_sweep(code, sandbox).try_part(asked, 0, unwatched)
    requests = [json.loads(each["Payload"]) for each in sandbox.asked]
    assert {each["TenantId"] for each in sandbox.asked} == {TENANT}
    decided = [request["parameters"] for request in requests if request["job"] == "signals"]
    assert decided == [
        {**OTHERS, "fast_period": fast, "slow_period": slow} for fast, slow in ((3, 8), (3, 13), (3, 21), (5, 8), (5, 13))
    ]


def test_a_part_gives_the_same_bytes_again() -> None:
    assert a_sweep().try_part(computation(), 1, unwatched) == a_sweep().try_part(computation(), 1, unwatched)


def test_the_page_and_the_numbers_are_those_of_the_best_and_the_table_has_all() -> None:
    outcome = in_parts(computation())
    wanted = in_one_process()
    best = wanted.attempts[int(wanted.order[0])]
    assert outcome.summary.trades == best.trades  # type: ignore[union-attr]
    assert float(outcome.summary.total_return) == pytest.approx(best.total_return, abs=1e-8)  # type: ignore[union-attr]
    rows = list(csv.DictReader(io.StringIO(outcome.files.trades.decode())))
    assert [float(row["total_return"]) for row in rows] == [row["total_return"] for row in of_command(wanted)["trials"]]
    assert b"<svg" in outcome.files.page or b"<canvas" in outcome.files.page
    found = document_of(outcome)
    assert found["versions"]["strategy"] == outcome.code_version
    assert found["settings"]["sweep"]["axes"] == {name: list(values) for name, values in AXES.items()}
    assert [note["code"] for note in found["notes"]][-1] == "BACKTEST_WITHOUT_FUNDING"


def test_a_combination_that_fails_in_the_sandbox_fails_alone() -> None:
    line = "        fast = "
    raises = f"        if self.parameters.fast_period == 5:\n            raise KeyError\n{line}"
    fails = SOURCE.replace(line, raises, 1)
    asked, code = uploaded(fails)
    found = document_of(in_parts(asked, a_sweep(code)))
    assert (found["tried"], found["failed"], found["refused"]) == (6, 3, 3)
    assert {row["error"].split(": ")[0] for row in found["trials"] if row["error"]} == {"STRATEGY_FAILED"}


def test_a_sweep_whose_combinations_all_fail_is_refused_with_the_first_reason() -> None:
    asked, code = uploaded(SOURCE.replace("        fast = ", "        raise KeyError\n        fast = ", 1))
    with pytest.raises(Reject, match=r"SWEEP_FAILED: .*STRATEGY_FAILED"):
        in_parts(asked, a_sweep(code))


def test_a_sweep_that_the_strategy_refuses_altogether_is_empty() -> None:
    with pytest.raises(Reject, match="SWEEP_EMPTY"):
        in_parts(computation({"fast_period": [30, 40], "slow_period": [8, 13]}))


@pytest.mark.parametrize("is_uploaded", [False, True])
def test_a_parameter_that_the_code_has_not_fails_the_sweep(is_uploaded: bool) -> None:
    axes: dict[str, Sequence[Value]] = {"fastest_period": [3, 5]}
    asked, code = uploaded(axes=axes) if is_uploaded else (computation(axes), None)
    with pytest.raises(Reject, match="PARAMETER_UNKNOWN"):
        in_parts(asked, a_sweep(code))


def test_code_that_is_away_can_be_had_later() -> None:
    asked, code = uploaded()
    code.texts[sha256(SOURCE.encode()).hexdigest()] = RetryLater("CODE_UNAVAILABLE", after_seconds=1)
    with pytest.raises(RetryLater, match="CODE_UNAVAILABLE"):
        in_parts(asked, a_sweep(code))


WALK = WalkForwardPlan(train_hours=2, test_hours=1)
ANCHORED = replace(WALK, anchored=True)


def swept_with(asked: Computation, **changes: Any) -> Computation:
    """The same backtest with another sweep."""
    plan = asked.backtest.plan
    assert plan.sweep is not None
    return replace(asked, backtest=replace(asked.backtest, plan=replace(plan, sweep=replace(plan.sweep, **changes))))


def walking(asked: Computation, walk: WalkForwardPlan) -> Computation:
    """The same sweep on windows."""
    return swept_with(asked, walk_forward=walk)


def walked_in_one_process(walk: WalkForwardPlan, random: RandomSearch | None = None) -> WalkForward:
    combinations = combinations_of(SMA, [Axis(name, tuple(values)) for name, values in AXES.items()], OTHERS, random)
    candles = Candles.from_candles(CANDLES)
    hour = 3_600_000
    windows = windows_of(
        candles.time,
        train_ms=walk.train_hours * hour,
        test_ms=walk.test_hours * hour,
        anchored=walk.anchored,
        row=len(CANDLES) - ROWS,
    )
    return walk_forward(SMA, combinations, candles, the_terms(), windows, metric="total_return", timeframe=Timeframe.M1)


@pytest.mark.parametrize("walk", [WALK, ANCHORED])
@pytest.mark.parametrize("is_uploaded", [False, True])
def test_a_walk_forward_in_parts_equals_one_process_number_by_number(walk: WalkForwardPlan, is_uploaded: bool) -> None:
    asked, code = uploaded() if is_uploaded else (computation(), None)
    outcome = in_parts(walking(asked, walk), a_sweep(code))
    found, wanted = document_of(outcome), walked_in_one_process(walk)
    assert len(wanted.steps) == 5
    same(found, json.loads(json.dumps(walk_forward_document(wanted))))
    assert [trade["pnl"] for trade in found["out_of_sample"]["trades"]] == wanted.result.trades.pnl.tolist()
    assert found["out_of_sample"]["metrics"] == json.loads(json.dumps(wanted.result.metrics.to_json()))
    assert outcome.summary.trades == len(wanted.result.trades) > 5
    assert len(outcome.files.trades.splitlines()) == len(wanted.result.trades) + 1


SEARCH = RandomSearch(count=7, seed=4)


@pytest.mark.parametrize("is_uploaded", [False, True])
def test_a_random_search_in_parts_equals_one_process_number_by_number(is_uploaded: bool) -> None:
    asked, code = uploaded() if is_uploaded else (computation(), None)
    found = document_of(in_parts(swept_with(asked, random=SEARCH), a_sweep(code)))
    wanted = of_command(in_one_process(random=SEARCH))
    assert (wanted["combinations"], wanted["sample"]) == (7, {"search": "random", "seed": 4, "of": 12})
    assert 0 < wanted["tried"] < 7  # some are refused
    same(found, wanted)
    assert found["settings"]["sweep"]["random"] == {"count": 7, "seed": 4}


def test_a_walk_forward_of_a_random_search_equals_one_process() -> None:
    found = document_of(in_parts(walking(swept_with(computation(), random=SEARCH), WALK)))
    same(found, json.loads(json.dumps(walk_forward_document(walked_in_one_process(WALK, SEARCH)))))
    assert found["combinations"] == 7


def test_an_outcome_too_few_is_no_sweep() -> None:
    """An outcome has its combination by its place, so a missing one would lend its parameters to the next."""
    engine, asked = a_sweep(), computation()
    parts = [json.loads(engine.try_part(asked, part, unwatched)) for part in range(asked.backtest.plan.tasks)]
    del parts[1][2]
    with pytest.raises(Reject, match="11 outcomes of 12"):
        engine.merge(asked, [json.dumps(part) for part in parts], unwatched)


def test_a_combination_that_fails_in_a_walk_forward_fails_in_each_window() -> None:
    line = "        fast = "
    fails = SOURCE.replace(line, f"        if self.parameters.fast_period == 5:\n            raise KeyError\n{line}", 1)
    asked, code = uploaded(fails)
    found = document_of(in_parts(walking(asked, WALK), a_sweep(code)))
    assert [window["failed"] for window in found["windows"]] == [3] * 5


def test_a_walk_forward_without_a_choice_fails_the_sweep() -> None:
    asked, code = uploaded(SOURCE.replace("        fast = ", "        raise KeyError\n        fast = ", 1))
    with pytest.raises(Reject, match="WALK_FORWARD_NO_CHOICE"):
        in_parts(walking(asked, WALK), a_sweep(code))


def test_the_watcher_ends_a_walk_forward() -> None:
    calls = iter(range(1_000_000))

    def stop() -> None:
        if next(calls) == 3:
            raise Stopped

    with pytest.raises(Stopped):
        a_sweep().try_part(walking(computation(), WALK), 0, stop)


def test_the_watcher_ends_a_judgement_that_asks_the_code_again() -> None:
    """With slow code, each of two hundred windows would take a minute, and no time-out of the function would be enough."""
    asked, code = uploaded()
    asked, sandbox = walking(asked, WALK), Sandbox()
    engine = a_sweep(code, sandbox)
    parts = [engine.try_part(asked, part, unwatched) for part in range(asked.backtest.plan.tasks)]
    before = len(sandbox.asked)

    def stop() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        engine.merge(asked, parts, stop)
    assert len(sandbox.asked) == before


def test_a_choice_of_several_windows_is_made_once() -> None:
    asked, code = uploaded(axes={"fast_period": [5]})
    asked, sandbox = walking(asked, WALK), Sandbox()
    engine = a_sweep(code, sandbox)
    parts = [engine.try_part(asked, part, unwatched) for part in range(asked.backtest.plan.tasks)]
    before = len(sandbox.asked)
    engine.merge(asked, parts, unwatched)
    assert len(sandbox.asked) - before == 2, "one description and one run, for five windows"


def test_the_watcher_ends_a_part_in_the_middle_of_a_combination() -> None:
    calls = iter(range(1_000_000))

    def stop() -> None:
        if next(calls) == 3:  # the first is before a combination, the others are at its rows
            raise Stopped

    with pytest.raises(Stopped):
        a_sweep().try_part(computation(), 0, stop)
    assert next(calls) == 4


def test_the_longest_lookback_is_within_what_all_parts_read() -> None:
    assert max(each.lookback for each in in_one_process().combinations.strategies if each is not None) <= MAX_LOOKBACK
