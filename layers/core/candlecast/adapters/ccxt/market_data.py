"""Public data of a venue through ccxt: candles, last prices, and the markets that the catalogue is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from candlecast.adapters.ccxt.answers import FIRST_MS
from candlecast.adapters.ccxt.clients import Templates, make_template
from candlecast.adapters.ccxt.errors import instruction, reading
from candlecast.domain.market.candle import Candle, aggregate
from candlecast.domain.market.funding import FundingRate
from candlecast.domain.market.market import Market
from candlecast.domain.market.quote import Quote
from candlecast.domain.values.errors import InvalidValue, Reject
from candlecast.domain.values.timeframe import EPOCH, Timeframe

CANDLES_AT_ONCE = 1_000  # ccxt asks Binance for no more; the first ones from a start, so the newest would be missing
FUNDINGS_AT_ONCE = 1_000  # the most that Binance lists, a year of settlements every eight hours
MARK_APART = 2  # times the best prices' middle: farther apart, one of the two is no price of this market
NEVER_DELIVERED_MS = 4_133_404_800_000  # deliveryDate of a perpetual that goes on, 2100-12-25
UNLIMITED = Decimal("1e12")  # a venue that states no largest order


class CcxtMarketData:
    """`ports.venue.MarketData`; the templates themselves have no keys."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    def candles(self, venue: str, market: str, timeframe: Timeframe, until: datetime, count: int) -> Sequence[Candle]:
        """Up to `count` candles that closed at or before `until`, oldest first; a timeframe that the venue lacks is aggregated.

        One request for every thousand of the venue's own candles.
        """
        client = self._client(venue, market)
        served = [Timeframe(name) for name in client.timeframes if name in set(Timeframe)]
        source = timeframe.source_among(served)
        wanted = count * (timeframe.minutes // source.minutes)
        since = until - source.length * wanted
        rows: dict[int, Candle] = {}  # by opening: before a market's first candle the venue answers with those after it
        for first in range(0, wanted, CANDLES_AT_ONCE):
            start, count = _milliseconds(since + source.length * first), min(wanted - first, CANDLES_AT_ONCE)
            ask = partial(client.fetch_ohlcv, market, source.value, start, count)
            rows.update(_read(client, partial(_by_opening, ask)))
        fetched = [candle for _, candle in sorted(rows.items()) if candle.close_time(source) <= until]
        return fetched if source is timeframe else aggregate(fetched, source, timeframe)

    def funding_rates(self, venue: str, market: str, since: datetime, until: datetime) -> Sequence[FundingRate]:
        """The first settlements in `[since, until)`, oldest first: all that one request lists. None without funding."""
        client = self._client(venue, market)
        if not client.has.get("fetchFundingRateHistory"):
            return ()
        bounds = {"until": _milliseconds(until) - 1}
        ask = partial(client.fetch_funding_rate_history, market, _milliseconds(since), FUNDINGS_AT_ONCE, bounds)
        return _read(client, lambda: [_funding_rate(row) for row in ask()])

    def quote(self, venue: str, market: str, at: datetime) -> Quote:
        """Best prices, then mark price and funding: two requests. A venue without funding has none."""
        client = self._client(venue, market)
        book = _read(client, lambda: client.fetch_bids_asks([market])[market])
        funding = _read(client, lambda: client.fetch_funding_rate(market)) if client.has.get("fetchFundingRate") else None
        return _read(client, lambda: _quote(book, funding, at))

    def _client(self, venue: str, market: str) -> Any:
        client = self._templates.of(venue)
        if market not in client.markets:
            raise Reject("UNKNOWN_MARKET", f"{venue} has no market {market}")
        return client


def download_markets(ccxt_class: str, base_url: str | None) -> list[Market]:
    """All active linear perpetual markets of a venue, trimmed to the fields that an order needs; raises `RetryLater`."""
    client = make_template(ccxt_class, base_url)

    def listed() -> list[Market]:
        found = client.load_markets().values()
        return [_market(market) for market in found if market["swap"] and market["linear"] and market["active"]]

    return _read(client, listed)


def _read[T](client: Any, request: Callable[[], T]) -> T:
    """Ask, and make values of the answer; one that has not its documented shape is asked for again."""
    try:
        return request()
    except Exception as error:
        raise reading(instruction(error, client.last_response_headers)) from None


def _quote(book: Any, funding: Any | None, at: datetime) -> Quote:
    bid, ask = _decimal(book["bid"]), _decimal(book["ask"])
    middle = (bid + ask) / 2
    mark = _decimal(funding["markPrice"]) if funding else middle
    if not middle / MARK_APART <= mark <= middle * MARK_APART:
        raise InvalidValue("mark price and best prices are of different markets")
    return Quote(bid=bid, ask=ask, mark_price=mark, funding_rate=_decimal(funding["fundingRate"]) if funding else None, as_of=at)


def _market(market: Mapping[str, Any]) -> Market:
    limits, (up, down) = market["limits"], _price_band(market["info"])
    return Market(
        symbol=market["symbol"],
        venue_symbol=market["id"],
        base=market["base"],
        quote=market["quote"],
        price_step=_decimal(market["precision"]["price"]),
        quantity_step=_decimal(market["precision"]["amount"]),
        min_quantity=_decimal(limits["amount"]["min"]),
        max_quantity=_decimal(limits.get("market", {}).get("max") or limits["amount"]["max"] or UNLIMITED),
        min_notional=_decimal(limits["cost"]["min"]),
        taker_fee=_decimal(market["taker"]),
        delists_at=_announced_end(market["info"]),
        multiplier_up=up,
        multiplier_down=down,
    )


def _price_band(info: Mapping[str, Any]) -> tuple[Decimal | None, Decimal | None]:
    """Both multipliers of Binance's filter PERCENT_PRICE; None where one is missing or leaves out the mark itself."""
    found: Mapping[str, Any] = next((f for f in info.get("filters") or () if f.get("filterType") == "PERCENT_PRICE"), {})
    up, down = _decimal(found.get("multiplierUp")), _decimal(found.get("multiplierDown"))
    return up if up >= 1 else None, down if 0 < down <= 1 else None


def _announced_end(info: Mapping[str, Any]) -> datetime | None:
    """When a perpetual is delivered: Binance gives all of them a day in the year 2100, until it announces a delisting."""
    told = str(info.get("deliveryDate") or "")
    at = int(told) if told.isdecimal() else NEVER_DELIVERED_MS
    return datetime.fromtimestamp(at / 1000, UTC) if FIRST_MS <= at < NEVER_DELIVERED_MS else None


def _by_opening(ask: Callable[[], Sequence[Any]]) -> dict[int, Candle]:
    return {row[0]: _candle(row) for row in ask()}


def _candle(row: Sequence[Any]) -> Candle:
    open_time = datetime.fromtimestamp(row[0] / 1000, UTC)
    opened, high, low, close, volume = (_decimal(value) for value in row[1:6])
    return Candle(open_time=open_time, open=opened, high=high, low=low, close=close, volume=volume)


def _funding_rate(row: Mapping[str, Any]) -> FundingRate:
    return FundingRate(EPOCH + timedelta(milliseconds=row["timestamp"]), _decimal(row["fundingRate"]))


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def _decimal(value: object) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value or 0))
