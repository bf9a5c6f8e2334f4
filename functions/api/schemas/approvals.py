"""Approvals as they are shown and decided."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi.responses import JSONResponse
from pydantic import ConfigDict, Field

from candlecast.domain.people.approval import Act, Approval, ApprovalState
from candlecast.runtime.observe import logger
from functions.api.schemas.values import Body, View


class Approving(Body):
    """The word of the second operator."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"digest": "0f" * 16}]})

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="That of the approval, as you have seen it.")]


class ApprovalView(View):
    """An act that one operator has asked for, and its outcome."""

    approval_id: str
    act: Act = Field(description="Kind of the act.")
    target: str = Field(
        description="Scope and id of the thing that is changed; between them the tenant of an account or subscription."
    )
    terms: dict[str, str] = Field(description="The exact change.")
    digest: str = Field(description="Names act, target and terms. The second operator sends it back.")
    state: ApprovalState = Field(description="Whether the act waits for an approval, was rejected or is done.")
    asked_by: str = Field(description="Operator who has asked for the act.")
    asked_at: datetime = Field(description="When the act was asked for.")
    expires_at: datetime = Field(description="Until then the act can be approved and done.")
    decided_by: str | None = Field(description="Who has approved or rejected it; null before.")
    decided_at: datetime | None = Field(description="When the act was approved or rejected; null before.")
    done_at: datetime | None = Field(description="When the act had happened; null before.")

    @staticmethod
    def of(approval: Approval, now: datetime) -> ApprovalView:
        return ApprovalView(
            approval_id=approval.approval_id,
            act=approval.act,
            target=approval.target,
            terms=dict(approval.terms),
            digest=approval.digest,
            state=approval.state_at(now),
            asked_by=approval.asked_by,
            asked_at=approval.asked_at,
            expires_at=approval.expires_at,
            decided_by=approval.decided_by,
            decided_at=approval.decided_at,
            done_at=approval.done_at,
        )


def waiting(approval: Approval) -> JSONResponse:
    """The answer of an act that waits for a second operator; the log tells the request as well."""
    logger.info("approval requested", extra=told(approval))
    body = ApprovalView.of(approval, approval.asked_at).model_dump(mode="json")
    return JSONResponse(body, status_code=HTTPStatus.ACCEPTED)


def told(approval: Approval) -> dict[str, str | None]:
    """An approval as log lines tell it."""
    return {
        "approval_id": approval.approval_id,
        "act": approval.act,
        "target": approval.target,
        "state": approval.state,
        "asked_by": approval.asked_by,
        "decided_by": approval.decided_by,
    }


WAITS: dict[int | str, dict[str, Any]] = {
    HTTPStatus.ACCEPTED.value: {"model": ApprovalView, "description": "It waits for a second platform admin."}
}
"""The `responses` of an act that may wait."""
