"""Rate limits of each tenant: reads and writes apart, and none for a request that stops or closes something (decision 0140)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from candlecast.domain.people.request_rate import WINDOW, Admission, RequestKind, TooManyRequests
from candlecast.domain.values.errors import RetryLater
from candlecast.runtime.compose import api
from candlecast.runtime.observe import logger
from candlecast.services.people.admit_requests import AdmitRequests
from functions.api.deps import CallerDep

# By name of the operation. Each of them ends, stops or protects; redriven letters may be exits, and an approval may flatten.
EXITS = frozenset(
    {
        "approve_act",
        "cancel_order",
        "cancel_subscription",
        "close_position",
        "delete_credentials",
        "disable_account",
        "move_stop",
        "pause_subscription",
        "put_kill_switch",
        "redrive_dead_letters",
    }
)
READING = frozenset({"GET", "HEAD"})


async def limited(request: Request, who: CallerDep, admit: Annotated[AdmitRequests, Depends(api.admit_requests)]) -> None:
    """Count a request; raises `TooManyRequests`. A count that cannot be asked refuses nobody."""
    kind = RequestKind.READ if request.method in READING else RequestKind.WRITE
    try:
        admission = admit(who.tenant_id, kind)
    except RetryLater as error:
        logger.warning("requests not counted", extra={"reason_code": error.code})
        return
    request.state.rate = headers_of(admission)
    if not admission.admitted:
        raise TooManyRequests(admission)


def headers_of(admission: Admission) -> dict[str, str]:
    """The headers of draft-ietf-httpapi-ratelimit-headers-11 (May 2026): the quota, and its rest."""
    name = f'"{admission.kind.value}"'
    return {
        "ratelimit-policy": f"{name};q={admission.quota.requests};w={int(WINDOW.total_seconds())}",
        "ratelimit": f"{name};r={admission.left};t={admission.resets_in}",
    }
