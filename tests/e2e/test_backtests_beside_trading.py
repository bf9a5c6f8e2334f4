"""Two hundred backtests that wait beside a signal of five thousand subscribers change none of its orders.

Counts are asserted. Seconds are told, and the guide of performance has those of a quiet machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import mean

import pytest

from candlecast.domain.backtests.backtest import MAX_OPEN
from candlecast.domain.orders.intent import Intent, LegKind
from candlecast.domain.strategies.execution import ExecutionStatus
from infra.local.cloud import Cloud
from infra.local.demo.people import Person, Platform
from infra.local.demo.replay import Replay
from infra.local.demo.report import is_sound
from infra.local.demo.run import Scene
from infra.local.demo.scenario import PlannedStrategy
from tests.support.stage import ZIGZAG_PARAMETERS, follower, open_markets, replay_stack, utc_now, zigzag
from tests.support.waiting import until

pytestmark = pytest.mark.prove
SUBSCRIBERS, BACKTESTS = 5_000, 200
ROWS = 3_000
SETTINGS = {"max_signal_age_seconds": 900}  # two cores place five thousand orders within minutes
WARM_UP = 1  # the first candle starts the processes, and has entries alone
CANDLES = 2  # with and without backtests that wait
RUNNING = 1  # while they run, which takes a multiple on two cores
SPAN = timedelta(minutes=2_000)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Phase:
    """Some candles under one load: seconds from a candle's message to its run, and from its signal to its orders (mean)."""

    orders: int
    drift: float
    signal_to_order: float


@contextmanager
def standing_runner(cloud: Cloud) -> Iterator[None]:
    """Nobody computes a backtest inside: tasks stay in their queue."""
    functions = cloud.client("lambda")
    name = f"{cloud.outputs['BacktestRunnerFunctionName']}:live"
    (mapping,) = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def test_backtests_that_wait_change_no_order_of_a_signal(cloud: Cloud, say: Callable[[str], None]) -> None:
    replay_stack(cloud)
    end = utc_now().replace(second=0, microsecond=0)
    file = zigzag(ROWS, end)
    strategy = PlannedStrategy("turns", "sma_cross", ZIGZAG_PARAMETERS, file)
    candles = WARM_UP + 2 * CANDLES + RUNNING
    with closing(open_markets(cloud, (file,), ROWS)) as operator, closing(Platform(cloud)) as platform:
        platform.create_strategies((strategy,))
        plans = [follower(number, strategy, settings=SETTINGS) for number in range(SUBSCRIBERS)]
        people = platform.settle(plans, operator, lambda done: say(f"{done:,} subscribers") if done % 500 == 0 else None)
        scene = Scene(cloud, operator, (strategy,), people, (file,), candles)
        replay = scene.replay()
        replay.run(lambda _: None, until=WARM_UP)
        with standing_runner(cloud):
            alone = phase(scene, replay, CANDLES)
            say(f"alone: {alone}")
            ask_backtests(platform, people, strategy, end - candles * MINUTE)
            assert waiting(cloud) == BACKTESTS
            beside = phase(scene, replay, CANDLES)
            assert waiting(cloud) == BACKTESTS
            say(f"beside {BACKTESTS} that wait: {beside}")
            say(f"ratio of drift {beside.drift / alone.drift:.2f}, of signal to order {ratio(beside, alone):.2f}")
        running = phase(scene, replay, RUNNING)
        say(f"beside one that runs: {running}; ratio of signal to order {ratio(running, alone):.2f}")
        assert alone.orders == beside.orders == running.orders * CANDLES // RUNNING
        assert is_sound(scene.report(replay.progress.messages))
        until(lambda: waiting(cloud), lambda left: left < BACKTESTS)


def ratio(later: Phase, earlier: Phase) -> float:
    return later.signal_to_order / earlier.signal_to_order


def phase(scene: Scene, replay: Replay, candles: int) -> Phase:
    """Replay some candles, and read what came of them."""
    asked: dict[datetime, datetime] = {}
    first = replay.progress.done
    for number in range(first, first + candles):
        asked[replay.closings[number].at] = utc_now()
        replay.run(lambda _: None, until=number + 1)
    records = scene.ledger.read_when_relayed()
    runs = [run for run in records.executions if run.candle_close in asked]
    assert [run.status for run in runs] == [ExecutionStatus.COMPLETED] * candles
    signals = {run.signal.signal_id for run in runs if run.signal is not None}
    orders = [order for order in records.orders if order.signal_id in signals and order.kind in (LegKind.ENTRY, LegKind.EXIT)]
    assert len(orders) == 2 * candles * SUBSCRIBERS, "each subscriber leaves one position and enters the other side"
    return Phase(
        orders=len(orders),
        drift=mean((run.started_at - asked[run.candle_close]).total_seconds() for run in runs),
        signal_to_order=mean(map(seconds_to_order, orders)),
    )


def seconds_to_order(order: Intent) -> float:
    assert order.settled_at is not None, f"{order.intent_id} has not ended"
    return (order.settled_at - order.issued_at).total_seconds()


def ask_backtests(platform: Platform, people: tuple[Person, ...], strategy: PlannedStrategy, until_: datetime) -> None:
    """As many tenants as it takes, each with as many as a tenant may have."""
    settings = {"capital": "10000", "sizing": {"mode": "FIXED_NOTIONAL", "value": "1000"}}
    body = {
        "strategy_id": strategy.strategy_id,
        "start": (until_ - SPAN).isoformat(),
        "until": until_.isoformat(),
        "settings": settings,
    }
    for person in people[: BACKTESTS // MAX_OPEN]:
        api = platform.as_user(person.user)
        for _ in range(MAX_OPEN):
            api.call("POST", "/v1/backtests", body)


def waiting(cloud: Cloud) -> int:
    return sum(cloud.waiting("BacktestQueueUrl").messages.values())
