"""The receipt of a decision: what was decided for one (signal, subscription), by which limits, and where they came from (RK6).

It is a pure function of what the decision was made from, and its text is canonical: replaying the decision gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from candlecast.domain.account import Account
from candlecast.domain.limits import EffectiveLimits
from candlecast.domain.order import Intent
from candlecast.domain.reasons import Denial
from candlecast.domain.risk.evaluate import Evaluation
from candlecast.domain.trade_order import TradeOrder

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Everything that a decision was made from and what it came to.

    `limits` is None where no entry was considered: exits pass no limit.
    """

    order: TradeOrder
    account_id: str
    account_version: int
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
            "action": signal.action.value,
            "price": signal.price,
            "decided_at": self.decided_at,
            "capital": settings.capital,
            "sizing": {"mode": settings.sizing.mode.value, "value": settings.sizing.value},
            "traded": any(not intent.state.is_terminal for intent in self.intents),
            "legs": [_leg(intent) for intent in self.intents],
            "authority": None if self.limits is None else self.limits.authority.value,
            "limits": {each.limit: _limit(each) for each in self.evaluations},
        }
        return json.dumps(_canonical(content), sort_keys=True, separators=(",", ":"))

    def digest(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.text().encode()).hexdigest()


def _leg(intent: Intent) -> dict[str, Any]:
    return {
        "leg": intent.leg,
        "state": intent.state.value,
        "quantity": intent.quantity,
        "trigger_price": intent.trigger_price,
        "denial": None if intent.denial is None else _denial(intent.denial),
    }


def _denial(denial: Denial) -> dict[str, Any]:
    return {"reason": denial.reason.value, "value": denial.value, "bound": denial.bound, "margin": denial.margin}


def _limit(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "passed": evaluation.passed,
        "value": evaluation.value,
        "bound": evaluation.bound,
        "margin": evaluation.margin,
        "reason": None if evaluation.passed else evaluation.reason.value,
        "origin": None if evaluation.origin is None else evaluation.origin.value,
    }


def _canonical(value: Any) -> Any:
    """JSON's own types; what is None in an object is left out."""
    if isinstance(value, dict):
        return {key: _canonical(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_canonical(each) for each in value]
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value.isoformat() if isinstance(value, datetime) else value
