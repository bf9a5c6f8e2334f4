"""One published signal, explained to those whom it concerns."""

from __future__ import annotations

from functions.api.deps import PLATFORM_ADMIN, CallerDep, SignalId
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.why import ExplainedSignalView
from functions.api.use_cases.why import ExplainSignalDep

router = resource_router(VERSION + "/signals", "strategies", 401, 404, 422, 500, 503)


@router.get("/{signal_id}")
def explain_signal(who: CallerDep, explain: ExplainSignalDep, signal_id: SignalId) -> ExplainedSignalView:
    """Explain a signal: received, understood, judged, sent on, and its outcome for you, each in a sentence.

    Followers of its strategy see it, and those whom it has reached. The owner of the strategy and operators see the message and
    counts besides, and never another tenant's orders. To everybody else there is no such signal.
    """
    return ExplainedSignalView.of(explain(who.tenant_id, signal_id, is_operator=PLATFORM_ADMIN in who.roles))
