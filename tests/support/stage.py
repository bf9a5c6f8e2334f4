"""A deployed stack with markets, strategies and people in it, for tests that look at the whole product from outside."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from candlecast.adapters.dynamodb.single_table.compression import decompressed
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.subscriptions import DynamoSubscriptionStore
from candlecast.adapters.system import SystemClock
from candlecast.domain.limits.limits import EffectiveLimits
from candlecast.domain.market.candle import Candle
from candlecast.domain.orders.intent import Intent
from candlecast.domain.signals.signal import Action, Signal
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.ids import digest
from candlecast.domain.values.timeframe import Timeframe
from infra.local.candle_files import CandleFile, read_candle_file, sample_files
from infra.local.cloud import Cloud
from infra.local.demo.exchange import Operator, venue_symbol
from infra.local.demo.people import Api, Person, Platform
from infra.local.demo.replay import Progress, Replay, invoke
from infra.local.demo.report import Records, count_dead_letters, summarise
from infra.local.demo.run import REPLAY_LATENESS_SECONDS, Scene
from infra.local.demo.scenario import VENUE, Case, PlannedStrategy, PlannedUser
from tests.support.builders import a_quote

INSTANCE = f"test-e2e-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"  # one for each process that runs tests
BALANCE = Decimal(100_000)
REQUEST_SECONDS = 300.0  # limit for a request that hangs
ZIGZAG_MARKET = "BTC/USDT:USDT"
ZIGZAG_CLOSES = (Decimal(50_000), Decimal(50_100))  # sma_cross with periods 2 and 3 turns on every one of these
ZIGZAG_PARAMETERS = {"fast_period": 2, "slow_period": 3, "atr_period": 2, "stop_atr": 20.0}


class ExternalStrategy(PlannedStrategy):
    """A strategy without code: its signals arrive by webhook."""

    @property
    def body(self) -> dict[str, Any]:
        return {"kind": "EXTERNAL", "strategy_id": self.strategy_id, "name": self.strategy_id, "venue": VENUE}


@dataclass(frozen=True)
class Source:
    """Where an external strategy's sender posts to."""

    url: str
    secret: str = field(repr=False)

    def post(self, body: Mapping[str, Any]) -> httpx.Response:
        """Post with the secret in the path, as a sender does that cannot sign."""
        return httpx.post(f"{self.url}/{self.secret}", json=body, timeout=REQUEST_SECONDS)

    def send(self, body: Mapping[str, Any]) -> str:
        """Post something that must be taken; the signal's id."""
        answer = self.post(body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["signal_id"])


@dataclass
class Desk:
    """An external strategy with followers at a paper exchange whose market stands still."""

    cloud: Cloud
    operator: Operator
    platform: Platform
    strategy: ExternalStrategy
    source: Source
    people: tuple[Person, ...]
    _decisions: Iterator[int] = field(default_factory=lambda: count(1))

    @cached_property
    def ticker(self) -> str:
        return venue_symbol(self.strategy.file.market)

    @cached_property
    def scene(self) -> Scene:
        return Scene(self.cloud, self.operator, (self.strategy,), self.people, (self.strategy.file,), 1)

    @cached_property
    def replay(self) -> Replay:
        return self.scene.replay()

    def close(self) -> None:
        self.operator.close()
        self.platform.close()

    def forget_outputs(self) -> None:
        """Read the stack's outputs anew, such as its table."""
        self.cloud.forget_outputs()
        del self.scene, self.replay

    def api(self, person: Person) -> Api:
        return self.platform.as_user(person.user)

    def signal(self, action: str, **fields: Any) -> str:
        """Send a decision of its own and wait until nothing is under way any more; its id."""
        name = f"decision-{next(self._decisions)}"
        signal_id = self.source.send({"ticker": self.ticker, "action": action, "signal_id": name, **fields})
        self.replay.wait_until_quiet()
        return signal_id

    def records(self) -> Records:
        return self.scene.ledger.read_when_relayed()

    def orders(self, signal_id: str) -> dict[str, list[Intent]]:
        """The legs of a signal by the name of the user, stops and targets included."""
        names = {person.subscription_id: person.plan.name for person in self.people}
        found: dict[str, list[Intent]] = {}
        for order in self.records().orders:
            if order.signal_id == signal_id:
                found.setdefault(names[order.subscription_id], []).append(order)
        return found

    def report(self) -> dict[str, Any]:
        return summarise(self.records(), self.operator.book(), self.people, 0, count_dead_letters(self.cloud))


def sample() -> CandleFile:
    """The first of the candle files that ship with the project."""
    return read_candle_file(sample_files()[0])


def zigzag(length: int, last_close: datetime, timeframe: Timeframe = Timeframe.M1) -> CandleFile:
    """Candles that close high and low in turn, the last of them at `last_close`."""
    candles = []
    for number in range(length):
        opened, closed = ZIGZAG_CLOSES[(number + 1) % 2], ZIGZAG_CLOSES[number % 2]
        at = last_close - timeframe.length * (length - number)
        candles.append(Candle(at, opened, ZIGZAG_CLOSES[1], ZIGZAG_CLOSES[0], closed, Decimal(1)))
    return CandleFile(Path("zigzag"), ZIGZAG_MARKET, timeframe, tuple(candles))


def open_markets(cloud: Cloud, files: Sequence[CandleFile], rows: int) -> Operator:
    """List the files' markets and load their last `rows` candles; the market's clock stands at the end of them."""
    operator = Operator(cloud)
    operator.load(files, rows)
    operator.set_clock(max(file.candles[-1].close_time(file.timeframe) for file in files))
    invoke(cloud, "MarketCatalogueFunctionName", {"venues": [VENUE]})
    return operator


def replay_stack(cloud: Cloud, **overrides: str) -> None:
    """A fresh stack whose clocks stand still and whose candles may be old."""
    cloud.redeploy(SchedulesState="DISABLED", MaxCandleLatenessSeconds=REPLAY_LATENESS_SECONDS, **overrides)


def follower(
    number: int, strategy: PlannedStrategy, case: Case = Case.ORDINARY, settings: Mapping[str, Any] | None = None
) -> PlannedUser:
    """A user whose entries are worth 1,000 unless the settings say something else."""
    usual = {"capital": "10000", "sizing": {"mode": "FIXED_NOTIONAL", "value": "1000"}, "max_signal_age_seconds": 300}
    return PlannedUser(f"user-{number:04d}", case, strategy, BALANCE, {**usual, **(settings or {})})


def open_desk(cloud: Cloud, plan: Callable[[ExternalStrategy], Sequence[PlannedUser]], rows: int = 50, **overrides: str) -> Desk:
    """Deploy anew, create an external strategy and let everybody of `plan` follow it."""
    replay_stack(cloud, **overrides)
    file = sample()
    operator = open_markets(cloud, (file,), rows)
    platform = Platform(cloud)
    strategy = ExternalStrategy("desk", "", {}, file)
    created = platform.as_administrator().call("POST", "/v1/strategies", strategy.body)["source"]
    source = Source(f"{cloud.outputs['ApiUrl']}{created['webhook_path']}", created["secret"])
    people = platform.settle(plan(strategy), operator, lambda _: None)
    return Desk(cloud, operator, platform, strategy, source, people)


def trade_order(
    desk: Desk, person: Person, action: Action = Action.LONG, age: timedelta = timedelta(0), **fields: Any
) -> TradeOrder:
    """The message that the fan-out would have sent for this follower that long ago; `fields` are more of the signal's."""
    _ = desk.scene.ledger  # opens the records, and with them the address of the cloud
    subscriptions = DynamoSubscriptionStore(Table(desk.cloud.outputs["TableName"]), SystemClock())
    subscription = subscriptions.get_subscription(person.user.sub, person.subscription_id)
    assert person.account_id is not None
    issued_at = utc_now() - age
    signal = Signal(
        signal_id=digest("test-signal", person.subscription_id, issued_at.isoformat()),
        strategy_id=desk.strategy.strategy_id,
        market=desk.strategy.file.market,
        action=action,
        issued_at=issued_at,
        correlation_id="test-order",
        price=desk.strategy.file.candles[-1].close,
        **fields,
    )
    return TradeOrder(
        signal=signal,
        tenant_id=person.user.sub,
        account_id=person.account_id,
        subscription_id=person.subscription_id,
        settings=subscription.settings,
        limits=EffectiveLimits(),
        quote=a_quote(desk.strategy.file.candles[-1].close, as_of=issued_at) if action.is_entry else None,
    )


def messages(cloud: Cloud, queue: str) -> list[dict[str, Any]]:
    """The messages that wait in a queue named by its output, with attributes, seen without taking them away."""
    found: dict[str, dict[str, Any]] = {}
    sqs, url = cloud.client("sqs"), cloud.outputs[queue]
    while True:
        batch = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageAttributeNames=["All"], AttributeNames=["All"]
        ).get("Messages", [])
        fresh = {message["MessageId"]: message for message in batch if message["MessageId"] not in found}
        if not fresh:
            return list(found.values())
        found |= fresh


def utc_now() -> datetime:
    return datetime.now(UTC)


def as_text(value: Any) -> str:
    """Everything of a value that an SDK has returned, as text to be searched; compressed text is made readable."""
    return json.dumps(value, default=_readable)


def _readable(value: object) -> str:
    return decompressed(value) if isinstance(value, bytes) else str(value)


def showing(say: Callable[[str], None], every: int) -> Callable[[Progress], None]:
    """A line of progress for every so many instants of a replay."""

    def show(progress: Progress) -> None:
        if progress.done % every == 0 or progress.done == progress.steps:
            say(f"{progress.done}/{progress.steps} candles in {time.monotonic() - progress.started:.0f} s")

    return show
