"""Values for tests: each builder gives something valid, and a test states only what it is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from candlecast.domain.account.account import Account, AccountStatus, Balance
from candlecast.domain.limits.breach import Breach
from candlecast.domain.limits.limits import EffectiveLimits
from candlecast.domain.market.candle import Candle
from candlecast.domain.market.market import Market
from candlecast.domain.market.quote import Quote
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import Position, Trade
from candlecast.domain.signals.messages import CandleClosed, ReconcileRequest, SignalShard
from candlecast.domain.signals.signal import Action, Signal
from candlecast.domain.strategies.definition import SignalSource, StrategyDefinition, StrategyKind
from candlecast.domain.strategies.execution import LEASE, Execution, ExecutionStatus, SignalRecord
from candlecast.domain.strategies.versions import Release, StrategyVersion
from candlecast.domain.subscriptions.subscription import Settings, Sizing, SizingMode, Subscription, SubscriptionStatus
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.ids import digest, intent_id
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import OrderType, PositionSide, Side
from candlecast.domain.values.timeframe import Timeframe
from candlecast.domain.venue.reports import OrderRequest

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TENANT = "tenant-1"
ACCOUNT = "account-1"
SUBSCRIPTION = "subscription-1"
STRATEGY = "strategy-1"
SOURCE = "source-1"
VENUE = "paper"
BTC = "BTC/USDT:USDT"
ETH = "ETH/USDT:USDT"


def after(seconds: float, start: datetime = NOW) -> datetime:
    """The instant `seconds` later than `start`."""
    return start + timedelta(seconds=seconds)


def a_market(symbol: str = BTC, **changes: Any) -> Market:
    """A linear perpetual with Binance-like filters."""
    base = symbol.split("/")[0]
    values: dict[str, Any] = {
        "symbol": symbol,
        "venue_symbol": f"{base}USDT",
        "base": base,
        "quote": "USDT",
        "price_step": Decimal("0.10"),
        "quantity_step": Decimal("0.001"),
        "min_quantity": Decimal("0.001"),
        "max_quantity": Decimal(1000),
        "min_notional": Decimal(5),
        "taker_fee": Decimal("0.0004"),
    }
    return Market(**{**values, **changes})


def a_candle(open_time: datetime = NOW, close: str = "100", **changes: Any) -> Candle:
    """A flat candle at one price."""
    price = Decimal(close)
    values: dict[str, Any] = {"open": price, "high": price, "low": price, "close": price, "volume": Decimal(1)}
    return Candle(open_time=open_time, **{**values, **changes})


def candles_until(close: datetime, count: int, timeframe: Timeframe = Timeframe.M1, price: str = "100") -> tuple[Candle, ...]:
    """`count` flat candles; the last candle closes at `close`."""
    return tuple(a_candle(close - timeframe.length * back, price) for back in range(count, 0, -1))


def settings(**changes: Any) -> Settings:
    """10,000 of capital; every entry is 1,000 of notional unless the test says otherwise."""
    values: dict[str, Any] = {"capital": Decimal(10_000), "sizing": Sizing(SizingMode.FIXED_NOTIONAL, Decimal(1_000))}
    return Settings(**{**values, **changes})


def a_subscription(subscription_id: str = SUBSCRIPTION, **changes: Any) -> Subscription:
    values: dict[str, Any] = {
        "tenant_id": TENANT,
        "subscription_id": subscription_id,
        "strategy_id": STRATEGY,
        "account_id": ACCOUNT,
        "settings": settings(),
        "status": SubscriptionStatus.ACTIVE,
        "created_at": NOW,
    }
    return Subscription(**{**values, **changes})


def an_account(account_id: str = ACCOUNT, **changes: Any) -> Account:
    """An active account with keys, a fresh balance and one active subscription."""
    values: dict[str, Any] = {
        "tenant_id": TENANT,
        "account_id": account_id,
        "venue": VENUE,
        "label": "main",
        "status": AccountStatus.ACTIVE,
        "created_at": NOW,
        "credential_version": "credential-version-1",
        "subscriptions": {SUBSCRIPTION: SubscriptionStatus.ACTIVE},
        "balance": Balance(equity=Decimal(10_000), available=Decimal(10_000), as_of=NOW),
    }
    return Account(**{**values, **changes})


def a_signal(action: Action = Action.LONG, **changes: Any) -> Signal:
    """A signal at a price of 100; its id follows from its action and time unless it is given."""
    issued_at = changes.get("issued_at", NOW)
    values: dict[str, Any] = {
        "signal_id": digest("test-signal", action.value, issued_at.isoformat()),
        "strategy_id": STRATEGY,
        "market": BTC,
        "action": action,
        "issued_at": issued_at,
        "correlation_id": "correlation-1",
        "price": Decimal(100),
    }
    return Signal(**{**values, **changes})


def a_quote(price: Decimal = Decimal(100), **changes: Any) -> Quote:
    """A market at this price, a basis point wide on either side."""
    half = price / 10_000
    values: dict[str, Any] = {"bid": price - half, "ask": price + half, "mark_price": price, "as_of": NOW}
    return Quote(**{**values, **changes})


def a_trade_order(signal: Signal | None = None, **changes: Any) -> TradeOrder:
    """An order whose market stands at the signal's price, unless the test says otherwise."""
    signal = signal or a_signal()
    values: dict[str, Any] = {
        "signal": signal,
        "quote": a_quote(signal.price or Decimal(100)) if signal.action.is_entry else None,
        "tenant_id": TENANT,
        "account_id": ACCOUNT,
        "subscription_id": SUBSCRIPTION,
        "settings": settings(),
        "limits": EffectiveLimits(),
    }
    return TradeOrder(**{**values, **changes})


def a_signal_shard(signal: Signal | None = None, **changes: Any) -> SignalShard:
    values: dict[str, Any] = {"signal": signal or a_signal(), "venue": VENUE, "shard": 0, "start": "0000", "end": "gggg"}
    return SignalShard(**{**values, **changes})


def a_candle_closed(**changes: Any) -> CandleClosed:
    values: dict[str, Any] = {
        "venue": VENUE,
        "market": BTC,
        "timeframe": Timeframe.M1,
        "candle_close": NOW,
        "correlation_id": "correlation-1",
    }
    return CandleClosed(**{**values, **changes})


def a_reconcile_request(**changes: Any) -> ReconcileRequest:
    return ReconcileRequest(**{"tenant_id": TENANT, "account_id": ACCOUNT, "correlation_id": "correlation-1", **changes})


def an_intent(kind: LegKind = LegKind.ENTRY, **changes: Any) -> Intent:
    """A leg of `a_signal()` that is being sent."""
    signal_id = changes.get("signal_id", a_signal().signal_id)
    leg = changes.get("leg", kind.value)
    subscription_id = changes.get("subscription_id", SUBSCRIPTION)
    values: dict[str, Any] = {
        "intent_id": intent_id(signal_id, subscription_id, leg),
        "leg": leg,
        "kind": kind,
        "tenant_id": TENANT,
        "account_id": ACCOUNT,
        "subscription_id": subscription_id,
        "strategy_id": STRATEGY,
        "signal_id": signal_id,
        "correlation_id": "correlation-1",
        "market": BTC,
        "position_side": PositionSide.LONG,
        "state": IntentState.SUBMITTING,
        "issued_at": NOW,
        "created_at": NOW,
        "quantity": Decimal(10),
        "reference_price": Decimal(100),
        "submitted_at": NOW,
    }
    if kind.is_protective:
        stop = kind is LegKind.STOP_LOSS
        values["order_type"] = OrderType.STOP_MARKET if stop else OrderType.TAKE_PROFIT_MARKET
        values["trigger_price"] = Decimal(90) if stop else Decimal(110)
        values["bracket_of"] = intent_id(signal_id, subscription_id, LegKind.ENTRY.value)
        values["reference_price"] = None
    return Intent(**{**values, **changes})


def a_position(**changes: Any) -> Position:
    """A long position of 10 at 100, opened by `an_intent()`."""
    values: dict[str, Any] = {
        "tenant_id": TENANT,
        "account_id": ACCOUNT,
        "subscription_id": SUBSCRIPTION,
        "strategy_id": STRATEGY,
        "market": BTC,
        "side": PositionSide.LONG,
        "quantity": Decimal(10),
        "opened_quantity": Decimal(10),
        "entry_price": Decimal(100),
        "entry_intent_id": an_intent().intent_id,
        "signal_id": a_signal().signal_id,
        "correlation_id": "correlation-1",
        "opened_at": NOW,
        "signal_issued_at": NOW,
    }
    return Position(**{**values, **changes})


def a_trade(trade_id: str = "trade-1", **changes: Any) -> Trade:
    """A winning long round trip: 10 bought at 100 and sold at 110."""
    values: dict[str, Any] = {
        "trade_id": trade_id,
        "tenant_id": TENANT,
        "account_id": ACCOUNT,
        "subscription_id": SUBSCRIPTION,
        "strategy_id": STRATEGY,
        "market": BTC,
        "side": PositionSide.LONG,
        "quantity": Decimal(10),
        "entry_price": Decimal(100),
        "exit_price": Decimal(110),
        "pnl": Decimal(100),
        "fees": Decimal("0.84"),
        "opened_at": NOW,
        "closed_at": after(60),
        "closed_by": "EXIT",
        "capital": Decimal(1_000),
        "venue": VENUE,
    }
    return Trade(**{**values, **changes})


def a_strategy(strategy_id: str = STRATEGY, **changes: Any) -> StrategyDefinition:
    """A built-in strategy on BTC, every minute."""
    values: dict[str, Any] = {
        "strategy_id": strategy_id,
        "name": "SMA cross",
        "kind": StrategyKind.BUILT_IN,
        "venue": VENUE,
        "created_at": NOW,
        "market": BTC,
        "timeframe": Timeframe.M1,
        "code": "sma_cross",
    }
    return StrategyDefinition(**{**values, **changes})


def an_uploaded_strategy(strategy_id: str = STRATEGY, **changes: Any) -> StrategyDefinition:
    """A strategy of the first tenant, whose first version all its followers get."""
    release = Release(stable=1, released_by=TENANT, released_at=NOW)
    uploaded: dict[str, Any] = {"name": "Mine", "kind": StrategyKind.UPLOADED, "code": None, "owner": TENANT, "release": release}
    return a_strategy(strategy_id, **{**uploaded, "latest_version": 1, **changes})


def a_version(number: int = 1, strategy_id: str = STRATEGY, **changes: Any) -> StrategyVersion:
    """A version of an uploaded strategy with one parameter."""
    values: dict[str, Any] = {
        "strategy_id": strategy_id,
        "number": number,
        "digest": f"{number:016x}",
        "parameters": {"period": 10 + number},
        "parameter_schema": {"type": "object", "properties": {"period": {"type": "integer"}}},
        "lookback": 60,
        "created_by": TENANT,
        "created_at": NOW,
        "source_hash": f"{number:064x}",
    }
    return StrategyVersion(**{**values, **changes})


def an_external_strategy(strategy_id: str = STRATEGY, **changes: Any) -> StrategyDefinition:
    """A strategy whose signals come by webhook."""
    values: dict[str, Any] = {
        "strategy_id": strategy_id,
        "name": "From outside",
        "kind": StrategyKind.EXTERNAL,
        "venue": VENUE,
        "created_at": NOW,
        "source_id": SOURCE,
    }
    return StrategyDefinition(**{**values, **changes})


def a_source(source_id: str = SOURCE, **changes: Any) -> SignalSource:
    values: dict[str, Any] = {
        "source_id": source_id,
        "strategy_id": STRATEGY,
        "venue": VENUE,
        "secret_version": "secret-version-1",
        "created_at": NOW,
    }
    return SignalSource(**{**values, **changes})


def an_execution(candle_close: datetime = NOW, **changes: Any) -> Execution:
    """A run that has just begun."""
    started_at = changes.get("started_at", after(1, candle_close))
    values: dict[str, Any] = {
        "strategy_id": STRATEGY,
        "candle_close": candle_close,
        "scheduled_at": candle_close,
        "started_at": started_at,
        "worker": "worker-1",
        "status": ExecutionStatus.RUNNING,
        "drift_seconds": 1.0,
        "lease_expires_at": started_at + LEASE,
        "correlation_id": "correlation-1",
    }
    return Execution(**{**values, **changes})


def a_signal_record(signal: Signal | None = None, **changes: Any) -> SignalRecord:
    values: dict[str, Any] = {
        "signal": signal or a_signal(),
        "venue": VENUE,
        "shards": 1,
        "subscriber_count": 1,
        "published_at": NOW,
    }
    return SignalRecord(**{**values, **changes})


def an_order_request(client_order_id: str = "cc1", **changes: Any) -> OrderRequest:
    values: dict[str, Any] = {
        "client_order_id": client_order_id,
        "market": BTC,
        "side": Side.BUY,
        "order_type": OrderType.MARKET,
        "quantity": Decimal(10),
        "reduce_only": False,
    }
    return OrderRequest(**{**values, **changes})


def a_breach(**changes: Any) -> Breach:
    """An entry that was stopped by its leverage."""
    values: dict[str, Any] = {
        "breach_id": "breach-1",
        "tenant_id": TENANT,
        "account_id": ACCOUNT,
        "subscription_id": SUBSCRIPTION,
        "signal_id": "signal-1",
        "market": BTC,
        "denial": Denial(Reason.MAX_LEVERAGE, Decimal("5.1"), Decimal(5)),
        "occurred_at": NOW,
    }
    return Breach(**{**values, **changes})
