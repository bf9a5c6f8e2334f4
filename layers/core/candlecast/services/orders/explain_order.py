"""Explain an order to its owner: the steps of its signal, its decision and its outcome."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.decide.outcome import Outcome, limit_that_denied, outcome_of, told_order
from candlecast.domain.orders.intent import Intent
from candlecast.domain.values.errors import NotFound
from candlecast.domain.values.sentences import OUTCOMES, STEPS
from candlecast.ports.clock import Clock
from candlecast.ports.decisions import KEPT, Decisions
from candlecast.ports.store import History
from candlecast.services.signals.read_chain import Chain, ReadChain


@dataclass(frozen=True, slots=True)
class ExplainedOrder:
    """An order with the steps before it."""

    order: Intent
    outcome: Outcome
    sentence: str
    chain: Chain | None
    """The steps of the signal that asked for the order or opened its position; None without a published signal."""
    chain_note: str | None
    """Why there is no chain; None with one."""
    receipt: str | None
    """The receipt of the decision, while it is kept."""
    receipt_note: str | None
    """Why the receipt is gone; None while it is kept, and for an order that never had one."""


@dataclass(frozen=True, slots=True)
class ExplainOrder:
    """Reads the order, its receipt, and the chain of its signal: at most six requests, for up to a hundred shards."""

    history: History
    decisions: Decisions
    read_chain: ReadChain
    clock: Clock

    def __call__(self, tenant_id: str, order_id: str) -> ExplainedOrder:
        """Raises `NotFound`. An order is its tenant's evidence of the signal, so its chain is shown to former followers too."""
        order = self.history.get_order(tenant_id, order_id)
        decision = order.signal_id, order.subscription_id
        receipt = self.decisions.find_receipts(tenant_id, {decision}).get(decision)
        chain = self._chain(order.signal_id)
        is_old = self.clock.now() - order.created_at > KEPT
        return ExplainedOrder(
            order=order,
            outcome=outcome_of(order),
            sentence=told_order(order, limit_that_denied(receipt, order.reason)),
            chain=chain,
            chain_note=None if chain is not None else STEPS["NO_SIGNAL"],
            receipt=receipt,
            receipt_note=OUTCOMES["RECEIPT_NOT_KEPT"].format(days=KEPT.days) if receipt is None and is_old else None,
        )

    def _chain(self, signal_id: str) -> Chain | None:
        try:
            return self.read_chain(signal_id)
        except NotFound:
            return None
