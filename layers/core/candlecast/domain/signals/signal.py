"""A signal: one trading decision of one strategy, the same for every subscriber."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from candlecast.domain.signals.entry_order import EntryOrder
from candlecast.domain.signals.reduction import Reduction
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import require_decimal, require_utc
from candlecast.domain.values.terms import PositionSide

MAX_SIGNAL_AGE_SECONDS = (
    900  # no subscription takes an older one; settled intents are remembered at least this long, in the account's one item
)
MAX_TAKE_PROFITS = 4  # each is an order of its own; venues allow few conditional orders per market
MAX_METADATA_ENTRIES = 16  # a message must stay far below the queue's 256 kB with every subscriber's settings beside it
MAX_METADATA_CHARACTERS = 256


class Action(StrEnum):
    """The request of a signal. HOLD is no signal, so it is not here."""

    LONG = "LONG"
    SHORT = "SHORT"
    EXIT_LONG = "EXIT_LONG"
    EXIT_SHORT = "EXIT_SHORT"
    EXIT = "EXIT"  # the held side, long or short

    @property
    def is_entry(self) -> bool:
        return self in (Action.LONG, Action.SHORT)


@dataclass(frozen=True)
class TakeProfit:
    """One rung of the ladder: `share` of the position is closed at `price`."""

    price: Decimal
    share: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        require_decimal("take profit price", self.price, positive=True)
        require_decimal("take profit share", self.share, positive=True)
        if self.share > 1:
            raise InvalidValue("take profit share must be at most 1")


@dataclass(frozen=True, kw_only=True)
class Signal:
    """One decision, as it is stored and as every subscriber gets it. Prices are in quote units of the market.

    Raises `InvalidValue` (ENTRY_ORDER_INVALID, REDUCTION_INVALID, TOO_MANY_TARGETS, TARGET_SHARES_EXCEED_ONE,
    METADATA_TOO_LARGE; INVALID_VALUE for a naive time or a number out of bounds).
    """

    signal_id: str
    """A function of its origin (strategy, candle and version; source and message), so that a repeat is the same signal."""
    strategy_id: str
    """The strategy that has decided; its followers get the signal."""
    market: str
    """Unified symbol, such as BTC/USDT:USDT."""
    action: Action
    """The action asked for; an entry also closes a position of the opposite side."""
    issued_at: datetime
    """Wall time of the decision (UTC). An entry's age counts from it, and a newer signal supersedes an older entry."""
    correlation_id: str
    """Id that all log lines and messages of the decision share."""
    price: Decimal | None = None
    """Reference for sizing, limits and slippage, above 0. None: the venue's mark at the verdict."""
    stop_loss: Decimal | None = None
    """Price of the stop, above 0; None without a stop. A subscriber's own multiple of `atr` replaces the price."""
    take_profits: tuple[TakeProfit, ...] = ()
    """Targets: at most `MAX_TAKE_PROFITS`, shares at most 1 together. A subscriber's own multiple of `atr` replaces them."""
    atr: Decimal | None = None
    """Average true range of the market, above 0, which subscribers' multiples apply to; None if unknown."""
    confidence: Decimal | None = None
    """How sure the sender is: 0 to 1 by the rule of strategies and dialects, 0 or more here. None if the sender does not say."""
    candle_close: datetime | None = None
    """Market time: close of the candle that was decided on (UTC). None for a signal from outside."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Explanations for people: at most `MAX_METADATA_ENTRIES`, name and value at most `MAX_METADATA_CHARACTERS` together."""
    entry: EntryOrder | None = None
    """How an entry is to be ordered; None: as each subscriber prefers. An exit has none."""
    strategy_version: str | None = None
    """Hash of the strategy's code and parameters (`domain/strategies/version.py`); None for a signal that a person made."""
    released_from: str | None = None
    """The quarantined signal that this signal repeats, judged anew; None for a decision of its own."""
    released_by: str | None = None
    """Who has released the quarantined signal; None for a decision of its own."""
    decision_id: str | None = None
    """Id that the decisions of all versions of the strategy on one candle share; None: the signal is its candle's only one."""
    reduction: Reduction | None = None
    """Of an exit: the part of the position that it closes. None: all."""
    schema_version: int = 1
    """Version of the stored form."""

    def __post_init__(self) -> None:
        require_utc("issued_at", self.issued_at)
        for name in ("price", "stop_loss", "atr"):
            value = getattr(self, name)
            if value is not None:
                require_decimal(name, value, positive=True)
        if self.confidence is not None:
            require_decimal("confidence", self.confidence, non_negative=True)
        if self.entry is not None and not self.action.is_entry:
            raise InvalidValue("an exit is always at market", code="ENTRY_ORDER_INVALID")
        if self.reduction is not None and self.action.is_entry:
            raise InvalidValue("an entry reduces nothing", code="REDUCTION_INVALID")
        if len(self.take_profits) > MAX_TAKE_PROFITS:
            raise InvalidValue(f"at most {MAX_TAKE_PROFITS} take profits", code="TOO_MANY_TARGETS")
        if sum((rung.share for rung in self.take_profits), Decimal(0)) > 1:
            raise InvalidValue("take profit shares add up to more than 1", code="TARGET_SHARES_EXCEED_ONE")
        if len(self.metadata) > MAX_METADATA_ENTRIES:
            raise InvalidValue(f"at most {MAX_METADATA_ENTRIES} metadata entries", code="METADATA_TOO_LARGE")
        if any(len(key) + len(value) > MAX_METADATA_CHARACTERS for key, value in self.metadata.items()):
            raise InvalidValue(f"a metadata entry has over {MAX_METADATA_CHARACTERS} characters", code="METADATA_TOO_LARGE")

    @property
    def order_root(self) -> str:
        """Root of its orders' ids. A subscription that changes its version meanwhile still orders once per candle."""
        return self.decision_id or self.signal_id

    @property
    def entry_side(self) -> PositionSide | None:
        """The side that an entry opens; None for an exit."""
        return PositionSide(self.action.value) if self.action.is_entry else None

    def without_entry(self) -> Signal:
        """The signal of a strategy that opens nothing any more: an entry is left as the exit from the opposite side."""
        if not self.action.is_entry:
            return self
        action = Action.EXIT_SHORT if self.action is Action.LONG else Action.EXIT_LONG
        return replace(self, action=action, entry=None, stop_loss=None, take_profits=())

    def closes(self, held: PositionSide) -> bool:
        """Whether this signal closes a position of the `held` side; an opposite entry does (a reversal)."""
        if self.action is Action.EXIT:
            return True
        if held is PositionSide.LONG:
            return self.action in (Action.EXIT_LONG, Action.SHORT)
        return self.action in (Action.EXIT_SHORT, Action.LONG)


def reported_age_seconds(signal: Signal, now: datetime) -> float:
    """Age for metrics, from 0 to `MAX_SIGNAL_AGE_SECONDS`: exits may be older, and one odd clock must not move an average."""
    return min(max((now - signal.issued_at).total_seconds(), 0.0), float(MAX_SIGNAL_AGE_SECONDS))
