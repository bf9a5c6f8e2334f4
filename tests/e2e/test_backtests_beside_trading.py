"""Two hundred backtests that wait beside a signal of five thousand subscribers change none of its orders.

Counts are asserted. Seconds are told, and the guide of performance has those of a quiet machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import mean
from time import monotonic, sleep

import pytest

from candlecast.domain.backtests.backtest import MAX_OPEN
from candlecast.domain.orders.intent import Intent, LegKind
from candlecast.domain.strategies.execution import ExecutionStatus
from infra.local.candle_files import CandleFile
from infra.local.cloud import Cloud
from infra.local.demo.exchange import Operator
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
PROBED = 20  # candles of a strategy with one follower, whose runs tell the drift; even, so that the large one turns after them
ORDER_PATH = ("CandleQueueUrl", "SignalQueueUrl", "TradeQueueUrl")
SPAN = timedelta(minutes=2_000)
MINUTE = timedelta(minutes=1)
PROBE_MARKET = "ETH/USDT:USDT"
POLL_SECONDS = 0.25  # each poll costs the emulator as much as a message
PHASES = 4  # the first starts the processes, then alone, beside tasks that wait, beside one that runs
CANDLES = PHASES * (PROBED + 1)
PLACED_WITHIN = 1_200.0  # seconds for one signal's orders, on a machine half as fast


@dataclass(frozen=True)
class Phase:
    """Some candles under one load: seconds from a candle's message to its run, and from a signal to its orders (mean)."""

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
    files = file, replace(file, market=PROBE_MARKET)
    large, probe = (
        PlannedStrategy(name, "sma_cross", ZIGZAG_PARAMETERS, of) for name, of in zip(("large", "probe"), files, strict=True)
    )
    with closing(open_markets(cloud, files, ROWS)) as operator, closing(Platform(cloud)) as platform:
        platform.create_strategies((large, probe))
        plans = [follower(number, large, settings=SETTINGS) for number in range(SUBSCRIBERS)]
        plans.append(follower(SUBSCRIBERS, probe, settings=SETTINGS))
        people = platform.settle(plans, operator, lambda done: say(f"{done:,} subscribers") if done % 500 == 0 else None)
        beside = Beside(cloud, operator, Scene(cloud, operator, (large, probe), people, files, CANDLES), files)
        beside.phase()  # it has entries alone
        with standing_runner(cloud):
            alone = beside.phase()
            say(f"alone: {alone}")
            ask_backtests(platform, people, large, end - CANDLES * MINUTE)
            assert waiting(cloud) == BACKTESTS
            waited = beside.phase()
            assert waiting(cloud) == BACKTESTS
            say(f"beside {BACKTESTS} that wait: {waited}")
            say(f"ratio of drift {waited.drift / alone.drift:.2f}, of signal to order {ratio(waited, alone):.2f}")
        running = beside.phase()
        say(f"beside one that runs: {running}")
        say(f"ratio of drift {running.drift / alone.drift:.2f}, of signal to order {ratio(running, alone):.2f}")
        assert alone.orders == waited.orders == running.orders == 2 * SUBSCRIBERS, (
            "each leaves one position and enters the other side"
        )
        assert is_sound(beside.scene.report(CANDLES))
        until(lambda: waiting(cloud), lambda left: left < BACKTESTS)


def ratio(later: Phase, earlier: Phase) -> float:
    return later.signal_to_order / earlier.signal_to_order


class Beside:
    """Replays the two markets in step, without looks at accounts: five thousand of them would be most of the load."""

    def __init__(self, cloud: Cloud, operator: Operator, scene: Scene, files: Sequence[CandleFile]) -> None:
        self._cloud = cloud
        self._operator = operator
        self.scene = scene
        self._large, self._probe = (Replay(cloud, operator, scene.ledger, (file,), CANDLES) for file in files)
        self._number = 0

    def phase(self) -> Phase:
        """Some candles of the small strategy, then one of the large, with their orders and times."""
        asked = {}
        for replay in (*[self._probe] * PROBED, self._large):
            of, self._number = replay.closings[self._number], self._number + 1
            self._operator.set_clock(of.at)
            asked[of.at] = utc_now()
            replay.announce(of)
            self._wait(*ORDER_PATH)
        self._wait()
        records = self.scene.ledger.read_when_relayed()
        runs = [run for run in records.executions if run.candle_close in asked]
        assert [run.status for run in runs] == [ExecutionStatus.COMPLETED] * len(asked)
        signals = {run.signal.signal_id for run in runs if run.signal is not None and run.strategy_id == "large"}
        orders = [it for it in records.orders if it.signal_id in signals and it.kind in (LegKind.ENTRY, LegKind.EXIT)]
        return Phase(
            orders=len(orders),
            drift=mean((run.started_at - asked[run.candle_close]).total_seconds() for run in runs),
            signal_to_order=mean(map(seconds_to_order, orders)),
        )

    def _wait(self, *queues: str) -> None:
        """Until the queues are empty; without queues, until the stream is relayed."""
        end = monotonic() + PLACED_WITHIN
        while any((depths := self._cloud.waiting(*queues)).messages.values()) or (not queues and depths.records):
            assert monotonic() < end, depths
            sleep(POLL_SECONDS)


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
