"""The real clocks: a schedule that fires leads to an order at the venue, for the candle that its time names, however late."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest

from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.strategies.execution import Execution, ExecutionStatus
from candlecast.domain.values.ids import digest
from candlecast.domain.values.timeframe import Timeframe
from infra.local.cloud import Cloud
from infra.local.demo.people import Platform
from infra.local.demo.report import Ledger, Records
from infra.local.demo.run import Scene
from infra.local.demo.scenario import VENUE, PlannedStrategy
from tests.support.stage import ZIGZAG_MARKET, ZIGZAG_PARAMETERS, follower, open_markets, utc_now, zigzag
from tests.support.traces import calls
from tests.support.waiting import until

ROWS = 240
FOLLOWERS = 2
SCHEDULE = "candles-1m"
LATE = timedelta(minutes=3)


@pytest.fixture(scope="module")
def scene(cloud: Cloud) -> Iterator[Scene]:
    """Clocks that run, and a venue whose recorded candles run along with real time; the strategy turns on each of them."""
    cloud.redeploy(SchedulesState="ENABLED")
    file = zigzag(ROWS, utc_now().replace(second=0, microsecond=0))
    with closing(open_markets(cloud, (file,), ROWS)) as operator, closing(Platform(cloud)) as platform:
        operator.run_clock()
        strategy = PlannedStrategy("turns", "sma_cross", ZIGZAG_PARAMETERS, file)
        platform.create_strategies((strategy,))
        people = platform.settle([follower(number, strategy) for number in range(FOLLOWERS)], operator, lambda _: None)
        yield Scene(cloud, operator, (strategy,), people, (file,), 1)


def announced(cloud: Cloud) -> set[datetime]:
    """The scheduled times that candle_clock was given for 1m candles which somebody follows."""
    lines = cloud.logs().get(cloud.outputs["CandleClockFunctionName"], "").splitlines()
    found: list[dict[str, Any]] = [json.loads(line) for line in lines if line.startswith("{") and "scheduled_at" in line]
    return {datetime.fromisoformat(line["scheduled_at"]) for line in found if line["timeframe"] == "1m" and line["candles"]}


def finished(ledger: Ledger) -> dict[datetime, Execution]:
    """Executions that have ended, by their candle's close."""
    return {run.candle_close: run for run in ledger.read().executions if run.status is not ExecutionStatus.RUNNING}


def entered(records: Records) -> set[str]:
    """The subscriptions with an entry that was filled."""
    found = [order for order in records.orders if order.kind is LegKind.ENTRY]
    return {order.subscription_id for order in found if order.state is IntentState.FILLED}


def times_taken(cloud: Cloud, close: datetime) -> int:
    """How many messages of that candle the strategy runner is done with."""
    correlation_id = digest("candle", VENUE, ZIGZAG_MARKET, Timeframe.M1.interval_key(close))
    lines = cloud.logs().get(cloud.outputs["StrategyRunnerFunctionName"], "").splitlines()
    return sum(correlation_id in line and '"message done"' in line for line in lines)


def test_a_real_firing_becomes_an_order_for_the_candle_that_it_names(scene: Scene, say: Callable[[str], None]) -> None:
    begun = utc_now()
    ledger = scene.ledger
    say("waiting for a schedule to fire and its candle to close, up to two minutes")
    records = until(ledger.read, lambda found: len(entered(found)) == FOLLOWERS)
    assert entered(records) == {person.subscription_id for person in scene.people}
    first = records.signals[-1].signal
    run = finished(ledger)[first.candle_close or begun]
    assert run.status is ExecutionStatus.COMPLETED
    assert (run.candle_close.second, run.candle_close.microsecond) == (0, 0)
    assert begun < run.candle_close
    assert run.candle_close - timedelta(minutes=1) in announced(scene.cloud), "the schedule fired one minute before this close"
    assert run.started_at >= run.candle_close, "a strategy never runs before its candle has closed"
    say(f"the strategy ran {run.drift_seconds:.2f} s after the close")
    placed = {order.client_order_id for order in scene.operator.book()}
    assert {order.client_order_id for order in records.orders if order.kind is LegKind.ENTRY} <= placed


def test_the_trace_of_a_candle_leads_to_the_venues_call(scene: Scene) -> None:
    """The candle's message begins the trace; strategy, fan-out and order go on in it, each under its sender.

    The candle is one with an entry that was filled. A later one may close what was never opened, which asks no venue.
    """
    cloud, records = scene.cloud, scene.ledger.read()
    filled = {order.signal_id for order in records.orders if order.kind is LegKind.ENTRY and order.state is IntentState.FILLED}
    close = next(record.signal.candle_close for record in records.signals if record.signal.signal_id in filled)
    assert close is not None
    correlation_id = digest("candle", VENUE, ZIGZAG_MARKET, Timeframe.M1.interval_key(close))

    def found(name: str) -> list[dict[str, Any]]:
        named = [it for it in cloud.traces() if it["name"] == name]
        return [it for it in named if it.get("annotations", {}).get("correlation_id") == correlation_id]

    def with_calls(call: tuple[str, str]) -> list[dict[str, Any]]:
        return [it for it in found("order_executor") if call in calls(it)]  # not an attempt that gave way before it sent

    orders = until(lambda: with_calls(("POST", "/fapi/v1/order")), lambda known: len(known) >= FOLLOWERS)
    (run,), (fan_out,) = found("strategy_runner"), found("signal_fanout")
    assert "parent_id" not in run, "the trace begins here"
    assert {it["trace_id"] for it in (run, fan_out, *orders)} == {run["trace_id"]}
    assert fan_out["parent_id"] == run["id"]
    assert {it["parent_id"] for it in orders} == {fan_out["id"]}
    assert ("GET", "/fapi/v1/klines") in calls(run)


def test_a_late_and_a_repeated_firing_execute_the_candle_of_the_scheduled_time_once(scene: Scene) -> None:
    ledger = scene.ledger
    scheduled = utc_now().replace(second=0, microsecond=0) - LATE
    close = scheduled + timedelta(minutes=1)
    assert close not in finished(ledger)
    for _ in range(2):
        scene.cloud.fire_schedule(SCHEDULE, scheduled)
    runs = until(lambda: finished(ledger), lambda found: close in found)
    assert runs[close].status is ExecutionStatus.COMPLETED
    assert runs[close].scheduled_at == close
    assert runs[close].drift_seconds >= (LATE - timedelta(minutes=1)).total_seconds()
    assert scheduled in announced(scene.cloud)
    assert until(lambda: times_taken(scene.cloud, close), lambda times: times == 2) == 2
    assert sum(run.candle_close == close for run in ledger.read().executions) == 1
    signal = next(record.signal for record in ledger.read().signals if record.signal.candle_close == close)
    assert sum(record.signal.candle_close == close for record in ledger.read().signals) == 1
    assert signal.issued_at - close >= LATE - timedelta(minutes=1), "its age counts from when it was decided"
