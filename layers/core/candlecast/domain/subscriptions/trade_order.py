"""The message that asks for one subscriber's order: frozen, versioned, additive changes only, as all messages."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.limits.limits import EffectiveLimits
from candlecast.domain.limits.pool_bounds import PoolLimits
from candlecast.domain.limits.quote import Quote
from candlecast.domain.signals.signal import Signal
from candlecast.domain.subscriptions.subscription import Settings


@dataclass(frozen=True, kw_only=True)
class TradeOrder:
    """TradeQueue: one subscriber's share of a signal, with the settings and limits as they were when it was fanned out.

    `limits` are those above the account (None: nothing does); `quote` is the market's, for limits that compare with it;
    `pool` is what its organisation's accounts share; `strategy_version` is a hash of the strategy's code and parameters.
    """

    signal: Signal
    tenant_id: str
    account_id: str
    subscription_id: str
    settings: Settings
    organisation_id: str | None = None
    limits: EffectiveLimits | None = None
    quote: Quote | None = None
    strategy_version: str | None = None
    pool: PoolLimits | None = None
    schema_version: int = 1
