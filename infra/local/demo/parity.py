"""Parity of a replay's runs, by the deployed checker: each run of each day beside the decision of a backtest."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from candlecast.adapters.dynamodb.parity_days import DynamoParityStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.sqs.queues import SqsParityQueue
from candlecast.domain.parity.parity import Difference, ParityDay
from candlecast.domain.strategies.execution import Execution
from candlecast.domain.strategies.parity_share import ParityShare
from candlecast.services.parity.ask_daily import task_of
from infra.local.cloud import Cloud
from infra.local.project import CommandError

PARITY_SECONDS = 300.0  # for all days of a replay: each is a second or two of an environment
POLL_SECONDS = 0.2


def check(cloud: Cloud, wanted: Iterable[tuple[str, date]], since: datetime) -> list[ParityDay]:
    """Ask for each strategy and day, and wait for all results that are newer than `since`.

    The product's adapters find the cloud once a `Ledger` was opened. Raises CommandError if a result does not come.
    """
    missing = sorted(set(wanted))
    SqsParityQueue(cloud.client("sqs"), cloud.outputs["ParityQueueUrl"]).send_parity([task_of(*each) for each in missing])
    store, end, found = DynamoParityStore(Table(cloud.outputs["TableName"])), time.monotonic() + PARITY_SECONDS, list[ParityDay]()
    while missing:
        for strategy_id, day in list(missing):
            told = [each for each in store.list_days(strategy_id, day, day) if each.checked_at >= since]
            if told:
                found += told
                missing.remove((strategy_id, day))
        if missing and time.monotonic() > end:
            raise CommandError(f"no parity within {PARITY_SECONDS:.0f} s: {len(missing)} of {len(missing) + len(found)} days")
        time.sleep(POLL_SECONDS)
    return found


def days_of(executions: Iterable[Execution]) -> set[tuple[str, date]]:
    """The strategies and days (UTC) of these runs."""
    return {(run.strategy_id, run.candle_close.date()) for run in executions}


def figures(days: Sequence[ParityDay], executions: int) -> dict[str, Any]:
    """The figures of `parity` in build/demo/report.json: all runs of the replay, those that were compared, and how they ended."""
    share, causes = ParityShare.of(days), Counter[str]()
    for day in days:
        causes.update({cause.value: count for cause, count in day.causes.items()})
    return {
        "executions": executions,
        "checked": share.checked,
        "equal": share.equal,
        "percent": str(share.percent),
        "causes": dict(causes),
        "differences": [_text(each) for day in days for each in day.differences],
    }


def is_equal(parity: Mapping[str, Any]) -> bool:
    """Whether each run was compared, and decided as the backtest."""
    return bool(parity["equal"] == parity["checked"] == parity["executions"] > 0)


def told(parity: Mapping[str, Any]) -> str:
    """The figures in one line."""
    counts = f"{parity['equal']} of {parity['executions']} executions"
    if is_equal(parity):
        return f"parity 100 %: {counts} decided as a backtest does"
    return f"NO PARITY: {counts} decided as a backtest does; {parity['causes']}"


def _text(each: Difference) -> str:
    return f"{each.candle_close:%m-%d %H:%M} {each.cause}: live {each.recorded}, the backtest {each.recomputed}"
