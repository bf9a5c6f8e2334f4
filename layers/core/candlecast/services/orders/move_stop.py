"""Move the stop of one position by its owner's word: the price is written first, then a look replaces the stop."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.limits.limits import Authority, Limits, Scope, tighten_further
from candlecast.domain.orders.position import Position, tighter
from candlecast.domain.reconcile.protect import set_stop
from candlecast.domain.signals.levels import misplaced_stop
from candlecast.domain.signals.messages import ReconcileRequest
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound, RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.ports.clock import Clock
from candlecast.ports.queue import ReconcileQueue
from candlecast.ports.store import AccountStore, SubscriptionStore
from candlecast.ports.venue import Markets, Quotes
from candlecast.services.limits.read_limits import ReadLimits
from candlecast.services.orders.close_position import PositionPlace
from candlecast.services.retry_conflict import retry_conflict


@dataclass(frozen=True, slots=True)
class StopLimit:
    """A limit that a looser stop must keep, in per cent; a value of None could not be computed."""

    reason: Reason
    value: Decimal | None
    bound: Decimal | None

    @property
    def margin(self) -> Decimal | None:
        """How far the value is below the bound; None where either is unknown."""
        return None if self.value is None or self.bound is None else self.bound - self.value


@dataclass(frozen=True, slots=True)
class Moved:
    """The position with its stop price, and the limits that were compared; a tighter stop needs none."""

    position: Position
    limits: tuple[StopLimit, ...] = ()


@dataclass(frozen=True, slots=True)
class MoveStop:
    """A use case of the API. It sends nothing to the venue: the reconciler places the new stop, then cancels the old one."""

    accounts: AccountStore
    subscriptions: SubscriptionStore
    markets: Markets
    quotes: Quotes
    read: ReadLimits
    looks: ReconcileQueue
    clock: Clock

    def __call__(
        self, tenant_id: str, place: PositionPlace, stop_price: Decimal, correlation_id: str, *, dry_run: bool = False
    ) -> Moved:
        """Write where the stop must stand and ask for a look; a repeat writes nothing more.

        A dry run judges the same and writes nothing. Raises `NotFound` (account), `InvalidValue` (PRICE_OFF_TICK), `Conflict`
        (NOTHING_HELD, STOP_ON_WRONG_SIDE, MAX_STOP_DISTANCE, MAX_RISK_PER_TRADE, LIMITS_UNAVAILABLE, ACCOUNT_DISABLED,
        NO_CREDENTIALS, UNKNOWN_MARKET; VERSION_CONFLICT), and `Reject` and `RetryLater` of the quote.
        """
        account = self.accounts.load(tenant_id, place.account_id)
        held = _held(account, place)
        self._require_possible(account, held, stop_price)
        loosens = held.stop_price != stop_price and tighter(held.side, held.stop_price, stop_price) == held.stop_price
        limits = self._require_within_limits(account, held, stop_price) if loosens else ()
        if dry_run:
            return Moved(set_stop(account, held.key, stop_price, self.clock.now()).positions[held.key], limits)
        moved = retry_conflict(lambda: self._attempt(tenant_id, place, held.trade_id, stop_price))
        request = ReconcileRequest(
            tenant_id=tenant_id,
            account_id=place.account_id,
            correlation_id=correlation_id,
            asked_at=self.clock.now(),
            awaited=True,
        )
        try:
            self.looks.send_reconcile([request])
        except RetryLater:
            return Moved(moved, limits)  # the clock looks at each account with a position every minute
        return Moved(moved, limits)

    def _attempt(self, tenant_id: str, place: PositionPlace, trade_id: str, stop_price: Decimal) -> Position:
        account = self.accounts.load(tenant_id, place.account_id)
        held = _held(account, place)
        if held.trade_id != trade_id:  # another position, whose price nobody has judged
            raise Conflict("NOTHING_HELD", "the position was closed meanwhile")
        moved = set_stop(account, held.key, stop_price, self.clock.now())
        return (account if moved is account else self.accounts.save(moved)).positions[held.key]

    def _require_possible(self, account: Account, held: Position, stop_price: Decimal) -> None:
        """Refuse a price that is no price of the market, or at which the stop would trigger at once."""
        market = self.markets.find(account.venue, held.market)
        if market is None:
            raise Conflict("UNKNOWN_MARKET", "the market is not in the catalogue any more")
        if market.round_price(stop_price) != stop_price:
            raise InvalidValue(f"a price of the market is a multiple of {market.price_step}", code="PRICE_OFF_TICK")
        quote = self.quotes.quote(account.venue, held.market, self.clock.now())
        denial = misplaced_stop(stop_price, (quote.mark_price, quote.bid, quote.ask), held.side)
        if denial is not None:
            raise Conflict("STOP_ON_WRONG_SIDE", f"the market is at {denial.bound}: the stop would trigger at once")

    def _require_within_limits(self, account: Account, held: Position, stop_price: Decimal) -> tuple[StopLimit, ...]:
        """The limits that a looser stop keeps; raises `Conflict` for a broken one."""
        limits = self._limits(account, held)
        away = (held.entry_price - stop_price) * held.side.sign
        risk = None if held.capital is None else away * held.quantity / held.capital * 100
        found = (
            StopLimit(Reason.MAX_STOP_DISTANCE, away / held.entry_price * 100, limits.max_stop_distance_percent),
            StopLimit(Reason.MAX_RISK_PER_TRADE, risk, limits.max_risk_per_trade_percent),
        )
        kept = tuple(limit for limit in found if limit.bound is not None)
        for limit in kept:
            if limit.margin is None or limit.margin < 0:
                told = "unknown" if limit.value is None else f"{limit.value:.2f} %"
                raise Conflict(limit.reason, f"it would be {told}, the limit is {limit.bound} %")
        return kept

    def _limits(self, account: Account, held: Position) -> Limits:
        above = self.read([account.tenant_id])[account.tenant_id].effective
        if above.authority is Authority.LOST:
            raise Conflict(Reason.LIMITS_UNAVAILABLE, "the limits cannot be read: only a tighter stop is allowed")
        own = [(Scope.ACCOUNT, account.limits)]
        try:
            settings = self.subscriptions.get_subscription(account.tenant_id, held.subscription_id).settings
        except NotFound:
            return tighten_further(above, own).limits
        return tighten_further(above, [*own, (Scope.SUBSCRIPTION, settings.layer())]).limits


def _held(account: Account, place: PositionPlace) -> Position:
    """The position; raises `Conflict` where nothing is held, and for an account that sends no orders."""
    position = account.position(place.subscription_id, place.market)
    if position is None:
        raise Conflict("NOTHING_HELD", "no such position is held")
    if account.status is AccountStatus.NO_CREDENTIALS:
        raise Conflict("NO_CREDENTIALS", "the account has no keys: move the stop at the venue")
    if account.status is not AccountStatus.ACTIVE:
        raise Conflict("ACCOUNT_DISABLED", "the account is disabled: enable it, or move the stop at the venue")
    return position
