"""The outcome of an order is told by its state, its fills and its reason."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.account import Account
from candlecast.domain.decide.outcome import (
    LIMIT_OF,
    Outcome,
    limit_that_denied,
    outcome_of,
    told_order,
    told_run,
    told_signal,
)
from candlecast.domain.decide.plan import plan_orders
from candlecast.domain.limits.limits import Scope
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.strategies.execution import ExecutionStatus
from candlecast.domain.values.reasons import Denial, Reason
from tests.support.builders import NOW, a_market, a_signal, a_trade_order, an_account, an_execution, an_intent, settings

DENIED = Denial(Reason.MAX_ORDER_NOTIONAL, Decimal("120.50"), Decimal(100))
RESTED: dict[str, Any] = {"denial": Denial(Reason.ENTRY_NOT_FILLED), "venue_order_id": "v-1"}
FILLED: dict[str, Any] = {"filled_quantity": Decimal(10), "average_price": Decimal("100.1")}
PART: dict[str, Any] = {"filled_quantity": Decimal(4), "average_price": Decimal("100.1")}


@pytest.mark.parametrize(
    ("state", "changes", "outcome", "sentence"),
    [
        (
            IntentState.DENIED,
            {"denial": DENIED},
            Outcome.DENIED,
            "Not placed: the order of 120.50 USDT is above your limit of 100 USDT per order by 20.50 USDT.",
        ),
        (
            IntentState.SKIPPED,
            {"denial": Denial(Reason.NO_ACCOUNT)},
            Outcome.SKIPPED,
            "Not placed: the subscription names no account.",
        ),
        (
            IntentState.EXPIRED,
            {"denial": Denial(Reason.SIGNAL_SUPERSEDED)},
            Outcome.SUPERSEDED,
            "Not placed: a newer signal of the same position came first.",
        ),
        (
            IntentState.EXPIRED,
            {"denial": Denial(Reason.SIGNAL_TOO_OLD, Decimal("130.2"), Decimal(120))},
            Outcome.EXPIRED,
            "Not placed: the entry's age of 130.20 s is above your limit of 120 s for that age by 10.20 s.",
        ),
        (
            IntentState.EXPIRED,
            RESTED,
            Outcome.EXPIRED,
            "Placed, and ended without a fill: the market did not reach its price in time.",
        ),
        (
            IntentState.CANCELLED,
            {"denial": Denial(Reason.CANCELLED_BY_OWNER)},
            Outcome.CANCELLED,
            "Placed, and ended without a fill: you have cancelled it.",
        ),
        (
            IntentState.CANCELLED,
            {**RESTED, **PART},
            Outcome.PLACED,
            "Filled 4 BTC of 10 BTC at 100.10 USDT on average, then ended: the market did not reach its price in time.",
        ),
        (
            IntentState.REJECTED,
            {"denial": Denial(Reason.INSUFFICIENT_FUNDS)},
            Outcome.REJECTED,
            "Refused by the venue: the account has too little margin there.",
        ),
        (IntentState.FILLED, FILLED, Outcome.PLACED, "Placed and filled: 10 BTC at 100.10 USDT on average."),
        (IntentState.OPEN, {}, Outcome.PLACED, "Placed: 10 BTC wait at the venue."),
        (
            IntentState.OPEN,
            PART,
            Outcome.PLACED,
            "Placed: 4 BTC of 10 BTC are filled at 100.10 USDT on average, the rest waits at the venue.",
        ),
        (IntentState.SUBMITTING, {}, Outcome.UNDER_WAY, "Being sent to the venue."),
        (IntentState.DENIED, {}, Outcome.DENIED, "Not placed: no reason is recorded."),
    ],
)
def test_an_order_is_told(state: IntentState, changes: dict[str, Any], outcome: Outcome, sentence: str) -> None:
    order = an_intent(state=state, **changes)
    assert (outcome_of(order), told_order(order, "your limit")) == (outcome, sentence)


@pytest.mark.parametrize("state", IntentState)
@pytest.mark.parametrize("filled", [{}, PART])
@pytest.mark.parametrize("kind", LegKind)
def test_no_state_is_without_an_outcome_and_a_sentence(state: IntentState, filled: dict[str, Any], kind: LegKind) -> None:
    order = an_intent(kind, state=state, **filled)
    assert outcome_of(order) in Outcome
    assert told_order(order).endswith(".")


def test_every_level_has_a_word_for_its_limit() -> None:
    assert set(LIMIT_OF) == {None, *Scope}


def denied_by(account: Account, **changes: Any) -> str | None:
    plan = plan_orders(account, a_trade_order(a_signal(stop_loss=Decimal(95)), **changes), a_market(), NOW)
    assert plan.receipt is not None
    (order,) = plan.decided
    return limit_that_denied(plan.receipt.text(), order.reason)


def test_the_receipt_says_whose_limit_it_was() -> None:
    """A real decision by the plan, whose receipt is read."""
    assert denied_by(an_account(), settings=settings(max_order_notional=Decimal(1))) == "your limit"


def test_without_a_receipt_nobody_is_blamed() -> None:
    assert limit_that_denied(None, Reason.MAX_ORDER_NOTIONAL) == "the limit"
    assert limit_that_denied('{"traded":true}', Reason.MAX_ORDER_NOTIONAL) == "the limit"


@pytest.mark.parametrize("scope", Scope)
def test_the_level_of_a_broken_limit_is_named(scope: Scope) -> None:
    text = (
        '{"limits":{"max_positions":{"passed":true,"origin":"ACCOUNT"},'
        f'"max_order_notional":{{"passed":false,"reason":"MAX_ORDER_NOTIONAL","origin":"{scope}"}}}}}}'
    )
    assert limit_that_denied(text, Reason.MAX_ORDER_NOTIONAL) == LIMIT_OF[scope]


def test_a_signal_is_told_as_it_was_understood() -> None:
    half = Decimal("0.5")
    entry = a_signal(stop_loss=Decimal("95.5"), take_profits=(TakeProfit(Decimal(105), half), TakeProfit(Decimal(110), half)))
    assert told_signal(entry) == (
        "An entry: LONG BTC/USDT:USDT at 100 USDT, stop at 95.50 USDT, targets at 105 USDT and 110 USDT."
    )
    assert told_signal(a_signal(Action.EXIT)) == "An exit: EXIT BTC/USDT:USDT."
    assert told_signal(a_signal(Action.SHORT, price=None)) == "An entry: SHORT BTC/USDT:USDT."


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (ExecutionStatus.NO_SIGNAL, None, "decided to do nothing"),
        (ExecutionStatus.SKIPPED, "CANDLE_TOO_LATE", "its message came too late"),
        (ExecutionStatus.FAILED, "SANDBOX_MEMORY", "failed on this candle (SANDBOX_MEMORY)"),
        (ExecutionStatus.SKIPPED, "SOMETHING_NEW", "was not decided (SOMETHING_NEW)"),
    ],
)
def test_a_run_is_told_by_its_reason(status: ExecutionStatus, reason: str | None, words: str) -> None:
    assert words in told_run(an_execution(status=status, reason=reason))
