"""Archive of events to projections: no bus, no pools, no accounts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from candlecast.adapters.codec import from_json
from candlecast.adapters.dynamodb.decisions import DynamoDecisions
from candlecast.adapters.dynamodb.rebuilt_history import RebuiltHistory
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.source_use import DynamoSourceUse
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.lanes import side_by_side
from candlecast.adapters.s3.event_archive import S3EventArchive
from candlecast.adapters.system import SystemClock
from candlecast.ports.rebuild import RebuildProgress, RebuildRequest
from candlecast.ports.sources import COUNTED_FOR
from candlecast.runtime.compose.clients import aws
from candlecast.runtime.compose.start import once
from candlecast.runtime.settings import HistoryRebuildSettings
from candlecast.services.relay.count_notional import CountNotional
from candlecast.services.relay.project_events import ProjectEvents
from candlecast.services.relay.rebuild_history import RebuildHistory

MARGIN = timedelta(days=1)  # a rebuild takes hours at most, and each order that it counts again still has its mark


@once
def build() -> Callable[[Mapping[str, Any], Callable[[], float]], RebuildProgress]:
    """Rebuild the slice that an event asks for, in the seconds that its invocation has left."""
    known, clock = HistoryRebuildSettings.read(), SystemClock()
    table = Table(known.table_name)
    archive = S3EventArchive(aws("s3"), known.archive_bucket)
    history, decisions = RebuiltHistory(table), DynamoDecisions(table)
    strategies, use = DynamoStrategyStore(table), DynamoSourceUse(table)

    def rebuild(event: Mapping[str, Any], seconds_left: Callable[[], float]) -> RebuildProgress:
        wanted = from_json(RebuildRequest, json.dumps(event))
        notional = CountNotional(strategies, use, not_before=clock.now() - COUNTED_FOR + MARGIN)
        project = ProjectEvents(history, decisions, notional)
        use_case = RebuildHistory(archive=archive, project=project, now=clock.now, seconds_left=seconds_left, lanes=side_by_side)
        return use_case(wanted)

    return rebuild
