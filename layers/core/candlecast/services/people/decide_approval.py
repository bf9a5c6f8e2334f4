"""Approve or reject the request of another operator; approving does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from candlecast.domain.people.approval import Act, Approval, ApprovalState
from candlecast.ports.approvals import ApprovalStore
from candlecast.ports.clock import Clock, Metrics
from candlecast.services.retry_conflict import retry_conflict


@dataclass(frozen=True, slots=True)
class DecideApproval:
    """`acts` does each act once its approval is written. An act recognises its own repeat and refuses a changed target."""

    approvals: ApprovalStore
    acts: Mapping[Act, Callable[[Approval], None]]
    clock: Clock
    metrics: Metrics

    def approve(self, approval_id: str, seen: str, who: str) -> Approval:
        """Approve the request whose digest is `seen`, and do it.

        The word is written before the act. If the act is cut off, a repeat by the same operator completes it while the request
        is valid. Raises `NotFound`, `Conflict` (APPROVAL_DIFFERS, SELF_APPROVAL, APPROVAL_DECIDED, APPROVAL_EXPIRED, and
        APPROVAL_OUTDATED if the target has changed since), `RetryLater`.
        """

        def attempt() -> Approval:
            known = self.approvals.find_approval(approval_id)
            approved = known.approved(who, seen, self.clock.now())
            return known if approved == known else self._save(approved)

        approved = retry_conflict(attempt)
        if approved.state is ApprovalState.DONE:
            return approved
        self.acts[approved.act](approved)
        return self.approvals.save_approval(approved.done(self.clock.now()))

    def reject(self, approval_id: str, who: str) -> Approval:
        """Refuse, or withdraw one's own request. Raises `NotFound`, `Conflict` (APPROVAL_DECIDED), `RetryLater`."""

        def attempt() -> Approval:
            known = self.approvals.find_approval(approval_id)
            rejected = known.rejected(who, self.clock.now())
            return known if rejected == known else self._save(rejected)

        return retry_conflict(attempt)

    def _save(self, decided: Approval) -> Approval:
        saved = self.approvals.save_approval(decided)
        self.metrics.count("ApprovalsDecided")
        return saved
