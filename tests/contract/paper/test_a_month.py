"""A month of the paper exchange: our fees, funding and results are those of its own book, to the last digit.

Executor and reconciler trade two quote assets over HTTP, with stops and targets. Entries rest and fill in parts. Funding is paid
three times a day. Fees are paid in BNB for as long as the account has BNB.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal
from random import Random
from typing import Any

import pytest

from candlecast.adapters.ccxt.clients import Templates
from candlecast.adapters.ccxt.market_data import download_markets
from candlecast.adapters.ccxt.venue import CcxtVenues
from candlecast.domain.account.events import Event
from candlecast.domain.market.market import quote_of
from candlecast.domain.orders.charges import ChargeKind
from candlecast.domain.orders.position import Trade
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.ports.venue import Credentials
from candlecast.services.orders.exit_resting import ExitResting
from candlecast.services.orders.place_orders import PlaceOrders
from candlecast.services.orders.stop_resting import StopResting
from tests.support.builders import ACCOUNT, BTC, SUBSCRIPTION, TENANT, a_quote, a_signal, a_trade_order, settings
from tests.support.fakes.market_data import FakeMarkets
from tests.support.money_path import MoneyPath
from tests.support.paper_venue import BTC as BTC_MARKET
from tests.support.paper_venue import PATIENCE_SECONDS, PaperVenue
from tests.support.reconciler import reconcile_account

D = Decimal
SECOND = "subscription-2"
ETH_USDC = "ETH/USDC:USDC"
FOLLOWED = {BTC: SUBSCRIPTION, ETH_USDC: SECOND}
DAYS, STEP_MINUTES, CANDLE_MINUTES = 30, 6 * 60, 5
LAST_DIGIT = D("0.00000001")
PIECES = {"volume_share": "0.0006", "taker_fee": "0.0005", "maker_fee": "0.0002"}
MARKETS: dict[str, dict[str, Any]] = {
    BTC: {**BTC_MARKET, **PIECES},
    ETH_USDC: {"symbol": "ETHUSDC", "base": "ETH", "quote": "USDC", "tick_size": "0.01", "step_size": "0.001", **PIECES},
    "BNB/USDT:USDT": {"symbol": "BNBUSDT", "base": "BNB", "quote": "USDT", "tick_size": "0.01", "step_size": "0.01"},
}
STARTS = {BTC: D(50_000), ETH_USDC: D(3_000), "BNB/USDT:USDT": D(600)}
DEPOSITS = {"USDT": D(10_000), "USDC": D(10_000), "BNB": D("0.015")}


class Month(MoneyPath):
    """The money path on the paper exchange; its market clock and everybody's wall clock move together."""

    def __init__(self, market: PaperVenue) -> None:
        super().__init__(subscriptions=dict.fromkeys(FOLLOWED.values(), SubscriptionStatus.ACTIVE))
        self.market, self.random, self.minute = market, Random(20_261_129), 0
        self.closes = {symbol: self._load(symbol) for symbol in MARKETS}
        market.operate("PUT", "/funding", {"rate": "0.0001"})
        self._stand()
        keys = market.operate("POST", "/accounts", {"account_id": "month", "balances": {k: str(v) for k, v in DEPOSITS.items()}})
        self.vault.write(TENANT, ACCOUNT, Credentials(keys["api_key"], keys["api_secret"]), "credential-version-1")
        client = market.client(keys)
        client.milliseconds = market.wall_clock
        client.fapiPrivatePostFeeBurn({"feeBurn": "true"})
        client.session.close()
        catalogue = {found.symbol: found for found in download_markets("binanceusdm", market.base_url)}
        templates = Templates({"paper": ("binanceusdm", market.base_url)}, lambda _: catalogue)
        templates.of("paper").milliseconds = market.wall_clock
        templates.of("paper").timeout = 1_000 * PATIENCE_SECONDS
        self.session = templates.of("paper").session
        venues, markets = CcxtVenues(templates), FakeMarkets(*catalogue.values())
        place = PlaceOrders(markets, self.checks, self.clock, self.metrics)
        exits = ExitResting(StopResting(place, self.clock, self.metrics), self.clock)
        self.executor = replace(self.executor, venues=venues, markets=markets, place=place, exit_resting=exits)
        self.reconciler = reconcile_account(
            accounts=self.accounts,
            vault=self.vault,
            venues=venues,
            markets=markets,
            gate=self.checks,
            queue=self.queue,
            clock=self.clock,
            metrics=self.metrics,
        )

    def live(self) -> None:
        """Trade for the month, then close everything and let its charges be read."""
        self.step(STEP_MINUTES)
        for _ in range(DAYS * 24 * 60 // STEP_MINUTES - 1):
            for symbol in FOLLOWED:
                self.act(symbol)
            self.step(STEP_MINUTES)
        for symbol in FOLLOWED:
            self.send(symbol, Action.EXIT)
        for _ in range(4):
            self.step(10)

    def step(self, minutes: int) -> None:
        self.minute += minutes
        self.clock.advance(60 * minutes)
        self._stand()
        self.reconcile()
        self.settle(looks=3)

    def act(self, symbol: str) -> None:
        """Enter if nothing is held, at market or in the book; otherwise leave now and then."""
        name, price, now = FOLLOWED[symbol], self.price(symbol), self.clock.now()
        if self.account.under_way(name, symbol):
            return
        if self.account.position(name, symbol) is None:
            action = self.random.choice((Action.LONG, Action.SHORT))
            sign = 1 if action is Action.LONG else -1
            resting = EntryOrder(type=EntryType.LIMIT, price=self.on_tick(price * (1 - sign * D("0.002"))), rests_seconds=40_000)
            self.send(
                symbol,
                action,
                stop_loss=price * (1 - sign * D("0.03")),
                take_profits=(
                    TakeProfit(price * (1 + sign * D("0.01")), D("0.4")),
                    TakeProfit(price * (1 + sign * D("0.04")), D("0.6")),
                ),
                **({"entry": resting} if self.random.random() < 0.5 else {}),
            )
        elif self.random.random() < 0.3:
            self.send(symbol, Action.EXIT)
        assert now == self.clock.now()

    def send(self, symbol: str, action: Action, **signal: Any) -> None:
        now, price, name = self.clock.now(), self.price(symbol), FOLLOWED[symbol]
        issued = a_signal(action, market=symbol, issued_at=now, price=price, **signal)
        quote = a_quote(price, as_of=now) if action.is_entry else None
        self.executor(a_trade_order(issued, subscription_id=name, settings=settings(max_positions=2), quote=quote))

    def price(self, symbol: str) -> Decimal:
        return self.closes[symbol][self.minute // CANDLE_MINUTES - 1]

    def on_tick(self, price: Decimal) -> Decimal:
        return price.quantize(D("0.1"))

    @property
    def events(self) -> Iterator[Event]:
        return (told.event for told in self.database.stream)

    def _load(self, symbol: str) -> list[Decimal]:
        """A walk of half a per cent an hour, with wicks."""
        price, closes = STARTS[symbol], list[Decimal]()
        candles = list[str | tuple[str, str, str, str]]()
        for _ in range((DAYS + 2) * 24 * 60 // CANDLE_MINUTES):
            opened, price = price, (price * (1 + D(self.random.gauss(0, 0.0015)))).quantize(D("0.1"))
            wick = abs(price * D(self.random.gauss(0, 0.0005))).quantize(D("0.1"))
            candles.append((str(opened), str(max(opened, price) + wick), str(min(opened, price) - wick), str(price)))
            closes.append(price)
        self.market.load(candles, MARKETS[symbol], "5m")
        return closes

    def _stand(self) -> None:
        """Wall clocks agree on the product's time; the market has moved as far."""
        self.market.wall_clock.stands_at_ms = int(self.clock.now().timestamp() * 1000)
        self.market.set_minute(self.minute)


@pytest.fixture(scope="module")
def month(paper_server: Any) -> Iterator[Month]:
    """The month, once for all tests of it."""
    market = PaperVenue(*paper_server)
    path = Month(market)
    try:
        path.live()
        yield path
    finally:
        path.session.close()
        market.http.close()


def theirs(month: Month) -> dict[str, defaultdict[str, Decimal]]:
    """The exchange's own book by kind and asset."""
    book: dict[str, defaultdict[str, Decimal]] = {kind: defaultdict(Decimal) for kind in ("pnl", "fees", "funding")}
    for fill in month.market.store.fills("month"):
        book["pnl"][fill.margin_asset] += fill.realized
        book["fees"][fill.fee_asset] += fill.fee
    for income in month.market.store.incomes("month"):
        for entry in income.entries:
            book["funding"][entry.asset] += entry.amount
    return book


def trades(month: Month) -> list[Trade]:
    """Each trade as it was told last."""
    return list({event.trade.trade_id: event.trade for event in month.events if event.trade is not None}.values())


def ours(month: Month) -> dict[str, defaultdict[str, Decimal]]:
    """Results by asset; a fee in a coin is converted in its trade, so its amount comes from the event that states it."""
    book: dict[str, defaultdict[str, Decimal]] = {kind: defaultdict(Decimal) for kind in ("pnl", "fees", "funding")}
    for trade in trades(month):
        quote = quote_of(trade.market)
        book["pnl"][quote] += trade.pnl
        book["fees"][quote] += trade.fees
        book["funding"][quote] += trade.funding
    for event in month.events:
        for paid in event.charge.paid if event.charge is not None and event.charge.kind is ChargeKind.FEE else ():
            quote = quote_of(event.charge.market if event.charge is not None else "")
            if paid.asset != quote:
                book["fees"][paid.asset] += paid.amount
                book["fees"][quote] -= paid.amount * paid.price
    return book


def rounded(book: dict[str, defaultdict[str, Decimal]]) -> dict[str, dict[str, Decimal]]:
    """To the digits that the exchange tells."""
    return {
        kind: {asset: amount.quantize(LAST_DIGIT, ROUND_HALF_EVEN) for asset, amount in sorted(amounts.items()) if amount}
        for kind, amounts in book.items()
    }


def test_the_month_had_everything(month: Month) -> None:
    fills = list(month.market.store.fills("month"))
    pieces = defaultdict[int, int](int)
    for fill in fills:
        pieces[fill.order_id] += 1
    assert {fill.fee_asset for fill in fills} == {"USDT", "USDC", "BNB"}
    assert {fill.maker for fill in fills} == {True, False}
    assert max(pieces.values()) > 3, "orders that filled in parts"
    assert {row.entries[0].asset for row in month.market.store.incomes("month")} == {"USDT", "USDC"}
    assert {trade.closed_by for trade in trades(month)} >= {"EXIT", "STOP_LOSS"}
    assert len(trades(month)) > DAYS
    assert not (month.account.positions or month.account.intents or month.account.awaits_charges)


def test_fees_funding_and_results_are_the_exchanges_own_to_the_last_digit(month: Month) -> None:
    assert rounded(ours(month)) == rounded(theirs(month))


def test_what_is_in_the_wallet_is_what_we_have_booked(month: Month) -> None:
    _, stored = month.market.store.open("month")
    assert stored is not None
    book = ours(month)
    booked = {
        asset: deposit + book["pnl"][asset] - book["fees"][asset] + book["funding"][asset] for asset, deposit in DEPOSITS.items()
    }
    wallet = {asset: amount.quantize(LAST_DIGIT) for asset, amount in stored.account.balances.items()}
    assert {asset: amount.quantize(LAST_DIGIT) for asset, amount in booked.items()} == wallet
