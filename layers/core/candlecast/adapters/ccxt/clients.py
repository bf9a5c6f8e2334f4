"""Clients of ccxt: one template per venue and environment, and a clone of it for each account (decision 0015).

A client is never re-keyed: sharing one between accounts was seen to sign one account's orders with another's key. A clone costs
microseconds and shares the template's markets and connections. Keys and options are its own. Values within an option are shared,
too, and refuse to be written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, localcontext
from typing import Any, NoReturn
from urllib.parse import urlsplit

import ccxt
from ccxt.base.decimal_to_precision import decimal_to_precision

from candlecast.adapters.ccxt.answers import checked
from candlecast.adapters.ccxt.session import VenueSession
from candlecast.domain.market.market import Market
from candlecast.domain.values.errors import Fatal, InvalidValue
from candlecast.ports.venue import Credentials

REQUEST_TIMEOUT_MS = 3_000  # four legs of an order fit into the executor's 15 s even if each is slow
RECEIVE_WINDOW_MS = 5_000  # `domain/venue/rules.py` relies on it
ORDER_TYPES = ("LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")


def make_template(ccxt_class: str, base_url: str | None) -> Any:
    """A client without keys; `base_url` replaces scheme and host of every address of the venue."""
    venue_class = getattr(ccxt, ccxt_class, None)
    if venue_class is None:
        raise InvalidValue(f"ccxt has no venue {ccxt_class}", code="VENUE_UNKNOWN")
    # ccxt closes the HTTP session when a client is collected, and clones share their template's
    own = {"__del__": lambda _: None, "request": checked(venue_class)}
    kept_open = type(f"Shared{ccxt_class}", (_SilentSignature, venue_class), own)
    template = kept_open(
        {
            "enableRateLimit": False,
            "session": VenueSession(),
            "timeout": REQUEST_TIMEOUT_MS,
            "options": {
                "recvWindow": RECEIVE_WINDOW_MS,
                "fetchCurrencies": False,
                "fetchMarkets": {"types": ["linear"]},
                "warnOnFetchOpenOrdersWithoutSymbol": False,
                "adjustForTimeDifference": False,
                "leverageBrackets": {},
            },
        }
    )
    template.options = {name: _shared(value) for name, value in template.options.items()}
    template.number = Decimal
    template.decimal_to_precision = _rounded_apart
    if base_url is not None:
        template.urls = {**template.urls, "api": {k: _moved(url, base_url) for k, url in template.urls["api"].items()}}
    return template


def _rounded_apart(*arguments: Any, **named: Any) -> Any:
    """ccxt's rounding in a context of its own: it sets the thread's rounding, by which money would be rounded afterwards."""
    with localcontext():
        return decimal_to_precision(*arguments, **named)


class _SilentSignature:
    """Makes a failure to sign an instruction: libraries put the key into the text of such an error."""

    def sign(self, *arguments: Any, **named: Any) -> Any:
        """Sign as ccxt does; raises `Fatal` (KEY_UNUSABLE) for a key that cannot sign. Nothing was sent then."""
        try:
            return super().sign(*arguments, **named)  # type: ignore[misc]
        except ccxt.BaseError:
            raise
        except Exception:
            raise Fatal("KEY_UNUSABLE", "the key cannot sign a request") from None


def _refuse(*_: object, **__: object) -> NoReturn:
    raise TypeError("what lies within an option belongs to all accounts")


class SharedOptions(dict[Any, Any]):
    """The part of a template that all clones read: writing to it would reach other accounts, so it raises `TypeError`."""

    __setitem__ = __delitem__ = __ior__ = update = setdefault = pop = popitem = clear = _refuse


class SharedList(list[Any]):
    """The same of a list."""

    __setitem__ = __delitem__ = __iadd__ = append = extend = insert = pop = remove = clear = sort = reverse = _refuse


def _shared(value: Any) -> Any:
    """The same value, dictionaries and lists within it for reading only."""
    if isinstance(value, dict):
        return SharedOptions({name: _shared(each) for name, each in value.items()})
    return SharedList(map(_shared, value)) if isinstance(value, list) else value


class Templates:
    """One template per venue, with the catalogue's markets, so that no client ever downloads them."""

    def __init__(self, venues: Mapping[str, tuple[str, str | None]], markets_of: Callable[[str], Mapping[str, Market]]) -> None:
        """`venues` maps a name to (ccxt class, base URL or None); `markets_of` gives a venue's catalogue by symbol."""
        self._venues = venues
        self._markets_of = markets_of
        self._made: dict[str, tuple[Mapping[str, Market], Any]] = {}

    def of(self, venue: str) -> Any:
        """The venue's template; made anew when the catalogue has been read again. Raises `InvalidValue` (VENUE_UNKNOWN)."""
        if venue not in self._venues:
            raise InvalidValue(f"no venue is called {venue}", code="VENUE_UNKNOWN")
        markets = self._markets_of(venue)
        known = self._made.get(venue)
        if known is None or known[0] is not markets:
            template = make_template(*self._venues[venue])
            template.set_markets([_ccxt_market(market) for market in markets.values()])
            known = self._made[venue] = (markets, template)
        return known[1]


def clone_for(template: Any, credentials: Credentials) -> Any:
    """A client of one account."""
    client = object.__new__(type(template))
    client.__dict__.update(template.__dict__)
    client.options = dict(template.options)
    client.headers = dict(template.headers or {})
    client.apiKey = credentials.api_key
    client.secret = credentials.api_secret
    return client


def _moved(url: str, base_url: str) -> str:
    return base_url.rstrip("/") + urlsplit(url).path


def _ccxt_market(market: Market) -> Mapping[str, Any]:
    """The catalogue's market in ccxt's own structure, as far as orders and candles need it."""
    settle = market.symbol.partition(":")[2] or market.quote
    return {
        "id": market.venue_symbol,
        "symbol": market.symbol,
        "base": market.base,
        "quote": market.quote,
        "settle": settle,
        "baseId": market.base,
        "quoteId": market.quote,
        "settleId": settle,
        "type": "swap",
        "spot": False,
        "margin": False,
        "swap": True,
        "future": False,
        "option": False,
        "contract": True,
        "linear": True,
        "inverse": False,
        "active": True,
        "contractSize": Decimal(1),
        "taker": market.taker_fee,
        "maker": market.taker_fee,
        "precision": {"amount": market.quantity_step, "price": market.price_step},
        "limits": {
            "amount": {"min": market.min_quantity, "max": market.max_quantity},
            "price": {"min": None, "max": None},
            "cost": {"min": market.min_notional, "max": None},
            "leverage": {"min": None, "max": None},
        },
        "info": {"orderTypes": list(ORDER_TYPES)},
    }
