"""The reconciler with its parts, for the suites that run it on ports of their own."""

from __future__ import annotations

from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.queue import Looks, VettingQueue
from candlecast.ports.store import AccountStore
from candlecast.ports.vault import CredentialVault
from candlecast.ports.venue import Markets, Venues
from candlecast.services.orders.follow_orders import FollowOrders
from candlecast.services.orders.place_orders import PlaceOrders
from candlecast.services.orders.settle_orders import SettleOrders
from candlecast.services.orders.stop_resting import StopResting
from candlecast.services.reconcile.book_charges import BookCharges
from candlecast.services.reconcile.close_positions import ClosePositions
from candlecast.services.reconcile.compare_positions import ComparePositions
from candlecast.services.reconcile.end_markets import EndMarkets
from candlecast.services.reconcile.protect_positions import ProtectPositions
from candlecast.services.reconcile.reconcile_account import ReconcileAccount
from candlecast.services.reconcile.recover_account import RecoverAccount
from candlecast.services.reconcile.settle_lost import SettleLost
from candlecast.services.venue.check_gate import CheckGate
from tests.support.fakes.queues import FakeVettingQueue
from tests.support.fakes.restorations import FakeLostOrders, FakeRestorations


def reconcile_account(
    *,
    accounts: AccountStore,
    vault: CredentialVault,
    venues: Venues,
    markets: Markets,
    gate: CheckGate,
    queue: Looks,
    clock: Clock,
    metrics: Metrics,
    awaited_venues: Venues | None = None,
    vettings: VettingQueue | None = None,
    restorations: FakeRestorations | None = None,
    generation: int = 1,
) -> ReconcileAccount:
    """Wire the use case as `order_reconciler` of the composition root does."""
    place = PlaceOrders(markets, gate, clock, metrics)
    marker = restorations or FakeRestorations()
    return ReconcileAccount(
        accounts=accounts,
        vault=vault,
        venues=venues,
        awaited_venues=awaited_venues or venues,
        gate=gate,
        settle=SettleOrders(place, clock),
        follow=FollowOrders(place, clock, metrics),
        compare=ComparePositions(clock, metrics),
        end_markets=EndMarkets(markets, clock, metrics),
        book=BookCharges(clock, metrics),
        stop_resting=StopResting(place, clock, metrics),
        protect=ProtectPositions(markets, clock, metrics),
        close=ClosePositions(markets, clock, metrics),
        recover=RecoverAccount(marker, generation, clock, metrics),
        settle_lost=SettleLost(marker, FakeLostOrders(marker.database), markets, generation, clock, metrics),
        place=place,
        queue=queue,
        vettings=vettings or FakeVettingQueue(),
        clock=clock,
        metrics=metrics,
    )
