"""Quarantined signals: platform admins see what the firewall has held back, and let single signals be judged anew."""

from __future__ import annotations

from functions.api.deps import AdminDep, SignalId
from functions.api.openapi import refusals
from functions.api.paging import PagingDep
from functions.api.ports import VerdictsDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.signals import VerdictView
from functions.api.schemas.values import Listing
from functions.api.use_cases.signals import ReleaseSignalDep

router = resource_router(VERSION + "/signals", "operations", 401, 403, 422, 500, 503)


@router.get("/quarantined")
def list_quarantined_signals(_: AdminDep, verdicts: VerdictsDep, paging: PagingDep) -> Listing[VerdictView]:
    """List the signals that were implausible against their venue's mark, newest first (platform admins)."""
    page = verdicts.list_quarantined(paging.start, paging.limit)
    return Listing(items=[VerdictView.of(verdict) for verdict in page.items], next_cursor=paging.next(page.cursor))


@router.post("/{signal_id}/release", status_code=202, responses=refusals(404, 409))
def release_signal(who: AdminDep, release: ReleaseSignalDep, signal_id: SignalId) -> VerdictView:
    """Publish a quarantined signal anew, with a new id and a new time (platform admins).

    The new signal is judged by the market of its own moment, so it may be quarantined again. A second release is the first one.
    """
    return VerdictView.of(release(signal_id, who.name))
