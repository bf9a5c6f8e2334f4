"""The venue ends a market while positions and orders are open in it: announced, settled, and later not known any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from candlecast.domain.values.errors import Reject, RetryLater
from candlecast.domain.venue.reports import OrderRequest
from tests.support.fakes.market_data import FakeMarkets
from tests.support.fakes.store import FakeDatabase
from verification.simulation.exchange import Later, SimulatedExchange

ANNOUNCED_SECONDS = 5.0, 120.0  # between announcement and settlement; days at a venue
SUDDEN, SUDDEN_SECONDS = 0.6, (0.0, 1.0)  # the share of ends that nobody could prepare for, so that most positions are still held
ANSWERS_SECONDS = 0.0, 400.0  # for which the venue goes on answering about a settled market
SPELL_SECONDS = 10.0, 300.0  # of a market whose questions and orders fail
SENT_LATE = timedelta(seconds=30)  # a leg may be on its way while the end is announced
GONE = Reject("UNKNOWN_MARKET", "-1121")
ODD = RetryLater("ANSWER_UNUSABLE", "an odd row", after_seconds=5)


@dataclass(slots=True)
class Delisting:
    """At most one market of a run ends. Any market may have a spell in which everything about it fails."""

    exchange: SimulatedExchange
    catalogue: FakeMarkets
    venue: str
    database: FakeDatabase
    later: Later
    """Does something at the venue, on time even while our functions are busy."""
    unheard: set[str] = field(default_factory=set)
    """Accounts that had something in the market when the venue stopped answering about it: nobody tells its price any more."""
    _market: str | None = None
    _announced_at: datetime | None = None

    def something_happens(self) -> None:
        """Now and then the end of a market is announced in which somebody holds something, or a market fails for a while."""
        exchange, random = self.exchange, self.exchange.random
        held = sorted({market for book in exchange.books.values() for market, net in book.net.items() if net})
        if self._market is None and held and random.random() < exchange.profile.delisting:
            self._announce(random.choice(held))
        if random.random() < exchange.profile.market_spell:
            self._fail(random.choice(sorted(exchange.prices)), random.choice((ODD, GONE)))

    def recover(self) -> None:
        """Markets that fail for a while fail no more; one that has ended stays so."""
        for market in self.exchange.failing.keys() - self.exchange.ended:
            del self.exchange.failing[market]

    def on_send(self, request: OrderRequest) -> None:
        """Nothing is entered in a market whose end has been announced, but for a leg that was on its way."""
        entered = request.market == self._market and not request.reduce_only
        if entered and self._announced_at is not None and self.exchange.clock.now() > self._announced_at + SENT_LATE:
            self.exchange.chronicle.fail(f"an entry was sent in {request.market}, whose end had been announced")

    def _announce(self, symbol: str) -> None:
        self._market, self._announced_at = symbol, self.exchange.clock.now()
        ends_at = self._after(SUDDEN_SECONDS if self.exchange.random.random() < SUDDEN else ANNOUNCED_SECONDS)
        market = self.catalogue.find(self.venue, symbol)
        if market is None:
            raise AssertionError(f"the catalogue has no {symbol}")
        self.catalogue.put(replace(market, delists_at=ends_at))
        self.exchange.chronicle.fault("delisted", f"{symbol} at {ends_at.time()}")
        self.later(ends_at, self._settle)

    def _settle(self) -> None:
        symbol = self._market or ""
        self.exchange.failing.pop(symbol, None)
        self.exchange.settle(symbol)
        self.later(self._after(ANSWERS_SECONDS), self._forget)

    def _forget(self) -> None:
        """From now on the venue knows the market no more."""
        self.exchange.failing[self._market or ""] = GONE
        for account in self.database.accounts.values():
            markets = {i.market for i in account.intents.values()} | {p.market for p in account.positions.values()}
            if self._market in markets:
                self.unheard.add(account.account_id)
                self.exchange.chronicle.fault("delisting_unheard", account.account_id)

    def _fail(self, market: str, error: Reject | RetryLater) -> None:
        if market in self.exchange.failing or market in self.exchange.ended:
            return
        self.exchange.failing[market] = error
        self.exchange.chronicle.fault("market_failed", f"{market}: {error.code}")
        self.later(self._after(SPELL_SECONDS), self._ended(market, error))

    def _ended(self, market: str, error: Reject | RetryLater) -> Callable[[], None]:
        def end() -> None:
            if market not in self.exchange.ended and self.exchange.failing.get(market) is error:
                del self.exchange.failing[market]

        return end

    def _after(self, seconds: tuple[float, float]) -> datetime:
        return self.exchange.clock.now() + timedelta(seconds=self.exchange.random.uniform(*seconds))
