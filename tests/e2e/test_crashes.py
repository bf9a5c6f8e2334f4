"""Killing the order executor in the middle of a replay changes nothing of how it ends."""

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from candlecast.domain.orders.intent import IntentState
from infra.local.candle_files import CandleFile
from infra.local.cloud import Cloud
from infra.local.demo.people import Platform
from infra.local.demo.report import Records, is_sound
from infra.local.demo.run import Scene
from infra.local.demo.scenario import PlannedStrategy
from tests.support.stage import ZIGZAG_PARAMETERS, follower, open_markets, replay_stack, showing, utc_now, zigzag

USERS = 8
CANDLES = 4
ROWS = 240  # the rows before the replayed ones are the history that a strategy asks for
SLOW_ORDERS = 1_000  # more than there are: every order is at the venue for a while before its answer is back
SLOW_MILLISECONDS = 300
BUSY = 2  # processes that are killed in the middle of an order, at least
LOOK_SECONDS = 0.02

Facts = Sequence[tuple[object, ...]]


@dataclass(frozen=True)
class Ended:
    """How a replay ended, by the names of users: ids differ from run to run."""

    report: dict[str, Any]
    orders: Facts
    positions: Facts
    trades: Facts


@dataclass
class Killer:
    """Kills all processes of the executor, once, while several of them have an order at the venue."""

    cloud: Cloud
    killed: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            if sum(worker.busy for worker in self.cloud.workers("order_executor")) >= BUSY:
                self.killed = self.cloud.kill_workers("order_executor")
                return

    def stop(self) -> None:
        self._stop.set()


def stage(cloud: Cloud, file: CandleFile) -> Scene:
    """Followers, with and without stops and targets, of one strategy that turns on every candle."""
    replay_stack(cloud)
    operator = open_markets(cloud, (file,), ROWS)
    operator.set_clock(file.candles[-CANDLES].open_time)
    strategy = PlannedStrategy("turns", "sma_cross", ZIGZAG_PARAMETERS, file)
    exits = {"stop_atr_multiplier": "3", "target_atr_multiplier": "3"}
    users = [follower(number, strategy, settings=exits if number % 2 else {}) for number in range(USERS)]
    with closing(Platform(cloud)) as platform:
        platform.create_strategies((strategy,))
        people = platform.settle(users, operator, lambda _: None)
    slow = {"kind": "slow", "method": "POST", "path": "/fapi/v1/order", "count": SLOW_ORDERS, "delay_ms": SLOW_MILLISECONDS}
    operator.call("POST", "/faults", slow)
    return Scene(cloud, operator, (strategy,), people, (file,), CANDLES)


def play(scene: Scene, say: Callable[[str], None], at_second_candle: Callable[[], None]) -> Ended:
    replay, show = scene.replay(), showing(say, 1)

    def each(progress: Any) -> None:
        show(progress)
        if progress.done == 1:
            at_second_candle()

    with closing(scene.operator):
        replay.run(each)
        replay.settle()
        return ended(scene, scene.report(replay.progress.messages), scene.ledger.read_when_relayed())


def ended(scene: Scene, report: dict[str, Any], records: Records) -> Ended:
    names = {person.subscription_id: person.plan.name for person in scene.people}
    closes = {record.signal.signal_id: record.signal.candle_close for record in records.signals}
    orders = [
        (
            names[o.subscription_id],
            closes[o.signal_id],
            *(o.leg, o.position_side, o.state, o.reason),
            *(o.quantity, o.filled_quantity, o.average_price, o.trigger_price),
        )
        for o in records.orders
    ]
    positions = [(names[p.subscription_id], p.side, p.quantity, p.entry_price, p.stop_price) for p in records.positions]
    trades = [(names[t.subscription_id], t.side, t.quantity, t.entry_price, t.exit_price, t.closed_by) for t in records.trades]
    return Ended(report, sorted(orders, key=str), sorted(positions, key=str), sorted(trades, key=str))


def test_a_killed_executor_changes_nothing_of_how_the_replay_ends(cloud: Cloud, say: Callable[[str], None]) -> None:
    file = zigzag(ROWS, utc_now().replace(second=0, microsecond=0))
    undisturbed = play(stage(cloud, file), say, lambda: None)
    assert is_sound(undisturbed.report), undisturbed.report
    assert undisturbed.report["orders_accepted"] > 2 * USERS

    scene = stage(cloud, file)
    killer = Killer(cloud)
    thread = threading.Thread(target=killer.watch)
    say("the killed messages come back after 90 seconds")
    try:
        disturbed = play(scene, say, thread.start)
    finally:
        killer.stop()
    assert killer.killed >= BUSY, "nobody was killed in the middle of an order: the test shows nothing"
    assert is_sound(disturbed.report), disturbed.report
    assert disturbed.orders == undisturbed.orders
    assert disturbed.positions == undisturbed.positions
    assert disturbed.trades == undisturbed.trades
    assert {row[4] for row in disturbed.orders} >= {IntentState.FILLED, IntentState.OPEN}
