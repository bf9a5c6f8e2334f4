"""The gate that every order passes last, the same for executor and reconciler."""

from __future__ import annotations

from candlecast.adapters.dynamodb.gate import DynamoGate
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.weights import DynamoWeights
from candlecast.ports.clock import Clock, Metrics
from candlecast.services.venue.check_gate import CheckGate
from candlecast.services.venue.spend_weight import SpendWeight
from candlecast.services.venue.watch_venue import WatchVenue


def order_gate(table: Table, egress: str, clock: Clock, metrics: Metrics) -> CheckGate:
    """The gate for orders that leave by the address `egress`; one for each environment, because it knows breakers and budgets."""
    store = DynamoGate(table)
    spend = SpendWeight(DynamoWeights(table), egress, clock, metrics)
    return CheckGate(store, WatchVenue(store, clock, metrics), spend, clock, metrics)
