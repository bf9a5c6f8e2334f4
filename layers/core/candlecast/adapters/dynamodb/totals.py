"""Sums over closed trades with their currencies, as history has counted them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from candlecast.adapters.dynamodb.accounts import tenant_key
from candlecast.adapters.dynamodb.single_table.table import SEPARATOR, Table, store_errors
from candlecast.adapters.dynamodb.statistics import MAX_DAY_ROWS, STATISTICS, StatisticsRow, day_of, days_between, quoted_of
from candlecast.domain.strategies.statistics import QuotedStatistics, Statistics
from candlecast.ports.totals import QuotedDays


class DynamoResultSums:
    """`ports.totals.ResultSums`."""

    def __init__(self, table: Table) -> None:
        self._rows = table.rows(StatisticsRow)

    def of_subscriptions(self, tenant_id: str) -> Mapping[str, QuotedStatistics]:
        prefix = STATISTICS + SEPARATOR
        with store_errors():
            rows = self._rows.query(tenant_key(tenant_id), self._rows.place.startswith(prefix))
            return {row.place.removeprefix(prefix): quoted_of(row) for row in rows}

    def of_days(self, tenant_id: str, account_id: str, first: date, last: date) -> QuotedDays:
        rows = self._rows
        with store_errors():
            places = days_between(rows, account_id, first, last)
            found = list(rows.query(tenant_key(tenant_id), places, limit=MAX_DAY_ROWS + 1))
        next_day = day_of(found[-1]) if len(found) > MAX_DAY_ROWS else None
        sums: dict[tuple[date, str], Statistics] = {}
        for row in found:
            day, quoted = day_of(row), quoted_of(row)
            if day != next_day and quoted.statistics.trades > 0:
                place = day, quoted.quote
                sums[place] = sums.get(place, Statistics()) + quoted.statistics
        return QuotedDays(sums, next_day)
