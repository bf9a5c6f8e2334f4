"""Approvals in memory."""

from __future__ import annotations

from dataclasses import replace

from candlecast.adapters.paging import check_limit, decode_cursor, encode_cursor
from candlecast.domain.people.approval import Act, Approval, ask
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.ports.store import Page
from tests.support.builders import NOW


class FakeApprovalStore:
    def __init__(self) -> None:
        self.approvals: dict[str, Approval] = {}

    def find_approval(self, approval_id: str) -> Approval:
        try:
            return self.approvals[approval_id]
        except KeyError:
            raise NotFound("no such approval") from None

    def save_approval(self, approval: Approval) -> Approval:
        known = self.approvals.get(approval.approval_id)
        if (known.version if known else 0) != approval.version:
            raise Conflict("VERSION_CONFLICT", "the approval has changed since it was read")
        stored = self.approvals[approval.approval_id] = replace(approval, version=approval.version + 1)
        return stored

    def list_approvals(self, cursor: str | None = None, limit: int = 50) -> Page[Approval]:
        check_limit(limit)
        newest = sorted(self.approvals.values(), key=lambda each: (each.asked_at, each.approval_id), reverse=True)
        start = int(decode_cursor("APPROVALS", cursor)["at"]) if cursor is not None else 0
        end = start + limit
        return Page(newest[start:end], encode_cursor("APPROVALS", {"at": str(end)}) if end < len(newest) else None)


def an_approval(**changes: object) -> Approval:
    """A request to flatten the platform, which has no switch yet."""
    terms = {"grade": "FLATTEN", "reason": "the venue is lost", "version": "0", "was": "OFF"}
    asked = ask("approval-1", Act.FLATTEN_PLATFORM, "PLATFORM/platform", terms, "api:operator-1", NOW)
    return replace(asked, **changes)  # type: ignore[arg-type]
