"""A sweep through the queue, with a worker killed in the middle, equals the same sweep in one process, number by number."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from candlecast.adapters.s3.market_catalogue import S3Markets
from candlecast.adapters.system import SystemClock
from candlecast.backtest.candle_venue import Fees
from candlecast.backtest.exact_path import Terms
from candlecast.backtest.grid import Axis, Combinations, combinations_of
from candlecast.backtest.sweep import run_sweep, sweep_document
from candlecast.backtest.walk_forward import WalkForward, walk_forward, walk_forward_document, windows_of
from candlecast.domain.backtests.market_fill import Slippage
from candlecast.domain.backtests.sweep import RandomSearch, planned_sweep
from candlecast.domain.market.candle import Candle
from candlecast.domain.subscriptions.subscription import Settings, Sizing, SizingMode
from candlecast.domain.values.timeframe import Timeframe
from candlecast.runtime.compose.consumer import HELD_SECONDS
from candlecast.strategy import Candles
from candlecast.strategy.registry import load_strategy
from infra.local.candle_files import CandleFile
from infra.local.cloud import Cloud
from infra.local.demo.people import Api, Platform
from infra.local.demo.scenario import VENUE, PlannedStrategy
from infra.local.project import CommandError
from tests.support.stage import ZIGZAG_MARKET, open_markets, replay_stack, utc_now
from tests.support.waiting import until

HOUR = timedelta(hours=1)
SPAN = 40 * 24  # hours that are tried: days enough for the probability of overfitting
ROWS = SPAN + 100  # that the market has
UPLOADED, BUILT_IN = "my-crossing", "our-crossing"
SOURCE = (Path(__file__).parents[2] / "strategies" / "sma_cross.py").read_text(encoding="utf-8")
PARAMETERS: dict[str, Any] = {"fast_period": 5, "slow_period": 20, "stop_atr": 4.0}
# Two hundred combinations. The strategy refuses those whose fast period is not below the slow one.
AXES: dict[str, list[int]] = {"fast_period": list(range(3, 13)), "slow_period": list(range(8, 48, 2))}
FEW: dict[str, list[int]] = {"fast_period": [3, 9], "slow_period": [8, 20, 40]}
WALK = {"train_hours": 240, "test_hours": 120}
METRIC = "sharpe_ratio"
SMA = load_strategy("sma_cross")
FEE, SLIPPAGE = Decimal("0.0005"), Decimal(2)
SETTINGS = {"capital": "10000", "sizing": {"mode": "FIXED_NOTIONAL", "value": "1000"}, "max_daily_loss_percent": "100"}


def waves(end: datetime) -> CandleFile:
    """Hours on a market that goes up and down in several rhythms, the same on every machine."""
    closes = [
        Decimal(round(50_000 + 2_000 * math.sin(row / 17) + 900 * math.sin(row / 5.3) + 50 * (row * 7_919 % 13)))
        for row in range(ROWS + 1)
    ]
    candles = tuple(
        Candle(end - HOUR * (ROWS - row), before, max(before, close) + 20, min(before, close) - 20, close, Decimal(1))
        for row, (before, close) in enumerate(pairwise(closes))
    )
    return CandleFile(Path("waves"), ZIGZAG_MARKET, Timeframe.H1, candles)


@dataclass
class Story:
    """A stack with one market, and the same rule as built-in and as uploaded code."""

    cloud: Cloud
    administrator: Api
    author: Api
    file: CandleFile
    end: datetime

    def ask(self, who: Api, strategy_id: str, axes: Mapping[str, list[int]], **more: Any) -> dict[str, Any]:
        body = {
            "strategy_id": strategy_id,
            "start": (self.end - SPAN * HOUR).isoformat(),
            "until": self.end.isoformat(),
            "settings": SETTINGS,
            "taker_fee": str(FEE),
            "slippage_bps": str(SLIPPAGE),
            "sweep": {"axes": axes, "metric": METRIC, **more},
        }
        asked: dict[str, Any] = who.call("POST", "/v1/backtests", body)
        return asked

    def now(self, who: Api, asked: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = who.call("GET", f"/v1/backtests/{asked['backtest_id']}")
        return found

    def document(self, who: Api, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The result of the sweep, once it has one."""
        found = until(lambda: self.now(who, asked), lambda it: it["status"] not in ("QUEUED", "RUNNING"))
        assert found["status"] == "DONE", found
        document: dict[str, Any] = self.fetched(who, asked, "document").json()
        return document

    def fetched(self, who: Api, asked: Mapping[str, Any], name: str) -> httpx.Response:
        link = who.call("GET", f"/v1/backtests/{asked['backtest_id']}/results")[name]
        return httpx.get(link, timeout=60).raise_for_status()

    def in_one_process(self, axes: Mapping[str, list[int]], random: RandomSearch | None = None) -> dict[str, Any]:
        """The document of the command's sweep, in this process."""
        swept = run_sweep(
            SMA,
            combinations(axes, random),
            Candles.from_candles(self.file.candles),
            self.terms,
            metric=METRIC,
            first=ROWS - SPAN,
            timeframe=Timeframe.H1,
        )
        return sweep_document(swept)

    def walked_in_one_process(self, axes: Mapping[str, list[int]]) -> WalkForward:
        """The command's walk-forward, in this process."""
        candles, hour_ms = Candles.from_candles(self.file.candles), 3_600_000
        windows = windows_of(
            candles.time, train_ms=WALK["train_hours"] * hour_ms, test_ms=WALK["test_hours"] * hour_ms, row=ROWS - SPAN
        )
        return walk_forward(SMA, combinations(axes), candles, self.terms, windows, metric=METRIC, timeframe=Timeframe.H1)

    @property
    def terms(self) -> Terms:
        """The terms of each combination."""
        market = S3Markets(self.cloud.client("s3"), self.cloud.outputs["MarketsBucketName"], SystemClock()).find(
            VENUE, ZIGZAG_MARKET
        )
        assert market is not None
        return Terms(
            market=market,
            timeframe=Timeframe.H1,
            venue=VENUE,
            settings=Settings(
                capital=Decimal(10_000),
                sizing=Sizing(SizingMode.FIXED_NOTIONAL, Decimal(1_000)),
                max_daily_loss_percent=Decimal(100),
            ),
            cash=Decimal(10_000),
            fees=Fees(maker=FEE, taker=FEE),
            slippage=Slippage(bps=SLIPPAGE),
        )


def combinations(axes: Mapping[str, list[int]], random: RandomSearch | None = None) -> Combinations:
    return combinations_of(SMA, [Axis(name, tuple(values)) for name, values in axes.items()], PARAMETERS, random)


@pytest.fixture(scope="module")
def story(cloud: Cloud) -> Iterator[Story]:
    replay_stack(cloud)
    end = utc_now().replace(minute=0, second=0, microsecond=0)
    file = waves(end)
    with closing(open_markets(cloud, (file,), ROWS)), closing(Platform(cloud)) as platform:
        author = platform.as_user(cloud.user("author@example.com"))
        platform.create_strategies((PlannedStrategy(BUILT_IN, "sma_cross", PARAMETERS, file),))
        author.call("POST", "/v1/strategies", upload())
        yield Story(cloud, platform.as_administrator(), author, file, end)


def upload() -> dict[str, Any]:
    return {
        "kind": "UPLOADED",
        "strategy_id": UPLOADED,
        "name": UPLOADED,
        "venue": VENUE,
        "market": ZIGZAG_MARKET,
        "timeframe": "1h",
        "source": SOURCE,
        "parameters": PARAMETERS,
        "visibility": "PUBLIC",
    }


def same(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Equal but for the name; uploaded code puts its line before a refusal."""
    for name in wanted.keys() - {"strategy", "refusal"}:
        assert found[name] == wanted[name], name
    assert str(found["refusal"]).endswith(str(wanted["refusal"]))


def test_a_sweep_of_two_hundred_with_a_killed_worker_equals_one_process(story: Story, say: Callable[[str], None]) -> None:
    who = story.administrator
    # A worker may die before it holds its message. Then the queue's own visibility says when the message comes back.
    own = {"VisibilityTimeout": str(HELD_SECONDS["backtest"])}
    story.cloud.client("sqs").set_queue_attributes(QueueUrl=story.cloud.outputs["BacktestQueueUrl"], Attributes=own)
    asked = story.ask(who, BUILT_IN, AXES)
    sweep = asked["plan"]["sweep"]
    assert (sweep["trials"], sweep["parts"]) == (200, planned_sweep(AXES, METRIC, SPAN).parts)
    seen = until(lambda: story.now(who, asked), lambda it: it["trials_done"] > 0)
    assert seen["status"] == "RUNNING"
    until(lambda: [worker for worker in story.cloud.workers("backtest_runner") if worker.busy])
    killed = story.cloud.kill_workers("backtest_runner")
    say(f"{killed} killed at {seen['trials_done']} of 200; their messages come back within {HELD_SECONDS['backtest']} seconds")
    wanted = story.in_one_process(AXES)
    assert (wanted["combinations"], wanted["tried"], wanted["refused"]) == (200, 191, 9)
    assert wanted["significance"]["deflated_sharpe_ratio"] is not None
    assert wanted["significance"]["probability_of_overfitting"] is not None
    found = story.document(who, asked)
    same(found, wanted)
    ended = story.now(who, asked)
    assert (ended["trials_done"], ended["summary"]["trades"]) == (200, wanted["best"]["trades"])
    rows = list(csv.DictReader(io.StringIO(story.fetched(who, asked, "trades").text)))
    assert [float(row["total_return"]) for row in rows] == [row["total_return"] for row in wanted["trials"]]
    assert "fast_period" in story.fetched(who, asked, "page").text


def test_uploaded_code_is_swept_in_its_owners_sandbox_with_the_same_numbers(story: Story) -> None:
    found = story.document(story.author, story.ask(story.author, UPLOADED, FEW))
    same(found, story.in_one_process(FEW))


def test_a_random_search_through_the_queue_equals_one_process(story: Story) -> None:
    asked = story.ask(story.administrator, BUILT_IN, AXES, random={"count": 30, "seed": 7})
    assert (asked["plan"]["sweep"]["trials"], asked["plan"]["sweep"]["parts"]) == (30, 2)
    wanted = story.in_one_process(AXES, RandomSearch(count=30, seed=7))
    assert (wanted["combinations"], wanted["sample"]["of"]) == (30, 200)
    assert wanted["significance"]["probability_of_overfitting"] is not None
    same(story.document(story.administrator, asked), wanted)


def test_a_walk_forward_through_the_queue_equals_one_process(story: Story) -> None:
    found = story.document(story.author, story.ask(story.author, UPLOADED, FEW, walk_forward=WALK))
    wanted = story.walked_in_one_process(FEW)
    document = walk_forward_document(wanted)
    assert (len(document["windows"]), document["refused"]) == (6, 1)
    same(found, document)
    assert [trade["pnl"] for trade in found["out_of_sample"]["trades"]] == wanted.result.trades.pnl.tolist()
    assert found["out_of_sample"]["final_equity"] == wanted.result.final_equity


def test_parameters_of_others_are_not_swept(story: Story) -> None:
    stranger = Platform(story.cloud)
    with closing(stranger), pytest.raises(CommandError, match="SWEEP_NEEDS_PARAMETERS"):
        story.ask(stranger.as_user(story.cloud.user("stranger@example.com")), UPLOADED, FEW)
