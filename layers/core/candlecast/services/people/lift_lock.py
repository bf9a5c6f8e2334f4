"""Lift a lock on limits before its time: two operators do so, also where a user has set it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from candlecast.domain.limits.limits import Limits, Scope
from candlecast.domain.limits.lock import lock_end
from candlecast.domain.limits.record import LimitPlace
from candlecast.domain.people.approval import Act, Approval
from candlecast.domain.values.errors import Conflict
from candlecast.services.limits.change_limits import ChangeLimits
from candlecast.services.limits.limit_account import LimitAccount
from candlecast.services.people.ask_approval import AskApproval
from candlecast.services.subscriptions.change_subscription import ChangeSubscription


@dataclass(frozen=True, slots=True, kw_only=True)
class LockPlace:
    """Whose lock: a level by its id, or an account or subscription of `tenant_id`."""

    scope: Scope
    scope_id: str
    tenant_id: str | None = None

    def text(self) -> str:
        """The place as the target of a request."""
        parts = (self.scope.value, self.tenant_id, self.scope_id)
        return "/".join(part for part in parts if part is not None)

    @staticmethod
    def parse(text: str) -> LockPlace:
        """The place that `text` made."""
        scope, *tenant, scope_id = text.split("/")
        return LockPlace(scope=Scope(scope), scope_id=scope_id, tenant_id=tenant[0] if tenant else None)


@dataclass(frozen=True, slots=True)
class LiftLock:
    """Takes the lock away and nothing else: limits and settings are then changed by those who may."""

    limits: ChangeLimits
    account: LimitAccount
    subscription: ChangeSubscription
    ask: AskApproval

    def __call__(self, place: LockPlace, who: str) -> Approval | None:
        """The request for a second operator; None if the lock is lifted, where one is enough.

        Raises `NotFound`, `Conflict` (NOT_LOCKED; TOO_MANY_APPROVALS), `RetryLater`.
        """
        limits, set_at, now = *self._held(place), self.ask.clock.now()
        end = lock_end(limits, set_at)
        if limits.limits_locked_until is None or end is None or now >= end:
            raise Conflict("NOT_LOCKED", "there is no lock in force")
        if not self.ask.one_is_enough():
            return self.ask(Act.LIFT_LOCK, place.text(), {"until": limits.limits_locked_until.isoformat()}, who)
        self._lift(place, limits.limits_locked_until, who)
        return None

    def perform(self, approval: Approval) -> None:
        """Lift the lock that was asked about; a repeat does nothing.

        Raises `NotFound`, `Conflict` (APPROVAL_OUTDATED) for a lock that was changed since, `RetryLater`.
        """
        place, until = LockPlace.parse(approval.target), datetime.fromisoformat(approval.terms["until"])
        limits, _ = self._held(place)
        if limits.limits_locked_until is None:
            return
        self._lift(place, until, approval.both)

    def _held(self, place: LockPlace) -> tuple[Limits, datetime | None]:
        """The limits with their lock, and when they were set."""
        if place.tenant_id is None:
            record = self.limits.find(LimitPlace(place.scope, place.scope_id))
            return record.limits, record.changed_at
        if place.scope is Scope.ACCOUNT:
            account = self.account.accounts.load(place.tenant_id, place.scope_id)
            return account.limits, account.limits_set_at
        subscription = self.subscription.subscriptions.get_subscription(place.tenant_id, place.scope_id)
        return subscription.settings.limits, subscription.settings_set_at

    def _lift(self, place: LockPlace, until: datetime, who: str) -> None:
        if place.tenant_id is None:
            self.limits.lift_lock(LimitPlace(place.scope, place.scope_id), until, who)
        elif place.scope is Scope.ACCOUNT:
            self.account.lift_lock(place.tenant_id, place.scope_id, until)
        else:
            self.subscription.lift_lock(place.tenant_id, place.scope_id, until)
