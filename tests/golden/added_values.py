"""Values with the fields that were added after the golden items of their kinds, under the same rules as `values.py`."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from candlecast.domain.account.account import Account
from candlecast.domain.account.events import Event, EventType
from candlecast.domain.account.findings import Drift
from candlecast.domain.account.suspension import Suspension
from candlecast.domain.limits.limits import Authority, EffectiveLimits, Limits, Scope
from candlecast.domain.market.candle import Candle
from candlecast.domain.market.seen import SeenCandles
from candlecast.domain.orders.fleet import BacktestFill, SignalFill
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import Position, Trade
from candlecast.domain.orders.ranks import SignalCounts, SignalRanks, SlippageSums
from candlecast.domain.pools.pool import Reservation
from candlecast.domain.signals.audience import Audience
from candlecast.domain.signals.entry_order import EntryOrder, EntryPreference, EntryType
from candlecast.domain.signals.messages import CandleClosed, SignalShard
from candlecast.domain.signals.reduction import Reduction
from candlecast.domain.signals.signal import Signal
from candlecast.domain.strategies.days import DaySums, TenantDay
from candlecast.domain.strategies.definition import StrategyDefinition, StrategyKind, Visibility
from candlecast.domain.strategies.execution import Execution, ReceivedAs, SignalRecord
from candlecast.domain.strategies.statistics import Statistics
from candlecast.domain.strategies.versions import Release, StrategyChange, StrategyVersion
from candlecast.domain.subscriptions.subscription import Settings, Subscription
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import OrderType, PositionSide, TimeInForce
from candlecast.domain.values.timeframe import Timeframe
from tests.golden import other_values, values
from tests.golden.times import NOW, at
from tests.golden.values import BTC, ETH, STRATEGY, TENANT, VENUE

GENERATION = 2
FIRST_VERSION = 1_000_000_001  # of an account's first write in a table of the second generation
UNATTRIBUTED = "unattributed-long"


def denied_after_a_restore() -> Intent:
    return values.entry(state=IntentState.DENIED, denial=Denial(reason=Reason.TABLE_RESTORED))


def cancelled_by_its_owner() -> Intent:
    """An entry that rested until its owner cancelled it."""
    return values.entry(
        state=IntentState.CANCELLED, denial=Denial(reason=Reason.CANCELLED_BY_OWNER), cancel_asked_at=at(30), settled_at=at(31)
    )


def exit_of_a_part() -> Intent:
    """An exit that closes a part of its position."""
    return values.entry(leg="EXIT", kind=LegKind.EXIT, reduction=Reduction(quantity=Decimal("0.025")))


def order_to_reduce() -> TradeOrder:
    """The message that closes a share of a position."""
    signal = replace(other_values.exit_signal(), reduction=Reduction(share=Decimal("0.25")))
    return replace(other_values.smallest_trade_order(), signal=signal, schema_version=2)


def adopted() -> Position:
    """A position of lost minutes, which belongs to its account alone."""
    return replace(
        values.position(), subscription_id=UNATTRIBUTED, strategy_id="unattributed", side=PositionSide.LONG, stop_price=None
    )


def reopened() -> Position:
    """A position that an entry has opened after an earlier one of its own was closed."""
    return values.position(own_trade_id=values.TARGET)


def trade_of_a_reopened_position() -> Trade:
    return replace(values.trade(), trade_id=values.TARGET, entry_intent_id=values.ENTRY, funding=Decimal("-0.125"))


def trade_of_a_version() -> Trade:
    """A trade that names the version that opened its position."""
    return replace(values.trade(), strategy_version="0123456789abcdef")


def trade_of_a_signal() -> Trade:
    """Of later code, which names the opening signal."""
    return replace(values.trade(), strategy_version="0123456789abcdef", signal_id="5e" * 16)


FIRST_AND_LAST_DAY = (NOW.date(), at(86_400).date())


def trades_of_days() -> tuple[Trade, ...]:
    """Trades of two days, two of them with a funding, of two subscriptions."""
    won = replace(values.trade(), capital=Decimal(2_500), venue=VENUE)
    lost = replace(values.losing_trade(), capital=Decimal(2_500), venue=VENUE, funding=Decimal("-0.125"))
    other = replace(won, trade_id=values.TARGET, subscription_id="golden-other", capital=Decimal(1_000))
    return won, lost, other, replace(lost, trade_id=values.STOP, closed_at=at(86_400 + 600))


def days_of_a_subscription() -> dict[date, Statistics]:
    """Their sums for the account, which has both subscriptions."""
    *today, tomorrow = (Statistics.of(trade.pnl, trade.fees, trade.funding) for trade in trades_of_days())
    return dict(zip(FIRST_AND_LAST_DAY, (sum(today, Statistics()), tomorrow), strict=True))


def day_of_a_tenant() -> TenantDay:
    """The tenant's part of the first day."""
    returns = Decimal("0.045759944000") + Decimal("-0.026290056000") + Decimal("0.114399860000")
    return TenantDay(trades=3, returns=returns, subscriptions=(values.SUBSCRIPTION, "golden-other"))


def days_of_a_strategy() -> dict[date, DaySums]:
    """Their sums over tenants."""
    tomorrow = DaySums(tenants=1, trades=1, returns=Decimal("-0.026290056000"))
    return dict(zip(FIRST_AND_LAST_DAY, (day_of_a_tenant().part, tomorrow), strict=True))


def ranked_orders() -> tuple[Intent, ...]:
    """Market orders of two followers of one signal, who are served in the first and in the sixth tenth of the turns."""
    filled = values.entry(state=IntentState.FILLED, order_type=OrderType.MARKET)
    return (
        replace(filled, subscription_id="golden-follower-1"),
        replace(filled, subscription_id="golden-follower-34", intent_id=values.EXIT, average_price=Decimal("49990.00")),
    )


def ranks_of_a_signal() -> SignalRanks:
    """Their slippage by rank."""
    none = SlippageSums()
    first, other = SlippageSums(orders=1, slippage_bps=Decimal("0.23")), SlippageSums(orders=1, slippage_bps=Decimal("-2.02"))
    return SignalRanks(signal_id=values.SIGNAL, issued_at=NOW, tenths=(first, *[none] * 4, other, *[none] * 4))


def ended_orders() -> tuple[Intent, ...]:
    """Orders of the same signal that its slippage does not count: one was filled at a limit, one denied."""
    filled, other = ranked_orders()
    denial = Denial(Reason.MAX_ORDER_NOTIONAL, Decimal(200), Decimal(100))
    return (
        replace(filled, order_type=OrderType.LIMIT, price=Decimal(50_000)),
        replace(other, state=IntentState.DENIED, denial=denial, filled_quantity=Decimal(0), average_price=None),
    )


def counts_of_a_signal() -> SignalCounts:
    """The ends of these orders."""
    return SignalCounts(placed=1, not_placed={IntentState.DENIED: {Reason.MAX_ORDER_NOTIONAL: 1}})


def fill_of_a_backtest() -> SignalFill:
    """The fill of a backtest for the signal of `ranks_of_a_signal`."""
    fill = BacktestFill(price=Decimal("50010.10"), slippage_bps=Decimal("-1.25"))
    return SignalFill(signal_id=values.SIGNAL, issued_at=NOW, fill=fill)


def ranks_beside_a_backtest() -> SignalRanks:
    """The same with the number of orders near each slippage, and with the backtest's fill."""
    return replace(ranks_of_a_signal(), near={2: 1, -20: 1}, backtest=fill_of_a_backtest().fill)


def restoring() -> Account:
    """An account at its first look in a restored table, telling so."""
    causes = (Suspension(cause=Reason.TABLE_RESTORED, since=at(1)), Suspension(cause=Reason.KEYS_NOT_VETTED, since=at(1)))
    denied = denied_after_a_restore()
    events = (
        Event(type=EventType.ACCOUNT_CHANGED, occurred_at=at(1), code="TABLE_RESTORED"),
        Event(type=EventType.TRADE_FAILED, occurred_at=at(2), order=denied),
    )
    return replace(values.new_account(), version=4, suspensions=causes, outbox=events)


def recovered() -> Account:
    """An account whose lost minutes are accounted for, with an adopted position and a difference that may be a fill."""
    held, second = adopted(), reopened()
    events = (
        Event(type=EventType.POSITION_CHANGED, occurred_at=at(3), position=held),
        Event(
            type=EventType.ALERT_CRITICAL,
            occurred_at=at(4),
            code="POSITION_ADOPTED_WITHOUT_STOP",
            market=held.market,
            failure="VENUE_UNAVAILABLE",
        ),
    )
    return replace(
        values.new_account(),
        version=FIRST_VERSION,
        positions={held.key: held, second.key: second},
        drifts={ETH: Drift(difference=Decimal("0.5"), seen_at=at(2), agreed_at=at(-30), counts=False)},
        limits_set_at=at(-5),
        generation=GENERATION,
        entries_from=at(90),
        outbox=events,
    )


def settings() -> Settings:
    """Settings with an entry that fills at once or not at all, and a stop that trails by the range."""
    return replace(
        other_values.settings(),
        entry=EntryPreference(type=EntryType.LIMIT, offset_bps=Decimal(5), time_in_force=TimeInForce.FOK),
        trailing_stop_percent=None,
        trailing_stop_atr_multiplier=Decimal("2.5"),
    )


def subscription() -> Subscription:
    return replace(other_values.subscription(), settings=settings(), settings_set_at=at(-5))


def immediate_signal() -> Signal:
    entry = EntryOrder(type=EntryType.LIMIT, price=Decimal(50_015), time_in_force=TimeInForce.IOC)
    return replace(other_values.signal(), entry=entry)


def trade_order() -> TradeOrder:
    """An order whose entry must rest, with a limit on how far away."""
    entry = EntryOrder(type=EntryType.LIMIT, price=Decimal(49_900), post_only=True)
    return replace(
        other_values.trade_order(),
        signal=replace(other_values.signal(), entry=entry),
        settings=settings(),
        limits=EffectiveLimits(limits=limits(), origins={"max_resting_distance_percent": Scope.USER}, authority=Authority.CACHED),
    )


def limits() -> Limits:
    """Every limit, at a value of its own."""
    return replace(other_values.limits(), max_resting_distance_percent=Decimal("7.5"))


def reserved_strategy() -> StrategyDefinition:
    return replace(other_values.strategy(), reserved_for=TENANT)


def reservation() -> Reservation:
    return replace(other_values.reservation(), closed=True, trades=(values.ENTRY, values.TARGET))


def uploaded_strategy() -> StrategyDefinition:
    """An uploaded strategy that was changed, released to a share, followed by `pinned_subscription`, and retired."""
    return StrategyDefinition(
        strategy_id=STRATEGY,
        name="Golden upload",
        kind=StrategyKind.UPLOADED,
        venue=VENUE,
        created_at=at(-60),
        market=BTC,
        timeframe=Timeframe.M15,
        owner=TENANT,
        collaborators=("golden-friend",),
        visibility=Visibility.LINK,
        link_key="golden-link",
        tags=("trend", "15m"),
        retired_at=at(0),
        release=Release(stable=2, candidate=3, share_percent=20, previous=1, released_by="golden-friend", released_at=at(-30)),
        latest_version=3,
        subscriber_count=1,
        pinned_count=1,
        revision=7,
    )


def version() -> StrategyVersion:
    return StrategyVersion(
        strategy_id=STRATEGY,
        number=2,
        digest="0123456789abcdef",
        parameters={"fast": 10, "ratio": 1.5, "mode": "both", "strict": True},
        parameter_schema={"type": "object", "properties": {"ratio": {"type": "number", "maximum": 2.5}}},
        lookback=60,
        created_by="golden-friend",
        created_at=at(-40),
        source_hash="c0de" * 16,
        note="a wider ratio",
    )


def change() -> StrategyChange:
    return StrategyChange(
        strategy_id=STRATEGY,
        revision=7,
        type=EventType.STRATEGY_VERSION_RELEASED,
        changed_by="golden-friend",
        changed_at=at(-30),
        values={"version": "3", "share_percent": "20"},
    )


def audience() -> Audience:
    return Audience(number=2, bucket_from=20, bucket_to=100)


def signal_of_a_version() -> Signal:
    return replace(other_values.signal(), decision_id="d1" * 16)


def record_of_a_version() -> SignalRecord:
    return replace(other_values.signal_record(), signal=signal_of_a_version(), audience=audience())


def record_of_a_message() -> SignalRecord:
    return replace(other_values.signal_record(), received_as=ReceivedAs(source_id="golden-source", sender_key="5e" * 16))


def leading_execution() -> Execution:
    """The candle's first record, with the version that runs beside its own."""
    return replace(other_values.begun_execution(), audience=audience(), beside=(Audience(number=4),))


def execution_that_saw() -> Execution:
    newest = Candle(at(-900), Decimal("50000.10"), Decimal("50100.5"), Decimal(49_900), Decimal(50_050), Decimal("12.5"))
    seen = SeenCandles(first_open=at(-1_800), rows=2, newest=newest, digest="5e" * 16)
    return replace(other_values.execution(), seen=seen, strategy_version="c0de" * 4)


def execution_behind() -> Execution:
    return replace(other_values.begun_execution(), audience=Audience(number=4), leads=False)


def execution_of_a_version() -> Execution:
    return replace(other_values.execution(), signal=signal_of_a_version(), audience=audience())


def pinned_subscription() -> Subscription:
    return replace(subscription(), pinned_version=2)


def shard_of_a_version() -> SignalShard:
    return SignalShard(
        signal=signal_of_a_version(), venue=VENUE, shard=1, start="4000", end="8000", published_at=at(1), audience=audience()
    )


def candle_of_an_upload() -> CandleClosed:
    return CandleClosed(
        venue=VENUE,
        market=BTC,
        timeframe=Timeframe.M15,
        candle_close=NOW,
        correlation_id=values.CORRELATION,
        strategy_id=STRATEGY,
    )
