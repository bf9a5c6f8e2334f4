"""Ask for an act that needs a second operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from candlecast.domain.people.approval import MAX_PENDING, Act, Approval, ApprovalState, ask
from candlecast.domain.values.errors import Conflict
from candlecast.ports.approvals import ApprovalStore
from candlecast.ports.clock import Clock, Identifiers, Metrics

NEWEST = 100  # one page: requests that can still be pending are among the newest


@dataclass(frozen=True, slots=True)
class AskApproval:
    """Stores the request; the act itself happens when another operator approves it.

    `operators_to_lift` is 2, or 1 in an installation with a single operator, where each such act counts as a warning.
    """

    approvals: ApprovalStore
    clock: Clock
    identifiers: Identifiers
    operators_to_lift: int
    metrics: Metrics

    def one_is_enough(self) -> bool:
        """Whether the caller may act alone; the act counts then."""
        if self.operators_to_lift > 1:
            return False
        self.metrics.count("ActsByOneOperator")
        return True

    def __call__(self, act: Act, target: str, terms: Mapping[str, str], who: str) -> Approval:
        """The pending request; that of an earlier call for exactly the same, if it still waits.

        Raises `Conflict` (TOO_MANY_APPROVALS), `RetryLater`.
        """
        now = self.clock.now()
        wanted = ask(self.identifiers.new(), act, target, terms, who, now)
        newest = self.approvals.list_approvals(None, NEWEST).items
        pending = [each for each in newest if each.state_at(now) is ApprovalState.PENDING]
        for each in pending:
            if each.digest == wanted.digest:
                return each
        if len(pending) >= MAX_PENDING:
            raise Conflict("TOO_MANY_APPROVALS", f"{MAX_PENDING} requests wait already: approve or reject some")
        self.metrics.count("ApprovalsRequested")
        return self.approvals.save_approval(wanted)
