"""Filters of lists: dependencies that make them of a request's parameters."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends, Query

from candlecast.domain.account.account import AccountStatus
from candlecast.domain.backtests.backtest import BacktestStatus
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.signals.signal import Action
from candlecast.domain.strategies.execution import ExecutionStatus
from candlecast.domain.strategies.versions import MAX_VERSIONS
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import PositionSide
from candlecast.ports.filters import (
    AccountFilter,
    BacktestFilter,
    BreachFilter,
    ExecutionFilter,
    OrderFilter,
    PositionFilter,
    SignalFilter,
    SubscriptionFilter,
    TradeFilter,
    VersionFilter,
    Window,
)
from functions.api.deps import CallerDep, identifier
from functions.api.ports import AccountsDep, SubscriptionsDep
from functions.api.schemas.values import Instant, Symbol, VenueName

Direction = Literal["asc", "desc"]
A_SPAN = ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")  # of the description


def window(
    since: Annotated[Instant | None, Query(description="Only entries of this moment or later.", examples=[A_SPAN[0]])] = None,
    until: Annotated[Instant | None, Query(description="Only entries before this moment.", examples=[A_SPAN[1]])] = None,
    order: Annotated[Direction, Query(description="Oldest first (`asc`), or newest first.")] = "desc",
) -> Window:
    """The span of time and the direction of a listing; raises `InvalidValue` (WINDOW_EMPTY)."""
    return Window(since=since, until=until, ascending=order == "asc")


WindowDep = Annotated[Window, Depends(window)]


def own_subscription(
    who: CallerDep,
    subscriptions: SubscriptionsDep,
    subscription_id: Annotated[str | None, Query(description="Only those of this subscription.")] = None,
) -> str | None:
    """The subscription of the filter; raises `NotFound` for somebody else's."""
    if subscription_id is not None:
        subscriptions.get_subscription(who.tenant_id, identifier(subscription_id))
    return subscription_id


def own_account(
    who: CallerDep,
    accounts: AccountsDep,
    account_id: Annotated[str | None, Query(description="Only those of this account.")] = None,
) -> str | None:
    """The account of the filter; raises `NotFound` for somebody else's."""
    if account_id is not None:
        accounts.load(who.tenant_id, identifier(account_id))
    return account_id


def _id(value: str | None) -> str | None:
    return None if value is None else identifier(value)


OwnSubscription = Annotated[str | None, Depends(own_subscription)]
OwnAccount = Annotated[str | None, Depends(own_account)]
OfStrategy = Annotated[str | None, Query(description="Only those of this strategy.")]
OfSignal = Annotated[str | None, Query(description="Only those of this signal.")]
OfSide = Annotated[PositionSide | None, Query(description="Only long or only short ones.")]
OfMarket = Annotated[Symbol | None, Query(description="Only those of this market, by its full name.")]


def order_filter(
    span: WindowDep,
    subscription_id: OwnSubscription,
    account_id: OwnAccount,
    strategy_id: OfStrategy = None,
    signal_id: OfSignal = None,
    market: OfMarket = None,
    kind: Annotated[LegKind | None, Query(description="Only legs of this purpose.")] = None,
    state: Annotated[IntentState | None, Query(description="Only those in this state.")] = None,
    reason: Annotated[Reason | None, Query(description="Only those that were not placed, or ended, for this reason.")] = None,
    filled: Annotated[bool | None, Query(description="Only those with a fill (`true`), or without.")] = None,
) -> OrderFilter:
    return OrderFilter(
        window=span,
        subscription_id=subscription_id,
        account_id=account_id,
        strategy_id=_id(strategy_id),
        signal_id=_id(signal_id),
        market=market,
        kind=kind,
        state=state,
        reason=reason,
        is_filled=filled,
    )


def receipt_filter(
    span: WindowDep,
    subscription_id: OwnSubscription,
    account_id: OwnAccount,
    strategy_id: OfStrategy = None,
    signal_id: OfSignal = None,
    market: OfMarket = None,
    state: Annotated[IntentState | None, Query(description="Only those whose order is in this state.")] = None,
    reason: Annotated[Reason | None, Query(description="Only those whose order was not placed, or ended, so.")] = None,
) -> OrderFilter:
    """The orders that signals themselves have asked for: each decision has one, and a reversal two."""
    return OrderFilter(
        window=span,
        subscription_id=subscription_id,
        account_id=account_id,
        strategy_id=_id(strategy_id),
        signal_id=_id(signal_id),
        market=market,
        state=state,
        reason=reason,
        is_of_signal=True,
    )


def trade_filter(
    span: WindowDep,
    subscription_id: OwnSubscription,
    account_id: OwnAccount,
    strategy_id: OfStrategy = None,
    market: OfMarket = None,
    side: OfSide = None,
) -> TradeFilter:
    return TradeFilter(
        window=span,
        subscription_id=subscription_id,
        account_id=account_id,
        strategy_id=_id(strategy_id),
        market=market,
        side=side,
    )


def position_filter(
    span: WindowDep,
    subscription_id: OwnSubscription,
    account_id: OwnAccount,
    strategy_id: OfStrategy = None,
    market: OfMarket = None,
    side: OfSide = None,
) -> PositionFilter:
    return PositionFilter(
        window=span,
        subscription_id=subscription_id,
        account_id=account_id,
        strategy_id=_id(strategy_id),
        market=market,
        side=side,
    )


def breach_filter(
    span: WindowDep,
    subscription_id: OwnSubscription,
    account_id: OwnAccount,
    signal_id: OfSignal = None,
    market: OfMarket = None,
    reason: Annotated[Reason | None, Query(description="Only those of the limit with this code.")] = None,
) -> BreachFilter:
    return BreachFilter(
        window=span,
        subscription_id=subscription_id,
        account_id=account_id,
        signal_id=_id(signal_id),
        market=market,
        reason=reason,
    )


def execution_filter(
    span: WindowDep,
    status: Annotated[ExecutionStatus | None, Query(description="Only runs that ended so.")] = None,
    version: Annotated[int | None, Query(ge=1, le=MAX_VERSIONS, description="Only runs of this version.")] = None,
) -> ExecutionFilter:
    return ExecutionFilter(window=span, status=status, version=version)


def signal_filter(
    span: WindowDep,
    market: OfMarket = None,
    action: Annotated[Action | None, Query(description="Only signals that ask for this.")] = None,
) -> SignalFilter:
    return SignalFilter(window=span, market=market, action=action)


def backtest_filter(
    span: WindowDep,
    strategy_id: OfStrategy = None,
    status: Annotated[BacktestStatus | None, Query(description="Only those that have come so far.")] = None,
) -> BacktestFilter:
    return BacktestFilter(window=span, strategy_id=_id(strategy_id), status=status)


def version_filter(
    span: WindowDep,
    digest: Annotated[
        str | None, Query(max_length=64, description="Only the version that an order names as its `strategy_version`.")
    ] = None,
    source_hash: Annotated[str | None, Query(max_length=64, description="Only versions with this code, by its SHA-256.")] = None,
) -> VersionFilter:
    return VersionFilter(window=span, digest=digest, source_hash=source_hash)


def subscription_filter(
    account_id: OwnAccount,
    strategy_id: OfStrategy = None,
    status: Annotated[SubscriptionStatus | None, Query(description="Only those in this state.")] = None,
) -> SubscriptionFilter:
    return SubscriptionFilter(strategy_id=_id(strategy_id), account_id=account_id, status=status)


def account_filter(
    venue: Annotated[VenueName | None, Query(description="Only accounts at this venue.")] = None,
    status: Annotated[AccountStatus | None, Query(description="Only accounts that are shown in this state.")] = None,
) -> AccountFilter:
    return AccountFilter(venue=venue, status=status)


OrderFilterDep = Annotated[OrderFilter, Depends(order_filter)]
TradeFilterDep = Annotated[TradeFilter, Depends(trade_filter)]
ReceiptFilterDep = Annotated[OrderFilter, Depends(receipt_filter)]
PositionFilterDep = Annotated[PositionFilter, Depends(position_filter)]
BreachFilterDep = Annotated[BreachFilter, Depends(breach_filter)]
ExecutionFilterDep = Annotated[ExecutionFilter, Depends(execution_filter)]
SignalFilterDep = Annotated[SignalFilter, Depends(signal_filter)]
BacktestFilterDep = Annotated[BacktestFilter, Depends(backtest_filter)]
VersionFilterDep = Annotated[VersionFilter, Depends(version_filter)]
SubscriptionFilterDep = Annotated[SubscriptionFilter, Depends(subscription_filter)]
AccountFilterDep = Annotated[AccountFilter, Depends(account_filter)]
