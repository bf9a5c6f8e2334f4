"""Reconcile request to an account that agrees with its venue."""

from __future__ import annotations

from candlecast.adapters.aws.secrets import SecretsManagerVault
from candlecast.adapters.ccxt.clients import Templates
from candlecast.adapters.ccxt.venue import CcxtVenues
from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
from candlecast.adapters.dynamodb.looks import DynamoLooks
from candlecast.adapters.dynamodb.lost_orders import DynamoLostOrders
from candlecast.adapters.dynamodb.restorations import DynamoRestorations
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.s3.market_catalogue import S3Markets
from candlecast.adapters.sqs.queues import SqsReconcileQueue, SqsVettingQueue
from candlecast.adapters.system import SystemClock
from candlecast.domain.signals.messages import ReconcileRequest
from candlecast.domain.venue.weight_budget import RequestClass
from candlecast.runtime.batch import QueueConsumers
from candlecast.runtime.compose.clients import aws
from candlecast.runtime.compose.consumer import queue_consumer
from candlecast.runtime.compose.gate import order_gate
from candlecast.runtime.compose.start import once
from candlecast.runtime.observe import EmfMetrics
from candlecast.runtime.settings import OrderReconcilerSettings
from candlecast.services.orders.follow_orders import FollowOrders
from candlecast.services.orders.place_orders import PlaceOrders
from candlecast.services.orders.settle_orders import SettleOrders
from candlecast.services.orders.stop_resting import StopResting
from candlecast.services.reconcile.ask_for_looks import AskForLooks
from candlecast.services.reconcile.book_charges import BookCharges
from candlecast.services.reconcile.close_positions import ClosePositions
from candlecast.services.reconcile.compare_positions import ComparePositions
from candlecast.services.reconcile.end_markets import EndMarkets
from candlecast.services.reconcile.protect_positions import ProtectPositions
from candlecast.services.reconcile.reconcile_account import ReconcileAccount
from candlecast.services.reconcile.recover_account import RecoverAccount
from candlecast.services.reconcile.settle_lost import SettleLost
from candlecast.services.venue.guard_venue import GuardedVenues


@once
def build() -> QueueConsumers[ReconcileRequest]:
    """Reconcile the account of each request of both queues."""
    known, clock, metrics = OrderReconcilerSettings.read(), SystemClock(), EmfMetrics()
    table, markets = Table(known.table_name, generation=known.table_generation), S3Markets(aws("s3"), known.markets_bucket, clock)
    routine, awaited = (SqsReconcileQueue(aws("sqs"), url) for url in (known.reconcile_queue_url, known.awaited_look_queue_url))
    restorations = DynamoRestorations(table)
    gate = order_gate(table, known.egress_address, clock, metrics)
    place = PlaceOrders(markets, gate, clock, metrics)
    venues = CcxtVenues(Templates(known.ccxt_venues(), markets.all))
    reconcile = ReconcileAccount(
        accounts=DynamoAccountStore(table, clock),
        vault=SecretsManagerVault(aws("secretsmanager"), known.secret_prefix),
        venues=GuardedVenues(venues, gate.watch, gate.spend),
        awaited_venues=GuardedVenues(venues, gate.watch, gate.spend, RequestClass.AWAITED_LOOK),
        gate=gate,
        settle=SettleOrders(place, clock),
        follow=FollowOrders(place, clock, metrics),
        compare=ComparePositions(clock, metrics),
        end_markets=EndMarkets(markets, clock, metrics),
        book=BookCharges(clock, metrics),
        stop_resting=StopResting(place, clock, metrics),
        protect=ProtectPositions(markets, clock, metrics),
        close=ClosePositions(markets, clock, metrics),
        recover=RecoverAccount(restorations, known.table_generation, clock, metrics),
        settle_lost=SettleLost(restorations, DynamoLostOrders(table), markets, known.table_generation, clock, metrics),
        place=place,
        queue=AskForLooks(DynamoLooks(table), routine, awaited, clock, metrics, renews=True),
        vettings=SqsVettingQueue(aws("sqs"), known.vetting_queue_url),
        clock=clock,
        metrics=metrics,
    )
    return QueueConsumers(
        {
            url.rpartition("/")[2]: queue_consumer(
                ReconcileRequest, "reconcile", "order_reconciler", (url, known.reconcile_dead_letters_url), reconcile
            )
            for url in (known.reconcile_queue_url, known.awaited_look_queue_url)
        }
    )
