"""The input of the limits: the entry as it would be placed, and the account as if the entry were placed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from candlecast.domain.account.account import Account
from candlecast.domain.account.usage import Results
from candlecast.domain.limits.limits import EffectiveLimits, Limits
from candlecast.domain.market.market import Market
from candlecast.domain.market.quote import Quote
from candlecast.domain.orders.intent import Intent, LegKind
from candlecast.domain.orders.position import Position, position_key
from candlecast.domain.orders.sizing import parts
from candlecast.domain.signals.entry_order import EntryOrder
from candlecast.domain.signals.levels import opening_prices
from candlecast.domain.signals.signal import TakeProfit
from candlecast.domain.subscriptions.subscription import Settings
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.terms import PositionSide

NO_MARKS: Mapping[str, Decimal] = {}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry as it would be placed. Money in quote units, quantity in base units; `price` is what it is expected to pay.

    Money and risk are the worse of those at `price` and those at the venue's mark. `limits` are all that are in force for it;
    `closing_key` is the position that the same signal closes first (a reversal).
    """

    subscription_id: str
    strategy_id: str
    market: Market
    side: PositionSide
    settings: Settings
    limits: EffectiveLimits
    price: Decimal
    quantity: Decimal
    stop: Decimal | None
    targets: tuple[TakeProfit, ...]
    now: datetime
    issued_at: datetime
    confidence: Decimal | None = None
    quote: Quote | None = None
    closing_key: str | None = None
    order: EntryOrder = field(default_factory=EntryOrder)

    @property
    def mark(self) -> Decimal:
        """The venue's mark at the verdict; the price itself where nobody has quoted it."""
        return self.price if self.quote is None else self.quote.mark_price

    @property
    def prices(self) -> tuple[Decimal, Decimal]:
        """Price and mark; a limit takes the worse of the two."""
        return self.price, self.mark

    @property
    def opening_prices(self) -> tuple[Decimal, ...]:
        """The prices at which its position may open."""
        return opening_prices(self.order, self.price, self.mark, self.side)

    @property
    def notional(self) -> Decimal:
        return self.quantity * max(self.prices)

    @property
    def least_notional(self) -> Decimal:
        """The notional for a limit or a filter that demands a least one."""
        return self.quantity * min(self.prices)

    @property
    def key(self) -> str:
        """Key of the position that it would open."""
        return position_key(self.subscription_id, self.market.symbol)

    @property
    def order_count(self) -> int:
        """How many orders it comes to at most: itself, its stop, its targets, and the exit before it."""
        count = len(parts(self.quantity, self.market))
        targets = len(self.targets) + count - 1 if self.targets else 0
        return count * (1 + (self.stop is not None)) + targets + (self.closing_key is not None)

    @property
    def risk(self) -> Decimal | None:
        """The loss from the price or the mark to the stop, before fees; None without a stop."""
        return None if self.stop is None else max(abs(price - self.stop) for price in self.prices) * self.quantity


@dataclass(frozen=True)
class Exposure:
    """One position, held, coming or wanted; `risk` is the loss from its price to its stop, None without one.

    `notional` is at the higher of own price and mark, `least_notional` at the lower.
    """

    subscription_id: str
    strategy_id: str
    market: str
    side: PositionSide
    notional: Decimal
    least_notional: Decimal
    leverage: Decimal
    risk: Decimal | None


class Situation:
    """An account and an entry, with the values that several limits need, computed once."""

    def __init__(self, account: Account, entry: Entry) -> None:
        self.account = account
        self.entry = entry
        self.now = entry.now
        self.limits: Limits = entry.limits.limits

    @cached_property
    def results(self) -> Results:
        """The subscription's results; those of today include what an older item remembers."""
        return self.account.usage.results_of(self.entry.subscription_id, self.now)

    @cached_property
    def realised_today(self) -> Decimal:
        return self.account.realised_today(self.entry.subscription_id, self.now)

    @cached_property
    def equity(self) -> Decimal | None:
        """Equity of the whole account as the venue told it last; None if it never did or if there is none left."""
        balance = self.account.balance
        return balance.total if balance is not None and balance.total > 0 else None

    @cached_property
    def exposures(self) -> tuple[Exposure, ...]:
        """All exposures after the entry: positions but the one that is closed first, entries under way, and the entry itself."""
        entry = self.entry
        wanted = Exposure(
            entry.subscription_id,
            entry.strategy_id,
            entry.market.symbol,
            entry.side,
            entry.notional,
            entry.least_notional,
            entry.settings.leverage,
            entry.risk,
        )
        return (*exposures_of(self.account, entry.closing_key, {entry.market.symbol: entry.mark}), wanted)

    def positions(self, subscription_id: str | None = None) -> int:
        """How many positions there would be, of one subscription or of all."""
        return positions_of(self.account, subscription_id, without=(self.entry.closing_key, self.entry.key)) + 1


def positions_of(account: Account, subscription_id: str | None = None, without: Collection[str | None] = ()) -> int:
    """How many positions are held, but those of some keys, or coming: of one subscription or of all."""
    held = (p.subscription_id for p in account.positions.values() if p.key not in without)
    coming = (i for i in account.intents.values() if i.kind is LegKind.ENTRY)
    new = (i.subscription_id for i in coming if i.filled_quantity == 0 and not i.is_add)
    return sum(subscription_id in (None, whose) for whose in (*held, *new))


def exposures_of(account: Account, without: str | None = None, marks: Mapping[str, Decimal] = NO_MARKS) -> tuple[Exposure, ...]:
    """The positions of an account without that of one key, and the entries that are still to come.

    Where the mark of a market is given, notional and risk are the worse of those at the mark and those at the own price.
    """
    held = (_exposure_of_position(p, account, marks.get(p.market)) for p in account.positions.values() if p.key != without)
    coming = (
        _exposure_of(intent, marks.get(intent.market)) for intent in account.intents.values() if intent.kind is LegKind.ENTRY
    )
    return (*held, *coming)


def _exposure_of_position(position: Position, account: Account, mark: Decimal | None) -> Exposure:
    settings, stop = account.market_settings.get(position.market), position.stop_price
    risk = None if stop is None else max(ZERO, -position.unrealised_pnl(stop))
    if stop is not None and risk is not None and mark is not None:
        risk = max(risk, (mark - stop) * position.side.sign * position.quantity)
    return Exposure(
        position.subscription_id,
        position.strategy_id,
        position.market,
        position.side,
        position.quantity * max(position.entry_price, mark or ZERO),
        position.quantity * min(position.entry_price, mark or position.entry_price),
        settings.leverage if settings is not None else Decimal(1),
        risk,
    )


def _exposure_of(intent: Intent, mark: Decimal | None) -> Exposure:
    left, stop = intent.quantity - intent.filled_quantity, intent.stop_price
    prices = [price for price in (intent.reference_price, intent.mark_price, mark) if price is not None]
    return Exposure(
        intent.subscription_id,
        intent.strategy_id,
        intent.market,
        intent.position_side or PositionSide.LONG,
        left * max(prices, default=ZERO),
        left * min(prices, default=ZERO),
        intent.market_settings.leverage if intent.market_settings is not None else Decimal(1),
        None if stop is None else max((abs(each - stop) for each in prices), default=ZERO) * left,
    )
