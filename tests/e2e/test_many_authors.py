"""A hundred uploaded strategies of a hundred owners on one candle: all are decided, and how long that takes is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from statistics import median

import pytest

from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.dynamodb.subscriptions import DynamoSubscriptionStore
from candlecast.adapters.s3.strategy_code import S3CodeStore
from candlecast.adapters.strategy_code import BuiltInStrategies
from candlecast.adapters.system import SystemClock
from candlecast.domain.strategies.execution import Execution, ExecutionStatus
from candlecast.domain.values.timeframe import Timeframe
from infra.local.cloud import Cloud
from infra.local.demo.replay import CANDLES, invoke
from infra.local.demo.report import Ledger
from infra.local.demo.scenario import PlannedStrategy
from tests.support.builders import a_strategy, a_subscription, a_version, an_uploaded_strategy
from tests.support.stage import ZIGZAG_PARAMETERS, open_markets, replay_stack, utc_now, zigzag
from tests.support.waiting import until

pytestmark = pytest.mark.prove
AUTHORS = 100
ROWS = 400
CANDLE = Timeframe.M5  # two cores run what Lambda spreads over a hundred environments; in minutes they stay behind
DRAIN_SECONDS = 1_800.0  # on a machine that many share; alone it takes two minutes
MINUTE = timedelta(minutes=1)
SOURCE = (Path(__file__).parents[2] / "strategies" / "sma_cross.py").read_text(encoding="utf-8")


def done_after(run: Execution) -> float:
    """Seconds from the candle's close, by the message's clock, to the decision."""
    assert run.duration_ms is not None
    return run.drift_seconds + run.duration_ms / 1_000


def test_all_strategies_of_a_hundred_owners_are_decided(cloud: Cloud, say: Callable[[str], None]) -> None:
    """The first candle starts an environment for each owner, on the two cores of this machine; the next one finds them there.

    Counts are asserted. Seconds are told, and the guide of performance has those of a quiet machine.
    """
    replay_stack(cloud)
    end = CANDLE.floor(utc_now())
    file = zigzag(ROWS, end, CANDLE)
    with closing(open_markets(cloud, (file,), ROWS)):
        uploaded, ours = store(cloud)
        ledger = Ledger(cloud, [PlannedStrategy(name, "", {}, file) for name in (*uploaded, *ours)], ())
        for close, environments in ((end - CANDLE.length, "cold"), (end, "warm")):
            begun = utc_now()
            event = {"timeframe": CANDLE.value, "scheduled_time": (close - MINUTE).isoformat().replace("+00:00", "Z")}
            assert invoke(cloud, "CandleClockFunctionName", event)["candles"] == AUTHORS + 1
            until(lambda: not any(cloud.waiting(*CANDLES).messages.values()), seconds=DRAIN_SECONDS)
            runs = ledger.runs_at(close)
            late = (begun - close).total_seconds()  # how long after the close the clock was asked, which is no drift of ours
            last = {}
            for kind, names in (("uploaded", uploaded), ("ours", ours)):
                found = [run for run in runs if run.strategy_id in names]
                assert Counter(run.status for run in found) == {ExecutionStatus.COMPLETED: AUTHORS}, (environments, kind)
                seconds = [done_after(run) - late for run in found]
                last[kind] = max(seconds)
                say(f"{environments}, {kind}: decided after {median(seconds):.1f} s (median), {max(seconds):.1f} s (last)")
            ratio = last["uploaded"] / last["ours"]
            say(f"{environments}: the last uploaded one took {ratio:.1f} times as long as the last of ours")


def store(cloud: Cloud) -> tuple[Sequence[str], Sequence[str]]:
    """Followed strategies with one code, as uploads and as built-ins; the names of both."""
    Ledger(cloud, (), ())  # the product's adapters find region, endpoint and keys as a function does
    table = Table(cloud.outputs["TableName"])
    strategies, subscriptions = DynamoStrategyStore(table), DynamoSubscriptionStore(table, SystemClock())
    source_hash = S3CodeStore(cloud.client("s3"), cloud.outputs["CodeBucketName"]).put(SOURCE)
    parameters = ZIGZAG_PARAMETERS
    lookback = BuiltInStrategies().lookback(a_strategy(parameters=parameters))
    uploaded, ours = [f"upload-{number:03d}" for number in range(AUTHORS)], [f"ours-{number:03d}" for number in range(AUTHORS)]
    for name in uploaded:
        version = a_version(1, name, source_hash=source_hash, parameters=parameters, lookback=lookback, created_by=name)
        strategies.create_strategy(an_uploaded_strategy(name, owner=name, timeframe=CANDLE), version=version)
    for name in ours:
        strategies.create_strategy(a_strategy(name, parameters=parameters, timeframe=CANDLE))
    for name in (*uploaded, *ours):
        follower = a_subscription(name, tenant_id=name, strategy_id=name, account_id=None)
        subscriptions.write(follower, None, 1)
    return uploaded, ours
