"""The verdict on a signal: an entry's prices are compared with the venue's mark before they size anything.

One verdict is made per signal, and all its followers share it. An exit is never judged: it needs no price and passes always.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from candlecast.domain.market.quote import Quote
from candlecast.domain.signals.entry_order import EntryOrder
from candlecast.domain.signals.levels import misplaced_stop, misplaced_target, misplaced_trigger, opening_prices
from candlecast.domain.signals.signal import Action, Signal
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import HUNDRED, require_utc
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import PositionSide

MAX_PRICE_DEVIATION_PERCENT = Decimal(5)
"""Of a reference price from the mark. Markets of ours move less within the minutes that a signal is fresh; typing errors more."""
MAX_RESTING_DISTANCE_PERCENT = Decimal(10)
"""Of an entry's own price or trigger from the mark. An order rests for a day at most, and a day rarely moves a market further."""
MAX_STOP_PERCENT = Decimal(50)
"""Of a stop from the mark. Beyond it a stop protects nothing: every leverage above two is liquidated first."""
MAX_TARGET_FACTOR = Decimal(3)
"""Between a target and the mark, either way. A position is held for hours or days, and a lost digit is a factor of ten."""
MIN_ATR_PERCENT = Decimal("0.001")
"""Of the mark. A narrower range is below any spread, and sizes by volatility divide by the range."""
MAX_ATR_PERCENT = Decimal(50)
"""Of the mark. A wider range would put every stop by ATR beyond its own bound."""

MAX_DIGITS_APART = 12
"""Between a price and the mark. A price further away breaks every bound, so its exact ratio is not needed."""


class VerdictState(StrEnum):
    """PASSED goes to the followers; QUARANTINED goes to nobody until a person releases it."""

    PASSED = "PASSED"
    QUARANTINED = "QUARANTINED"


@dataclass(frozen=True, kw_only=True)
class Release:
    """Who has let a quarantined signal be judged anew, when, and as which signal."""

    signal_id: str
    released_by: str
    released_at: datetime

    def __post_init__(self) -> None:
        require_utc("released_at", self.released_at)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The verdict on one signal. Raises `InvalidValue` if it does not say why it quarantines, or passes an entry unquoted."""

    signal_id: str
    """The signal that was judged."""
    strategy_id: str
    """The strategy of the signal."""
    venue: str
    """The venue whose quote the signal was compared with."""
    market: str
    """Unified symbol, such as BTC/USDT:USDT."""
    action: Action
    """The request of the signal."""
    state: VerdictState
    """Whether the signal reaches its followers."""
    judged_at: datetime
    """Time of the verdict (UTC)."""
    quote: Quote | None = None
    """The quote that the signal was compared with; None for an exit, and where the venue gave none."""
    denial: Denial | None = None
    """Of a quarantined signal: the rule, the value found and the bound that it broke; None for one that passed."""
    release: Release | None = None
    """Who has released a quarantined signal; None before that."""
    schema_version: int = 1
    """Version of the stored form."""

    def __post_init__(self) -> None:
        require_utc("judged_at", self.judged_at)
        if self.is_quarantined != (self.denial is not None):
            raise InvalidValue("a verdict quarantines with a reason, and passes without one")
        if not self.is_quarantined and self.action.is_entry and self.quote is None:
            raise InvalidValue("no entry passes without a quote")

    @property
    def is_quarantined(self) -> bool:
        return self.state is VerdictState.QUARANTINED

    @property
    def mark_price(self) -> Decimal | None:
        return None if self.quote is None else self.quote.mark_price


def judge(signal: Signal, venue: str, quote: Quote | None, now: datetime, unquoted: Reason = Reason.QUOTE_MISSING) -> Verdict:
    """The verdict on a signal by its venue's quote; `unquoted` is why there is no quote."""
    denial = None
    if signal.entry_side is not None:
        denial = Denial(unquoted) if quote is None else implausible(signal, signal.entry_side, quote.mark_price)
    return Verdict(
        signal_id=signal.signal_id,
        strategy_id=signal.strategy_id,
        venue=venue,
        market=signal.market,
        action=signal.action,
        state=VerdictState.PASSED if denial is None else VerdictState.QUARANTINED,
        judged_at=now,
        quote=quote if signal.action.is_entry else None,
        denial=denial,
    )


def implausible(signal: Signal, side: PositionSide, mark: Decimal) -> Denial | None:
    """The first rule that the signal's prices break at this mark; None if they are plausible."""
    return next((denial for rule in RULES if (denial := rule(signal, side, mark)) is not None), None)


def percent_away(price: Decimal, mark: Decimal) -> Decimal:
    """Distance of a price from the mark, in per cent of the mark."""
    return abs(_ratio(price, mark) - 1) * HUNDRED


def _reference(signal: Signal, _: PositionSide, mark: Decimal) -> Denial | None:
    """An entry that names its own price is not sized by the reference, so the wider bound of its own price holds for both."""
    if signal.price is None:
        return None
    bound = MAX_RESTING_DISTANCE_PERCENT if _has_own_price(signal) else MAX_PRICE_DEVIATION_PERCENT
    return _at_most(Reason.PRICE_COLLAR, percent_away(signal.price, mark), bound)


def _own_prices(signal: Signal, _: PositionSide, mark: Decimal) -> Denial | None:
    order = signal.entry or EntryOrder()
    given = (price for price in (order.price, order.trigger_price) if price is not None)
    checked = (_at_most(Reason.RESTING_DISTANCE, percent_away(price, mark), MAX_RESTING_DISTANCE_PERCENT) for price in given)
    return next((denial for denial in checked if denial is not None), None)


def _trigger(signal: Signal, side: PositionSide, mark: Decimal) -> Denial | None:
    return None if signal.entry is None else misplaced_trigger(signal.entry, mark, side)


def _stop(signal: Signal, side: PositionSide, mark: Decimal) -> Denial | None:
    if signal.stop_loss is None:
        return None
    misplaced = misplaced_stop(signal.stop_loss, _opening(signal, side, mark), side)
    return misplaced or _at_most(Reason.STOP_IMPLAUSIBLE, percent_away(signal.stop_loss, mark), MAX_STOP_PERCENT)


def _targets(signal: Signal, side: PositionSide, mark: Decimal) -> Denial | None:
    misplaced = misplaced_target(signal.take_profits, _opening(signal, side, mark), side)
    ratios = (_ratio(rung.price, mark) for rung in signal.take_profits)
    factors = (max(ratio, 1 / ratio) for ratio in ratios)
    return misplaced or _at_most(Reason.TARGET_IMPLAUSIBLE, max(factors, default=Decimal(1)), MAX_TARGET_FACTOR)


def _atr(signal: Signal, _: PositionSide, mark: Decimal) -> Denial | None:
    if signal.atr is None:
        return None
    percent = _ratio(signal.atr, mark) * HUNDRED
    if percent < MIN_ATR_PERCENT:
        return Denial(Reason.ATR_IMPLAUSIBLE, percent, MIN_ATR_PERCENT)
    return _at_most(Reason.ATR_IMPLAUSIBLE, percent, MAX_ATR_PERCENT)


RULES: tuple[Callable[[Signal, PositionSide, Decimal], Denial | None], ...] = (
    _reference,
    _own_prices,
    _trigger,
    _stop,
    _targets,
    _atr,
)


def _has_own_price(signal: Signal) -> bool:
    return signal.entry is not None and (signal.entry.type.has_price or signal.entry.type.has_trigger)


def _opening(signal: Signal, side: PositionSide, mark: Decimal) -> tuple[Decimal, ...]:
    return opening_prices(signal.entry or EntryOrder(), signal.price or mark, mark, side)


def _ratio(price: Decimal, mark: Decimal) -> Decimal:
    """A price over the mark, within bounds in which no exponent overflows."""
    digits = price.adjusted() - mark.adjusted()
    if abs(digits) <= MAX_DIGITS_APART:
        return price / mark
    return Decimal(1).scaleb(MAX_DIGITS_APART if digits > 0 else -MAX_DIGITS_APART)


def _at_most(reason: Reason, value: Decimal, bound: Decimal) -> Denial | None:
    return Denial(reason, value, bound) if value > bound else None
