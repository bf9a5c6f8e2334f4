"""The values that the golden items hold, made by the constructors alone, each field given and none at its default.

A field that is added later has a default, so it does not appear here: stored items only grow. Do not change a value that has a
golden item; add another one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from candlecast.domain.account.account import Account, AccountStatus, Balance
from candlecast.domain.account.events import Event, EventType
from candlecast.domain.account.findings import Drift, ExternalOrder, Mend
from candlecast.domain.account.kill_switch import Grade, KillSwitch, SwitchPlace, SwitchScope
from candlecast.domain.account.suspension import resume, suspend
from candlecast.domain.account.usage import DayUse, EquityMarks, MarketUse, Results, Usage
from candlecast.domain.account.vetting import vetted, with_keys
from candlecast.domain.limits.limits import ClosingLimits, Limits
from candlecast.domain.orders.charges import Charge, ChargeKind, ClosedPosition, DueFee, Paid
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import Position, StopRules, Trade
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import MarginMode, OrderType, PositionMode, PositionSide, Side, TimeInForce, WorkingType
from candlecast.domain.venue.key_rights import KeyRights
from candlecast.domain.venue.reports import FeeRates, LeverageCap, MarketSettings, StopTrigger
from tests.golden.times import NOW, at

TENANT, ACCOUNT, SUBSCRIPTION, STRATEGY = "golden-tenant", "golden-account", "golden-subscription", "golden-strategy"
ORGANISATION, SOURCE, VENUE = "golden-fund", "golden-source", "paper"
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
CORRELATION = "golden-correlation"
ENTRY, STOP, TARGET, EXIT = ("a1" * 16, "b2" * 16, "c3" * 16, "d4" * 16)
SIGNAL = "e5" * 16
CLOSING = ClosingLimits(max_holding_hours=Decimal(48), max_unrealised_loss_percent=Decimal("7.5"))
STOP_RULES = StopRules(
    trail_percent=Decimal("1.5"),
    trail_distance=Decimal("12.5"),
    activation_percent=Decimal("0.5"),
    break_even_after_r=Decimal(2),
    break_even_after_target=True,
)


def entry(**changes: object) -> Intent:
    """An entry that adds to a position, with every field that any leg can have."""
    intent = Intent(
        intent_id=ENTRY,
        leg="ENTRY",
        kind=LegKind.ENTRY,
        tenant_id=TENANT,
        account_id=ACCOUNT,
        subscription_id=SUBSCRIPTION,
        strategy_id=STRATEGY,
        signal_id=SIGNAL,
        correlation_id=CORRELATION,
        market=BTC,
        position_side=PositionSide.LONG,
        state=IntentState.UNKNOWN,
        issued_at=NOW,
        created_at=at(1),
        order_type=OrderType.STOP_LIMIT,
        quantity=Decimal("0.120"),
        trigger_price=Decimal("50010.5"),
        stop_price=Decimal("49000.1"),
        reference_price=Decimal("50000.10"),
        expires_at=at(120),
        market_settings=MarketSettings(leverage=Decimal(10), margin_mode=MarginMode.ISOLATED),
        bracket_of=EXIT,
        submitted_at=at(2),
        lookups=2,
        last_lookup_at=at(8),
        attempts=3,
        retry_at=at(30),
        venue_order_id="1234567890",
        filled_quantity=Decimal("0.020"),
        average_price=Decimal("50001.25"),
        fee=Decimal("0.4000100"),
        denial=Denial(reason=Reason.MAX_LEVERAGE, value=Decimal("5.1"), bound=Decimal(5)),
        venue_message="the venue's own words, <here>",
        settled_at=at(9),
        emergency=True,
        limits_to_close=CLOSING,
        pool_id=ORGANISATION,
        price=Decimal("50015.0"),
        time_in_force=TimeInForce.IOC,
        post_only=True,
        callback_percent=Decimal("0.8"),
        behind=TARGET,
        stop_rules=STOP_RULES,
    )
    return replace(intent, **changes)  # type: ignore[arg-type]


def stop() -> Intent:
    """A stop that rests at the venue."""
    return Intent(
        intent_id=STOP,
        leg="STOP_LOSS",
        kind=LegKind.STOP_LOSS,
        tenant_id=TENANT,
        account_id=ACCOUNT,
        subscription_id=SUBSCRIPTION,
        strategy_id=STRATEGY,
        signal_id=SIGNAL,
        correlation_id=CORRELATION,
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


def position(**changes: object) -> Position:
    held = Position(
        tenant_id=TENANT,
        account_id=ACCOUNT,
        subscription_id=SUBSCRIPTION,
        strategy_id=STRATEGY,
        market=BTC,
        side=PositionSide.SHORT,
        quantity=Decimal("0.100"),
        opened_quantity=Decimal("0.120"),
        entry_price=Decimal("50001.25"),
        entry_intent_id=ENTRY,
        signal_id=SIGNAL,
        correlation_id=CORRELATION,
        opened_at=at(3),
        signal_issued_at=NOW,
        stop_price=Decimal("51000.5"),
        exit_notional=Decimal("1000.025"),
        fees=Decimal("2.80007"),
        limits_to_close=CLOSING,
        pool_id=ORGANISATION,
        adds=2,
        stop_rules=STOP_RULES,
        initial_stop=Decimal("51500.5"),
        best_price=Decimal("49500.5"),
        stop_moved_at=at(60),
    )
    return replace(held, **changes)  # type: ignore[arg-type]


def trade() -> Trade:
    return Trade(
        trade_id=ENTRY,
        tenant_id=TENANT,
        account_id=ACCOUNT,
        subscription_id=SUBSCRIPTION,
        strategy_id=STRATEGY,
        market=BTC,
        side=PositionSide.SHORT,
        quantity=Decimal("0.120"),
        entry_price=Decimal("50001.25"),
        exit_price=Decimal("49001.25"),
        pnl=Decimal("120.000"),
        fees=Decimal("5.60014"),
        opened_at=at(3),
        closed_at=at(600),
        closed_by="TAKE_PROFIT_1",
        pool_id=ORGANISATION,
    )


def losing_trade() -> Trade:
    return replace(trade(), trade_id=EXIT, exit_price=Decimal("50501.25"), pnl=Decimal("-60.000"), closed_by="STOP_LOSS")


def kill_switch() -> KillSwitch:
    return KillSwitch(
        place=SwitchPlace(scope=SwitchScope.ORGANISATION, scope_id=ORGANISATION),
        grade=Grade.FLATTEN,
        reason="a test of the brakes",
        changed_by="golden-operator",
        changed_at=at(4),
        by_operations=False,
        version=3,
    )


def external_order() -> ExternalOrder:
    return ExternalOrder(
        client_order_id="bot-1",
        venue_order_id="987",
        market=ETH,
        side=Side.SELL,
        quantity=Decimal("1.5"),
        seen_at=at(5),
    )


def usage() -> Usage:
    use = MarketUse(
        entered_at=at(1),
        entered_side=PositionSide.LONG,
        closed_at=at(-60),
        lost_at=at(-90),
        profit=Decimal("-12.5"),
        profit_since=at(-3600),
    )
    return Usage(
        results={
            SUBSCRIPTION: Results(
                day=date(2026, 11, 20),
                day_pnl=Decimal("-12.5"),
                week_pnl=Decimal("30.25"),
                month_pnl=Decimal("99.75"),
                entries=3,
                losses=1,
                lost_at=at(-90),
            )
        },
        markets={f"{SUBSCRIPTION}|{BTC}": use},
        other_markets=replace(use, entered_side=None),
        rejects={ETH: at(-30)},
        other_rejects=at(-40),
        equity=EquityMarks(
            start=Decimal(10_000),
            high=Decimal("10500.5"),
            end_of_day_high=Decimal(10_400),
            day=date(2026, 11, 20),
            day_start=Decimal(10_300),
            last=Decimal("10250.25"),
        ),
        day=DayUse(
            day=date(2026, 11, 20),
            orders=7,
            notional=Decimal("12000.5"),
            emergency_notional=Decimal(100),
            told=("golden-s|MAX_LEVERAGE",),
        ),
        orders=((1_795_176_000_000, 2), (1_795_176_001_000, 1)),
        cancels=((1_795_176_002_000, 1),),
    )


def new_account() -> Account:
    """An account as it is opened: required fields only."""
    return Account(
        tenant_id=TENANT, account_id=ACCOUNT, venue=VENUE, label="main", status=AccountStatus.NO_CREDENTIALS, created_at=NOW
    )


def account() -> Account:
    """An account with every field, which it cannot have all at once."""
    return Account(
        tenant_id=TENANT,
        account_id=ACCOUNT,
        venue=VENUE,
        label="main",
        status=AccountStatus.ACTIVE,
        created_at=NOW,
        credential_version="golden-credential-version",
        disabled_reason="AUTHENTICATION_FAILED",
        organisation_id=ORGANISATION,
        version=4,
        subscriptions={SUBSCRIPTION: SubscriptionStatus.ACTIVE, "golden-other": SubscriptionStatus.PAUSED},
        intents={ENTRY: entry(), STOP: stop()},
        positions={position().key: position()},
        settled={EXIT[:16]: at(-5)},
        newest_signals={position().key: NOW},
        market_settings={BTC: MarketSettings(leverage=Decimal(10), margin_mode=MarginMode.ISOLATED)},
        balance=Balance(equity=Decimal("10250.25"), available=Decimal("9000.75"), as_of=at(-10)),
        reconciled_at=at(-10),
        external_orders=(external_order(),),
        drifts={ETH: Drift(difference=Decimal("-0.5"), seen_at=at(-20), changes=2, reported=True)},
        mends={"STOP_LOSS": Mend(attempts=2, last_at=at(-15))},
        naked_since={position().key: at(-1)},
        position_mode=PositionMode.HEDGE,
        mode_at_venue=None,
        limits=Limits(max_daily_loss_percent=Decimal("2.5"), max_open_orders=10),
        usage=usage(),
    )


def in_parts() -> Account:
    """An account with a stop above the market's maximum, in two parts."""
    part = replace(stop(), intent_id=TARGET, leg="STOP_LOSS_PART_2", part_of=STOP)
    return replace(new_account(), intents={STOP: stop(), TARGET: part})


def stops_by_mark() -> Account:
    """An account with a position whose stop the mark triggers."""
    trigger = StopTrigger(working_type=WorkingType.MARK_PRICE, price_protect=True)
    held = replace(position(), stop_trigger=trigger)
    return replace(new_account(), intents={STOP: replace(stop(), stop_trigger=trigger)}, positions={held.key: held})


def suspended() -> Account:
    """An account whose entries are suspended for two causes, telling so; a third has ended."""
    account = suspend(new_account(), Reason.VENUE_REDUCE_ONLY, at(1), at(3_601))
    account = suspend(account, Reason.VENUE_RESTRICTS_PERSON, at(2))
    return resume(suspend(account, Reason.VENUE_FORBIDS_ORDERS, at(3), at(4)), Reason.VENUE_FORBIDS_ORDERS, at(5))


def with_wrong_rights() -> Account:
    """An account whose keys may withdraw and work from any address, telling so."""
    rights = KeyRights(withdraws=True, transfers=False, trades=True, is_bound=False)
    return vetted(with_keys(new_account(), "golden-credential-version", at(1)), rights, at(2))


def retired() -> Account:
    """An account that its owner has retired."""
    return replace(new_account(), status=AccountStatus.NO_CREDENTIALS, credential_version=None, retired_at=at(900))


def charged() -> Account:
    """An account with an order, a closed position and rates of its own, telling a fee and funding that were charged."""
    held, closed = position(), position(subscription_id="golden-closed", quantity=Decimal(0), funding=Decimal("-0.125"))
    due = DueFee(
        trade_id=held.entry_intent_id,
        market=BTC,
        quantity=Decimal("0.5"),
        notional=Decimal(25_000),
        fee=Decimal(10),
        booked_at=at(1),
        closes=True,
    )
    paid = Paid(asset="BNB", amount=Decimal("0.015"), price=Decimal("600.5"))
    fee = Charge(
        kind=ChargeKind.FEE,
        trade_id=held.entry_intent_id,
        subscription_id=held.subscription_id,
        market=BTC,
        amount=Decimal("9.0075"),
        correction=Decimal("0.9925"),
        paid=(paid,),
        venue_order_id="4711",
    )
    funding = replace(fee, kind=ChargeKind.FUNDING, amount=Decimal("-0.125"), correction=Decimal("-0.125"), charged_at=at(2))
    account = replace(
        new_account(),
        due_fees={"4712": due},
        settling={"golden-trade": ClosedPosition(position=closed, closed_by="EXIT", closed_at=at(2))},
        funding_until=at(3),
        fee_rates={"USDT": FeeRates(Decimal("0.0002"), Decimal("0.0005"), at(1))},
        balance=Balance(Decimal(300), Decimal(200), at(1), {"USDT": Decimal(300), "USDC": Decimal("12.5")}),
    )
    events = (
        Event(type=EventType.CHARGE_BOOKED, occurred_at=at(4), charge=fee, position=held),
        Event(type=EventType.CHARGE_BOOKED, occurred_at=at(4), charge=funding, trade=replace(trade(), funding=Decimal("-0.125"))),
    )
    return replace(account, outbox=events)


def capped() -> Account:
    """An account whose positions the venue caps in one market, and in another does not."""
    caps = {BTC: LeverageCap(Decimal(20), Decimal(40_000_000), at(1)), ETH: LeverageCap(Decimal(5), None, at(2))}
    return replace(new_account(), leverage_caps=caps)


def told() -> tuple[Event, ...]:
    """An event of every type with the fields of the type; order and position are those of `account`."""
    return (
        Event(type=EventType.TRADE_CREATED, occurred_at=at(1), order=entry(state=IntentState.PENDING), receipt='{"golden":true}'),
        Event(type=EventType.TRADE_UNKNOWN, occurred_at=at(2), order=entry()),
        Event(type=EventType.TRADE_EXECUTED, occurred_at=at(3), order=stop()),
        Event(type=EventType.TRADE_FILLED, occurred_at=at(4), order=entry(state=IntentState.FILLED)),
        Event(type=EventType.TRADE_FAILED, occurred_at=at(5), order=entry(state=IntentState.DENIED)),
        Event(type=EventType.TRADE_CLOSED, occurred_at=at(6), trade=trade()),
        Event(type=EventType.POSITION_CHANGED, occurred_at=at(7), position=position()),
        Event(type=EventType.POSITION_CHANGED, occurred_at=at(7), position=position(quantity=Decimal(0))),
        Event(type=EventType.ACCOUNT_CHANGED, occurred_at=at(8), code="AUTHENTICATION_FAILED"),
        Event(type=EventType.EXTERNAL_ORDER, occurred_at=at(9), market=ETH, external_order=external_order()),
        Event(type=EventType.ALERT_CRITICAL, occurred_at=at(10), code="POSITION_WITHOUT_STOP", market=BTC),
        Event(type=EventType.LIMITS_BREACHED, occurred_at=at(11), order=entry(state=IntentState.DENIED), code="MAX_LEVERAGE"),
        Event(type=EventType.KILL_SWITCH_CHANGED, occurred_at=at(12), kill_switch=kill_switch()),
    )
