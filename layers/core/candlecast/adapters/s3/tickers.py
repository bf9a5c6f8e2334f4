"""The meaning of a sender's ticker: pure text rules, so that a wrong guess can never become an order in the wrong market.

Charting tools, exchanges and signal senders all spell one market differently (`BTCUSDT.P`, `BINANCE:BTCUSDTPERP`,
`BTC-USDT-SWAP`, `BTC/USDT`). A spelling is reduced to letters and digits with a hint at its contract. The spelling is taken only
if exactly one market of the venue fits. Nothing is completed: `BTC` alone names no market, because its quote would be a guess.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from candlecast.domain.market.market import Market

MAX_TICKER_CHARACTERS = 40  # the longest real one has 24; a sender's text is not searched without a bound
LEGACY_BASES = {"XBT": "BTC"}  # ISO 4217 reserves X for non-national currencies; Kraken and BitMEX use it


class Contract(StrEnum):
    """The contract that a spelling names; ANY if it names none."""

    SPOT = "SPOT"
    PERPETUAL = "PERPETUAL"
    ANY = "ANY"


@dataclass(frozen=True, slots=True)
class Ticker:
    """A spelling reduced to upper-case letters and digits, its contract, and the parts that separators show."""

    compact: str
    contract: Contract
    base: str | None = None
    quote: str | None = None
    settle: str | None = None


_EXCHANGE = re.compile(r"^[A-Z0-9_]{2,20}:(?=.)")
_PERPETUAL_SUFFIX = re.compile(r"(\.P|[-_/]?PERP|[-_]SWAP)$")
_PAIR = re.compile(r"^([A-Z0-9]{1,15})[/\-_]([A-Z0-9]{2,10})(?::([A-Z0-9]{2,10}))?$")
_COMPACT = re.compile(r"^[A-Z0-9]{4,25}$")


def parse_ticker(text: str) -> Ticker | None:
    """Reduce a spelling to its parts; None if it is no ticker or names a dated contract."""
    if len(text) > MAX_TICKER_CHARACTERS or not text.isascii():  # the long s, for one, becomes an S
        return None
    ticker = text.strip().upper().lstrip("#$")
    unified = _PAIR.match(ticker)
    if unified is None or unified[3] is None:
        ticker = _EXCHANGE.sub("", ticker)
    bare = _PERPETUAL_SUFFIX.sub("", ticker)
    perpetual = bare != ticker
    pair = _PAIR.match(bare)
    if pair is not None:
        base, quote, settle = pair.groups()
        contract = Contract.PERPETUAL if perpetual or settle else Contract.ANY
        return Ticker(base + quote, contract, base, quote, settle)
    if _COMPACT.match(bare) is None:
        return None
    return Ticker(bare, Contract.PERPETUAL if perpetual else Contract.ANY)


def resolve_ticker(text: str, markets: Sequence[Market]) -> Market | None:
    """The one market that `text` means; None if none fits or more than one does.

    An exact unified symbol or venue symbol wins. Otherwise, a spelling without a contract fits a spot market as well as a
    perpetual. Such a spelling is taken only on a venue that has one of the two.
    """
    exact = [market for market in markets if text in (market.symbol, market.venue_symbol)]
    if len(exact) == 1:
        return exact[0]
    ticker = parse_ticker(text)
    if ticker is None:
        return None
    fitting = [market for market in markets if _fits(ticker, market)]
    return fitting[0] if len(fitting) == 1 else None


def _fits(ticker: Ticker, market: Market) -> bool:
    contract = Contract.PERPETUAL if ":" in market.symbol else Contract.SPOT
    if ticker.contract is not Contract.ANY and ticker.contract is not contract:
        return False
    if "-" in market.symbol:  # a dated contract or an option: only its exact symbol names it
        return False
    if ticker.settle is not None and not market.symbol.endswith(f":{ticker.settle}"):
        return False
    base, quote = market.base.upper(), market.quote.upper()
    if ticker.base is not None:
        return LEGACY_BASES.get(ticker.base, ticker.base) == base and ticker.quote == quote
    return ticker.compact in _compact_spellings(base, quote)


def _compact_spellings(base: str, quote: str) -> tuple[str, ...]:
    legacy = tuple(old for old, new in LEGACY_BASES.items() if new == base)
    return tuple(spelling + quote for spelling in (base, *legacy))
