"""Approvals: acts that one operator has asked for and another one lets happen; for platform admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path

from candlecast.runtime.observe import logger
from functions.api.deps import AdminDep, identifier
from functions.api.openapi import refusals
from functions.api.paging import PagingDep
from functions.api.ports import ApprovalsDep, ClockDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.approvals import ApprovalView, Approving, told
from functions.api.schemas.values import Listing
from functions.api.use_cases.approvals import DecideApprovalDep

router = resource_router(VERSION + "/approvals", "operations", 401, 403, 422, 500, 503)


def _approval(approval_id: Annotated[str, Path()]) -> str:
    return identifier(approval_id)


ApprovalId = Annotated[str, Depends(_approval)]


@router.get("")
def list_approvals(_: AdminDep, approvals: ApprovalsDep, clock: ClockDep, paging: PagingDep) -> Listing[ApprovalView]:
    """List the acts that wait for a second operator, and those that were decided, newest first."""
    page, now = approvals.list_approvals(paging.start, paging.limit), clock.now()
    return Listing(items=[ApprovalView.of(approval, now) for approval in page.items], next_cursor=paging.next(page.cursor))


@router.get("/{approval_id}", responses=refusals(404))
def get_approval(_: AdminDep, approvals: ApprovalsDep, clock: ClockDep, approval_id: ApprovalId) -> ApprovalView:
    """Show one approval."""
    return ApprovalView.of(approvals.find_approval(approval_id), clock.now())


@router.post("/{approval_id}/approve", responses=refusals(404, 409, 413))
def approve_act(
    who: AdminDep, decide: DecideApprovalDep, clock: ClockDep, approval_id: ApprovalId, body: Approving
) -> ApprovalView:
    """Approve the request of another operator, and do it. It is done once; a repeat by you changes nothing."""
    approval = decide.approve(approval_id, body.digest, who.name)
    logger.info("approval approved", extra=told(approval))
    return ApprovalView.of(approval, clock.now())


@router.post("/{approval_id}/reject", responses=refusals(404, 409))
def reject_act(who: AdminDep, decide: DecideApprovalDep, clock: ClockDep, approval_id: ApprovalId) -> ApprovalView:
    """Refuse the request of another operator, or withdraw your own."""
    approval = decide.reject(approval_id, who.name)
    logger.info("approval rejected", extra=told(approval))
    return ApprovalView.of(approval, clock.now())
