"""The receipt of a decision for one (signal, subscription): its legs, its limits, and the origin of each limit.

A receipt is a pure function of the decision's inputs, and its text is canonical: replaying the decision gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.reasons import Denial

if TYPE_CHECKING:  # the fan-out makes receipts too, and needs neither an account nor limits for them
    from candlecast.domain.account.account import Account
    from candlecast.domain.decide.risk.evaluate import Evaluation
    from candlecast.domain.limits.limits import EffectiveLimits

SCHEMA_VERSION = 1
EXITS_ARE_NOT_LIMITED = "EXITS_ARE_NOT_LIMITED"  # why an exit stands although the entry of its signal was denied


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """Everything that a decision was made from, and its outcome.

    `limits` is None where no entry was considered: exits pass no limit. `account_id` and `account_version` are None for a
    subscription without an account.
    """

    order: TradeOrder
    account_id: str | None
    account_version: int | None
    decided_at: datetime
    intents: tuple[Intent, ...]
    limits: EffectiveLimits | None
    evaluations: tuple[Evaluation, ...]

    @staticmethod
    def of(
        account: Account,
        order: TradeOrder,
        intents: Sequence[Intent],
        limits: EffectiveLimits | None,
        evaluations: Sequence[Evaluation],
        now: datetime,
    ) -> Receipt:
        return Receipt(
            order=order,
            account_id=account.account_id,
            account_version=account.version,
            decided_at=now,
            intents=tuple(intents),
            limits=limits,
            evaluations=tuple(evaluations),
        )

    @staticmethod
    def without_account(order: TradeOrder, skipped: Intent, now: datetime) -> Receipt:
        """The receipt of a subscription that has no account to decide on."""
        return Receipt(
            order=order, account_id=None, account_version=None, decided_at=now, intents=(skipped,), limits=None, evaluations=()
        )

    def text(self) -> str:
        """Canonical JSON: sorted keys, no blanks, Decimals as plain text without trailing zeros, absent values left out."""
        signal, settings = self.order.signal, self.order.settings
        content = {
            "schema_version": SCHEMA_VERSION,
            "signal_id": signal.signal_id,
            "subscription_id": self.order.subscription_id,
            "account_id": self.account_id,
            "account_version": self.account_version,
            "strategy_id": signal.strategy_id,
            "strategy_version": self.order.strategy_version,
            "market": signal.market,
            "action": signal.action,
            "price": signal.price,
            "decided_at": self.decided_at,
            "capital": settings.capital,
            "sizing": _present({"mode": settings.sizing.mode, "value": settings.sizing.value}),
            "traded": any(not intent.state.is_terminal for intent in self.intents),
            "legs": [_leg(intent) for intent in self.intents],
            "exit_stands": self._exit_stands(),
            "authority": None if self.limits is None else self.limits.authority,
            "limits": {each.limit: _limit(each) for each in self.evaluations},
        }
        return _ENCODER.encode(_present(content))

    def _exit_stands(self) -> dict[str, Any] | None:
        """Why a reversal closes the held position and opens none: no limit holds back an exit, and one denied the entry."""
        goes = any(intent.kind is LegKind.EXIT and not intent.state.is_terminal for intent in self.intents)
        denied = (intent for intent in self.intents if intent.kind is LegKind.ENTRY and intent.state is IntentState.DENIED)
        reason = next((intent.reason for intent in denied), None)
        return {"because": EXITS_ARE_NOT_LIMITED, "entry": reason} if goes and reason is not None else None

    def digest(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.text().encode()).hexdigest()


def _leg(intent: Intent) -> dict[str, Any]:
    leg = {
        "leg": intent.leg,
        "state": intent.state,
        "quantity": intent.quantity,
        "trigger_price": intent.trigger_price,
        "denial": None if intent.denial is None else _denial(intent.denial),
    }
    return _present(leg)


def _denial(denial: Denial) -> dict[str, Any]:
    return _present({"reason": denial.reason, "value": denial.value, "bound": denial.bound, "margin": denial.margin})


def _limit(evaluation: Evaluation) -> dict[str, Any]:
    limit = {
        "passed": evaluation.passed,
        "value": evaluation.value,
        "bound": evaluation.bound,
        "margin": evaluation.margin,
        "reason": None if evaluation.passed else evaluation.reason,
        "origin": evaluation.origin,
    }
    return _present(limit)


def _present(content: dict[str, Any]) -> dict[str, Any]:
    """The content without its None values."""
    return {key: value for key, value in content.items() if value is not None}


def _canonical(value: object) -> str:
    """The text of a value that JSON has no type for; raises `TypeError` for a type that no receipt holds."""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"a receipt holds no {type(value).__name__}")


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_canonical)
