"""A hundred uploaded strategies of a hundred owners on one candle: all are decided before the next one closes."""

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
STEP = timedelta(minutes=1)
SOURCE = (Path(__file__).parents[2] / "strategies" / "sma_cross.py").read_text(encoding="utf-8")


def done_after(run: Execution) -> float:
    """Seconds from the candle's close, by the message's clock, to the decision."""
    assert run.duration_ms is not None
    return run.drift_seconds + run.duration_ms / 1_000


def test_all_strategies_of_a_hundred_owners_are_decided_before_the_next_close(cloud: Cloud, say: Callable[[str], None]) -> None:
    replay_stack(cloud)
    end = utc_now().replace(second=0, microsecond=0)
    file = zigzag(ROWS, end)
    with closing(open_markets(cloud, (file,), ROWS)):
        uploaded, ours = store(cloud)
        planned = [PlannedStrategy(name, "", {}, file) for name in (*uploaded, *ours)]
        ledger = Ledger(cloud, planned, ())
        begun = utc_now()
        event = {"timeframe": "1m", "scheduled_time": (end - STEP).isoformat().replace("+00:00", "Z")}
        assert invoke(cloud, "CandleClockFunctionName", event)["candles"] == AUTHORS + 1
        until(lambda: not any(cloud.waiting(*CANDLES).messages.values()))
        runs = ledger.runs_at(end)
    late = (begun - end).total_seconds()  # how long after the close the clock was asked, which is no drift of ours
    by_kind = {
        kind: [run for run in runs if run.strategy_id in names] for kind, names in (("uploaded", uploaded), ("ours", ours))
    }
    for kind, found in by_kind.items():
        assert Counter(run.status for run in found) == {ExecutionStatus.COMPLETED: AUTHORS}, kind
    took = {kind: [done_after(run) - late for run in found] for kind, found in by_kind.items()}
    for kind, seconds in took.items():
        say(f"{kind}: decided after {median(seconds):.1f} s (median), {max(seconds):.1f} s (last)")
    say(f"the last uploaded one took {max(took['uploaded']) / max(took['ours']):.1f} times as long as the last of ours")
    assert max(took["uploaded"]) < STEP.total_seconds()


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
        strategies.create_strategy(an_uploaded_strategy(name, owner=name), version=version)
    for name in ours:
        strategies.create_strategy(a_strategy(name, parameters=parameters))
    for name in (*uploaded, *ours):
        follower = a_subscription(name, tenant_id=name, strategy_id=name, account_id=None)
        subscriptions.write(follower, None, 1)
    return uploaded, ours
