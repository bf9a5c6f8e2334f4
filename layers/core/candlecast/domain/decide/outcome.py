"""The outcome of a signal for a subscription, and of each order, in a sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

from candlecast.domain.limits.limits import Scope
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.signals.signal import Signal
from candlecast.domain.strategies.execution import Execution
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.sentences import ORDERS, RUNS, STEPS, amount, clause_of

LIMIT_OF: Mapping[Scope | None, str] = {
    None: "the limit",
    Scope.PLATFORM: "the platform's limit",
    Scope.ORGANISATION: "your organisation's limit",
    Scope.GROUP: "your group's limit",
    Scope.OPERATIONS: "the operators' limit",
    Scope.USER: "your limit",
    Scope.ACCOUNT: "your limit",
    Scope.SUBSCRIPTION: "your limit",
}
"""How the holder of an account calls a limit, by the level that sets it."""


class Outcome(StrEnum):
    """The outcome of a signal for a subscription. The first eight are those of an order, the others have no order."""

    PLACED = "PLACED"
    UNDER_WAY = "UNDER_WAY"
    DENIED = "DENIED"
    SKIPPED = "SKIPPED"
    EXPIRED = "EXPIRED"
    SUPERSEDED = "SUPERSEDED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    HELD_BACK = "HELD_BACK"
    NOT_ADDRESSED = "NOT_ADDRESSED"
    FOLLOWED_LATER = "FOLLOWED_LATER"
    AWAITED = "AWAITED"
    UNRECORDED = "UNRECORDED"


def outcome_of(order: Intent) -> Outcome:
    """The outcome of an order."""
    if order.is_filled or order.state in (IntentState.OPEN, IntentState.FILLED):
        return Outcome.PLACED
    if not order.state.is_terminal:
        return Outcome.UNDER_WAY
    return Outcome.SUPERSEDED if order.reason is Reason.SIGNAL_SUPERSEDED else Outcome(order.state.value)


def told_order(order: Intent, limit: str = LIMIT_OF[None]) -> str:
    """The outcome of an order, in a sentence; `limit` names the limit that stopped it and the limit's owner."""
    base = order.market.partition("/")[0]
    why = "no reason is recorded" if order.denial is None else clause_of(order.denial, order.market, limit)
    price = "an unknown price" if order.average_price is None else in_quote(order.average_price, order.market)
    return ORDERS[_kind_of(order)].format(
        why=why, filled=amount(order.filled_quantity, base), quantity=amount(order.quantity, base), price=price
    )


def _kind_of(order: Intent) -> str:
    """The sentence of `ORDERS` that fits the order."""
    if order.state is IntentState.OPEN and order.is_filled:
        return "PARTLY_OPEN"
    if not order.state.is_terminal or order.state in (IntentState.FILLED, IntentState.REJECTED):
        return order.state.value
    if order.is_filled:
        return "FILLED_IN_PART"
    reached_venue = order.venue_order_id is not None or order.state is IntentState.CANCELLED
    return "NOT_FILLED" if reached_venue else "NOT_PLACED"


def told_signal(signal: Signal) -> str:
    """The request of a signal, in a sentence."""
    if not signal.action.is_entry:
        return STEPS["EXIT"].format(action=signal.action, market=signal.market)
    targets = " and ".join(in_quote(rung.price, signal.market) for rung in signal.take_profits)
    return STEPS["ENTRY"].format(
        action=signal.action,
        market=signal.market,
        price="" if signal.price is None else f" at {in_quote(signal.price, signal.market)}",
        stop="" if signal.stop_loss is None else f", stop at {in_quote(signal.stop_loss, signal.market)}",
        targets=f", targets at {targets}" if targets else "",
    )


def told_run(execution: Execution) -> str:
    """The outcome of a strategy's run on a candle, in a sentence."""
    code = execution.reason or ""
    return (RUNS.get(code) or RUNS[execution.status.value]).format(code=code or execution.status.value)


def in_quote(price: Decimal, market: str) -> str:
    """A price or an amount of a market's quote asset."""
    return amount(price, market.partition("/")[2].partition(":")[0])


def limit_that_denied(receipt: str | None, reason: Reason | None) -> str:
    """Names the limit that stopped an order, and the limit's owner, by the receipt of the decision; None once that is gone."""
    if receipt is None or reason is None:
        return LIMIT_OF[None]
    limits = json.loads(receipt).get("limits", {})
    broken = (limit for limit in limits.values() if not limit["passed"] and limit.get("reason") == reason)
    origin = next((limit.get("origin") for limit in broken), None)
    return LIMIT_OF[None if origin is None else Scope(origin)]
