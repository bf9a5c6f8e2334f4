"""Last closes by venue and market, for views."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import PutError

from candlecast.adapters.dynamodb.table import (
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
        keys = [(key("PRICE", venue), key(market)) for market in dict.fromkeys(markets)]
        if not keys:
            return {}
        prices: dict[str, LastPrice] = {}
        with store_errors():
            for row in self._rows.batch_get(keys):
                require_schema(row)
                prices[row.market] = LastPrice(row.price, datetime.fromisoformat(row.candle_close))
        return prices
