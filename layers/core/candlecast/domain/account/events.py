"""Events: facts about an account. They ride in the item they describe, so none is lost or invented."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from candlecast.domain.account.findings import ExternalOrder
from candlecast.domain.account.kill_switch import KillSwitch
from candlecast.domain.orders.charges import Charge
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.orders.position import Position, Trade
from candlecast.domain.strategies.versions import StrategyChange
from candlecast.domain.values.reasons import Reason


class EventType(StrEnum):
    """Types on the event bus."""

    TRADE_CREATED = "trade.created"  # an intent was written
    TRADE_EXECUTED = "trade.executed"  # the venue has accepted the order
    TRADE_FILLED = "trade.filled"
    TRADE_FAILED = "trade.failed"  # skipped, denied, expired, rejected, cancelled
    TRADE_UNKNOWN = "trade.unknown"  # the venue's answer was lost
    TRADE_CLOSED = "trade.closed"  # a round trip is complete
    CHARGE_BOOKED = "charge.booked"  # a fee or funding has corrected a position, or a trade that is closed
    POSITION_CHANGED = "position.changed"
    ACCOUNT_CHANGED = "account.changed"
    EXTERNAL_ORDER = "account.external_order"  # an order that is not ours was found at the venue
    ALERT_CRITICAL = "alert.critical"
    LIMITS_BREACHED = "user.limits.breached"  # once per subscription, limit and day; `order` has the denial
    KILL_SWITCH_CHANGED = "kill_switch.changed"  # somebody has set, changed or cleared one
    STRATEGY_VERSION_ADDED = "strategy.version.added"  # and released to nobody yet
    STRATEGY_VERSION_RELEASED = "strategy.version.released"  # to a share of the followers of the latest, or to all of them
    STRATEGY_VERSION_ROLLED_BACK = "strategy.version.rolled_back"
    STRATEGY_CHANGED = "strategy.changed"  # its name, description, tags, visibility or collaborators
    STRATEGY_RETIRED = "strategy.retired"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened. Its id follows from the account, the account's version and its place in the outbox.

    An event of a kill switch or a strategy has that one's name and version in the account's place.
    """

    type: EventType
    occurred_at: datetime
    order: Intent | None = None
    position: Position | None = None
    trade: Trade | None = None
    code: str | None = None
    kill_switch: KillSwitch | None = None
    market: str | None = None
    external_order: ExternalOrder | None = None
    receipt: str | None = None  # of the decision, with the entry that was decided
    cause: Reason | None = None  # of a suspension of entries
    charge: Charge | None = None  # the correction of `position` or `trade`
    strategy_change: StrategyChange | None = None
    failure: str | None = None  # the code of the failure that an alert is about, as the venue's adapter or a rule has named it
    schema_version: int = 1


_TYPE_OF_STATE = {
    IntentState.PENDING: EventType.TRADE_CREATED,
    IntentState.SUBMITTING: EventType.TRADE_CREATED,
    IntentState.UNKNOWN: EventType.TRADE_UNKNOWN,
    IntentState.OPEN: EventType.TRADE_EXECUTED,
    IntentState.FILLED: EventType.TRADE_FILLED,
}


def order_event(intent: Intent, at: datetime) -> Event:
    """The event that tells an intent's present state."""
    return Event(type=_TYPE_OF_STATE.get(intent.state, EventType.TRADE_FAILED), occurred_at=at, order=intent)
