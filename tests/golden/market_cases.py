"""The golden items of the marketplace and of statistics of strategies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from candlecast.adapters.dynamodb.executions import DynamoExecutionStore
from candlecast.adapters.dynamodb.history import DynamoHistory
from candlecast.adapters.dynamodb.listings import DynamoListingStore
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.execution_statistics import ExecutionStatistics, ExecutionSums, day_of
from candlecast.domain.strategies.listing import (
    Card,
    ListedRecord,
    Listing,
    ListingQuery,
    ListingSort,
    ListingWalk,
    RecordStart,
)
from tests.golden import other_values, values
from tests.golden.cases import Case, World, stored
from tests.golden.times import at
from tests.golden.values import STRATEGY, VENUE


def _statistics() -> ExecutionStatistics:
    ended = other_values.execution()
    sums = ExecutionSums.of(ended)
    return ExecutionStatistics(days={day_of(ended): sums}, total=sums)


def _end_a_run(world: World) -> None:
    store = DynamoExecutionStore(world.table)
    store.begin(replace(other_values.begun_execution(), worker=other_values.execution().worker))
    store.finish(other_values.execution())


def _listed() -> StrategyDefinition:
    return replace(other_values.strategy(), tags=("momentum", "trend"), description="Follows the trend.")


def _figures() -> ListedRecord:
    return ListedRecord(
        followers=12,
        tenants=5,
        trades=31,
        mean_return_percent=Decimal("1.2500"),
        win_rate_percent=Decimal("61.29"),
        profit_factor=Decimal("1.754"),
        return_per_tenant_percent=Decimal("7.7500"),
        since=at(60),
        buy_and_hold_percent=Decimal("-3.0000"),
    )


def _refresh(world: World) -> None:
    DynamoStrategyStore(world.table).create_strategy(_listed())
    DynamoListingStore(world.table).refresh(STRATEGY, _figures())


def _browse(sort: ListingSort) -> Callable[[World], Any]:
    query = ListingQuery(is_paper=True, sort=sort)
    return lambda world: DynamoListingStore(world.table).browse(query).items[0]


def _walk() -> ListingWalk:
    return ListingWalk(began_at=at(60), part=2, cursor="a-cursor", is_over=True)


MARKET: tuple[Case, ...] = (
    stored(
        "execution_statistics",
        "of-one-run",
        _statistics,
        _end_a_run,
        lambda world: DynamoExecutionStore(world.table).execution_statistics(STRATEGY, day_of(other_values.execution())),
    ),
    *(
        stored(
            "listing",
            sort.value.lower(),
            lambda: Card(listing=Listing.of(_listed()), record=_figures()),
            _refresh,
            _browse(sort),
            of=sort.value,
        )
        for sort in ListingSort
    ),
    stored(
        "listing",
        "walk",
        _walk,
        lambda world: DynamoListingStore(world.table).save_walk(_walk()),
        lambda world: DynamoListingStore(world.table).load_walk(),
    ),
    stored(
        "record",
        "with-its-first-trade",
        lambda: RecordStart(opened_at=values.trade().opened_at, price=values.trade().entry_price),
        lambda world: DynamoHistory(world.table).put_trade(replace(values.trade(), capital=Decimal(2_500), venue=VENUE), 1),
        lambda world: DynamoStrategyStore(world.table).record_start(STRATEGY, VENUE, at(1_000_000)),
        of="RECORD#",
    ),
)
