"""The history that queries read: orders, positions and trades of a tenant, projected from the stream's events (CQRS).

Events come at least once, and a redelivery may be old: every write is conditional, so that history never goes backwards.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.transactions import TransactWrite

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.accounts import tenant_key
from candlecast.adapters.dynamodb.ranks import RankRows
from candlecast.adapters.dynamodb.single_table.batch import read_items
from candlecast.adapters.dynamodb.single_table.listing import read_page, within
from candlecast.adapters.dynamodb.single_table.table import (
    RETRY_AFTER_SECONDS,
    SEPARATOR,
    Row,
    Table,
    cancelled_by,
    condition_failed,
    key,
    require_schema,
    require_tenant,
    require_version,
    sortable,
    store_errors,
)
from candlecast.adapters.dynamodb.statistics import (
    MAX_DAY_ROWS,
    RECENT_RETENTION,
    TENANT_DAY_RETENTION,
    DaySumsRow,
    RecordRow,
    StatisticsRow,
    TenantDayRow,
    TenantRecordRow,
    additions,
    day_additions,
    day_of,
    day_place,
    days_between,
    first_trade,
    quote_addition,
    recent_place,
    record_additions,
    record_place,
    statistics_of,
    strategy_day_place,
    strategy_days,
    subscription_place,
    tenant_day_place,
    tenant_record_place,
)
from candlecast.adapters.dynamodb.strategy_versions import strategy_key
from candlecast.domain.orders.intent import Intent
from candlecast.domain.orders.position import Position, Trade
from candlecast.domain.orders.ranks import SignalCounts, SignalRanks
from candlecast.domain.strategies.days import TenantDay
from candlecast.domain.strategies.record import TenantRecord, counted_return, window_of
from candlecast.domain.strategies.statistics import DailyStatistics, Statistics
from candlecast.domain.values.errors import NotFound, RetryLater
from candlecast.ports.store import Page

if TYPE_CHECKING:
    from candlecast.ports.filters import OrderFilter, TimedFilter, TradeFilter

ORDER, POSITION, TRADE = "ORDER", "POSITION", "TRADE"
# A closed position's row stays this long, unlisted, so that a late repeat of its opening finds it: dead letters live 14 days.
CLOSED_POSITION_RETENTION = timedelta(days=30)
# Trades of one tenant with one strategy that close at once write the same part of its record. The stream brings a trade again.
RECORD_ATTEMPTS = 5
TIME_KEYS = ("GSI2PK", "GSI2SK", "PK", "SK")


class OrderRow(Row):
    """An order as of the account's `version`. `is_final` closes the row for every later write."""

    version = NumberAttribute()
    is_final = BooleanAttribute()
    state = UnicodeAttribute()
    body = UnicodeAttribute()


class PositionRow(Row):
    """A position as of the account's `version`."""

    version = NumberAttribute()
    is_open = BooleanAttribute()
    expires_at = NumberAttribute(null=True)
    body = UnicodeAttribute()


class TradeRow(Row):
    """A closed trade as of the account's `version`; that it is there proves that it has been counted."""

    version = NumberAttribute(null=True)
    body = UnicodeAttribute()


class DynamoHistory:
    """`ports.store.History`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._orders = table.rows(OrderRow)
        self._positions = table.rows(PositionRow)
        self._trades = table.rows(TradeRow)
        self._statistics = table.rows(StatisticsRow)
        self._records = table.rows(RecordRow)
        self._tenant_records = table.rows(TenantRecordRow)
        self._strategy_days = table.rows(DaySumsRow)
        self._tenant_days = table.rows(TenantDayRow)
        self._ranks = RankRows(table)

    def put_order(self, intent: Intent, version: int) -> None:
        row = self._order_row(intent, version, is_final=intent.state.is_terminal)
        later = (self._orders.version <= version) & (self._orders.is_final == False)  # noqa: E712  (builds an expression)
        if put_if(row, self._orders.partition.does_not_exist() | later) and row.is_final:
            self._count_rank(intent)  # the row is final from now on, so no repeat comes here

    def _count_rank(self, ended: Intent) -> None:
        """Holds nothing up: a repeat would not count the order either, and would be refused by the same partition."""
        with suppress(RetryLater):
            self._ranks.count(ended)

    def put_skipped(self, intents: Iterable[Intent]) -> None:
        # not final: a skip is a statement of the fan-out; a later decision of an account on the same signal counts more
        with store_errors(), self._orders.batch_write() as batch:
            for intent in intents:
                batch.save(self._order_row(intent, version=0, is_final=False))

    def put_dead(self, intent: Intent) -> None:
        # version 0 and not final: below every account's version, so a decision after a redrive replaces the record
        row = self._order_row(intent, version=0, is_final=False)
        put_if(row, self._orders.partition.does_not_exist() | (self._orders.version == 0))

    def put_position(self, position: Position, version: int, at: datetime) -> None:
        is_open = position.quantity > 0
        row = self._positions(
            tenant_key(position.tenant_id),
            key(POSITION, position.account_id, position.key),
            version=version,
            is_open=is_open,
            expires_at=None if is_open else int((at + CLOSED_POSITION_RETENTION).timestamp()),
            body=to_json(position),
        )
        put_if(row, self._positions.partition.does_not_exist() | (self._positions.version <= version))

    def put_trade(self, trade: Trade, version: int) -> None:
        row = self._trade_row(trade, version)
        stored: TradeRow | None = None
        moves_mark = True
        for _ in range(RECORD_ATTEMPTS):
            if self._counted(row, trade, stored, moves_mark=moves_mark):
                return
            stored = self._stored(row)
            if stored is not None and self._is_repeat(stored, row):
                return  # everything was counted with it
            counted = self._counted_up_to(trade)
            moves_mark = counted is None or counted <= version  # a letter may bring a trade after a later one
        late = "the tenant's record has changed at every attempt"
        raise RetryLater("RECORD_CONTENDED", late, after_seconds=RETRY_AFTER_SECONDS)

    def _trade_row(self, trade: Trade, version: int) -> TradeRow:
        return self._trades(
            tenant_key(trade.tenant_id),
            key(TRADE, trade.trade_id),
            index2_partition=key("TENANT", trade.tenant_id, "TRADES"),
            index2_place=key(sortable(trade.closed_at), trade.trade_id),
            version=version,
            body=to_json(trade),
        )

    def _is_repeat(self, stored: TradeRow, row: TradeRow) -> bool:
        """Whether the stored trade is as new as the row, or the same."""
        return stored.version is None or stored.version > row.version or stored.body == row.body

    def _unchanged(self, stored: TradeRow | None) -> Condition:
        rows = self._trades
        return rows.partition.does_not_exist() if stored is None else (rows.version == stored.version)

    def _counted_up_to(self, trade: Trade) -> int | None:
        """The version of the trade's account up to which its subscription's trades are counted; None if nobody has noted one."""
        rows = self._statistics
        with store_errors():
            try:
                row = rows.get(tenant_key(trade.tenant_id), subscription_place(trade.subscription_id), consistent_read=True)
            except rows.DoesNotExist:
                return None
        return None if row.counted is None else int(row.counted)

    def _counted(self, row: TradeRow, trade: Trade, stored: TradeRow | None, *, moves_mark: bool) -> bool:
        """Store the trade and count it in one transaction, in the place of the stored version.

        False if the trade has been stored, the tenant's part of the record has changed, or a later version is marked as counted.
        """
        rows, tenant, day = self._statistics, tenant_key(trade.tenant_id), trade.closed_at.date()
        own = rows(tenant, subscription_place(trade.subscription_id))
        of_the_day = rows(tenant, day_place(trade.account_id, day, trade.subscription_id))
        earlier = None if stored is None else _trade(stored, trade.tenant_id)
        try:
            with store_errors(), self._table.transaction() as transaction:
                transaction.save(row, condition=self._unchanged(stored))
                change = _statistics(trade) if earlier is None else _statistics(trade) - _statistics(earlier)
                actions = [*additions(rows, change), *quote_addition(rows, trade.market)]
                if moves_mark:
                    behind = rows.counted.does_not_exist() | (rows.counted <= row.version)
                    transaction.update(own, actions=[*actions, rows.counted.set(row.version)], condition=behind)
                else:
                    transaction.update(own, actions=actions)
                transaction.update(of_the_day, actions=actions)
                self._add_to_record(transaction, trade, earlier)
        except TransactWriteError as error:
            if not cancelled_by(error):
                raise
            return False
        return True

    def _add_to_record(self, transaction: TransactWrite, trade: Trade, earlier: Trade | None) -> None:
        """Add the trade to its tenant's part of the record, and the change of that part to the strategy's sums."""
        trade_return = counted_return(trade.net_pnl, trade.capital)
        if trade_return is None or trade.venue is None:
            return
        before = self._tenant_record(trade.tenant_id, trade.strategy_id, trade.venue)
        counted = None if earlier is None else counted_return(earlier.net_pnl, earlier.capital)
        after = (before if counted is None else before.without_trade(counted)).with_trade(trade_return)
        change = after.part - before.part
        actions = record_additions(self._records, change)
        strategy, window = strategy_key(trade.strategy_id), window_of(trade.closed_at)
        part = self._tenant_records(
            tenant_key(trade.tenant_id),
            tenant_record_place(trade.strategy_id, trade.venue),
            version=after.version,
            body=to_json(after),
        )
        rows = self._tenant_records
        unchanged = rows.partition.does_not_exist() if before.version == 0 else rows.version == before.version
        transaction.save(part, condition=unchanged)
        total = self._records(strategy, record_place(trade.venue, trade.account_id))
        transaction.update(total, actions=[*actions, *first_trade(self._records, trade, change)])
        ends = self._records.expires_at.set(int((window + RECENT_RETENTION).timestamp()))
        recent = self._records(strategy, recent_place(trade.venue, window, trade.account_id))
        transaction.update(recent, actions=[*actions, ends])
        self._add_to_day(transaction, trade, trade.venue, trade_return, counted)

    def _add_to_day(
        self, transaction: TransactWrite, trade: Trade, venue: str, trade_return: Decimal, earlier: Decimal | None
    ) -> None:
        """Add the trade to its tenant's part of the day, and the change of that part to the strategy's day.

        Every trade of the tenant with the strategy writes the tenant's record, which was read before the day is. So the condition
        on that record holds for the day as well.
        """
        day, rows = trade.closed_at.date(), self._strategy_days
        place = tenant_day_place(trade.strategy_id, venue, day)
        before = self._tenant_day(trade.tenant_id, place)
        after = before.with_trade(trade.subscription_id, trade_return, earlier)
        if after == before:
            return
        ends = int((datetime.combine(day, time(), UTC) + TENANT_DAY_RETENTION).timestamp())
        transaction.save(self._tenant_days(tenant_key(trade.tenant_id), place, expires_at=ends, body=to_json(after)))
        total = rows(strategy_days(trade.strategy_id), strategy_day_place(venue, day, trade.account_id))
        transaction.update(total, actions=day_additions(rows, after.part - before.part))

    def _tenant_day(self, tenant_id: str, place: str) -> TenantDay:
        rows = self._tenant_days
        with store_errors():
            try:
                row = rows.get(tenant_key(tenant_id), place, consistent_read=True)
            except rows.DoesNotExist:
                return TenantDay()
        require_schema(row)
        return from_json(TenantDay, row.body)

    def _tenant_record(self, tenant_id: str, strategy_id: str, venue: str) -> TenantRecord:
        rows = self._tenant_records
        with store_errors():
            try:
                row = rows.get(tenant_key(tenant_id), tenant_record_place(strategy_id, venue), consistent_read=True)
            except rows.DoesNotExist:
                return TenantRecord()
        require_schema(row)
        return from_json(TenantRecord, row.body)

    def _stored(self, row: TradeRow) -> TradeRow | None:
        with store_errors():
            try:
                return self._trades.get(row.partition, row.place, consistent_read=True)
            except self._trades.DoesNotExist:
                return None

    def list_orders(self, tenant_id: str, where: OrderFilter, cursor: str | None = None, limit: int = 50) -> Page[Intent]:
        def fitting(row: OrderRow) -> Intent | None:
            intent = _order(row, tenant_id)
            return intent if where.fits(intent) else None

        return self._page(self._orders, key("TENANT", tenant_id, "ORDERS"), fitting, where, cursor, limit)

    def get_order(self, tenant_id: str, intent_id: str) -> Intent:
        with store_errors():
            try:
                row = self._orders.get(tenant_key(tenant_id), key(ORDER, intent_id), consistent_read=True)
            except self._orders.DoesNotExist:
                raise NotFound("no such order") from None
        return _order(row, tenant_id)

    def find_orders(self, tenant_id: str, intent_ids: Collection[str]) -> Mapping[str, Intent]:
        keys = {(tenant_key(tenant_id), key(ORDER, intent_id)) for intent_id in intent_ids}
        orders = []
        for item in read_items(self._table, keys, consistent=False).values():
            require_version(int(item["schema_version"]["N"]))
            intent = from_json(Intent, item["body"]["S"])
            require_tenant(tenant_id, intent.tenant_id)
            orders.append(intent)
        return {intent.intent_id: intent for intent in orders}

    def list_positions(self, tenant_id: str) -> Sequence[Position]:
        prefix = self._positions.place.startswith(POSITION + SEPARATOR)
        with store_errors():
            rows = [row for row in self._positions.query(tenant_key(tenant_id), prefix, consistent_read=True) if row.is_open]
        return sorted((_position(row, tenant_id) for row in rows), key=lambda position: position.key)

    def list_trades(self, tenant_id: str, where: TradeFilter, cursor: str | None = None, limit: int = 50) -> Page[Trade]:
        def fitting(row: TradeRow) -> Trade | None:
            trade = _trade(row, tenant_id)
            return trade if where.fits(trade) else None

        return self._page(self._trades, key("TENANT", tenant_id, "TRADES"), fitting, where, cursor, limit)

    @staticmethod
    def _page[R: Row, T](
        rows: type[R], partition: str, fitting: Callable[[R], T | None], where: TimedFilter, cursor: str | None, limit: int
    ) -> Page[T]:
        """A page of an index by time."""
        return read_page(
            rows.by_index2.query,
            partition,
            TIME_KEYS,
            fitting,
            cursor,
            limit,
            within(rows.index2_place, where.window),
            ascending=where.window.ascending,
            filtered=bool(where.conditions),
        )

    def daily_statistics(
        self, tenant_id: str, account_id: str, first: date, last: date, subscription_id: str | None = None
    ) -> DailyStatistics:
        rows = self._statistics
        with store_errors():
            places = days_between(rows, account_id, first, last)
            found = list(rows.query(tenant_key(tenant_id), places, limit=MAX_DAY_ROWS + 1))
        days: dict[date, Statistics] = {}
        next_day = day_of(found[-1]) if len(found) > MAX_DAY_ROWS else None
        for row in found:
            day, sums = day_of(row), statistics_of(row)
            is_asked = subscription_id is None or row.place.endswith(SEPARATOR + subscription_id)
            if is_asked and day != next_day and sums.trades > 0:  # none: a correction of a trade from before days were kept
                days[day] = days.get(day, Statistics()) + sums
        return DailyStatistics(days=days, next_day=next_day)

    def signal_ranks(self, strategy_id: str, until: datetime | None, limit: int) -> Sequence[SignalRanks]:
        return self._ranks.newest(strategy_id, until, limit)

    def signal_counts(self, strategy_id: str, signal_id: str, issued_at: datetime) -> SignalCounts:
        return self._ranks.counts(strategy_id, signal_id, issued_at)

    def _order_row(self, intent: Intent, version: int, *, is_final: bool) -> OrderRow:
        return self._orders(
            tenant_key(intent.tenant_id),
            key(ORDER, intent.intent_id),
            index2_partition=key("TENANT", intent.tenant_id, "ORDERS"),
            index2_place=key(sortable(intent.created_at), intent.intent_id),
            version=version,
            is_final=is_final,
            state=intent.state.value,
            body=to_json(intent),
        )


def put_if(row: Row, condition: Condition) -> bool:
    """Write the row unless a newer or final one is there; whether it was written."""
    try:
        with store_errors():
            row.save(condition=condition)
    except PutError as error:
        if not condition_failed(error):
            raise
        return False
    return True


def _statistics(trade: Trade) -> Statistics:
    return Statistics.of(trade.pnl, trade.fees, trade.funding)


def _order(row: OrderRow, tenant_id: str) -> Intent:
    require_schema(row)
    intent = from_json(Intent, row.body)
    require_tenant(tenant_id, intent.tenant_id)
    return intent


def _position(row: PositionRow, tenant_id: str) -> Position:
    require_schema(row)
    position = from_json(Position, row.body)
    require_tenant(tenant_id, position.tenant_id)
    return position


def _trade(row: TradeRow, tenant_id: str) -> Trade:
    require_schema(row)
    trade = from_json(Trade, row.body)
    require_tenant(tenant_id, trade.tenant_id)
    return trade
