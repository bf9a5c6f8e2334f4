"""The store of approvals: requests of operators that wait for a second one, and their outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from candlecast.domain.people.approval import Approval
    from candlecast.ports.store import Page


class ApprovalStore(Protocol):
    """Approvals by id; they are kept, since they record who has let what happen."""

    def find_approval(self, approval_id: str) -> Approval:
        """The approval, strongly consistent; raises `NotFound`."""
        ...

    def save_approval(self, approval: Approval) -> Approval:
        """Write as version + 1; raises `Conflict` (VERSION_CONFLICT) if somebody else has written since it was read."""
        ...

    def list_approvals(self, cursor: str | None = None, limit: int = 50) -> Page[Approval]:
        """Newest first; one that was written in the last moments may be missing."""
        ...
