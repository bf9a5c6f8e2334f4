"""Live connections: the ticket that opens one."""

from __future__ import annotations

from functions.api.deps import CallerDep, TokenEndDep
from functions.api.ports import LiveUrlDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.live import LiveTicketView, NewLiveTicket
from functions.api.use_cases.live import IssueTicketDep

router = resource_router(VERSION + "/live", "live", 401, 422, 500, 503)


@router.post("/tickets", status_code=201)
def create_live_ticket(
    who: CallerDep, ends_at: TokenEndDep, issue: IssueTicketDep, url: LiveUrlDep, body: NewLiveTicket
) -> LiveTicketView:
    """Get a ticket that opens one connection, once, within half a minute. The connection ends with your token."""
    text, ticket = issue(who.tenant_id, body.topics, ends_at)
    return LiveTicketView.of(text, ticket, url)
