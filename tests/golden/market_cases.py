"""The golden items of the marketplace and of statistics of strategies, and the golden objects of the candle store."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from candlecast.adapters.dynamodb.executions import DynamoExecutionStore
from candlecast.adapters.dynamodb.history import DynamoHistory
from candlecast.adapters.dynamodb.listings import DynamoListingStore
from candlecast.adapters.dynamodb.parity_days import DynamoParityStore
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.s3.candle_history import S3CandleHistory
from candlecast.domain.market.candle import Candle
from candlecast.domain.market.funding import FundingRate, FundingYear
from candlecast.domain.market.history import Absence, CandleMonth, Manifest, MonthEntry, Revision, Series, Span
from candlecast.domain.parity.parity import Difference, ParityCause, ParityDay
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.execution_statistics import ExecutionStatistics, ExecutionSums, day_of
from candlecast.domain.strategies.listing import (
    BacktestFigures,
    Card,
    ListedBacktest,
    ListedRecord,
    Listing,
    ListingQuery,
    ListingSort,
    ListingWalk,
    RecordStart,
)
from candlecast.domain.strategies.parity_share import ParityShare
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.candle_history import Kept
from tests.golden import other_values, values
from tests.golden.cases import Case, World, stored
from tests.golden.memory import Recorder
from tests.golden.times import at
from tests.golden.values import BTC, STRATEGY, VENUE


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


def _backtest() -> ListedBacktest:
    figures = BacktestFigures(
        version=2,
        start=at(-2_592_000),
        until=at(-3_600),
        trades=41,
        return_percent=Decimal("12.50"),
        max_drawdown_percent=Decimal("7.75"),
        buy_and_hold_percent=Decimal("-3.10"),
        win_rate_percent=Decimal("48.78"),
        sharpe_ratio=Decimal("1.25"),
        is_ruined=True,
        refusal="STRATEGY_FAILED",
        made_at=at(-86_400),
        return_since_made_percent=Decimal("-1.75"),
    )
    return ListedBacktest(asked_at=at(7_200), version=3, figures=figures)


def _refresh(world: World) -> None:
    DynamoStrategyStore(world.table).create_strategy(_listed())
    DynamoListingStore(world.table).refresh(STRATEGY, _figures())
    DynamoListingStore(world.table).put_backtest(STRATEGY, _backtest())


def _share() -> ParityShare:
    return ParityShare(days=30, checked=43_200, equal=43_100, otherwise=7, compared_at=at(4_800))


def _put_parity(world: World) -> None:
    DynamoStrategyStore(world.table).create_strategy(_listed())
    DynamoListingStore(world.table).put_parity(STRATEGY, _share())


def _browse(sort: ListingSort) -> Callable[[World], Any]:
    query = ListingQuery(is_paper=True, sort=sort)
    return lambda world: DynamoListingStore(world.table).browse(query).items[0]


def _walk() -> ListingWalk:
    return ListingWalk(began_at=at(60), part=2, cursor="a-cursor", is_over=True)


SERIES = Series(venue=VENUE, market=BTC, timeframe=Timeframe.M15)


def _candle_month() -> CandleMonth:
    """Three candles, a gap of one before the last; the second was told twice, and the last was left out first."""
    first, second, last = (
        Candle(at(seconds), Decimal("50000.10"), Decimal("50100.5"), Decimal(49_900), Decimal("5.005E+4"), Decimal("0.00000010"))
        for seconds in (0, 900, 2_700)
    )
    return CandleMonth(
        month="2026-11",
        timeframe=SERIES.timeframe,
        candles=(first, second, last),
        spans=(Span(at(-86_400), at(-3_600)), Span(at(0), at(3_600))),
        revisions=(
            Revision(before=replace(second, volume=Decimal("12.5")), after=second, noticed_at=at(2_000)),
            Revision(before=None, after=last, noticed_at=at(4_000)),
        ),
        told_at=at(4_000),
    )


def _candle_manifest() -> Manifest:
    empty = MonthEntry(month="2026-10", first_open=None, last_open=None, rows=0, missing=0, revisions=0)
    absence = Absence(span=Span(at(-864_000), at(-86_400)), told_at=at(4_000))
    return Manifest(months=(empty, MonthEntry.of(_candle_month())), absence=absence)


def _confirmed_manifest() -> Manifest:
    return replace(_candle_manifest(), confirmed=(Span(at(-86_400), at(-3_600)), Span(at(0), at(3_600))))


def _keep_candle_month(world: World) -> None:
    s3 = Recorder()
    S3CandleHistory(s3, "bucket").keep_months(SERIES, [Kept(_candle_month(), None)])  # type: ignore[arg-type]
    world.sent += [{**request, "Body": gzip.decompress(request["Body"]).decode()} for _, request in s3.requests]


def _keep_candle_manifest(world: World, manifest: Manifest | None = None) -> None:
    s3 = Recorder()
    S3CandleHistory(s3, "bucket").keep_manifest(SERIES, Kept(manifest or _candle_manifest(), '"golden"'))  # type: ignore[arg-type]
    world.sent += [{**request, "Body": request["Body"].decode()} for _, request in s3.requests]


def _funding_year() -> FundingYear:
    rates = FundingRate(at(0), Decimal("0.00010000")), FundingRate(at(28_800.004), Decimal("-1.2345E-4"))
    return FundingYear(year=2026, rates=rates, spans=(Span(at(-3_600), at(0)), Span(at(60), at(28_801))))


def _keep_funding_year(world: World) -> None:
    s3 = Recorder()
    S3CandleHistory(s3, "bucket").keep_year(VENUE, BTC, Kept(_funding_year(), '"golden"'))  # type: ignore[arg-type]
    world.sent += [{**request, "Body": gzip.decompress(request["Body"]).decode()} for _, request in s3.requests]


def _stored_candles(world: World, encoded: Callable[[bytes], bytes]) -> S3CandleHistory:
    (request,) = world.sent
    s3 = Recorder({"Body": io.BytesIO(encoded(request["Body"].encode())), "ETag": '"golden"'})
    return S3CandleHistory(s3, "bucket")  # type: ignore[arg-type]


def _parity_day() -> ParityDay:
    (candle, *_) = _candle_month().candles
    close = candle.open_time + SERIES.timeframe.length
    difference = Difference(
        candle_close=close,
        cause=ParityCause.REVISED,
        version=3,
        recorded="LONG at 100",
        recomputed="HOLD",
        decides_otherwise=False,
        row=candle.open_time,
        before=candle,
        after=replace(candle, volume=Decimal("7.25")),
    )
    return ParityDay(
        strategy_id=STRATEGY,
        day=close.date(),
        until=close,
        checked_at=at(1_000_000),
        checked=12,
        equal=10,
        otherwise=1,
        causes={ParityCause.REVISED: 1, ParityCause.CODE: 2},
        differences=(difference,),
        missing=4,
        refusal="LEVEL_INVALID",
    )


MARKET: tuple[Case, ...] = (
    stored(
        "object_candles",
        "of-a-month",
        _candle_month,
        _keep_candle_month,
        lambda world: _stored_candles(world, gzip.compress).months(SERIES, ["2026-11"])[0].value,
    ),
    stored(
        "object_candles",
        "funding",
        _funding_year,
        _keep_funding_year,
        lambda world: _stored_candles(world, gzip.compress).year(VENUE, BTC, 2026).value,
    ),
    stored(
        "object_candles",
        "manifest",
        _candle_manifest,
        _keep_candle_manifest,
        lambda world: _stored_candles(world, bytes).manifest(SERIES).value,
    ),
    stored(
        "object_candles",
        "confirmed-manifest",
        _confirmed_manifest,
        lambda world: _keep_candle_manifest(world, _confirmed_manifest()),
        lambda world: _stored_candles(world, bytes).manifest(SERIES).value,
    ),
    stored(
        "parity",
        "of-a-day",
        _parity_day,
        lambda world: DynamoParityStore(world.table).put_day(_parity_day()),
        lambda world: DynamoParityStore(world.table).list_days(STRATEGY, _parity_day().day, _parity_day().day)[0],
    ),
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
            lambda: Card(listing=Listing.of(_listed()), record=_figures(), backtest=_backtest()),
            _refresh,
            _browse(sort),
            of=sort.value,
        )
        for sort in ListingSort
    ),
    stored(
        "listing",
        "with-parity",
        lambda: Card(listing=Listing.of(_listed()), record=ListedRecord(followers=_listed().subscriber_count), parity=_share()),
        _put_parity,
        _browse(ListingSort.RECORD),
        of=ListingSort.RECORD.value,
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
