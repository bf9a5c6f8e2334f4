"""Everything outside that the API works with, as one value: the composition root makes it, tests make it of fakes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from candlecast.ports.clock import Clock, Identifiers, Metrics
    from candlecast.ports.dead_letters import DeadLetters
    from candlecast.ports.decisions import Decisions
    from candlecast.ports.gate import KillSwitchStore
    from candlecast.ports.health import Probe
    from candlecast.ports.limits import LimitStore
    from candlecast.ports.pool import PoolStore
    from candlecast.ports.queue import TradeQueue
    from candlecast.ports.store import (
        AccountStore,
        ExecutionStore,
        History,
        PriceStore,
        SignalStore,
        StrategyStore,
        SubscriptionStore,
    )
    from candlecast.ports.strategies import StrategyCode
    from candlecast.ports.vault import CredentialWriter, SourceSecretWriter
    from candlecast.ports.venue import Markets


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    """The API's ports and the few settings that it decides by.

    `code` should load a strategy's module when it is asked, not before: few requests need one. `probes` are the dependencies that
    the health check asks, by the names that it shows. `venues` are the names of the venues of this deployment; `tenant_claim` and
    `roles_claim` name the token's claims.
    """

    accounts: AccountStore
    strategies: StrategyStore
    subscriptions: SubscriptionStore
    executions: ExecutionStore
    signals: SignalStore
    history: History
    prices: PriceStore
    limits: LimitStore
    pools: PoolStore
    decisions: Decisions
    markets: Markets
    code: StrategyCode
    trade_queue: TradeQueue
    credentials: CredentialWriter
    source_secrets: SourceSecretWriter
    dead_letters: DeadLetters
    kill_switches: KillSwitchStore
    clock: Clock
    identifiers: Identifiers
    metrics: Metrics
    probes: Mapping[str, Probe]
    venues: frozenset[str]
    tenant_claim: str = "sub"
    roles_claim: str = "cognito:groups"
