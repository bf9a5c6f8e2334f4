"""Close one position by its owner's word, whole or a part of it: the exit goes the way of every exit, through TradeQueue."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.decide.plan import Plan, plan_orders
from candlecast.domain.orders.intent import Intent, LegKind
from candlecast.domain.orders.position import Position
from candlecast.domain.signals.reduction import Reduction, smallest_order
from candlecast.domain.signals.signal import Action, Signal
from candlecast.domain.subscriptions.subscription import Settings
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.domain.values.ids import digest, intent_id
from candlecast.domain.values.money import ZERO
from candlecast.ports.clock import Clock
from candlecast.ports.queue import TradeQueue
from candlecast.ports.store import AccountStore, History, SubscriptionStore
from candlecast.ports.venue import Markets

REDUCTION_SCHEMA = 2  # of the message: older code would close all of the position
HALF_AN_ID = 16  # characters: 64 bits tell the exits of one position from each other
NO_SETTINGS = Settings(capital=Decimal(1))  # of a position that no subscription owns; an exit reads none of them


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionPlace:
    """Where a position is held; `subscription_id` as the list of positions shows it."""

    account_id: str
    subscription_id: str
    market: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The exit that was ordered. `position` and `quantity` (base units to close) as of the request; None for a repeat.

    A dry run also has the `plan` of the exit on the account as it is.
    """

    order_id: str
    position: Position | None = None
    quantity: Decimal | None = None
    plan: Plan | None = None
    cancels: tuple[Intent, ...] = ()
    """The entries that rest for the position, which the exit would cancel first."""


@dataclass(frozen=True, slots=True)
class ClosePosition:
    """A use case of the API. It writes nothing: the executor decides the exit by the plan, on the position as it is then."""

    accounts: AccountStore
    history: History
    subscriptions: SubscriptionStore
    markets: Markets
    queue: TradeQueue
    clock: Clock

    def __call__(
        self,
        tenant_id: str,
        place: PositionPlace,
        reduction: Reduction | None,
        *,
        correlation_id: str,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Closing:
        """Send the exit of all, or of the part that `reduction` names. An entry that rests for the position is cancelled first.

        A dry run sends nothing, and has the plan that the executor would make on the account as it is. A repeat with the same key
        sends the same exit. Without a key, a repeat closes nothing more until the first exit has ended.
        Raises `NotFound` (account), `Conflict` (NOTHING_HELD, QUANTITY_TOO_SMALL, ACCOUNT_DISABLED, NO_CREDENTIALS),
        `RetryLater` (the queue).
        """
        account = self.accounts.load(tenant_id, place.account_id)
        position = account.position(place.subscription_id, place.market)
        signal_id = _signal_id(account, place, position, reduction, idempotency_key)
        order_id = exit_of(signal_id, place)
        goes_on = any(each.signal_id == signal_id for each in account.under_way(place.subscription_id, place.market))
        if goes_on or account.knows(order_id) or (idempotency_key is not None and self._is_told(tenant_id, order_id)):
            return Closing(order_id=order_id)
        _require_usable(account)
        if position is None:
            raise Conflict("NOTHING_HELD", "no such position is held")
        quantity = self._quantity(account, position, reduction)
        order = self._exit(account, position, reduction, signal_id, correlation_id)
        if dry_run:
            market, resting = self.markets.find(account.venue, place.market), account.resting(place.subscription_id, place.market)
            plan = plan_orders(account, order, market, self.clock.now())
            return Closing(order_id=order_id, position=position, quantity=quantity, plan=plan, cancels=resting)
        self.queue.send_orders([order])
        return Closing(order_id=order_id, position=position, quantity=quantity)

    def _is_told(self, tenant_id: str, order_id: str) -> bool:
        """Whether history has the order: an account remembers ended orders for a quarter of an hour only."""
        try:
            self.history.get_order(tenant_id, order_id)
        except NotFound:
            return False
        return True

    def _quantity(self, account: Account, position: Position, reduction: Reduction | None) -> Decimal:
        """Base units that the exit would close now."""
        if reduction is None:
            return position.quantity
        market = self.markets.find(account.venue, position.market)
        quantity = reduction.of(position.quantity, market)
        if quantity == ZERO and market is not None:
            least = smallest_order(market)
            raise Conflict("QUANTITY_TOO_SMALL", f"the market's smallest order is {least}: close more of it, or all")
        return quantity

    def _exit(
        self, account: Account, position: Position, reduction: Reduction | None, signal_id: str, correlation_id: str
    ) -> TradeOrder:
        signal = Signal(
            signal_id=signal_id,
            strategy_id=position.strategy_id,
            market=position.market,
            action=Action.EXIT,
            issued_at=self.clock.now(),
            correlation_id=correlation_id,
            reduction=reduction,
        )
        return TradeOrder(
            signal=signal,
            tenant_id=account.tenant_id,
            account_id=account.account_id,
            subscription_id=position.subscription_id,
            settings=self._settings(position),
            schema_version=1 if reduction is None else REDUCTION_SCHEMA,
        )

    def _settings(self, position: Position) -> Settings:
        try:
            return self.subscriptions.get_subscription(position.tenant_id, position.subscription_id).settings
        except NotFound:
            return NO_SETTINGS


def _require_usable(account: Account) -> None:
    """Refuse what the plan would deny. An account whose keys the venue refuses keeps the exit until keys work."""
    if account.status is AccountStatus.NO_CREDENTIALS:
        raise Conflict("NO_CREDENTIALS", "the account has no keys: close the position at the venue")
    if account.status is AccountStatus.DISABLED and not account.waits_for_keys:
        raise Conflict("ACCOUNT_DISABLED", "the account is disabled: enable it, or close the position at the venue")


def exit_of(signal_id: str, place: PositionPlace) -> str:
    """Id of the exit's order."""
    return intent_id(signal_id, place.subscription_id, LegKind.EXIT.value)


def _signal_id(
    account: Account, place: PositionPlace, position: Position | None, reduction: Reduction | None, idempotency_key: str | None
) -> str:
    """The id of the exit's signal. Without a key it follows from the position and its quantity, so that two clicks are one exit.

    Its first half names the position and the part, and finds an exit of both that has closed some already and goes on.
    An exit that has ended and left the position as it was makes room for another.
    """
    where = (account.tenant_id, account.account_id, place.subscription_id, place.market)
    if idempotency_key is not None:
        return digest("close-by-key", *where, idempotency_key)
    if position is None:
        return digest("close-nothing", *where)
    part = "all" if reduction is None else f"{reduction.share}|{reduction.quantity}"
    asked = digest("close", *where, position.trade_id, part)[:HALF_AN_ID]
    for exit_ in account.under_way(place.subscription_id, place.market):
        if exit_.kind is LegKind.EXIT and exit_.signal_id.startswith(asked):
            return exit_.signal_id
    for number in count():
        found = asked + digest("close", str(position.quantity), str(number))[:HALF_AN_ID]
        if not account.knows(exit_of(found, place)):
            return found
    raise AssertionError("unreachable: an account remembers a bounded number of ended orders")
