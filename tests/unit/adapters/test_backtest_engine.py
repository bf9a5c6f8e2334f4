"""The engine of the service: the command's numbers, in process and by the sandbox alike, and code kept hidden."""

from __future__ import annotations

import csv
import inspect
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest

from candlecast.adapters import uploaded_code
from candlecast.adapters.aws.sandbox_function import SandboxFunction
from candlecast.adapters.backtest_engine import TRADE_COLUMNS, LiveCodeEngine
from candlecast.adapters.uploaded_code import RUN_SECONDS
from candlecast.backtest.candle_venue import Fees
from candlecast.backtest.exact_path import Terms
from candlecast.backtest.result import Result, without_history
from candlecast.backtest.run import run
from candlecast.domain.backtests.market_fill import Slippage
from candlecast.domain.market.candle import Candle
from candlecast.domain.market.funding import FundingRate
from candlecast.domain.values.errors import NotFound, Reject, RetryLater
from candlecast.domain.values.timeframe import EPOCH, Timeframe
from candlecast.ports.backtests import BacktestOutcome, Computation, Stopped
from candlecast.sandbox import jobs
from candlecast.sandbox.protocol import SANDBOX_TIMEOUT
from candlecast.strategy import Candles
from candlecast.strategy.candles import MILLISECOND
from candlecast.strategy.registry import load_strategy
from infra.local.candle_files import read_candle_file, sample_files
from tests.support.builders import TENANT, a_market, a_strategy, a_version, an_uploaded_strategy, settings
from tests.support.fakes.backtests import a_backtest, a_plan
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.unit.adapters.aws.test_sandbox_function import Functions, refused, told
from tests.unit.adapters.test_uploaded_strategies import Texts

PARAMETERS = {"fast_period": 5, "slow_period": 13}
LOOKBACK = load_strategy("sma_cross").with_parameters(PARAMETERS).lookback
CANDLES = read_candle_file(sample_files()[0]).candles
ROWS = len(CANDLES) - (LOOKBACK - 1)
START = CANDLES[LOOKBACK - 1].open_time
UNTIL = CANDLES[-1].close_time(Timeframe.M1)
SOURCE = inspect.getsource(inspect.getmodule(load_strategy("sma_cross")))  # type: ignore[arg-type]
HASH = sha256(SOURCE.encode()).hexdigest()
VERSION = a_version(
    parameters={**PARAMETERS, "atr_period": 14, "stop_atr": 3.0}, lookback=LOOKBACK, source_hash=HASH, digest="d1ge57"
)
PLAN = a_plan(start=START, until=UNTIL, taker_fee=Decimal("0.0005"), slippage_bps=Decimal(2))


FORGED = """\
            rises = np.append(candles.close[1:] > candles.close[:-1], False)
            return Signals.from_conditions(long=rises, short=~rises)
"""


class Sandbox(Functions):
    """Lambda's client whose function runs the child's job right here; the answer of a test comes in its place."""

    def __init__(self, answer: Any = None) -> None:
        super().__init__()
        self._answer = answer

    def invoke(self, **asked: Any) -> dict[str, Any]:
        outcome = jobs.run(asked["Payload"])
        self.answers[asked["TenantId"]] = self._answer or (
            told(**outcome) if "result" in outcome else {**refused("X"), **outcome}
        )
        return super().invoke(**asked)


def an_engine(sandbox: Functions | None = None, code: Texts | None = None) -> LiveCodeEngine:
    functions = sandbox or Sandbox()
    return LiveCodeEngine(
        code or Texts(SOURCE),
        SandboxFunction(lambda: functions, "sandbox", FakeClock(), RecordingMetrics()),  # type: ignore[arg-type,return-value]
    )


def built_in(**changes: Any) -> Computation:
    values: dict[str, Any] = {
        "backtest": a_backtest(plan=PLAN),
        "strategy": a_strategy(parameters=PARAMETERS),
        "version": None,
        "market": a_market(),
        "candles": CANDLES,
    }
    return Computation(**{**values, **changes})


def uploaded(**changes: Any) -> Computation:
    backtest = a_backtest(plan=replace(PLAN, version=1))
    return built_in(**{"backtest": backtest, "strategy": an_uploaded_strategy(), "version": VERSION, **changes})


def unwatched(row: int) -> None: ...


def document_of(outcome: BacktestOutcome) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(outcome.files.document)
    return found


def by_the_engine_itself(candles: tuple[Candle, ...] = CANDLES, funding: tuple[tuple[int, Decimal], ...] = ()) -> Result:
    """The result of `candlecast backtest` for these candles, settings and costs."""
    strategy = load_strategy("sma_cross").with_parameters(PARAMETERS)
    fee = Decimal("0.0005")
    terms = Terms(
        market=a_market(),
        timeframe=Timeframe.M1,
        venue="paper",
        settings=settings(),
        cash=Decimal(10_000),
        fees=Fees(maker=fee, taker=fee),
        slippage=Slippage(bps=Decimal(2)),
        funding=funding,
    )
    return without_history(run(strategy, Candles.from_candles(candles), terms), LOOKBACK - 1)


@pytest.mark.parametrize(
    ("made_at", "first"),
    [
        (START - timedelta(days=9), 0),
        (CANDLES[LOOKBACK + 99].close_time(Timeframe.M1), 101),
        (CANDLES[LOOKBACK + 99].close_time(Timeframe.M1) - timedelta(seconds=1), 100),
        (UNTIL, None),
    ],
    ids=["before the span", "as a candle closes", "within a candle", "at the end"],
)
def test_the_return_since_the_version_was_made_is_that_of_the_later_candles(made_at: datetime, first: int | None) -> None:
    version = replace(VERSION, created_at=made_at, source_hash=None)
    backtest = a_backtest(plan=replace(PLAN, version=1))
    outcome = an_engine().compute(built_in(backtest=backtest, version=version), unwatched)
    found = outcome.return_since_made
    equity = by_the_engine_itself().equity
    if first is None:
        assert found is None
    else:
        before = equity[first - 1] if first else 10_000
        assert found is not None
        assert float(found) == pytest.approx(equity[-1] / before - 1, abs=1e-8)
        assert found != outcome.summary.total_return or not first


def test_the_numbers_are_those_of_the_engine() -> None:
    outcome = an_engine().compute(built_in(), unwatched)
    wanted = by_the_engine_itself()
    assert len(wanted.trades) > 20
    found = document_of(outcome)
    assert [trade["pnl"] for trade in found["trades"]] == wanted.trades.pnl.tolist()
    assert (found["final_equity"], found["rows"], found["cash"]) == (wanted.final_equity, ROWS, 10_000.0)
    assert found["metrics"] == json.loads(json.dumps(wanted.metrics.to_json()))
    summary = outcome.summary
    assert (summary.rows, summary.trades) == (ROWS, len(wanted.trades))
    assert float(summary.final_equity) == pytest.approx(wanted.final_equity, abs=1e-8)
    assert summary.total_return == Decimal(repr(round(wanted.metrics.total_return, 8)))


def test_uploaded_code_gives_the_trades_of_the_same_code_in_process() -> None:
    in_process, in_sandbox = (document_of(an_engine().compute(it, unwatched)) for it in (built_in(), uploaded()))
    assert in_sandbox["trades"] == in_process["trades"]
    assert in_sandbox["metrics"] == in_process["metrics"]
    assert (in_process["differing_decisions"], in_sandbox["differing_decisions"]) == (0, None)
    assert in_sandbox["first_decision_row"] == in_process["first_decision_row"] == 0


def test_uploaded_code_runs_for_its_owner_on_every_candle_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploaded_code, "APART_ROWS", 400)
    sandbox = Sandbox()
    told: list[int] = []
    in_parts = document_of(an_engine(sandbox).compute(uploaded(), told.append))
    requests = [json.loads(asked["Payload"]) for asked in sandbox.asked]
    assert {asked["TenantId"] for asked in sandbox.asked} == {TENANT}
    assert {(it["job"], it["seconds"]) for it in requests} == {("decisions", RUN_SECONDS)}
    assert sum(it["columns"]["rows"] - (LOOKBACK - 1) for it in requests) == ROWS
    assert max(it["columns"]["rows"] for it in requests) == 400 + LOOKBACK - 1
    assert told[: len(requests)] == [0] * len(requests), "each run asks whether to go on"
    assert in_parts["trades"] == document_of(an_engine().compute(built_in(), unwatched))["trades"]


def test_a_run_that_takes_too_long_is_made_on_fewer_candles() -> None:
    class Slow(Sandbox):
        def invoke(self, **asked: Any) -> dict[str, Any]:
            if json.loads(asked["Payload"])["columns"]["rows"] > 400 + LOOKBACK:
                self.asked.append(asked)
                self.answers[asked["TenantId"]] = refused(SANDBOX_TIMEOUT)
                return Functions.invoke(self, **asked)
            return super().invoke(**asked)

    assert document_of(an_engine(Slow()).compute(uploaded(), unwatched)) == document_of(
        an_engine().compute(uploaded(), unwatched)
    )
    with pytest.raises(Reject, match=SANDBOX_TIMEOUT):
        an_engine(Functions(**{TENANT: refused(SANDBOX_TIMEOUT)})).compute(uploaded(), unwatched)


def test_code_that_uses_later_candles_in_long_runs_gains_nothing() -> None:
    """Its check saw fewer candles than a backtest has, so nothing has refused it."""
    forged = SOURCE.replace("\n        fast = ", f"\n        if len(candles) > {LOOKBACK + 100}:\n{FORGED}        fast = ", 1)
    assert forged != SOURCE
    honest = document_of(an_engine().compute(uploaded(), unwatched))
    version = replace(VERSION, source_hash=sha256(forged.encode()).hexdigest())
    found = document_of(an_engine(code=Texts(forged)).compute(uploaded(version=version), unwatched))
    assert found["trades"] == honest["trades"]


def test_results_name_the_code_and_what_is_left_out() -> None:
    engine = an_engine()
    outcome = engine.compute(uploaded(), unwatched)
    found = document_of(outcome)
    assert (outcome.code_version, found["versions"]["strategy"]) == (VERSION.digest, VERSION.digest)
    assert {note["code"] for note in found["notes"]} == {
        "BACKTEST_WITHOUT_LIQUIDATION",
        "BACKTEST_WITHOUT_FUNDING",
    }
    assert (found["settings"]["slippage_bps"], found["settings"]["settings"]["capital"]) == ("2", "10000")
    built = engine.compute(built_in(), unwatched)
    assert built.code_version == document_of(built)["versions"]["strategy"] != VERSION.digest


@pytest.mark.parametrize("make", [built_in, uploaded])
def test_settlements_are_paid_as_in_the_engine(make: Callable[..., Computation]) -> None:
    rates = [FundingRate(START + timedelta(hours=hours, milliseconds=3), Decimal(hours) / 1_000) for hours in (1, 2, 3)]
    pairs = tuple(((each.at - EPOCH) // MILLISECOND, each.rate) for each in rates)
    found = document_of(an_engine().compute(make(funding=rates), unwatched))
    wanted = by_the_engine_itself(funding=pairs)
    assert wanted.funding != 0
    assert (found["funding"], found["final_equity"]) == (wanted.funding, wanted.final_equity)
    assert "BACKTEST_WITHOUT_FUNDING" not in {note["code"] for note in found["notes"]}


def test_a_built_in_version_decides_with_its_own_parameters() -> None:
    version = replace(VERSION, source_hash=None)
    other = a_strategy(parameters={"fast_period": 8, "slow_period": 21})
    found = document_of(an_engine().compute(built_in(strategy=other, version=version), unwatched))
    assert [trade["pnl"] for trade in found["trades"]] == by_the_engine_itself().trades.pnl.tolist()


@pytest.mark.parametrize("computation", [built_in(), uploaded()])
def test_parameters_are_shown_to_those_who_may_see_them(computation: Computation) -> None:
    shown = an_engine().compute(computation, unwatched)
    assert document_of(shown)["parameters"] == VERSION.parameters
    hidden = an_engine().compute(replace(computation, backtest=replace(computation.backtest, shows_code=False)), unwatched)
    assert document_of(hidden)["parameters"] == {}
    for text in (hidden.files.page, hidden.files.document):
        assert b"fast_period" not in text
    assert b"fast_period" in shown.files.page


def test_trades_are_a_table_for_a_spreadsheet() -> None:
    outcome = an_engine().compute(built_in(), unwatched)
    rows = list(csv.DictReader(io.StringIO(outcome.files.trades.decode())))
    assert tuple(rows[0]) == TRADE_COLUMNS
    assert [float(row["pnl"]) for row in rows] == [trade["pnl"] for trade in document_of(outcome)["trades"]]


def test_gaps_are_told_and_not_filled() -> None:
    holed = CANDLES[:300] + CANDLES[330:]
    outcome = an_engine().compute(built_in(candles=holed), unwatched)
    found = document_of(outcome)
    assert (found["rows"], found["file"]["missing"], found["file"]["longest_gap_ms"]) == (ROWS - 30, 30, 30 * 60_000)
    assert [note["code"] for note in found["file"]["notes"]] == ["CANDLE_FILE_GAP"]
    assert [trade["pnl"] for trade in found["trades"]] == by_the_engine_itself(holed).trades.pnl.tolist()


def test_a_market_that_is_younger_than_the_span_is_tried_from_its_first_candle() -> None:
    young = CANDLES[LOOKBACK - 1 :]
    found = document_of(an_engine().compute(built_in(candles=young), unwatched))
    assert (found["rows"], found["first_decision_row"], found["file"]["missing"]) == (ROWS, LOOKBACK - 1, 0)
    younger = built_in(backtest=a_backtest(plan=replace(PLAN, start=START - timedelta(minutes=100))), candles=young)
    assert document_of(an_engine().compute(younger, unwatched))["file"]["missing"] == 100


def test_progress_counts_candles_of_the_plan() -> None:
    rows: list[int] = []
    an_engine().compute(built_in(), rows.append)
    assert (rows[0] >= 0, rows == sorted(rows), rows[-1] < ROWS, len(rows) > 40) == (True, True, True, True)


def test_the_watcher_ends_the_run() -> None:
    def stop(row: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        an_engine().compute(built_in(), stop)


def test_the_market_has_its_own_fees_where_the_plan_says_none() -> None:
    free, own = (
        document_of(an_engine().compute(built_in(backtest=a_backtest(plan=replace(PLAN, taker_fee=fee))), unwatched))["fees"]
        for fee in (Decimal(0), None)
    )
    assert free == 0 < own


def test_code_that_fails_is_refused_with_its_line() -> None:
    broken = SOURCE.replace("fast = indicators.sma(", "fast = indicators.smaa(")
    version = replace(VERSION, source_hash=sha256(broken.encode()).hexdigest())
    with pytest.raises(Reject, match=r"STRATEGY_FAILED: line [0-9]+: "):
        an_engine(code=Texts(broken)).compute(uploaded(version=version), unwatched)


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (refused("SANDBOX_TIMEOUT"), Reject, "SANDBOX_TIMEOUT"),
        ({"errorType": "Runtime.ExitError", "errorMessage": "exit"}, Reject, "SANDBOX_CRASHED"),
        (
            told(result={"columns": {"rows": 1, "data": "eJxjAAAAAQAB"}, "names": [], "shares": []}),
            Reject,
            "SANDBOX_RESULT_INVALID",
        ),
        (told(result={"nothing": 1}), Reject, "SANDBOX_RESULT_INVALID"),
    ],
)
def test_an_answer_that_is_no_decision_for_each_candle_is_refused(answer: Any, error: type[Exception], code: str) -> None:
    with pytest.raises(error, match=code):
        an_engine(Sandbox(answer)).compute(uploaded(), unwatched)


def test_code_that_is_away_can_be_had_later_and_code_that_is_lost_never() -> None:
    away, lost = Texts(SOURCE), Texts()
    away.texts[HASH] = RetryLater("CODE_UNAVAILABLE", after_seconds=1)
    with pytest.raises(RetryLater, match="CODE_UNAVAILABLE"):
        an_engine(code=away).compute(uploaded(), unwatched)
    lost.texts[HASH] = NotFound("no such code")
    with pytest.raises(Reject, match="NOT_FOUND"):
        an_engine(code=lost).compute(uploaded(), unwatched)


def test_the_lookback_is_the_versions_or_that_of_the_definition() -> None:
    engine = an_engine()
    assert engine.lookback(a_strategy(parameters=PARAMETERS), None) == LOOKBACK
    assert engine.lookback(a_strategy(), a_version(lookback=777)) == 777
    with pytest.raises(Reject, match="STRATEGY_UNKNOWN"):
        engine.lookback(a_strategy(code="nothing"), None)
