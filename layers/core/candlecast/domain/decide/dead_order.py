"""An order whose message was dead-lettered: recorded for its tenant, who otherwise would see nothing of the signal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.signals.signal import Action
from candlecast.domain.values.ids import intent_id
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import PositionSide

SPENT = "RETRIES_SPENT:"  # before the code of the last failure, in the reason of a dead letter


@dataclass(frozen=True, kw_only=True)
class DeadSignal:
    """The part of a signal that names an order."""

    signal_id: str
    """As stops, targets and parts are named by it."""
    strategy_id: str
    """The strategy that has decided."""
    market: str
    """Unified symbol."""
    action: Action
    """Whether an entry or an exit was asked for."""
    issued_at: datetime
    """Wall time of the decision (UTC)."""
    correlation_id: str
    """Id that all log lines and messages of the decision share."""
    decision_id: str | None = None
    """As in the signal: the root of the order's id, where the strategy has versions."""


@dataclass(frozen=True, kw_only=True)
class DeadOrder:
    """The part of an order message that a record needs; it may be readable where the message as a whole is not."""

    signal: DeadSignal
    """The decision."""
    tenant_id: str
    """The subscriber."""
    account_id: str
    """The account to trade on."""
    subscription_id: str
    """The subscription that follows the strategy."""

    def denied(self, code: str, now: datetime) -> Intent:
        """The order as its tenant sees it: denied, for the reason that the dead letter's `code` names, else DEAD_LETTERED."""
        signal = self.signal
        side = PositionSide(signal.action.value) if signal.action.is_entry else None
        kind = LegKind.EXIT if side is None else LegKind.ENTRY
        return Intent(
            intent_id=intent_id(signal.decision_id or signal.signal_id, self.subscription_id, kind.value),
            leg=kind.value,
            kind=kind,
            tenant_id=self.tenant_id,
            account_id=self.account_id,
            subscription_id=self.subscription_id,
            strategy_id=signal.strategy_id,
            signal_id=signal.signal_id,
            correlation_id=signal.correlation_id,
            market=signal.market,
            position_side=side,
            state=IntentState.DENIED,
            issued_at=signal.issued_at,
            created_at=now,
            denial=Denial(_reason(code.removeprefix(SPENT))),
            settled_at=now,
        )


def _reason(code: str) -> Reason:
    return Reason(code) if code in Reason.__members__ else Reason.DEAD_LETTERED
