"""The cost of a client for each account: a clone of the venue's template against a client that is built (decision 0015)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmarks.harness.measuring import Figure, Subject, compare
from candlecast.adapters.ccxt.clients import Templates, clone_for, make_template
from candlecast.domain.market.market import Market
from candlecast.ports.venue import Credentials
from tests.support.builders import a_market

CCXT_CLASS = "binanceusdm"
ADDRESS = "http://127.0.0.1:9"  # nothing is sent
MARKETS = 500  # about what a large venue of perpetuals lists


def figures() -> Iterator[Figure]:
    """A clone and a client with markets, against a client without any."""
    markets = {market.symbol: market for market in map(_market, range(MARKETS))}
    template = _with(markets)
    yield from compare(
        Subject("client: built anew, no markets", partial(make_template, CCXT_CLASS, ADDRESS), "client"),
        Subject(f"client: built anew, {MARKETS} markets", partial(_with, markets), "client"),
        Subject(f"client: clone, {MARKETS} markets", partial(clone_for, template, Credentials("key", "secret")), "client"),
    )


def _with(markets: dict[str, Market]) -> Any:
    return Templates({"venue": (CCXT_CLASS, ADDRESS)}, lambda _venue: markets).of("venue")


def _market(number: int) -> Market:
    return a_market(f"COIN{number}/USDT:USDT")
