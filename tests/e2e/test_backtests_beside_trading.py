"""Two hundred backtests that wait beside a signal of five thousand subscribers change none of its orders.

Counts are asserted. Seconds are told, and the guide of performance has those of a quiet machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import mean
from time import monotonic, sleep

import pytest

from candlecast.domain.backtests.backtest import MAX_OPEN
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.strategies.execution import ExecutionStatus
from infra.local.cloud import Cloud
from infra.local.demo.exchange import Operator, venue_symbol
from infra.local.demo.people import Platform
from infra.local.demo.replay import Replay
from infra.local.demo.report import is_sound
from infra.local.demo.run import Scene
from infra.local.demo.scenario import PlannedStrategy
from tests.support.stage import (
    ZIGZAG_PARAMETERS,
    ExternalStrategy,
    Source,
    follower,
    open_markets,
    replay_stack,
    utc_now,
    zigzag,
)
from tests.support.waiting import until

pytestmark = pytest.mark.prove
SUBSCRIBERS, FEW, BACKTESTS = 5_000, 60, 200
ROWS = 3_000
# Two cores place five thousand orders within minutes, and each phase opens a position on a market of its own.
SETTINGS = {"max_signal_age_seconds": 900, "max_positions": 2}
PROBED = 12  # candles of a strategy with one follower, whose runs tell the drift
ORDER_PATH = ("CandleQueueUrl", "SignalQueueUrl", "TradeQueueUrl")
SPAN = timedelta(minutes=2_000)
MARKETS = ("BTC/USDT:USDT", "ETH/USDT:USDT")
PROBE_MARKET = "BNB/USDT:USDT"
POLL_SECONDS = 0.25  # each poll costs the emulator as much as a message
CANDLES = PROBED * (len(MARKETS) + 1)  # the first ones start the processes
PLACED_WITHIN = 1_800.0  # seconds for one signal's orders, on a machine half as fast


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
    with opened(cloud, say, SUBSCRIBERS) as beside, standing_runner(cloud):
        alone = beside.phase(MARKETS[0])
        say(f"alone: {alone}")
        beside.ask_backtests()
        waited = beside.phase(MARKETS[1])
        assert waiting(cloud) == BACKTESTS
        say(f"beside {BACKTESTS} that wait: {waited}, {ratios(waited, alone)}")
        assert alone.orders == waited.orders == SUBSCRIBERS
        assert is_sound(beside.scene.report(CANDLES))


def test_a_backtest_that_runs_costs_no_order(cloud: Cloud, say: Callable[[str], None]) -> None:
    """Of a few subscribers: the orders of thousands would outlast the backtests."""
    with opened(cloud, say, FEW) as beside:
        with standing_runner(cloud):
            alone = beside.phase(MARKETS[0])
            say(f"alone: {alone}")
            beside.ask_backtests()
        running = beside.phase(MARKETS[1])
        say(f"beside one that runs: {running}, {ratios(running, alone)}")
        assert alone.orders == running.orders == FEW
        assert is_sound(beside.scene.report(CANDLES))
        until(lambda: waiting(cloud), lambda left: left < BACKTESTS)


@contextmanager
def opened(cloud: Cloud, say: Callable[[str], None], subscribers: int) -> Iterator[Beside]:
    """A fresh stack in which so many follow one source, and the probe has decided some candles already."""
    replay_stack(cloud)
    end = utc_now().replace(second=0, microsecond=0)
    files = [replace(zigzag(ROWS, end), market=market) for market in (*MARKETS, PROBE_MARKET)]
    large = ExternalStrategy("large", "", {}, files[0])
    probe = PlannedStrategy("probe", "sma_cross", ZIGZAG_PARAMETERS, files[-1])
    with closing(open_markets(cloud, files, ROWS)) as operator, closing(Platform(cloud)) as platform:
        created = platform.as_administrator().call("POST", "/v1/strategies", large.body)["source"]
        source = Source(f"{cloud.outputs['ApiUrl']}{created['webhook_path']}", created["secret"])
        platform.create_strategies((probe,))
        plans = [follower(number, large, settings=SETTINGS) for number in range(subscribers)]
        plans.append(follower(subscribers, probe, settings=SETTINGS))
        people = platform.settle(plans, operator, lambda done: say(f"{done:,} subscribers") if done % 500 == 0 else None)
        scene = Scene(cloud, operator, (large, probe), people, tuple(files), CANDLES)
        replay = Replay(cloud, operator, scene.ledger, files[-1:], CANDLES)
        beside = Beside(cloud, operator, platform, source, scene, replay)
        beside.probe()
        yield beside


def ratios(later: Phase, earlier: Phase) -> str:
    drift, order = later.drift / earlier.drift, later.signal_to_order / earlier.signal_to_order
    return f"ratio of drift {drift:.2f}, of signal to order {order:.2f}"


@dataclass
class Beside:
    """Candles of the probe and signals of the large strategy.

    Nobody looks at accounts: five thousand looks would be most of the load.
    """

    cloud: Cloud
    operator: Operator
    platform: Platform
    source: Source
    scene: Scene
    replay: Replay
    number: int = 0

    def phase(self, market: str) -> Phase:
        """Some candles of the probe, then one signal on a market, with their orders and times."""
        asked = self.probe()
        signal_id = self.source.send({"ticker": venue_symbol(market), "action": "buy", "signal_id": market})
        self._wait(*ORDER_PATH)
        self._wait()
        records = self.scene.ledger.read_when_relayed()
        runs = [run for run in records.executions if run.candle_close in asked]
        assert [run.status for run in runs] == [ExecutionStatus.COMPLETED] * len(asked)
        orders = [it for it in records.orders if it.signal_id == signal_id]
        assert {it.kind for it in orders} == {LegKind.ENTRY}
        assert {it.state for it in orders} == {IntentState.FILLED}
        return Phase(
            orders=len(orders),
            drift=mean((run.started_at - asked[run.candle_close]).total_seconds() for run in runs),
            signal_to_order=mean(map(seconds_to_order, orders)),
        )

    def probe(self) -> dict[datetime, datetime]:
        """The closes of some candles, each with the time when its message was sent."""
        asked = {}
        for of in self.replay.closings[self.number : self.number + PROBED]:
            self.operator.set_clock(of.at)
            asked[of.at] = utc_now()
            self.replay.announce(of)
            self._wait(*ORDER_PATH)
        self.number += PROBED
        return asked

    def ask_backtests(self) -> None:
        """As many tenants as it takes, each with as many as a tenant may have."""
        _, probe = self.scene.strategies
        until_ = self.replay.closings[0].at
        body = {
            "strategy_id": probe.strategy_id,
            "start": (until_ - SPAN).isoformat(),
            "until": until_.isoformat(),
            "settings": {"capital": "10000", "sizing": {"mode": "FIXED_NOTIONAL", "value": "1000"}},
        }
        for person in self.scene.people[: BACKTESTS // MAX_OPEN]:
            api = self.platform.as_user(person.user)
            for _ in range(MAX_OPEN):
                api.call("POST", "/v1/backtests", body)
        assert waiting(self.cloud) == BACKTESTS

    def _wait(self, *queues: str) -> None:
        """Until the queues are empty; without queues, until the stream is relayed."""
        end = monotonic() + PLACED_WITHIN
        while any((depths := self.cloud.waiting(*queues)).messages.values()) or (not queues and depths.records):
            assert monotonic() < end, depths
            sleep(POLL_SECONDS)


def seconds_to_order(order: Intent) -> float:
    assert order.settled_at is not None, f"{order.intent_id} has not ended"
    return (order.settled_at - order.issued_at).total_seconds()


def waiting(cloud: Cloud) -> int:
    return sum(cloud.waiting("BacktestQueueUrl").messages.values())
