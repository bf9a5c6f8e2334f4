"""The page of a replay: a chart for each strategy, from the venue's book of fills.

A reader wants to see whether the followers of a strategy have earned, and where they went in and out. So each strategy has its
market's candles with the trades of all its followers, and the sum of their equities. Followers without keys trade nothing and
count nowhere. All numbers come from the venue's fills, none from our records: `report.json` has those, and a test compares them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from candlecast.backtest.metrics import TradeColumns, measure
from candlecast.backtest.pictures.page import Overview, page_of
from candlecast.backtest.pictures.report import Report, ShownTrades
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.terms import Side
from candlecast.strategy import Candles, Flags, Floats
from candlecast.strategy.candles import MILLISECOND
from infra.local.demo.backtests import compared
from infra.local.demo.exchange import BookFill, as_loaded
from infra.local.demo.people import Person
from infra.local.demo.scenario import PlannedStrategy, quote_of

HEAD = ("Strategy", "Market", "Followers", "Closed trades", "Profit before fees", "Fees", "Profit after fees", "Open")


@dataclass(slots=True)
class RoundTrip:
    """A trade of one account, from flat to flat; `exit_ms` is None while the account holds. Quote units, market time."""

    account_id: str
    side: int  # 1 for long, -1 for short
    entry_ms: int
    bought: Decimal = ZERO  # base units of the opening side
    entry_notional: Decimal = ZERO
    closed: Decimal = ZERO
    exit_notional: Decimal = ZERO
    fees: Decimal = ZERO
    exit_ms: int | None = None

    @property
    def held(self) -> Decimal:
        return self.bought - self.closed

    @property
    def entry_price(self) -> Decimal:
        return self.entry_notional / self.bought

    @property
    def pnl(self) -> Decimal:
        """Profit of the closed part before fees."""
        return (self.exit_notional - self.entry_price * self.closed) * self.side

    def unrealised(self, price: Decimal) -> Decimal:
        """Profit of the held part at a price, before fees."""
        return (price - self.entry_price) * self.held * self.side


@dataclass(frozen=True, slots=True)
class Traded:
    """The fills and trades of all followers of one strategy, and their money together."""

    planned: PlannedStrategy
    candles: Candles
    cash: Decimal
    followers: int
    fills: tuple[BookFill, ...] = field(repr=False)
    trips: tuple[RoundTrip, ...] = field(repr=False)

    @property
    def closed(self) -> tuple[RoundTrip, ...]:
        return tuple(trip for trip in self.trips if trip.exit_ms is not None)

    @property
    def open(self) -> tuple[RoundTrip, ...]:
        return tuple(trip for trip in self.trips if trip.exit_ms is None)

    @property
    def pnl(self) -> Decimal:
        """Profit of the closed trades before fees, in quote units."""
        return sum((trip.pnl for trip in self.closed), ZERO)

    @property
    def fees(self) -> Decimal:
        """Fees of all fills, those of open positions included."""
        return sum((trip.fees for trip in self.trips), ZERO)


def traded_by(fills: Sequence[BookFill], people: Sequence[Person], planned: PlannedStrategy, count: int) -> Traded:
    """The trades of a strategy's followers in the last `count` candles of its file."""
    accounts = {p.keys.account_id: p for p in people if p.plan.strategy.strategy_id == planned.strategy_id and p.keys is not None}
    own = tuple(sorted((fill for fill in fills if fill.account_id in accounts), key=lambda fill: fill.market_ms))
    return Traded(
        planned=planned,
        candles=Candles.from_candles(as_loaded(planned.file, count)),
        cash=sum((person.plan.balance for person in accounts.values()), ZERO),
        followers=len(accounts),
        fills=own,
        trips=round_trips(own),
    )


def round_trips(fills: Sequence[BookFill]) -> tuple[RoundTrip, ...]:
    """The round trips of accounts that trade one market each, in the order of their entries. An order never crosses flat."""
    found, held = list[RoundTrip](), dict[str, RoundTrip]()
    for fill in fills:
        sign = 1 if fill.side is Side.BUY else -1
        trip = held.get(fill.account_id)
        if trip is None:
            trip = held[fill.account_id] = RoundTrip(fill.account_id, sign, fill.market_ms)
            found.append(trip)
        trip.fees += fill.fee
        if sign == trip.side:
            trip.bought += fill.quantity
            trip.entry_notional += fill.quantity * fill.price
            continue
        trip.closed += fill.quantity
        trip.exit_notional += fill.quantity * fill.price
        if trip.held < 0:
            raise ValueError(f"a fill of {fill.client_order_id} closes more than account {fill.account_id} holds")
        if not trip.held:
            trip.exit_ms = fill.market_ms
            del held[fill.account_id]
    return tuple(found)


def report_of(traded: Traded) -> Report:
    """The picture of a strategy: its candles, the trades of all followers, and the sum of their equities."""
    candles, length = traded.candles, traded.planned.file.timeframe.length // MILLISECOND
    equity, exposed = _curves(traded, candles.time + length)
    closed, trips, last = traded.closed, traded.trips, Decimal(repr(float(candles.close[-1])))
    pnl = [
        trip.pnl - trip.fees + trip.side * (trip.held * last - trip.entry_notional / trip.bought * trip.held) for trip in trips
    ]
    return Report(
        strategy=f"{traded.planned.strategy_id}: {traded.followers} followers together",
        parameters={"market": traded.planned.file.market, **traded.planned.parameters},
        candles=candles,
        cash=float(traded.cash),
        equity=equity,
        trades=ShownTrades(
            side=np.array([trip.side for trip in trips], dtype=np.int8),
            entry_time=np.array([trip.entry_ms - length for trip in trips], dtype=np.int64),
            exit_time=np.array([(trip.exit_ms or int(candles.time[-1]) + length) - length for trip in trips], dtype=np.int64),
            entry_price=np.array([float(trip.entry_price) for trip in trips]),
            exit_price=np.array([np.nan if trip.exit_ms is None else float(trip.exit_notional / trip.closed) for trip in trips]),
            pnl=np.array([float(each) for each in pnl]),
        ),
        metrics=measure(
            cash=float(traded.cash),
            time=candles.time,
            equity=equity,
            close=candles.close,
            exposed=exposed,
            trades=TradeColumns(
                pnl=np.array([float(trip.pnl - trip.fees) for trip in closed]),
                returns=np.array([float((trip.pnl - trip.fees) / trip.entry_notional) for trip in closed]),
                entry_time=np.array([trip.entry_ms - length for trip in closed], dtype=np.int64),
                exit_time=np.array([(trip.exit_ms or 0) - length for trip in closed], dtype=np.int64),
                quantity=np.array([float(trip.bought) for trip in closed]),
                entry_price=np.array([float(trip.entry_price) for trip in closed]),
                exit_price=np.array([float(trip.exit_notional / trip.closed) for trip in closed]),
            ),
        ),
    )


def write_demo_page(traded: Sequence[Traded], users: int, comparison: dict[str, Any], path: Path) -> None:
    """Write the page: a table of all strategies with their sums, then a chart for each."""
    trading = [each for each in traded if each.followers]
    rows = [_row(each) for each in trading]
    quotes = sorted({quote_of(each.planned.file.market) for each in trading})
    sums = [
        _sums(f"All in {quote}", "", [each for each in trading if quote_of(each.planned.file.market) == quote])
        for quote in quotes
    ]
    overview = Overview(
        title=f"Candlecast demo: what {users} users traded",
        lines=(
            "Recorded candles went through the real stack, and users traded at the paper exchange.",
            "Each chart has one strategy: the trades of all its followers, and the sum of their equities.",
            "All numbers are those of the paper exchange's own book; profit before fees counts closed trades.",
            f"Beside the backtest of the same candles: {compared(comparison)}.",
        ),
        table=(HEAD, *rows, *sums),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page_of(*(report_of(each) for each in trading), overview=overview), encoding="utf-8")


def _row(traded: Traded) -> tuple[str, ...]:
    return _sums(traded.planned.strategy_id, traded.planned.file.market, [traded])


def _sums(name: str, market: str, parts: Sequence[Traded]) -> tuple[str, ...]:
    pnl, fees = sum((each.pnl for each in parts), ZERO), sum((each.fees for each in parts), ZERO)
    counts = [sum(count) for count in zip(*((each.followers, len(each.closed), len(each.open)) for each in parts), strict=True)]
    return name, market, str(counts[0]), str(counts[1]), f"{pnl:.8f}", f"{fees:.8f}", f"{pnl - fees:.8f}", str(counts[2])


def _curves(traded: Traded, closes: Any) -> tuple[Floats, Flags]:
    """The equity of all accounts at each close, and whether any of them holds a position there."""
    cash, held = traded.cash, dict.fromkeys((fill.account_id for fill in traded.fills), ZERO)
    equity, exposed, following = list[float](), list[bool](), 0
    for close, price in zip(closes.tolist(), traded.candles.close.tolist(), strict=True):
        while following < len(traded.fills) and traded.fills[following].market_ms <= close:
            fill = traded.fills[following]
            sign = 1 if fill.side is Side.BUY else -1
            cash -= sign * fill.quantity * fill.price + fill.fee
            held[fill.account_id] += sign * fill.quantity
            following += 1
        equity.append(float(cash + sum(held.values(), ZERO) * Decimal(repr(price))))
        exposed.append(any(held.values()))
    return np.array(equity), np.array(exposed)
