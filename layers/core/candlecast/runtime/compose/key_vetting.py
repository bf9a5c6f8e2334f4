"""Vetting request to keys whose rights are known."""

from __future__ import annotations

from candlecast.adapters.aws.secrets import SecretsManagerVault
from candlecast.adapters.ccxt.clients import Templates
from candlecast.adapters.ccxt.venue import CcxtVenues
from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
from candlecast.adapters.dynamodb.gate import DynamoGate
from candlecast.adapters.dynamodb.looks import DynamoLooks
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.weights import DynamoWeights
from candlecast.adapters.sqs.queues import SqsReconcileQueue
from candlecast.adapters.system import SystemClock
from candlecast.domain.market.market import Market
from candlecast.domain.signals.messages import VettingRequest
from candlecast.runtime.batch import QueueConsumer
from candlecast.runtime.compose.clients import aws
from candlecast.runtime.compose.consumer import queue_consumer
from candlecast.runtime.compose.start import once
from candlecast.runtime.observe import EmfMetrics
from candlecast.runtime.settings import KeyVettingSettings
from candlecast.services.account.vet_keys import VetKeys
from candlecast.services.reconcile.ask_for_looks import AskForLooks
from candlecast.services.venue.guard_venue import GuardedVenues
from candlecast.services.venue.spend_weight import SpendWeight
from candlecast.services.venue.watch_venue import WatchVenue


@once
def build() -> QueueConsumer[VettingRequest]:
    """Vet the keys of the account of each request. No order needs a market here, so no catalogue is read."""
    known, clock, metrics = KeyVettingSettings.read(), SystemClock(), EmfMetrics()
    table = Table(known.table_name, generation=known.table_generation)
    watch = WatchVenue(DynamoGate(table), clock, metrics)
    spend = SpendWeight(DynamoWeights(table), known.egress_address, clock, metrics)
    routine, awaited = (SqsReconcileQueue(aws("sqs"), url) for url in (known.reconcile_queue_url, known.awaited_look_queue_url))
    vet = VetKeys(
        accounts=DynamoAccountStore(table, clock),
        vault=SecretsManagerVault(aws("secretsmanager"), known.secret_prefix),
        venues=GuardedVenues(CcxtVenues(Templates(known.ccxt_venues(), lambda _: _NO_MARKETS)), watch, spend),
        looks=AskForLooks(DynamoLooks(table), routine, awaited, clock, metrics),
        clock=clock,
        metrics=metrics,
    )
    return queue_consumer(
        VettingRequest, "vetting", "key_vetting", (known.vetting_queue_url, known.vetting_dead_letters_url), vet
    )


_NO_MARKETS: dict[str, Market] = {}  # one value, so that the template is made once
