"""Schedule to requests for looks, sweep of pools, copies of kill switches, watches over schedules and pause, and fresh cards.

Tasks of backtests that a killed process has left unsent are sent too. Live connections end with their tokens.
"""

from __future__ import annotations

from functools import cache, partial
from typing import NamedTuple

from candlecast.adapters.aws.clients import functions_client
from candlecast.adapters.aws.live_function import LiveFunction
from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
from candlecast.adapters.dynamodb.backtests import DynamoBacktestStore
from candlecast.adapters.dynamodb.deployment_pauses import DynamoDeploymentPauses
from candlecast.adapters.dynamodb.firings import DynamoFirings
from candlecast.adapters.dynamodb.gate import DynamoGate
from candlecast.adapters.dynamodb.listings import DynamoListingStore
from candlecast.adapters.dynamodb.live import DynamoLive
from candlecast.adapters.dynamodb.looks import DynamoLooks
from candlecast.adapters.dynamodb.pools import DynamoPoolStore
from candlecast.adapters.dynamodb.prices import DynamoPriceStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.sqs.queues import SqsBacktestQueue, SqsReconcileQueue
from candlecast.adapters.system import SystemClock
from candlecast.runtime.compose.clients import aws
from candlecast.runtime.compose.start import once
from candlecast.runtime.observe import EmfMetrics
from candlecast.runtime.settings import ReconcileClockSettings
from candlecast.services.account.complete_switches import CompleteSwitches
from candlecast.services.account.watch_pause import WatchPause
from candlecast.services.backtests.send_tasks import SendTasks, SendUnsent
from candlecast.services.live.find_ended import FindEnded
from candlecast.services.market.watch_schedules import WatchSchedules
from candlecast.services.pools.sweep_pools import SweepPools
from candlecast.services.reconcile.ask_for_looks import AskForLooks
from candlecast.services.reconcile.request_reconciles import RequestReconciles
from candlecast.services.strategies.refresh_listings import RefreshListings

LIVE_SECONDS = 2.0  # until Lambda has taken an asynchronous invocation, which it does in milliseconds


class ReconcileClock(NamedTuple):
    """Everything that happens each minute."""

    request_reconciles: RequestReconciles
    sweep_pools: SweepPools
    complete_switches: CompleteSwitches
    watch_schedules: WatchSchedules
    watch_pause: WatchPause
    refresh_listings: RefreshListings
    send_unsent: SendUnsent
    find_ended_connections: FindEnded


@once
def build() -> ReconcileClock:
    """Ask for looks, sweep pools, complete switches, watch schedules and pause, refresh cards, send what was left unsent."""
    known, clock, metrics = ReconcileClockSettings.read(), SystemClock(), EmfMetrics()
    table = Table(known.table_name, generation=known.table_generation)
    accounts = DynamoAccountStore(table, clock)
    queue, awaited = (SqsReconcileQueue(aws("sqs"), url) for url in (known.reconcile_queue_url, known.awaited_look_queue_url))
    leases = DynamoLooks(table)
    backtests, tasks = DynamoBacktestStore(table), SqsBacktestQueue(aws("sqs"), known.backtest_queue_url)
    looks = AskForLooks(leases, queue, awaited, clock, metrics)
    return ReconcileClock(
        RequestReconciles(accounts, looks, queue, leases, clock, metrics),
        SweepPools(DynamoPoolStore(table, clock), accounts, clock, metrics),
        CompleteSwitches(DynamoGate(table), metrics),
        WatchSchedules(DynamoFirings(table), clock, metrics),
        WatchPause(DynamoDeploymentPauses(table), clock, metrics),
        RefreshListings(
            DynamoListingStore(table),
            DynamoStrategyStore(table),
            DynamoPriceStore(table),
            tasks,
            clock,
        ),
        SendUnsent(backtests, SendTasks(backtests, tasks), clock),
        FindEnded(DynamoLive(table), LiveFunction(cache(partial(functions_client, LIVE_SECONDS)), known.live_function), clock),
    )
