"""Words for names that mean the same wherever they stand, so that each body need not repeat them.

A field whose meaning is its own body's has its words there; they come before these.
"""

from __future__ import annotations

from collections.abc import Mapping

IDS: Mapping[str, str] = {
    "account_id": "Id of an account of yours.",
    "approval_id": "Id of the approval.",
    "backtest_id": "Id of a backtest of yours.",
    "message_id": "Id of the dead letter.",
    "order_id": "Id of an order of yours.",
    "organisation_id": "Id of the organisation.",
    "signal_id": "Id of the signal.",
    "strategy_id": "Id of the strategy.",
    "subscription_id": "Id of a subscription of yours.",
}
"""Of paths and queries. A malformed id is answered like an unknown one, so the form of ids is only described."""

PROPERTIES: Mapping[str, str] = {
    "account_id": "Id of the account.",
    "approval_id": "Id of the approval.",
    "backtest_id": "Id of the backtest.",
    "breach_id": "Id of the breach.",
    "correlation_id": "Id that all log lines, messages and events of one cause share.",
    "created_at": "When it was made.",
    "group_id": "Id of the group; null for none.",
    "market": "Full name of the market, such as BTC/USDT:USDT.",
    "message_id": "Id of the dead letter.",
    "order_id": "Id of the order.",
    "organisation_id": "Id of the organisation; null for none.",
    "scope_id": "Id of the place within its scope; `me` is your own, `platform` the one of the platform.",
    "signal_id": "Id of the signal.",
    "source_id": "Id of the source of signals; it is the name of the webhook, too.",
    "strategy_id": "Id of the strategy.",
    "subscription_id": "Id of the subscription.",
    "timeframe": "Length of the candles.",
    "venue": "Name of the venue.",
}
"""Of bodies."""

SAME_WORDS: Mapping[str, str] = {
    "EntryPreferenceView": "EntryPreferenceInput",
    "PoolBoundsView": "PoolInput",
    "SettingsView": "NewSettings",
    "SizingView": "SizingInput",
    "SourceStateView": "SourceChange",
    "WalkForwardView": "NewWalkForward",
}
"""Answers whose fields are those of a request: they have its words."""
