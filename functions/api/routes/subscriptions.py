"""Subscriptions: follow a strategy, change how, and stop."""

from __future__ import annotations

from functions.api.deps import CallerDep, CorrelationDep, IdempotencyKey, SubscriptionId
from functions.api.filters import SubscriptionFilterDep
from functions.api.manners.conditions import IfMatchDep, ShownDep, version_of_subscription
from functions.api.openapi import refusals
from functions.api.paging import PagingDep
from functions.api.ports import SubscriptionsDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.equity import EquityView, FirstDay, LastDay
from functions.api.schemas.statistics import PerformanceView
from functions.api.schemas.subscriptions import (
    Cancellation,
    CancelledView,
    NewSubscription,
    Pin,
    SettingsChange,
    SubscriptionView,
)
from functions.api.schemas.values import Listing
from functions.api.use_cases.subscriptions import (
    CancelSubscriptionDep,
    ChangeSubscriptionDep,
    MeasureSubscriptionDep,
    PinVersionDep,
    ShowEquityDep,
    SubscribeDep,
)

router = resource_router(VERSION + "/subscriptions", "subscriptions", 401, 422, 500, 503)


@router.get("", responses=refusals(404))
def list_subscriptions(
    who: CallerDep, subscriptions: SubscriptionsDep, where: SubscriptionFilterDep, paging: PagingDep
) -> Listing[SubscriptionView]:
    """List your subscriptions, cancelled ones included.

    An account that is not yours answers 404. A page with a filter may be short, or empty, and yet have a `next_cursor`.
    """
    page = subscriptions.page_subscriptions(who.tenant_id, where, paging.start, paging.limit)
    return Listing(items=[SubscriptionView.of(subscription) for subscription in page.items], next_cursor=paging.next(page.cursor))


@router.post("", status_code=201, responses=refusals(404, 409, 413))
def create_subscription(
    who: CallerDep, subscribe: SubscribeDep, body: NewSubscription, idempotency_key: IdempotencyKey = None
) -> SubscriptionView:
    """Follow a strategy from its next signal on."""
    subscription = subscribe(
        who.tenant_id,
        body.strategy_id,
        body.account_id,
        body.settings.to_domain(),
        idempotency_key,
        pinned_version=body.version,
        link_key=body.link_key,
    )
    return SubscriptionView.of(subscription)


@router.get("/{subscription_id}", responses=refusals(404))
def get_subscription(
    who: CallerDep, subscriptions: SubscriptionsDep, subscription_id: SubscriptionId, shown: ShownDep
) -> SubscriptionView:
    """Show one subscription."""
    return SubscriptionView.of(shown(version_of_subscription, subscriptions.get_subscription(who.tenant_id, subscription_id)))


@router.patch("/{subscription_id}/settings", responses=refusals(404, 409, 413))
def update_subscription(
    who: CallerDep, change: ChangeSubscriptionDep, subscription_id: SubscriptionId, body: SettingsChange, if_match: IfMatchDep
) -> SubscriptionView:
    """Change settings; the next signal uses them, open positions keep their stops."""
    expect = if_match(version_of_subscription)
    return SubscriptionView.of(change.update(who.tenant_id, subscription_id, body.apply, expect=expect))


@router.put("/{subscription_id}/version", responses=refusals(404, 409, 413))
def pin_version(
    who: CallerDep, pin: PinVersionDep, subscription_id: SubscriptionId, body: Pin, if_match: IfMatchDep
) -> SubscriptionView:
    """Stay with a version of the strategy, or follow the latest; open positions keep their levels."""
    expect = if_match(version_of_subscription)
    return SubscriptionView.of(pin(who.tenant_id, subscription_id, body.version, expect=expect))


@router.post("/{subscription_id}/pause", responses=refusals(404, 409))
def pause_subscription(who: CallerDep, change: ChangeSubscriptionDep, subscription_id: SubscriptionId) -> SubscriptionView:
    """Take no entries from now on; exits still close what is held."""
    return SubscriptionView.of(change.pause(who.tenant_id, subscription_id))


@router.post("/{subscription_id}/resume", responses=refusals(404, 409))
def resume_subscription(who: CallerDep, change: ChangeSubscriptionDep, subscription_id: SubscriptionId) -> SubscriptionView:
    """Take entries again."""
    return SubscriptionView.of(change.resume(who.tenant_id, subscription_id))


@router.post("/{subscription_id}/cancel", responses=refusals(404, 409, 413))
def cancel_subscription(
    who: CallerDep,
    cancel: CancelSubscriptionDep,
    subscription_id: SubscriptionId,
    correlation_id: CorrelationDep,
    body: Cancellation | None = None,
) -> CancelledView:
    """Stop following, for good. While a position is open this needs `close_position`, which closes it at market."""
    close_position = body is not None and body.close_position
    return CancelledView.of(cancel(who.tenant_id, subscription_id, close_position=close_position, correlation_id=correlation_id))


@router.get("/{subscription_id}/statistics", responses=refusals(404))
def get_subscription_statistics(
    who: CallerDep, measure: MeasureSubscriptionDep, subscription_id: SubscriptionId
) -> PerformanceView:
    """Show a subscription's track record."""
    return PerformanceView.of(measure(who.tenant_id, subscription_id))


@router.get("/{subscription_id}/equity", responses=refusals(404))
def get_subscription_equity(
    who: CallerDep, show: ShowEquityDep, subscription_id: SubscriptionId, first: FirstDay = None, last: LastDay = None
) -> EquityView:
    """Show a subscription's results by day, from its closed trades."""
    return EquityView.of(show.of_subscription(who.tenant_id, subscription_id, first, last))
