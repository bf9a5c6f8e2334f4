"""The services of the money path on fakes, wired as the composition root wires them, for tests."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from candlecast.domain.account.account import Account
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import Position
from candlecast.domain.signals.signal import Action, Signal, TakeProfit
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.terms import MarginMode, OrderType
from candlecast.domain.venue.reports import MarketSettings, VenueOrder, VenueOrderStatus
from candlecast.ports.venue import Credentials
from candlecast.services.orders.execute_order import ExecuteOrder
from candlecast.services.orders.exit_resting import ExitResting
from candlecast.services.orders.place_orders import PlaceOrders
from candlecast.services.orders.stop_resting import StopResting
from tests.support.builders import (
    ACCOUNT,
    BTC,
    ETH,
    SUBSCRIPTION,
    TENANT,
    VENUE,
    a_market,
    a_reconcile_request,
    a_signal,
    a_trade_order,
    an_account,
    settings,
)
from tests.support.fakes.accounts import FakeAccountStore
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.gate import FakeGate, check_gate
from tests.support.fakes.market_data import FakeMarkets
from tests.support.fakes.pools import FakePoolStore, reserve_pool
from tests.support.fakes.queues import FakeReconcileQueue, FakeVettingQueue
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.vault import FakeVault
from tests.support.fakes.venue import FakeExchange, FakeVenues
from tests.support.reconciler import reconcile_account

KEY = "key-1"
IN_FORCE = MarketSettings(Decimal(10), MarginMode.CROSS)


class MoneyPath:
    """Executor and reconciler of one account on one exchange; `IN_FORCE` is what the account's markets are set to."""

    def __init__(self, **account: Any) -> None:
        self.clock, self.metrics, self.database = FakeClock(), RecordingMetrics(), FakeDatabase()
        self.accounts = FakeAccountStore(self.database, self.clock)
        self.vault, self.exchange = FakeVault(), FakeExchange()
        self.queue, self.vettings = FakeReconcileQueue(), FakeVettingQueue()
        self.exchange.prices[ETH] = Decimal(100)
        self.exchange.now = self.clock.now
        self.vault.write(TENANT, ACCOUNT, Credentials(api_key=KEY, api_secret="secret-1"), "credential-version-1")
        self.venues = FakeVenues(self.exchange)
        self.markets = FakeMarkets(a_market(), a_market(ETH), venue=account.get("venue", VENUE))
        self.gate, self.pools = FakeGate(), FakePoolStore()
        self.checks = check_gate(self.gate, self.clock, self.metrics)
        self.accounts.create(an_account(market_settings={BTC: IN_FORCE, ETH: IN_FORCE}, **account))
        place = PlaceOrders(self.markets, self.checks, self.clock, self.metrics)
        self.executor = ExecuteOrder(
            accounts=self.accounts,
            markets=self.markets,
            vault=self.vault,
            venues=self.venues,
            place=place,
            exit_resting=ExitResting(StopResting(place, self.clock, self.metrics), self.clock),
            reserve_pool=reserve_pool(self.clock, self.pools),
            reconcile_queue=self.queue,
            clock=self.clock,
            metrics=self.metrics,
        )
        self.reconciler = reconcile_account(
            accounts=self.accounts,
            vault=self.vault,
            venues=self.venues,
            markets=self.markets,
            gate=self.checks,
            queue=self.queue,
            vettings=self.vettings,
            clock=self.clock,
            metrics=self.metrics,
        )

    # -- what a test does ----------------------------------------------------------------------------------------------------

    def execute(self, signal: Signal, **order: Any) -> Account:
        return self.executor(a_trade_order(signal, **{"settings": settings(max_positions=2), **order}))

    def enter(self, *, stop: str | None = "90", targets: tuple[TakeProfit, ...] = (TakeProfit(Decimal(120)),)) -> Account:
        """Open a long position of 10 at 100, with its stop and target."""
        return self.execute(bracket(stop=stop, targets=targets))

    def leave(self) -> Account:
        return self.execute(a_signal(Action.EXIT, issued_at=self.clock.now()))

    def reconcile(self, after_seconds: float = 0) -> Account:
        self.clock.advance(after_seconds)
        return self.reconciler(a_reconcile_request())

    def settle(self, looks: int = 8, seconds: float = 26) -> Account:
        """Let the reconciler look until everything is settled."""
        for _ in range(looks):
            account = self.reconcile(seconds)
        return account

    def change(self, **changes: Any) -> Account:
        """Somebody else writes the account."""
        return self.accounts.save(replace(self.account, **changes))

    def pause(self) -> Account:
        return self.change(subscriptions={SUBSCRIPTION: SubscriptionStatus.PAUSED})

    # -- what a test asks ------------------------------------------------------------------------------------------------------

    @property
    def account(self) -> Account:
        return self.database.accounts[TENANT, ACCOUNT]

    @property
    def position(self) -> Position | None:
        return self.account.position(SUBSCRIPTION, BTC)

    @property
    def net(self) -> Decimal:
        return self.exchange.net_position(KEY, BTC)

    @property
    def is_flat(self) -> bool:
        """Whether nothing is held or open, for us and at the venue."""
        return not (self.account.positions or self.account.intents or self.net or self.live_triggers())

    def venue_orders(self, status: VenueOrderStatus | None = None) -> list[VenueOrder]:
        return [order for order in self.exchange.orders(KEY) if status in (None, order.status)]

    def live_triggers(self) -> list[Decimal | None]:
        """Trigger prices of the venue's open orders."""
        return [r.trigger_price for r, o in self.exchange.books[KEY].orders if o.status is VenueOrderStatus.OPEN]

    def live_stops(self) -> list[tuple[Decimal, Decimal | None]]:
        """(quantity, trigger) of the venue's open stops."""
        orders = [r for r, o in self.exchange.books[KEY].orders if o.status is VenueOrderStatus.OPEN]
        return [(r.quantity, r.trigger_price) for r in orders if r.order_type is OrderType.STOP_MARKET]

    def told(self, kind: LegKind) -> list[Intent]:
        """The newest report of each leg of a kind, in the order of the first reports."""
        orders = {e.event.order.intent_id: e.event.order for e in self.database.stream if e.event.order}
        return [order for order in orders.values() if order.kind is kind]

    def states(self, kind: LegKind) -> list[IntentState]:
        return [order.state for order in self.told(kind)]

    def alerts(self) -> list[str | None]:
        return [e.event.code for e in self.database.stream if e.event.type == "alert.critical"]


def bracket(
    action: Action = Action.LONG,
    stop: str | None = "90",
    targets: tuple[TakeProfit, ...] = (TakeProfit(Decimal(120)),),
    **changes: Any,
) -> Signal:
    """An entry at 100 with a stop and targets."""
    return a_signal(action, stop_loss=Decimal(stop) if stop else None, take_profits=targets, **changes)
