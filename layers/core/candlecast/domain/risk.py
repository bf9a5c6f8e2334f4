"""The limits that an entry must pass, in the order in which they are asked.

An exit passes none: it is only capped to what is held.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from candlecast.domain.account import MAX_OPEN_INTENTS, Account
from candlecast.domain.market import Market
from candlecast.domain.money import ZERO, percent_of
from candlecast.domain.order import Intent, LegKind
from candlecast.domain.reasons import Denial, Reason
from candlecast.domain.signal import MAX_TAKE_PROFITS, PositionSide, TakeProfit
from candlecast.domain.subscription import Settings

LEGS_OF_AN_ENTRY = 2 + MAX_TAKE_PROFITS  # entry, stop and every target


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry as it would be placed: everything the limits look at. Money in quote units, quantity in base units."""

    subscription_id: str
    market: Market
    side: PositionSide
    settings: Settings
    price: Decimal
    quantity: Decimal
    stop: Decimal | None
    targets: tuple[TakeProfit, ...]
    now: datetime
    closing_key: str | None = None  # the position that the same signal closes first (a reversal)

    @property
    def notional(self) -> Decimal:
        return self.quantity * self.price


Check = Callable[[Account, Entry], Denial | None]


def first_denial(account: Account, entry: Entry) -> Denial | None:
    """The first limit that the entry breaks, or None if it passes all."""
    return next((denial for check in CHECKS if (denial := check(account, entry)) is not None), None)


def _allowed_market(_: Account, entry: Entry) -> Denial | None:
    return None if entry.settings.allows_market(entry.market.symbol) else Denial(Reason.MARKET_NOT_ALLOWED)


def _allowed_side(_: Account, entry: Entry) -> Denial | None:
    return None if entry.settings.allowed_sides.allows(entry.side) else Denial(Reason.SIDE_NOT_ALLOWED)


def _stop_side(_: Account, entry: Entry) -> Denial | None:
    if entry.stop is None:
        return None
    losing = (entry.price - entry.stop) * entry.side.sign > 0
    return None if losing and entry.stop > 0 else Denial(Reason.STOP_ON_WRONG_SIDE, entry.stop, entry.price)


def _target_sides(_: Account, entry: Entry) -> Denial | None:
    for rung in entry.targets:
        if (rung.price - entry.price) * entry.side.sign <= 0:
            return Denial(Reason.TARGET_ON_WRONG_SIDE, rung.price, entry.price)
    return None


def _quantity(_: Account, entry: Entry) -> Denial | None:
    lowest = max(entry.market.min_quantity, entry.market.quantity_step)
    if entry.quantity < lowest:
        return Denial(Reason.QUANTITY_TOO_SMALL, entry.quantity, lowest)
    if entry.quantity > entry.market.max_quantity:
        return Denial(Reason.QUANTITY_TOO_LARGE, entry.quantity, entry.market.max_quantity)
    if entry.notional < entry.market.min_notional:
        return Denial(Reason.NOTIONAL_TOO_SMALL, entry.notional, entry.market.min_notional)
    return None


def _max_order_notional(_: Account, entry: Entry) -> Denial | None:
    bound = entry.settings.max_order_notional
    if bound is None or entry.notional <= bound:
        return None
    return Denial(Reason.MAX_ORDER_NOTIONAL, entry.notional, bound)


def _same_market(account: Account, entry: Entry) -> Denial | None:
    if account.holds_foreign(entry.market.symbol):  # a look at the venue has found more there than ours
        return Denial(Reason.MARKET_IN_USE)
    for position in account.positions.values():
        if position.market != entry.market.symbol or position.key == entry.closing_key:
            continue
        if position.subscription_id == entry.subscription_id:
            return Denial(Reason.POSITION_ALREADY_OPEN)
        # the venue nets them: the exit of one whose stop has just triggered unseen would close the other's
        return Denial(Reason.MARKET_IN_USE)
    if any(intent.market == entry.market.symbol for intent in _entries_under_way(account)):
        return Denial(Reason.MARKET_IN_USE)
    return None


def _max_positions(account: Account, entry: Entry) -> Denial | None:
    held = sum(1 for p in account.positions.values() if _counts(p.subscription_id, p.key, entry))
    coming = sum(1 for i in _entries_under_way(account) if i.subscription_id == entry.subscription_id)
    bound = entry.settings.max_positions
    return None if held + coming < bound else Denial(Reason.MAX_POSITIONS, Decimal(held + coming + 1), Decimal(bound))


def _max_leverage(account: Account, entry: Entry) -> Denial | None:
    held = sum((p.notional for p in account.positions.values() if _counts(p.subscription_id, p.key, entry)), ZERO)
    entries = [i for i in account.intents.values() if i.kind is LegKind.ENTRY and i.subscription_id == entry.subscription_id]
    coming = sum(((i.quantity - i.filled_quantity) * (i.reference_price or ZERO) for i in entries), ZERO)
    used = (held + coming + entry.notional) / entry.settings.capital
    return None if used <= entry.settings.leverage else Denial(Reason.MAX_LEVERAGE, used, entry.settings.leverage)


def _max_daily_loss(account: Account, entry: Entry) -> Denial | None:
    loss = -account.realised_today(entry.subscription_id, entry.now)
    bound = percent_of(entry.settings.capital, entry.settings.max_daily_loss_percent)
    return None if loss < bound else Denial(Reason.MAX_DAILY_LOSS, loss, bound)


def _open_orders(account: Account, _: Entry) -> Denial | None:
    after = len(account.intents) + LEGS_OF_AN_ENTRY
    return None if after <= MAX_OPEN_INTENTS else Denial(Reason.TOO_MANY_OPEN_ORDERS, Decimal(after), Decimal(MAX_OPEN_INTENTS))


def _entries_under_way(account: Account) -> list[Intent]:
    return [i for i in account.intents.values() if i.kind is LegKind.ENTRY and i.filled_quantity == 0]


def _counts(subscription_id: str, key: str, entry: Entry) -> bool:
    return subscription_id == entry.subscription_id and key != entry.closing_key


CHECKS: tuple[Check, ...] = (
    _allowed_market,
    _allowed_side,
    _same_market,
    _max_positions,
    _max_daily_loss,
    _stop_side,
    _target_sides,
    _quantity,
    _max_order_notional,
    _max_leverage,
    _open_orders,
)
