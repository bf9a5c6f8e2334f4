"""The use case of live connections, made of its ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.live.issue_ticket import IssueTicket
from functions.api.ports import ClockDep, IdentifiersDep, TicketsDep


async def issue_ticket(tickets: TicketsDep, clock: ClockDep, identifiers: IdentifiersDep) -> IssueTicket:
    return IssueTicket(tickets, clock, identifiers)


IssueTicketDep = Annotated[IssueTicket, Depends(issue_ticket)]
