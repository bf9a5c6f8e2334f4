"""Track records as counters, added to atomically: one row per subscription, sixteen per strategy.

A strategy's signal closes a thousand positions within seconds; a single row would take some hundred additions a second.
"""

from __future__ import annotations

from dataclasses import fields
from zlib import crc32

from pynamodb.attributes import NumberAttribute
from pynamodb.expressions.update import Action

from candlecast.adapters.dynamodb.single_table.table import DecimalAttribute, Row, key
from candlecast.domain.strategies.statistics import Statistics
from candlecast.domain.values.money import ZERO

STRATEGY_SHARDS = 16


class StatisticsRow(Row):
    """The sums of `Statistics`, attribute by attribute."""

    trades = NumberAttribute(null=True)
    wins = NumberAttribute(null=True)
    losses = NumberAttribute(null=True)
    pnl = DecimalAttribute(null=True)
    fees = DecimalAttribute(null=True)
    gross_profit = DecimalAttribute(null=True)
    gross_loss = DecimalAttribute(null=True)


def subscription_place(subscription_id: str) -> str:
    """Sort key of a subscription's counters within its tenant."""
    return key("STATISTICS", subscription_id)


def strategy_place(account_id: str) -> str:
    """Sort key of the shard of a strategy's counters that an account's trades are added to."""
    return key("STATISTICS", f"{crc32(account_id.encode()) % STRATEGY_SHARDS:02d}")


def additions(rows: type[StatisticsRow], result: Statistics) -> list[Action]:
    """The updates that add `result` to a row; a row that does not exist starts at zero."""
    return [getattr(rows, field.name).add(getattr(result, field.name)) for field in fields(Statistics)]


def statistics_of(row: StatisticsRow) -> Statistics:
    """The sums that a row holds."""
    return Statistics(
        trades=int(row.trades or 0),
        wins=int(row.wins or 0),
        losses=int(row.losses or 0),
        pnl=row.pnl or ZERO,
        fees=row.fees or ZERO,
        gross_profit=row.gross_profit or ZERO,
        gross_loss=row.gross_loss or ZERO,
    )
