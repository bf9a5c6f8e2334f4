"""Replay recorded candles at speed: set the market's clock to a close, send the candle's message, wait until all is quiet.

The functions do not know that it is a replay (one path). The messages are like those of candle_clock, and only the paper
exchange's market clock is told the time. Waiting between candles makes the outcome the same at any speed, and after any crash in
between.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from candlecast.adapters.codec import to_json
from candlecast.domain.market.candle import Candle
from candlecast.domain.reconcile.look_schedule import FULL_LOOK_INTERVAL, OPEN_ORDER_INTERVAL
from candlecast.domain.signals.messages import CandleClosed
from candlecast.domain.values.ids import digest
from infra.local.candle_files import CandleFile
from infra.local.cloud import Cloud
from infra.local.demo.exchange import Operator
from infra.local.demo.report import Ledger
from infra.local.demo.scenario import VENUE
from infra.local.project import CommandError

DEFAULT_CANDLE_COUNT = 60
HISTORY = 300  # candles before the first replayed one: the longest lookback of the built-in strategies is 272
QUIET_SECONDS = 600.0  # without any change: a killed executor's messages come back after 90 s, a strategy's after six minutes
TURN_SECONDS = FULL_LOOK_INTERVAL.total_seconds()  # of real time, by which the age of a state counts
CLOCK_SECONDS = 20.0  # at most a minute in a deployment; sooner here, since somebody is watching
CLOCK_RETRIES = 2
POLL_SECONDS = 0.02
# In the direction of the flow.
LOOKS = ("ReconcileQueueUrl", "AwaitedLookQueueUrl")
CANDLES = ("CandleQueueUrl", "UploadedCandleQueueUrl")
QUEUES = (*CANDLES, "SignalQueueUrl", "TradeQueueUrl", "VettingQueueUrl", *LOOKS)


@dataclass(frozen=True, slots=True)
class Closing:
    """The candles that close at one instant, by file."""

    at: datetime
    candles: tuple[tuple[CandleFile, Candle], ...]


@dataclass(slots=True)
class Progress:
    """The replay's counts so far."""

    steps: int
    done: int = 0
    at: datetime | None = None
    messages: int = 0
    executions: int = 0
    signals: int = 0
    orders: int = 0
    reconciles: int = 0
    closings: list[tuple[int, float]] = field(default_factory=list)
    """For each instant: its orders, and the seconds from its candles' messages until all was quiet."""
    started: float = field(default_factory=time.monotonic)


def closings(files: Sequence[CandleFile], count: int) -> Iterator[Closing]:
    """The last `count` candles of every file, in the order in which they closed."""
    closing: dict[datetime, list[tuple[CandleFile, Candle]]] = defaultdict(list)
    for file in files:
        for candle in file.candles[-count:]:
            closing[candle.close_time(file.timeframe)].append((file, candle))
    return (Closing(at, tuple(candles)) for at, candles in sorted(closing.items(), key=lambda item: item[0]))


class Replay:
    """Drives a deployed stack candle by candle."""

    def __init__(self, cloud: Cloud, operator: Operator, ledger: Ledger, files: Sequence[CandleFile], count: int) -> None:
        self._cloud = cloud
        self._operator = operator
        self._ledger = ledger
        self.closings = tuple(closings(files, count))
        self._sqs = cloud.client("sqs")
        self._triggers: dict[str, tuple[Decimal, ...]] = {}
        self._looked = time.monotonic()
        self.progress = Progress(steps=len(self.closings))

    def run(self, each: Callable[[Progress], None], until: int | None = None) -> None:
        """Replay the rest, or up to one instant; `each` is told after every instant. Raises CommandError if it is never quiet."""
        self._reconcile()  # the clock's looks at the accounts since they were opened
        for closing in self.closings[self.progress.done : until]:
            self._operator.set_clock(closing.at)
            touched = self._touched(closing)
            if touched or time.monotonic() > self._looked + TURN_SECONDS:
                self._reconcile()
            announced, orders = time.monotonic(), self.progress.orders
            self.announce(closing)
            self.wait_until_quiet()
            seconds = time.monotonic() - announced
            signals = self._count(closing.at)
            self.progress.closings.append((self.progress.orders - orders, seconds))
            if touched or signals:
                self._triggers = self._operator.open_triggers()
            each(self.progress)

    def settle(self) -> None:
        """Let the reconciler look at every open account once more, so that what has triggered last is known."""
        self._reconcile()

    def _count(self, at: datetime) -> int:
        """Note what the candles of one instant came to; how many signals."""
        runs = self._ledger.runs_at(at)
        published = [record for run in runs if (record := self._ledger.published(run)) is not None]
        progress = self.progress
        progress.done += 1
        progress.at = at
        progress.executions += len(runs)
        progress.signals += len(published)
        progress.orders += sum(record.orders for record in published)
        return len(published)

    def announce(self, closing: Closing) -> None:
        """Send the messages of the candles that close at one instant, independent of the market's clock."""
        for file, _ in closing.candles:
            self._announce(file, closing.at)

    def _announce(self, file: CandleFile, close: datetime) -> None:
        message = CandleClosed(
            venue=VENUE,
            market=file.market,
            timeframe=file.timeframe,
            candle_close=close,
            correlation_id=digest("candle", VENUE, file.market, file.timeframe.interval_key(close)),
        )
        self._sqs.send_message(QueueUrl=self._cloud.outputs["CandleQueueUrl"], MessageBody=to_json(message))
        self.progress.messages += 1

    def _touched(self, closing: Closing) -> bool:
        """Whether a candle has reached a stop or target, so that a position has changed at the venue."""
        return any(
            candle.low <= trigger <= candle.high
            for file, candle in closing.candles
            for trigger in self._triggers.get(file.market, ())
        )

    def _reconcile(self) -> None:
        self.progress.reconciles += self._fire_reconcile_clock()
        self._looked = time.monotonic()
        self.wait_until_quiet()

    def _fire_reconcile_clock(self) -> int:
        """Ask at once for every account with open orders, as an operator does."""
        due = datetime.now(UTC) + OPEN_ORDER_INTERVAL + timedelta(seconds=1)
        event = {"due_by": due.isoformat()}
        for _ in range(CLOCK_RETRIES):  # Lambda repeats a failed asynchronous invocation twice
            with suppress(CommandError):
                return int(invoke(self._cloud, "ReconcileClockFunctionName", event)["accounts"])
        return int(invoke(self._cloud, "ReconcileClockFunctionName", event)["accounts"])

    def wait_until_quiet(self, seconds: float = QUIET_SECONDS) -> None:
        """Wait until no queue holds a message. Read in the direction of the flow, a message cannot slip by unseen.

        The schedules of a replay are off, so the reconcile clock's own firings are made up for here: an order may wait for one.
        Raises CommandError if nothing changes for so many seconds.
        """
        before, changed = None, time.monotonic()
        firing = changed + CLOCK_SECONDS
        while any((depths := self._cloud.waiting(*QUEUES).messages).values()):
            if depths != before:
                before, changed = depths, time.monotonic()
            if time.monotonic() > firing and not any(depths[queue] for queue in LOOKS):  # the clock has nothing to add to those
                firing = time.monotonic() + CLOCK_SECONDS
                self._fire_reconcile_clock()
            if time.monotonic() > changed + seconds:
                raise CommandError(f"nothing has changed for {seconds:.0f} s: {dict(depths)}")
            time.sleep(POLL_SECONDS)


def invoke(cloud: Cloud, output: str, event: dict[str, Any]) -> Any:
    """Invoke the function named by a stack's output and return its answer. Raises CommandError with its error."""
    answer = cloud.client("lambda").invoke(FunctionName=f"{cloud.outputs[output]}:live", Payload=json.dumps(event))
    body = answer["Payload"].read().decode()
    if answer.get("FunctionError"):
        raise CommandError(f"{output.removesuffix('FunctionName')} failed: {body[:300]}")
    return json.loads(body)
