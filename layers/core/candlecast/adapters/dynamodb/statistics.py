"""Track records as counters, added to atomically: one row per subscription, sixteen per strategy and venue, and as many a day.

A strategy's signal closes a thousand positions within seconds; a single row would take some hundred additions a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zlib import crc32

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from candlecast.adapters.dynamodb.single_table.table import SEPARATOR, DecimalAttribute, Row, key, sortable
from candlecast.domain.strategies.days import A_DAY, DaySums
from candlecast.domain.strategies.listing import RecordStart
from candlecast.domain.strategies.record import RecordSums
from candlecast.domain.strategies.statistics import QuotedStatistics, Statistics
from candlecast.domain.values.money import ZERO

if TYPE_CHECKING:
    from candlecast.domain.orders.position import Trade

STRATEGY_SHARDS = 16
RECORD, RECENT = "RECORD", "RECENT"
STATISTICS = "STATISTICS"
DAY, DAYS, RECORD_DAY = "DAY", "DAYS", "RECORD_DAY"
RECENT_RETENTION = timedelta(days=3)  # the longest candle is a day, so no reader asks for a window beyond two days
MAX_DAY_ROWS = 1_000  # of one answer, about 300 kB; more than the 500 subscriptions of a tenant, so a whole day always fits
TENANT_DAY_RETENTION = timedelta(days=90)  # charges correct a trade within a day, and a letter brings one within 14


class StatisticsRow(Row):
    """The sums of `Statistics`, attribute by attribute.

    `counted` is the version of the subscription's account up to which trades are counted, in records too. A rebuild asks for it.
    `quotes` are the quote assets of the trades since they are kept (decision 0143).
    """

    trades = NumberAttribute(null=True)
    wins = NumberAttribute(null=True)
    losses = NumberAttribute(null=True)
    pnl = DecimalAttribute(null=True)
    fees = DecimalAttribute(null=True)
    gross_profit = DecimalAttribute(null=True)
    gross_loss = DecimalAttribute(null=True)
    funding = DecimalAttribute(null=True)
    counted = NumberAttribute(null=True)
    quotes = UnicodeSetAttribute(null=True)


def subscription_place(subscription_id: str) -> str:
    """Sort key of a subscription's counters within its tenant."""
    return key(STATISTICS, subscription_id)


def day_place(account_id: str, day: date, subscription_id: str) -> str:
    """Sort key of a subscription's counters of one day within its tenant; an account's lie side by side, in the order of days."""
    return key(DAY, account_id, day.isoformat(), subscription_id)


def days_between(rows: type[StatisticsRow], account_id: str, first: date, last: date) -> Condition:
    """The condition on the sort key of an account's counters from `first` to `last`."""
    return rows.place.between(key(DAY, account_id, first.isoformat()), key(DAY, account_id, (last + A_DAY).isoformat()))


def day_of(row: StatisticsRow) -> date:
    """The day of such counters."""
    return date.fromisoformat(row.place.split(SEPARATOR)[2])


class RecordRow(Row):
    """Sums of `RecordSums`, attribute by attribute: of all time, or of one window, which ends by `expires_at`.

    A row of all time also has its first counted trade: opening, close and entry price. `dated` counts the trades since then. A
    row with more trades was begun by older code, and its first trade is not known.
    """

    tenants = NumberAttribute(null=True)
    trades = NumberAttribute(null=True)
    weight = NumberAttribute(null=True)
    wins = DecimalAttribute(null=True)
    returns = DecimalAttribute(null=True)
    gains = DecimalAttribute(null=True)
    losses = DecimalAttribute(null=True)
    dated = NumberAttribute(null=True)
    first_opened_at = UnicodeAttribute(null=True)
    first_closed_at = UnicodeAttribute(null=True)
    first_price = DecimalAttribute(null=True)
    expires_at = NumberAttribute(null=True)


class TenantRecordRow(Row):
    """A tenant's own trades with a strategy on a venue, as of its `version`."""

    version = NumberAttribute()
    body = UnicodeAttribute()


class DaySumsRow(Row):
    """Sums of `DaySums`, attribute by attribute."""

    tenants = NumberAttribute(null=True)
    trades = NumberAttribute(null=True)
    returns = DecimalAttribute(null=True)


class TenantDayRow(Row):
    """A tenant's own trades with a strategy on a venue on a day. The version of the tenant's record guards it as well."""

    expires_at = NumberAttribute()
    body = UnicodeAttribute()


def tenant_record_place(strategy_id: str, venue: str) -> str:
    """Sort key of a tenant's own part of a record."""
    return key(RECORD, strategy_id, venue)


def record_place(venue: str, account_id: str) -> str:
    """Sort key of the shard of a strategy's record that an account's trades are added to."""
    return key(RECORD, venue, _shard(account_id))


def recent_place(venue: str, window: datetime, account_id: str) -> str:
    """Sort key of the same shard of one window."""
    return key(RECENT, venue, sortable(window), _shard(account_id))


def strategy_days(strategy_id: str) -> str:
    """Partition of a strategy's days. It is apart, since a trade's close writes the strategy's own partition twice already."""
    return key(DAYS, strategy_id)


def strategy_day_place(venue: str, day: date, account_id: str) -> str:
    """Sort key of the shard of a strategy's day that an account's trades are added to."""
    return key(venue, day.isoformat(), _shard(account_id))


def tenant_day_place(strategy_id: str, venue: str, day: date) -> str:
    """Sort key of a tenant's own part of a strategy's day."""
    return key(RECORD_DAY, strategy_id, venue, day.isoformat())


def _shard(account_id: str) -> str:
    return f"{crc32(account_id.encode()) % STRATEGY_SHARDS:02d}"


def record_additions(rows: type[RecordRow], change: RecordSums) -> list[Action]:
    """The updates that add `change` to a row; a row that does not exist starts at zero."""
    return [getattr(rows, field.name).add(getattr(change, field.name)) for field in fields(RecordSums)]


def day_additions(rows: type[DaySumsRow], change: DaySums) -> list[Action]:
    """The updates that add `change` to a day; a row that does not exist starts at zero."""
    return [getattr(rows, field.name).add(getattr(change, field.name)) for field in fields(DaySums)]


def first_trade(rows: type[RecordRow], trade: Trade, change: RecordSums) -> list[Action]:
    """The updates that keep the first trade of a row of all time, and count the trades since then."""
    return [
        rows.dated.add(change.trades),
        rows.first_opened_at.set(rows.first_opened_at | sortable(trade.opened_at)),
        rows.first_closed_at.set(rows.first_closed_at | sortable(trade.closed_at)),
        rows.first_price.set(rows.first_price | trade.entry_price),
    ]


def day_sums_of(item: Mapping[str, Mapping[str, str]]) -> DaySums:
    """The sums that a row of a strategy's day holds, which is given as DynamoDB writes it."""
    return DaySums(tenants=int(item["tenants"]["N"]), trades=int(item["trades"]["N"]), returns=Decimal(item["returns"]["N"]))


def start_of(row: RecordRow, until: datetime) -> RecordStart | None:
    """The first trade of a row of all time; None if the row does not know it, or if it closed at or after `until`."""
    if row.first_opened_at is None or row.first_closed_at is None or row.first_price is None:
        return None
    if row.first_closed_at >= sortable(until):
        return None
    return RecordStart(opened_at=datetime.fromisoformat(row.first_opened_at), price=row.first_price)


def sums_of(row: RecordRow) -> RecordSums:
    """The sums that a row holds."""
    return RecordSums(
        tenants=int(row.tenants or 0),
        trades=int(row.trades or 0),
        weight=int(row.weight or 0),
        wins=row.wins or ZERO,
        returns=row.returns or ZERO,
        gains=row.gains or ZERO,
        losses=row.losses or ZERO,
    )


def additions(rows: type[StatisticsRow], result: Statistics) -> list[Action]:
    """The updates that add `result` to a row; a row that does not exist starts at zero."""
    return [getattr(rows, field.name).add(getattr(result, field.name)) for field in fields(Statistics)]


def quote_addition(rows: type[StatisticsRow], market: str) -> list[Action]:
    """The update that names the quote asset of a trade's market; none for a market without one."""
    from candlecast.domain.market.market import quote_of  # here: most batches of the relay close no trade

    quote = quote_of(market)
    return [rows.quotes.add({quote})] if quote else []


def quoted_of(row: StatisticsRow) -> QuotedStatistics:
    """The sums that a row holds, with their quote assets."""
    return QuotedStatistics(statistics=statistics_of(row), quotes=frozenset(row.quotes or ()))


def statistics_of(row: StatisticsRow) -> Statistics:
    """The sums that a row holds."""
    return Statistics(
        trades=int(row.trades or 0),
        wins=int(row.wins or 0),
        losses=int(row.losses or 0),
        pnl=row.pnl or ZERO,
        fees=row.fees or ZERO,
        funding=row.funding or ZERO,
        gross_profit=row.gross_profit or ZERO,
        gross_loss=row.gross_loss or ZERO,
    )
