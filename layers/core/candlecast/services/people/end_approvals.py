"""End the requests that wait for a second operator, where the store went back to an earlier moment.

A request that was refused or withdrawn in the lost minutes waits again. Its target looks as it did, so the word of a second
operator would do the act after all.
"""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.people.approval import ApprovalState
from candlecast.ports.approvals import ApprovalStore
from candlecast.ports.clock import Clock

NEWEST = 100  # one page: requests that can still be approved are among the newest
OPEN = frozenset({ApprovalState.PENDING, ApprovalState.APPROVED})


@dataclass(frozen=True, slots=True)
class EndApprovals:
    """Nobody approves such a request any more; an operator may ask anew."""

    approvals: ApprovalStore
    clock: Clock

    def __call__(self, by: str) -> int:
        """Refuse every request that is still open; returns how many. Raises `Conflict` (VERSION_CONFLICT), `RetryLater`."""
        now = self.clock.now()
        found = [each for each in self.approvals.list_approvals(None, NEWEST).items if each.state_at(now) in OPEN]
        for each in found:
            self.approvals.save_approval(each.ended(by, now))
        return len(found)
