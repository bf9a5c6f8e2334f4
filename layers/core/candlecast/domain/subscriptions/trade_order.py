"""The message that asks for one subscriber's order: frozen, versioned, additive changes only, as all messages."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.limits.limits import EffectiveLimits
from candlecast.domain.limits.pool_bounds import PoolLimits
from candlecast.domain.market.quote import Quote
from candlecast.domain.signals.signal import Signal
from candlecast.domain.subscriptions.subscription import Settings


@dataclass(frozen=True, kw_only=True)
class TradeOrder:
    """TradeQueue: one subscriber's share of a signal, with the settings and limits as they were when it was fanned out."""

    signal: Signal
    """The decision, the same for every subscriber."""
    tenant_id: str
    """The subscriber."""
    account_id: str
    """The account to trade on; the queue's message group."""
    subscription_id: str
    """The subscription that follows the strategy."""
    settings: Settings
    """The subscription's own settings."""
    organisation_id: str | None = None
    """The subscriber's organisation; None without one, or while the limits above cannot be read."""
    limits: EffectiveLimits | None = None
    """All limits above the account, merged; None if the sender does not know them, which denies every entry."""
    quote: Quote | None = None
    """The quote of the verdict on the signal, the same for every subscriber. None for an exit; without it no entry is taken."""
    strategy_version: str | None = None
    """Hash of the strategy's code and parameters, as in the signal; None in an exit that a person or an older sender ordered."""
    pool: PoolLimits | None = None
    """Bounds that the accounts of the organisation share; None without a pool."""
    venue: str | None = None
    """Venue of the strategy, where the account of an entry must be; None from an older sender, and for an exit of a person."""
    schema_version: int = 1
    """Version of the message's form; a consumer refuses a version that it does not know. 2: the signal has a reduction."""
