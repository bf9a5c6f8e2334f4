"""Last closes by venue and market, for views."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import PutError

from candlecast.adapters.dynamodb.single_table.table import (
    DecimalAttribute,
    Row,
    Table,
    condition_failed,
    key,
    require_schema,
    sortable,
    store_errors,
)
from candlecast.ports.store import LastPrice


class PriceRow(Row):
    """The newest close that was seen."""

    market = UnicodeAttribute()
    price = DecimalAttribute()
    candle_close = UnicodeAttribute()


class DynamoPriceStore:
    """`ports.store.PriceStore`."""

    def __init__(self, table: Table) -> None:
        self._rows = table.rows(PriceRow)

    def put_price(self, venue: str, market: str, price: LastPrice) -> None:
        row = self._rows(
            key("PRICE", venue), key(market), market=market, price=price.price, candle_close=sortable(price.candle_close)
        )
        newer = self._rows.partition.does_not_exist() | (self._rows.candle_close <= sortable(price.candle_close))
        try:
            with store_errors():
                row.save(condition=newer)
        except PutError as error:
            if not condition_failed(error):
                raise

    def get_prices(self, venue: str, markets: Iterable[str]) -> dict[str, LastPrice]:
        wanted = frozenset(markets)
        if not wanted:
            return {}
        with store_errors():  # all of the venue: one small row for each market that a strategy runs on
            rows = [row for row in self._rows.query(key("PRICE", venue)) if row.market in wanted]
        return {row.market: _price(row) for row in rows}


def _price(row: PriceRow) -> LastPrice:
    require_schema(row)
    return LastPrice(row.price, datetime.fromisoformat(row.candle_close))
