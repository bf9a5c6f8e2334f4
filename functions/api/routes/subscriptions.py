"""Subscriptions: follow a strategy, change how, and stop."""

from __future__ import annotations

from candlecast.ports.api_services import ApiServices
from candlecast.services.subscriptions.cancel_subscription import CancelSubscription
from candlecast.services.subscriptions.change_subscription import ChangeSubscription
from candlecast.services.subscriptions.measure_subscription import MeasureSubscription
from candlecast.services.subscriptions.subscribe import Subscribe
from functions.api.deps import CallerDep, CorrelationDep, IdempotencyKey, ServicesDep, SubscriptionId
from functions.api.openapi import refusals
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.statistics import PerformanceView
from functions.api.schemas.subscriptions import Cancellation, CancelledView, NewSubscription, SettingsChange, SubscriptionView
from functions.api.schemas.values import Listing

router = resource_router(VERSION + "/subscriptions", "subscriptions", 401, 422, 500, 503)


@router.get("")
def list_subscriptions(who: CallerDep, services: ServicesDep) -> Listing[SubscriptionView]:
    """List your subscriptions, cancelled ones included; there is one page."""
    found = services.subscriptions.list_subscriptions(who.tenant_id)
    return Listing(items=[SubscriptionView.of(subscription) for subscription in found])


@router.post("", status_code=201, responses=refusals(404, 409, 413))
def create_subscription(
    who: CallerDep, services: ServicesDep, body: NewSubscription, idempotency_key: IdempotencyKey = None
) -> SubscriptionView:
    """Follow a strategy from its next signal on."""
    subscribe = Subscribe(
        subscriptions=services.subscriptions,
        strategies=services.strategies,
        accounts=services.accounts,
        clock=services.clock,
        identifiers=services.identifiers,
    )
    settings = body.settings.to_domain()
    return SubscriptionView.of(subscribe(who.tenant_id, body.strategy_id, body.account_id, settings, idempotency_key))


@router.get("/{subscription_id}", responses=refusals(404))
def get_subscription(who: CallerDep, services: ServicesDep, subscription_id: SubscriptionId) -> SubscriptionView:
    """Show one subscription."""
    return SubscriptionView.of(services.subscriptions.get_subscription(who.tenant_id, subscription_id))


@router.patch("/{subscription_id}/settings", responses=refusals(404, 409, 413))
def update_subscription(
    who: CallerDep, services: ServicesDep, subscription_id: SubscriptionId, body: SettingsChange
) -> SubscriptionView:
    """Change settings; the next signal uses them, open positions keep their stops."""
    return SubscriptionView.of(_change(services).update(who.tenant_id, subscription_id, body.apply))


@router.post("/{subscription_id}/pause", responses=refusals(404, 409))
def pause_subscription(who: CallerDep, services: ServicesDep, subscription_id: SubscriptionId) -> SubscriptionView:
    """Take no entries from now on; exits still close what is held."""
    return SubscriptionView.of(_change(services).pause(who.tenant_id, subscription_id))


@router.post("/{subscription_id}/resume", responses=refusals(404, 409))
def resume_subscription(who: CallerDep, services: ServicesDep, subscription_id: SubscriptionId) -> SubscriptionView:
    """Take entries again."""
    return SubscriptionView.of(_change(services).resume(who.tenant_id, subscription_id))


@router.post("/{subscription_id}/cancel", responses=refusals(404, 409, 413))
def cancel_subscription(
    who: CallerDep,
    services: ServicesDep,
    subscription_id: SubscriptionId,
    correlation_id: CorrelationDep,
    body: Cancellation | None = None,
) -> CancelledView:
    """Stop following, for good. While a position is open this needs `close_position`, which closes it at market."""
    cancel = CancelSubscription(services.subscriptions, services.accounts, services.trade_queue, services.clock)
    close_position = body is not None and body.close_position
    return CancelledView.of(cancel(who.tenant_id, subscription_id, close_position=close_position, correlation_id=correlation_id))


@router.get("/{subscription_id}/statistics", responses=refusals(404))
def get_subscription_statistics(who: CallerDep, services: ServicesDep, subscription_id: SubscriptionId) -> PerformanceView:
    """Show a subscription's track record."""
    measure = MeasureSubscription(services.subscriptions, services.history)
    return PerformanceView.of(measure(who.tenant_id, subscription_id))


def _change(services: ApiServices) -> ChangeSubscription:
    return ChangeSubscription(services.subscriptions, services.accounts)
