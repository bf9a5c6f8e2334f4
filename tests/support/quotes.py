"""A market of candles in a list, for tests of matching without any of the venue's machinery around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from paper_exchange.accounts.account import Account
from paper_exchange.markets.candles import Bar
from paper_exchange.markets.markets import MarketSpec
from paper_exchange.markets.quotes import Stamp

MINUTE_MS = 60_000
AHEAD_MS = 86_400_000
STAMP = Stamp("key-of-the-tests", AHEAD_MS + MINUTE_MS)


def market(symbol: str = "BTCUSDT", **changes: Decimal | int) -> MarketSpec:
    """A market with ticks of 0.1 and steps of 0.001, free of fees and spread unless changed."""
    spec = MarketSpec(
        symbol=symbol,
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        tick_size=Decimal("0.1"),
        step_size=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        min_price=Decimal("0.1"),
        min_notional=Decimal(0),
        taker_fee=Decimal(0),
        maker_fee=Decimal(0),
        half_spread_bps=Decimal(0),
    )
    return replace(spec, **changes)  # type: ignore[arg-type]


def bar(minute: int, open_: str, high: str, low: str, close: str) -> Bar:
    return Bar(minute * MINUTE_MS, Decimal(open_), Decimal(high), Decimal(low), Decimal(close), Decimal(1))


@dataclass(frozen=True, slots=True)
class ListedQuotes:
    """`quotes.Quotes` over candles in lists; they begin at minute 0."""

    bars: Mapping[str, Sequence[Bar]]
    now_ms: int
    specs: dict[str, MarketSpec] = field(default_factory=dict)
    rate: Decimal = Decimal(0)
    ratio: Decimal = Decimal(1)
    liquidates: bool = True

    def at(self, market_ms: int) -> ListedQuotes:
        return replace(self, now_ms=market_ms)

    def dated(self, market_ms: int) -> int:
        """Wall time runs along with the market, a day ahead."""
        return market_ms + AHEAD_MS

    def spec(self, symbol: str) -> MarketSpec:
        return self.specs.get(symbol) or market(symbol)

    def last_price(self, symbol: str) -> Decimal:
        closed = [bar for bar in self.bars[symbol] if bar.open_ms + MINUTE_MS <= self.now_ms]
        return closed[-1].close

    def mark_price(self, symbol: str) -> Decimal:
        return self.last_price(symbol) * self.ratio

    def mark_ratio(self, symbol: str) -> Decimal:
        return self.ratio

    def mark_ratios(self, symbol: str, after_ms: int) -> Sequence[Decimal]:
        return [self.ratio]

    def funding_rate(self, symbol: str) -> Decimal:
        return self.rate

    def pays_funding(self, symbol: str) -> bool:
        return bool(self.rate)

    def interval_ms(self, symbol: str) -> int:
        return MINUTE_MS

    def closed_bars(self, symbol: str, after_ms: int) -> Sequence[Bar]:
        return [bar for bar in self.bars[symbol] if after_ms < bar.open_ms + MINUTE_MS <= self.now_ms]


def account(balance: int = 1_000_000, evaluated_ms: int = 0) -> Account:
    return Account(account_id="tester", created_ms=0, balances={"USDT": Decimal(balance)}, evaluated_ms=evaluated_ms)
