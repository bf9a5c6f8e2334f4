"""Values that older code has stored in forms that are still read and no longer written. They hold only fields of that code."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from candlecast.domain.account.account import Account, AccountStatus, Balance, DailyResult
from candlecast.domain.account.events import Event, EventType
from candlecast.domain.account.findings import Mend
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import Position
from candlecast.domain.signals.signal import Action, Signal
from candlecast.domain.strategies.execution import ShardReport, SignalRecord
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.terms import OrderType, PositionSide
from tests.golden.times import NOW, at

TENANT, ACCOUNT, SUBSCRIPTION, STRATEGY, VENUE = (
    "golden-tenant",
    "golden-account",
    "golden-subscription",
    "golden-strategy",
    "paper",
)
BTC = "BTC/USDT:USDT"
ENTRY, STOP, EXIT, SIGNAL = ("a1" * 16, "b2" * 16, "d4" * 16, "e5" * 16)


def stop() -> Intent:
    return Intent(
        intent_id=STOP,
        leg="STOP_LOSS",
        kind=LegKind.STOP_LOSS,
        tenant_id=TENANT,
        account_id=ACCOUNT,
        subscription_id=SUBSCRIPTION,
        strategy_id=STRATEGY,
        signal_id=SIGNAL,
        correlation_id="golden-correlation",
        market=BTC,
        position_side=PositionSide.LONG,
        state=IntentState.OPEN,
        issued_at=NOW,
        created_at=at(1),
        order_type=OrderType.STOP_MARKET,
        quantity=Decimal("0.120"),
        trigger_price=Decimal("49000.1"),
        bracket_of=ENTRY,
        submitted_at=at(3),
        venue_order_id="1234567891",
    )


def position() -> Position:
    return Position(
        tenant_id=TENANT,
        account_id=ACCOUNT,
        subscription_id=SUBSCRIPTION,
        strategy_id=STRATEGY,
        market=BTC,
        side=PositionSide.LONG,
        quantity=Decimal("0.120"),
        opened_quantity=Decimal("0.120"),
        entry_price=Decimal("50001.25"),
        entry_intent_id=ENTRY,
        signal_id=SIGNAL,
        correlation_id="golden-correlation",
        opened_at=at(3),
        signal_issued_at=NOW,
        stop_price=Decimal("49000.1"),
        fees=Decimal("2.4000600"),
    )


def account() -> Account:
    return Account(
        tenant_id=TENANT,
        account_id=ACCOUNT,
        venue=VENUE,
        label="main",
        status=AccountStatus.ACTIVE,
        created_at=NOW,
        credential_version="golden-credential-version",
        version=4,
        subscriptions={SUBSCRIPTION: SubscriptionStatus.ACTIVE},
        intents={STOP: stop()},
        positions={position().key: position()},
        settled={EXIT: at(-5)},
        newest_signals={position().key: NOW},
        daily_results={SUBSCRIPTION: DailyResult(day=date(2026, 11, 20), realised_pnl=Decimal("-12.5"))},
        balance=Balance(equity=Decimal("10250.25"), available=Decimal("9000.75"), as_of=at(-10)),
        reconciled_at=at(-10),
        mends={"STOP_LOSS": Mend(attempts=2, last_at=at(-15))},
    )


def told() -> tuple[Event, ...]:
    return (
        Event(type=EventType.TRADE_EXECUTED, occurred_at=at(3), order=stop()),
        Event(type=EventType.POSITION_CHANGED, occurred_at=at(7), position=position()),
        Event(type=EventType.ACCOUNT_CHANGED, occurred_at=at(8), code="AUTHENTICATION_FAILED"),
    )


def signal_record() -> SignalRecord:
    signal = Signal(
        signal_id=SIGNAL,
        strategy_id=STRATEGY,
        market=BTC,
        action=Action.EXIT,
        issued_at=NOW,
        correlation_id="golden-correlation",
    )
    reports = {
        0: ShardReport(shard=0, orders=640, skipped={"NO_ACCOUNT": 3}),
        1: ShardReport(shard=1, orders=12),
    }
    return SignalRecord(signal=signal, venue=VENUE, shards=2, subscriber_count=655, published_at=at(3), reports=reports)
