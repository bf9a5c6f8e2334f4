"""The values of all kinds except accounts and their parts, under the same rules as `values.py`."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from decimal import Decimal

from candlecast.domain.account.deployment_pause import DeploymentPause
from candlecast.domain.health.health import ComponentHealth, Health, HealthState
from candlecast.domain.limits.breach import Breach
from candlecast.domain.limits.limits import Authority, EffectiveLimits, Limits, Scope
from candlecast.domain.limits.pool_bounds import Amounts, PoolBounds, PoolLimits
from candlecast.domain.limits.record import LimitPlace, LimitRecord
from candlecast.domain.limits.trading_window import Blackout, TradingWindow
from candlecast.domain.market.market import Market
from candlecast.domain.market.quote import Quote
from candlecast.domain.people.approval import Act, Approval, ApprovalState
from candlecast.domain.pools.pool import SLOTS, Pool, Reservation, ReservationState, Slot
from candlecast.domain.reconcile.restoration import Restoration
from candlecast.domain.signals.entry_order import EntryOrder, EntryPreference, EntryType
from candlecast.domain.signals.signal import Action, Signal, TakeProfit
from candlecast.domain.signals.verdict import Release, Verdict, VerdictState
from candlecast.domain.strategies.definition import SignalSource, SourceSettings, StrategyDefinition, StrategyKind
from candlecast.domain.strategies.execution import Execution, ExecutionStatus, ShardReport, SignalRecord
from candlecast.domain.subscriptions.subscription import (
    AllowedSides,
    Settings,
    Sizing,
    SizingMode,
    Subscription,
    SubscriptionStatus,
)
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import MarginMode, PositionSide, TimeInForce, WorkingType
from candlecast.domain.values.timeframe import Timeframe
from candlecast.domain.venue.breaker import FAILURES_TO_OPEN, REFUSALS_TO_BRAKE, Breaker, BreakerState
from candlecast.ports.archive import ArchivedEvent
from candlecast.ports.bus import PublishedEvent
from candlecast.ports.dead_letters import DeadLetterEntry, DeadLetterListing, Redriven, RefusedLetter
from tests.golden import values
from tests.golden.times import NOW, at
from tests.golden.values import BTC, ETH, ORGANISATION, SOURCE, STRATEGY, SUBSCRIPTION, TENANT, VENUE


def limits() -> Limits:
    """Every limit, at a value of its own."""
    percent, count = Decimal("2.5"), 3
    return Limits(
        reduce_only=True,
        allowed_venues=("binanceusdm", VENUE),
        allowed_markets=(BTC, ETH),
        denied_markets=("DOGE/USDT:USDT",),
        allowed_sides=(PositionSide.LONG,),
        trading_windows=(TradingWindow(days=(0, 4), opens=time(22, 30), closes=time(4)),),
        blackouts=(Blackout(starts_at=at(0), ends_at=at(3600), name="news"),),
        max_state_age_seconds=300,
        limits_locked_until=at(86_400),
        one_position_per_market=True,
        max_adds=count,
        max_positions=count,
        max_account_positions=count,
        max_open_orders=count,
        self_match_prevention=True,
        max_daily_loss_percent=percent,
        max_daily_loss=percent,
        max_weekly_loss_percent=percent,
        max_monthly_loss_percent=percent,
        max_account_daily_loss_percent=percent,
        max_drawdown_percent=percent,
        max_trailing_drawdown_percent=percent,
        max_end_of_day_drawdown_percent=percent,
        min_equity=Decimal(1_000),
        daily_profit_lock_percent=percent,
        max_consecutive_losses=count,
        consecutive_loss_pause_hours=percent,
        min_market_profit_percent=percent,
        low_profit_ban_hours=percent,
        cooldown_after_trade_seconds=60,
        cooldown_after_loss_seconds=120,
        quarantine_after_reject_minutes=5,
        duplicate_window_seconds=30,
        max_orders_per_second=count,
        max_orders_per_minute=count,
        max_orders_per_day=count,
        max_trades_per_day=count,
        max_daily_notional=Decimal("100000.5"),
        max_cancels_per_minute=count,
        max_signal_age_seconds=60,
        min_confidence=Decimal("0.5"),
        stop_required=True,
        max_stop_distance_percent=percent,
        min_stop_distance_percent=Decimal("0.1"),
        min_reward_to_risk=Decimal("1.5"),
        max_risk_per_trade_percent=percent,
        max_order_quantity=Decimal("1.5"),
        max_order_notional=Decimal(5_000),
        min_order_notional=Decimal(5),
        approval_above_notional=Decimal(4_000),
        max_quote_age_seconds=5,
        max_price_deviation_percent=percent,
        max_slippage_bps=Decimal(10),
        max_spread_bps=Decimal(5),
        max_funding_rate_percent=Decimal("0.05"),
        min_liquidation_distance_percent=percent,
        max_position_notional=Decimal(10_000),
        max_gross_exposure=Decimal(20_000),
        max_net_exposure=Decimal(15_000),
        max_leverage=Decimal(5),
        max_account_leverage=Decimal(6),
        max_concentration_percent=Decimal(50),
        max_correlated_exposure_percent=Decimal(60),
        correlated_markets=((BTC, ETH),),
        max_strategy_allocation_percent=Decimal(40),
        max_portfolio_heat_percent=Decimal(6),
        max_margin_usage_percent=Decimal(70),
        max_holding_hours=Decimal(48),
        max_unrealised_loss_percent=Decimal("7.5"),
    )


def settings() -> Settings:
    return Settings(
        capital=Decimal("10000.50"),
        sizing=Sizing(mode=SizingMode.KELLY, value=Decimal(50)),
        risk_per_trade_percent=Decimal("0.75"),
        leverage=Decimal(7),
        margin_mode=MarginMode.ISOLATED,
        max_positions=3,
        max_daily_loss_percent=Decimal("2.5"),
        max_order_notional=Decimal(5_000),
        max_signal_age_seconds=90,
        stop_atr_multiplier=Decimal("1.5"),
        target_atr_multiplier=Decimal(3),
        allowed_sides=AllowedSides.LONG,
        allowed_markets=(BTC, ETH),
        limits=Limits(max_leverage=Decimal(5)),
        win_rate=Decimal("0.55"),
        payoff_ratio=Decimal("1.8"),
        kelly_cap_percent=Decimal(2),
        entry=EntryPreference(
            type=EntryType.LIMIT, offset_bps=Decimal(5), time_in_force=TimeInForce.GTC, post_only=True, rests_seconds=60
        ),
        trailing_stop_percent=Decimal("1.5"),
        trailing_activation_percent=Decimal("0.5"),
        break_even_after_r=Decimal(2),
        break_even_after_target=True,
        limit_targets=True,
    )


def subscription() -> Subscription:
    return Subscription(
        tenant_id=TENANT,
        subscription_id=SUBSCRIPTION,
        strategy_id=STRATEGY,
        account_id=values.ACCOUNT,
        settings=settings(),
        status=SubscriptionStatus.ACTIVE,
        created_at=NOW,
        version=1,
    )


def marked_subscription() -> Subscription:
    """A subscription whose stops are triggered by the mark, with protection."""
    stops = replace(settings(), stop_working_type=WorkingType.MARK_PRICE, stop_price_protect=True)
    return replace(subscription(), settings=stops)


def smallest_subscription() -> Subscription:
    """A subscription with required fields only, and cancelled: it stands in no index."""
    return Subscription(
        tenant_id=TENANT,
        subscription_id=SUBSCRIPTION,
        strategy_id=STRATEGY,
        settings=Settings(capital=Decimal(100)),
        status=SubscriptionStatus.CANCELLED,
        created_at=NOW,
        version=1,
    )


def signal() -> Signal:
    return Signal(
        signal_id=values.SIGNAL,
        strategy_id=STRATEGY,
        market=BTC,
        action=Action.LONG,
        issued_at=NOW,
        correlation_id=values.CORRELATION,
        price=Decimal("50000.10"),
        stop_loss=Decimal("49000.1"),
        take_profits=(
            TakeProfit(price=Decimal(51_000), share=Decimal("0.5")),
            TakeProfit(price=Decimal(52_000), share=Decimal("0.5")),
        ),
        atr=Decimal("120.5"),
        confidence=Decimal("0.8"),
        candle_close=NOW,
        metadata={"indicator": "sma", "note": "über 20"},
        entry=EntryOrder(type=EntryType.STOP_LIMIT, price=Decimal(50_015), trigger_price=Decimal("50010.5"), rests_seconds=600),
    )


def released_signal() -> Signal:
    """A quarantined signal that a person has let be judged anew."""
    return Signal(
        signal_id=values.SIGNAL,
        strategy_id=STRATEGY,
        market=BTC,
        action=Action.SHORT,
        issued_at=NOW,
        correlation_id=values.CORRELATION,
        released_from="golden-quarantined",
        released_by="golden-admin",
    )


def quote() -> Quote:
    return Quote(
        bid=Decimal("49999.9"),
        ask=Decimal("50000.1"),
        mark_price=Decimal(50_000),
        as_of=at(-1),
        funding_rate=Decimal("0.0001"),
    )


def passed_verdict() -> Verdict:
    return Verdict(
        signal_id=values.SIGNAL,
        strategy_id=STRATEGY,
        venue=VENUE,
        market=BTC,
        action=Action.LONG,
        state=VerdictState.PASSED,
        judged_at=at(1),
        quote=quote(),
    )


def quarantined_verdict() -> Verdict:
    return Verdict(
        signal_id=values.SIGNAL,
        strategy_id=STRATEGY,
        venue=VENUE,
        market=BTC,
        action=Action.SHORT,
        state=VerdictState.QUARANTINED,
        judged_at=at(1),
        quote=quote(),
        denial=Denial(reason=Reason.PRICE_COLLAR, value=Decimal("99.5"), bound=Decimal(5)),
    )


def release() -> Release:
    return Release(signal_id="golden-released", released_by="golden-admin", released_at=at(60))


def exit_signal() -> Signal:
    """A signal with required fields only."""
    return Signal(
        signal_id=values.SIGNAL,
        strategy_id=STRATEGY,
        market=BTC,
        action=Action.EXIT,
        issued_at=NOW,
        correlation_id=values.CORRELATION,
    )


def strategy() -> StrategyDefinition:
    return StrategyDefinition(
        strategy_id=STRATEGY,
        name="Golden cross",
        kind=StrategyKind.BUILT_IN,
        venue=VENUE,
        created_at=NOW,
        market=BTC,
        timeframe=Timeframe.M15,
        code="sma_cross",
        parameters={"fast": 10, "ratio": 1.5, "mode": "both", "strict": True},
        description="a built-in strategy",
        subscriber_count=2,
    )


def external_strategy() -> StrategyDefinition:
    return StrategyDefinition(
        strategy_id=STRATEGY, name="From outside", kind=StrategyKind.EXTERNAL, venue=VENUE, created_at=NOW, source_id=SOURCE
    )


def source() -> SignalSource:
    return SignalSource(
        source_id=SOURCE,
        strategy_id=STRATEGY,
        venue=VENUE,
        secret_version="golden-secret-version",
        created_at=NOW,
        enabled=False,
    )


def rotated_source() -> SignalSource:
    return SignalSource(
        source_id=SOURCE,
        strategy_id=STRATEGY,
        venue=VENUE,
        secret_version="golden-secret-version-2",
        created_at=NOW,
        settings=SourceSettings(
            messages_per_minute=7,
            messages_per_hour=70,
            max_daily_notional=Decimal("1000.5"),
            max_signal_notional=Decimal(100),
            allowed_addresses=("192.0.2.1/32", "2001:db8::/32"),
        ),
        previous_version="golden-secret-version",
        previous_until=at(86_400),
        revision=3,
    )


def execution() -> Execution:
    return Execution(
        strategy_id=STRATEGY,
        candle_close=NOW,
        scheduled_at=NOW,
        started_at=at(1.25),
        worker="golden-worker",
        status=ExecutionStatus.COMPLETED,
        drift_seconds=1.25,
        lease_expires_at=at(61.25),
        correlation_id=values.CORRELATION,
        finished_at=at(2.5),
        duration_ms=1250.5,
        signal=signal(),
        subscriber_count=1_500,
        reason="no reason",
        error="no error",
        logs=("one line", "another"),
    )


def begun_execution() -> Execution:
    return Execution(
        strategy_id=STRATEGY,
        candle_close=NOW,
        scheduled_at=NOW,
        started_at=at(1),
        worker="golden-worker",
        status=ExecutionStatus.RUNNING,
        drift_seconds=1.0,
        lease_expires_at=at(61),
        correlation_id=values.CORRELATION,
    )


def signal_record() -> SignalRecord:
    return SignalRecord(signal=signal(), venue=VENUE, shards=2, subscriber_count=1_500, published_at=at(3))


def shard_report() -> ShardReport:
    return ShardReport(
        shard=1,
        orders=640,
        skipped={"NO_ACCOUNT": 3},
        is_complete=False,
        reached="7f" * 8,
        began_at=at(4),
        sent_at=at(5),
    )


def limit_record(place: LimitPlace) -> LimitRecord:
    """Limits of one place, with the fields that only that place has."""
    record = LimitRecord(place=place, limits=limits(), changed_by="golden-operator", changed_at=at(4), version=1)
    if place.scope is Scope.USER:
        return replace(record, organisation_id=ORGANISATION, group_id="golden-group")
    return replace(record, pool=pool_limits().bounds) if place.scope is Scope.ORGANISATION else record


def approval() -> Approval:
    """A request that a second operator has let happen."""
    return Approval(
        approval_id="golden-approval",
        act=Act.LIFT_SWITCH,
        target=f"ORGANISATION/{ORGANISATION}",
        terms={"grade": "OFF", "reason": "", "version": "3", "was": "FLATTEN"},
        asked_by="api:golden-operator",
        asked_at=at(4),
        expires_at=at(3_604),
        state=ApprovalState.DONE,
        decided_by="api:golden-second-operator",
        decided_at=at(5),
        done_at=at(6),
        version=1,
    )


def pool_limits() -> PoolLimits:
    bounds = PoolBounds(
        max_gross_notional=Decimal("160000.5"), max_open_positions=32, max_orders_per_day=320, max_daily_loss=Decimal(1_000)
    )
    return PoolLimits(organisation_id=ORGANISATION, bounds=bounds, version=2)


def pool() -> Pool:
    """All slots; one of them has more to tell."""
    slots = (
        Slot(
            number=number,
            limits=pool_limits(),
            day=date(2026, 11, 20),
            used=Amounts(notional=Decimal("100.5"), positions=Decimal(1), orders=Decimal(2)),
            free=Amounts(notional=Decimal("9899.5"), positions=Decimal(1), orders=Decimal(18)),
            pnl=Decimal("-12.25"),
            version=1,
        )
        for number in range(SLOTS)
    )
    return Pool(tuple(slots))


def reservation() -> Reservation:
    return Reservation(
        intent_id=values.ENTRY,
        organisation_id=ORGANISATION,
        tenant_id=TENANT,
        account_id=values.ACCOUNT,
        slot=5,
        amounts=Amounts(notional=Decimal("6000.012"), positions=Decimal(1), orders=Decimal(1)),
        day=date(2026, 11, 20),
        look_at=at(1_020),
        state=ReservationState.CONFIRMED,
        closed=True,
        position_of=values.EXIT,
        adds=(values.TARGET,),
        version=1,
    )


def breach() -> Breach:
    return Breach(
        breach_id="golden-breach",
        tenant_id=TENANT,
        account_id=values.ACCOUNT,
        subscription_id=SUBSCRIPTION,
        signal_id=values.SIGNAL,
        market=BTC,
        denial=Denial(reason=Reason.MAX_LEVERAGE, value=Decimal("5.1"), bound=Decimal(5)),
        occurred_at=at(6),
    )


def breaker() -> Breaker:
    return Breaker(venue=VENUE, state=BreakerState.HALF_OPEN, failures=FAILURES_TO_OPEN, since=at(7), version=1)


def braked() -> Breaker:
    """A venue that refuses the keys of many accounts."""
    return Breaker(
        venue=VENUE, refused={f"golden-account-{n}": at(n) for n in range(REFUSALS_TO_BRAKE)}, braked_at=at(4), version=1
    )


def restoration() -> Restoration:
    return Restoration(generation=2, restored_to=NOW, adopted_at=at(1_200))


def trade_order() -> TradeOrder:
    return TradeOrder(
        signal=signal(),
        tenant_id=TENANT,
        account_id=values.ACCOUNT,
        subscription_id=SUBSCRIPTION,
        settings=settings(),
        organisation_id=ORGANISATION,
        limits=EffectiveLimits(
            limits=limits(), origins={"max_leverage": Scope.PLATFORM, "max_adds": Scope.GROUP}, authority=Authority.CACHED
        ),
        quote=quote(),
        strategy_version="9f" * 8,
        pool=pool_limits(),
    )


def smallest_trade_order() -> TradeOrder:
    return TradeOrder(
        signal=exit_signal(),
        tenant_id=TENANT,
        account_id=values.ACCOUNT,
        subscription_id=SUBSCRIPTION,
        settings=Settings(capital=Decimal(100)),
    )


def catalogue() -> dict[str, Market]:
    market = Market(
        symbol=BTC,
        venue_symbol="BTCUSDT",
        base="BTC",
        quote="USDT",
        price_step=Decimal("0.10"),
        quantity_step=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        max_quantity=Decimal(1_000),
        min_notional=Decimal(5),
        taker_fee=Decimal("0.0004"),
    )
    return {BTC: market}


def banded_catalogue() -> dict[str, Market]:
    """A venue with the filter PERCENT_PRICE, whose market ends."""
    (market,) = catalogue().values()
    return {BTC: replace(market, multiplier_up=Decimal("1.0500"), multiplier_down=Decimal("0.9500"), delists_at=NOW)}


def published() -> tuple[PublishedEvent, ...]:
    return tuple(
        PublishedEvent(event_id=f"golden-event-{number}", tenant_id=TENANT, account_id=values.ACCOUNT, version=5, event=event)
        for number, event in enumerate(values.told())
    )


def archived() -> tuple[ArchivedEvent, ...]:
    return tuple(
        ArchivedEvent(sequence=f"{number:021}", recorded_at=at(number), published=event)
        for number, event in enumerate(published())
    )


def letter_entry() -> DeadLetterEntry:
    return DeadLetterEntry(
        queue="trade",
        message_id="golden-letter",
        reason_code="RETRIES_SPENT:VENUE_UNAVAILABLE",
        reason="the last try failed",
        function="order_executor",
        correlation_id=values.CORRELATION,
        put_aside_at=NOW,
        age_seconds=60,
        receives=5,
        group_id=f"{TENANT}#{values.ACCOUNT}",
        kind="TradeOrder",
        facts={"tenant_id": TENANT, "market": BTC},
    )


def letter_listing() -> DeadLetterListing:
    return DeadLetterListing(entries=(letter_entry(),), total=12)


def redriven() -> Redriven:
    return Redriven(
        message_ids=("golden-letter",), refused=(RefusedLetter(message_id="golden-other", code="LETTER_NOT_FOUND"),), left=10
    )


def health() -> Health:
    """A component in each state."""
    return Health(
        written_at=NOW,
        components={
            "table": ComponentHealth(state=HealthState.HEALTHY, latency_ms=6),
            "queues": ComponentHealth(state=HealthState.DEGRADED, latency_ms=1_402),
            "venue:binanceusdm": ComponentHealth(state=HealthState.DOWN, latency_ms=3_001, error="VENUE_UNAVAILABLE", failures=4),
        },
    )


def paused() -> DeploymentPause:
    return DeploymentPause(deployment_id="golden-release", paused_by="golden-pipeline", paused_at=at(4))
