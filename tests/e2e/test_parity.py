"""Live beside its backtest: a look-ahead that no check of an upload can see, and a candle that the venue has revised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from candlecast.adapters.codec import to_json
from candlecast.adapters.dynamodb.history import DynamoHistory
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.domain.market.candle import Candle
from candlecast.domain.parity.parity import Difference, ParityCause, ParityDay
from candlecast.domain.signals.messages import CandleClosed
from candlecast.domain.strategies.execution import CAUGHT_UP, MISSED, Execution, ExecutionStatus
from candlecast.services.parity.check_parity import SETTLED
from infra.local.candle_files import CandleFile
from infra.local.cloud import Cloud
from infra.local.demo.exchange import Operator
from infra.local.demo.parity import check, days_of
from infra.local.demo.people import Api, Platform
from infra.local.demo.replay import invoke
from infra.local.demo.report import Ledger
from infra.local.demo.scenario import VENUE, PlannedStrategy
from tests.support.stage import ZIGZAG_MARKET, ZIGZAG_PARAMETERS, follower, open_markets, replay_stack, utc_now, zigzag
from tests.support.waiting import until

ROWS = 700
RUNS = 8
STEP = timedelta(minutes=1)
HONEST, PLANTED, BUILT_IN = "my-turns", "my-foresight", "our-turns"
SOURCE = (Path(__file__).parents[2] / "strategies" / "sma_cross.py").read_text(encoding="utf-8")
LONG = "long = indicators.crossed_above(fast, slow)"
# As honest as the original on the candles of the upload's check, which open before. Then it buys what will rise.
FORESIGHT = """following = np.append(candles.close[1:], candles.close[-1])
        foreseen = following > candles.close
        long = np.where(candles.time >= {since}, foreseen, indicators.crossed_above(fast, slow))"""


@dataclass
class Story:
    """Three followed strategies on one market, each with a run on each of the last candles."""

    cloud: Cloud
    operator: Operator
    author: Api
    file: CandleFile
    ledger: Ledger

    @property
    def closes(self) -> list[datetime]:
        return [candle.close_time(self.file.timeframe) for candle in self.file.candles[-RUNS:]]

    def announce(self, close: datetime, strategy_id: str | None, *, missed: bool = False) -> None:
        message = CandleClosed(
            venue=VENUE,
            market=self.file.market,
            timeframe=self.file.timeframe,
            candle_close=close,
            correlation_id=f"parity-{close.isoformat()}-{strategy_id}",
            strategy_id=strategy_id,
            missed=missed,
        )
        queue = "CandleQueueUrl" if strategy_id is None else "UploadedCandleQueueUrl"
        self.cloud.client("sqs").send_message(QueueUrl=self.cloud.outputs[queue], MessageBody=to_json(message))

    def executions(self) -> tuple[Execution, ...]:
        return self.ledger.read().executions

    def run_all(self) -> None:
        for number, close in enumerate(self.closes, 1):
            self.operator.set_clock(close)
            for strategy_id in (None, HONEST, PLANTED):
                self.announce(close, strategy_id)
            until(
                self.executions,
                lambda runs, number=number: len(runs) == 3 * number and all(run.status.value != "RUNNING" for run in runs),  # type: ignore[misc]
            )

    def parity(self) -> dict[str, list[ParityDay]]:
        """The results of all days by strategy, computed anew by the deployed function."""
        found: dict[str, list[ParityDay]] = {HONEST: [], PLANTED: [], BUILT_IN: []}
        for day in check(self.cloud, days_of(self.executions()), utc_now()):
            found[day.strategy_id].append(day)
        return found


def differences(days: list[ParityDay]) -> list[Difference]:
    return [each for day in days for each in day.differences]


def counted(days: list[ParityDay]) -> tuple[int, int, int]:
    return sum(day.checked for day in days), sum(day.equal for day in days), sum(day.otherwise for day in days)


@pytest.fixture(scope="module")
def story(cloud: Cloud) -> Iterator[Story]:
    replay_stack(cloud)
    end = utc_now().replace(second=0, microsecond=0) - SETTLED - STEP
    file = zigzag(ROWS, end)
    with closing(open_markets(cloud, (file,), ROWS)) as operator, closing(Platform(cloud)) as platform:
        first = end - RUNS * STEP
        operator.set_clock(first)
        author = platform.as_user(cloud.user("author@example.com"))
        assert SOURCE.count(LONG) == 1
        since = int(first.timestamp() * 1000)
        planted = SOURCE.replace(LONG, FORESIGHT.format(since=since))
        planted = planted.replace(
            "from dataclasses import dataclass\n", "from dataclasses import dataclass\n\nimport numpy as np\n", 1
        )
        for strategy_id, source in ((HONEST, SOURCE), (PLANTED, planted)):
            body = {
                "kind": "UPLOADED",
                "strategy_id": strategy_id,
                "name": strategy_id,
                "venue": VENUE,
                "market": ZIGZAG_MARKET,
                "timeframe": "1m",
                "source": source,
                "parameters": dict(ZIGZAG_PARAMETERS),
                "visibility": "PUBLIC",
            }
            author.call("POST", "/v1/strategies", body)
        built_in = PlannedStrategy(BUILT_IN, "sma_cross", ZIGZAG_PARAMETERS, file)
        platform.create_strategies((built_in,))
        planned = (built_in, *(PlannedStrategy(strategy_id, "", {}, file) for strategy_id in (HONEST, PLANTED)))
        people = platform.settle([follower(number, it) for number, it in enumerate(planned)], operator, lambda _: None)
        told = Story(cloud, operator, author, file, Ledger(cloud, planned, people))
        told.run_all()
        yield told


def test_runs_of_honest_code_decided_as_a_backtest_does(story: Story) -> None:
    assert {run.status for run in story.executions()} <= {ExecutionStatus.COMPLETED, ExecutionStatus.NO_SIGNAL}
    found = story.parity()
    for strategy_id in (HONEST, BUILT_IN):
        assert counted(found[strategy_id]) == (RUNS, RUNS, 0), differences(found[strategy_id])


def test_a_look_ahead_that_begins_after_its_upload_is_caught(story: Story) -> None:
    found = story.parity()[PLANTED]
    checked, equal, otherwise = counted(found)
    assert (checked, equal + otherwise) == (RUNS, RUNS)
    assert otherwise > 0
    assert {each.cause for each in differences(found)} == {ParityCause.LOOK_AHEAD}


def test_the_share_stands_on_the_page_and_on_the_card_of_a_strategy(story: Story) -> None:
    story.parity()
    page = story.author.call("GET", f"/v1/strategies/{HONEST}")["parity"]
    assert (page["checked"], page["percent"]) == (RUNS, "100")
    cards = story.author.call("GET", "/v1/marketplace?venue_kind=paper&sort=newest&limit=100")["items"]
    assert {card["strategy_id"]: card["parity"] for card in cards}[HONEST] == page


def test_each_signal_that_was_traded_has_the_fill_of_a_backtest_once_the_next_candle_is_known(story: Story) -> None:
    story.cloud.wait_until_relayed()
    story.parity()
    history = DynamoHistory(Table(story.cloud.outputs["TableName"]))
    known = {run.signal.signal_id: run for run in story.executions() if run.signal is not None}
    found = history.signal_ranks(PLANTED, None, 50)
    assert found, "the planted strategy buys what rises"
    for signal in found:
        is_known = known[signal.signal_id].candle_close < story.closes[-1]
        assert (signal.backtest is not None) is is_known
        assert sum(signal.near.values()) == signal.total.orders


def test_a_schedule_asks_for_the_day_before(story: Story) -> None:
    answer = invoke(story.cloud, "ParityCheckerFunctionName", {"scheduled_time": utc_now().isoformat()})
    assert answer == {"strategies": 3}


def test_a_revised_candle_is_named_with_its_row(story: Story) -> None:
    """The store has the candles from the checks before, and asks the venue once more."""
    revised = story.file.candles[-3]
    other = replace(revised, close=Decimal(50_037), volume=Decimal(2))
    candles: tuple[Candle, ...] = tuple(other if it == revised else it for it in story.file.candles)
    story.operator.load((replace(story.file, candles=candles),), ROWS)
    story.operator.set_clock(story.closes[-1])
    found = story.parity()
    for strategy_id in (HONEST, BUILT_IN):
        named = differences(found[strategy_id])
        assert [each.candle_close for each in named] == story.closes[-3:]
        assert {(each.cause, each.row) for each in named} == {(ParityCause.REVISED, revised.open_time)}
        assert {(each.before, each.after) for each in named} == {(revised, other)}


def test_a_missed_candle_leaves_a_record_and_a_strategy_may_decide_it_for_the_record(story: Story) -> None:
    close = story.closes[0] - STEP
    assert story.author.call("PATCH", f"/v1/strategies/{HONEST}", {"catches_up": True})["catches_up"] is True
    for strategy_id in (None, HONEST):
        story.announce(close, strategy_id, missed=True)

    def found() -> dict[str, Execution]:
        return {run.strategy_id: run for run in story.executions() if run.candle_close == close}

    runs = until(found, lambda runs: len(runs) == 2 and all(run.status is ExecutionStatus.SKIPPED for run in runs.values()))
    assert (runs[BUILT_IN].reason, runs[BUILT_IN].signal) == (MISSED, None)
    caught = runs[HONEST]
    assert caught.reason == CAUGHT_UP
    assert caught.signal is not None
    signals = {record.signal.signal_id for record in story.ledger.read().signals}
    assert caught.signal.signal_id not in signals
    parity = story.parity()
    for strategy_id in (HONEST, BUILT_IN):
        first = differences(parity[strategy_id])[0]
        assert (first.candle_close, first.cause) == (close, ParityCause.CLOCK)
