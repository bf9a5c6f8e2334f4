"""Every kind of item of the paper exchange's own table, written and read by its store."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from paper_exchange.accounts.account import (
    Account,
    AlgoOrder,
    AlgoStatus,
    ApiKey,
    Fill,
    Income,
    IncomeEntry,
    IncomeKind,
    KeyRight,
    MarginChange,
    Order,
    OrderChange,
    OrderKind,
    OrderStatus,
    Outcome,
    Position,
    PositionSide,
    Side,
    SymbolSettings,
)
from paper_exchange.markets.candles import Bar, pack, unpack
from paper_exchange.markets.clock import ClockMode, ClockStep, MarketClock
from paper_exchange.markets.markets import MarketSpec
from paper_exchange.markets.rates import RateChange
from paper_exchange.markets.state import ExchangeState, Listing, Series
from paper_exchange.store.dynamodb import DynamoDbStore
from paper_exchange.store.store import StoredAccount, StoredState
from paper_exchange.traffic.faults import FaultKind, FaultRule
from paper_exchange.traffic.rate_limits import RateLimits
from tests.golden.cases import Case, World

ACCOUNT, FINGERPRINT = "golden-account", "0123456789abcdef"


def store(world: World) -> DynamoDbStore:
    return DynamoDbStore(world.table.client, "paper")


def order() -> Order:
    return Order(
        order_id=11,
        client_order_id="golden-order",
        symbol="BTCUSDT",
        side=Side.SELL,
        kind=OrderKind.LIMIT,
        original_kind=OrderKind.STOP,
        time_in_force="GTC",
        quantity=Decimal("0.010"),
        price=Decimal("49000.10"),
        reduce_only=True,
        signed_by=FINGERPRINT,
        placed_ms=1_795_176_000_001,
        updated_ms=1_795_176_000_002,
        market_ms=1_795_176_000_003,
        status=OrderStatus.PARTIALLY_FILLED,
        executed=Decimal("0.004"),
        quote=Decimal("196.0004"),
        trigger_price=Decimal("49010.5"),
        close_position=True,
        position_side=PositionSide.LONG,
        amendments=2,
    )


def algo_order() -> AlgoOrder:
    return AlgoOrder(
        algo_id=12,
        client_algo_id="golden-stop",
        symbol="BTCUSDT",
        side=Side.SELL,
        kind=OrderKind.TRAILING_STOP_MARKET,
        quantity=Decimal("0.01"),
        trigger_price=Decimal(48_000),
        reduce_only=True,
        close_position=True,
        working_type="MARK_PRICE",
        time_in_force="GTC",
        signed_by=FINGERPRINT,
        placed_ms=1_795_176_000_001,
        updated_ms=1_795_176_000_002,
        market_ms=1_795_176_000_003,
        status=AlgoStatus.TRIGGERED,
        triggered_ms=1_795_176_000_004,
        order_id=11,
        actual_price=Decimal("47999.5"),
        position_side=PositionSide.LONG,
        price=Decimal("47990.5"),
        activate_price=Decimal("50100.5"),
        callback_rate=Decimal("0.8"),
        extreme=Decimal("50200.5"),
    )


def fill() -> Fill:
    return Fill(
        trade_id=13,
        order_id=11,
        client_order_id="golden-order",
        symbol="BTCUSDT",
        side=Side.SELL,
        price=Decimal("49000.10"),
        quantity=Decimal("0.004"),
        fee=Decimal("0.09800020"),
        fee_asset="USDT",
        realized=Decimal("-4.0005"),
        maker=True,
        signed_by=FINGERPRINT,
        time_ms=1_795_176_000_005,
        market_ms=1_795_176_000_006,
        position_side=PositionSide.LONG,
    )


def income() -> Income:
    return Income(
        income_id=14,
        kind=IncomeKind.FUNDING_FEE,
        entries=(IncomeEntry(symbol="BTCUSDT", amount=Decimal("-0.0490001"), asset="USDT"),),
        time_ms=1_795_176_000_007,
        market_ms=1_795_176_000_008,
    )


def account() -> Account:
    return Account(
        account_id=ACCOUNT,
        created_ms=1_795_176_000_000,
        balances={"USDT": Decimal("9995.90150"), "BNB": Decimal(1)},
        evaluated_ms=1_795_176_000_009,
        replay=2,
        keys={FINGERPRINT: ApiKey(secret="golden-private-part", created_ms=1_795_176_000_000, revoked=True)},
        positions={
            "BTCUSDT/LONG": Position(
                amount=Decimal("0.016"),
                entry_price=Decimal("50000.10"),
                updated_ms=1_795_176_000_002,
                isolated_wallet=Decimal("80.00016"),
            )
        },
        settings={"BTCUSDT": SymbolSettings(leverage=10, isolated=True)},
        orders={11: order()},
        algo_orders={12: algo_order()},
        sequence=14,
        hedged=True,
        evaluated_symbol="BTCUSDT",
    )


def new_account() -> Account:
    """An account as an operator opens it."""
    return Account(
        account_id=ACCOUNT,
        created_ms=1_795_176_000_000,
        balances={"USDT": Decimal(10_000)},
        evaluated_ms=1_795_176_000_000,
        keys={FINGERPRINT: ApiKey(secret="golden-private-part", created_ms=1_795_176_000_000)},
    )


def state() -> ExchangeState:
    spec = MarketSpec(
        symbol="BTCUSDT",
        base="BTC",
        quote="USDT",
        tick_size=Decimal("0.10"),
        step_size=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        max_quantity=Decimal(1_000),
        max_market_quantity=Decimal(100),
        min_price=Decimal("0.10"),
        max_price=Decimal(1_000_000),
        min_notional=Decimal(6),
        multiplier_up=Decimal("1.10"),
        multiplier_down=Decimal("0.90"),
        max_orders=150,
        max_algo_orders=50,
        taker_fee=Decimal("0.0004"),
        maker_fee=Decimal("0.0001"),
        half_spread_bps=Decimal("0.5"),
        max_leverage=100,
        volume_share=Decimal("0.1"),
    )
    series = Series(interval_ms=60_000, first_open_ms=1_795_176_000_000, count=120, generation=2)
    funding = (RateChange(from_ms=1_795_176_000_000, rate=Decimal("0.0001")),)
    rule = FaultRule(
        rule_id="golden-rule",
        kind=FaultKind.PARTIAL_FILL,
        path="/fapi/v1/order*",
        method="POST",
        account_id=ACCOUNT,
        count=3,
        executed=True,
        delay_ms=250,
        retry_after_seconds=2,
        ratio=Decimal("0.5"),
    )
    return ExchangeState(
        clock=MarketClock(
            mode=ClockMode.WALL,
            now_ms=1_795_176_060_000,
            anchor_ms=1_795_176_000_000,
            replay=2,
            started_ms=1_795_176_000_000,
        ),
        listings={"BTCUSDT": Listing(spec=spec, series=series, generations=2, funding=funding)},
        faults=(rule,),
        counting=True,
        live_host="fapi.binance.com",
        liquidating=False,
        limits=RateLimits(
            weight_per_minute=1_200,
            orders_per_ten_seconds=100,
            orders_per_minute=400,
            warnings=5,
            ban_seconds=60,
            buckets={ACCOUNT: "golden-bucket"},
        ),
    )


def bars() -> tuple[Bar, ...]:
    price = (Decimal("50000.10"), Decimal(50_100), Decimal("49900.5"), Decimal(50_050), Decimal("12.345"))
    return (Bar(1_795_176_000_000, *price), Bar(1_795_176_060_000, *price))


def dated_order() -> Order:
    """An order that ends by itself, at a price from the book."""
    return replace(
        order(),
        self_trade_prevention="EXPIRE_TAKER",
        good_till_ms=1_795_176_600_000,
        expires_ms=1_795_176_600_001,
        price_match="QUEUE",
    )


def dated_algo_order() -> AlgoOrder:
    """A protected stop that has triggered, and whose order ends by itself."""
    return replace(
        algo_order(),
        self_trade_prevention="EXPIRE_BOTH",
        actual_type="LIMIT",
        actual_quantity=Decimal("0.009"),
        good_till_ms=1_795_176_600_000,
        expires_ms=1_795_176_600_001,
        price_match="OPPONENT",
        price_protect=True,
    )


def fill_with_fee_in_coin() -> Fill:
    return replace(fill(), fee=Decimal("0.00015"), fee_asset="BNB", margin_asset="USDT")


def order_change() -> OrderChange:
    return OrderChange(
        change_id=15,
        order_id=11,
        client_order_id="golden-order",
        symbol="BTCUSDT",
        count=2,
        prices=(Decimal("49000.10"), Decimal("49100.20")),
        quantities=(Decimal("0.010"), Decimal("0.012")),
        price_match="QUEUE",
        modify_id=77,
        time_ms=1_795_176_000_010,
    )


def margin_change() -> MarginChange:
    return MarginChange(
        change_id=16,
        symbol="BTCUSDT",
        position_side=PositionSide.LONG,
        amount=Decimal("-12.5"),
        asset="USDT",
        time_ms=1_795_176_000_011,
    )


def later_account() -> Account:
    """An account with a key that its owner has made for more, and fees in a coin."""
    rights = (KeyRight.READING, KeyRight.FUTURES, KeyRight.WITHDRAWALS)
    key = ApiKey(secret="", created_ms=1_795_176_000_000, public_key="golden-public-part", rights=rights)
    held = replace(account().positions["BTCUSDT/LONG"], market_ms=1_795_176_000_003)
    return replace(
        account(),
        keys={FINGERPRINT: key},
        positions={"BTCUSDT/LONG": held},
        orders={11: dated_order()},
        algo_orders={12: dated_algo_order()},
        dated_ms=1_795_176_000_012,
        countdowns={"BTCUSDT": 1_795_176_030_000},
        burns_coin=True,
    )


def later_state() -> ExchangeState:
    """A stepped clock, a market that ends and whose mark lies apart, and a fault with words of the venue."""
    (listing,), (rule,) = state().listings.values(), state().faults
    steps = (ClockStep(1_795_176_000_000, 1_795_176_000_100), ClockStep(1_795_176_060_000, 1_795_176_060_100, ran_along=True))
    marks = (RateChange(from_ms=1_795_176_000_000, rate=Decimal("0.002")),)
    spec = replace(listing.spec, delivery_ms=1_795_262_400_000)
    refused = replace(
        rule, kind=FaultKind.REFUSED, executed=False, ratio=Decimal(0), code=-2019, message="Margin is insufficient.", status=400
    )
    return replace(
        state(),
        clock=MarketClock(now_ms=1_795_176_060_000, replay=2, started_ms=1_795_176_000_000, steps=steps),
        listings={"BTCUSDT": replace(listing, spec=spec, marks=marks)},
        faults=(refused,),
    )


def _open(world: World) -> None:
    store(world).create_account(new_account())


def _commit(world: World) -> None:
    outcome = Outcome(account(), (order(),), (algo_order(),), (fill(),), (income(),))
    store(world).commit(StoredAccount(new_account(), 1), outcome)


def _commit_later(world: World) -> None:
    outcome = Outcome(
        later_account(),
        (dated_order(),),
        (dated_algo_order(),),
        (fill_with_fee_in_coin(),),
        changes=(order_change(),),
        margin_changes=(margin_change(),),
    )
    store(world).commit(StoredAccount(new_account(), 1), outcome)


def _read_later_history(world: World) -> dict[str, Any]:
    venue = store(world)
    return {
        "orders": list(venue.orders(ACCOUNT)),
        "algo_orders": list(venue.algo_orders(ACCOUNT)),
        "fills": list(venue.fills(ACCOUNT)),
        "changes": list(venue.changes(ACCOUNT)),
        "margin_changes": list(venue.margin_changes(ACCOUNT)),
    }


def _read_history(world: World) -> dict[str, Any]:
    venue = store(world)
    return {
        "orders": [*venue.orders(ACCOUNT), venue.order(ACCOUNT, 11), venue.order_of_client(ACCOUNT, "golden-order")],
        "algo_orders": [
            *venue.algo_orders(ACCOUNT),
            venue.algo_order(ACCOUNT, 12),
            venue.algo_order_of_client(ACCOUNT, "golden-stop"),
        ],
        "fills": list(venue.fills(ACCOUNT)),
        "incomes": list(venue.incomes(ACCOUNT)),
    }


def _case(name: str, value: Any, write: Any, read: Any, **more: Any) -> Case:
    return Case(kind="paper", name=name, value=value, write=write, read=read, **more)


PAPER: tuple[Case, ...] = (
    _case(
        "state",
        lambda: StoredState(state(), 1),
        lambda world: store(world).save_state(StoredState(ExchangeState(), 0), state()),
        lambda world: store(world).state(),
    ),
    _case(
        "account-opened",
        lambda: (StoredAccount(new_account(), 1), ACCOUNT, [ACCOUNT]),
        _open,
        lambda world: (store(world).open(ACCOUNT)[1], store(world).account_of_key(FINGERPRINT), store(world).account_ids("", 10)),
    ),
    _case(
        "account-full",
        lambda: StoredAccount(account(), 2),
        _commit,
        lambda world: store(world).open(ACCOUNT)[1],
        prepare=_open,
        of="STATE",
    ),
    _case(
        "history",
        lambda: {
            "orders": [order()] * 3,
            "algo_orders": [algo_order()] * 3,
            "fills": [fill()],
            "incomes": [income()],
        },
        _commit,
        _read_history,
        prepare=_open,
    ),
    _case(
        "state-with-steps-and-an-end",
        lambda: StoredState(later_state(), 1),
        lambda world: store(world).save_state(StoredState(ExchangeState(), 0), later_state()),
        lambda world: store(world).state(),
    ),
    _case(
        "account-with-dated-orders",
        lambda: StoredAccount(later_account(), 2),
        _commit_later,
        lambda world: store(world).open(ACCOUNT)[1],
        prepare=_open,
        of="STATE",
    ),
    _case(
        "history-of-changes",
        lambda: {
            "orders": [dated_order()],
            "algo_orders": [dated_algo_order()],
            "fills": [fill_with_fee_in_coin()],
            "changes": [order_change()],
            "margin_changes": [margin_change()],
        },
        _commit_later,
        _read_later_history,
        prepare=_open,
    ),
    _case(
        "key-added",
        lambda: ACCOUNT,
        lambda world: store(world).add_key(
            StoredAccount(new_account(), 1), replace(new_account(), sequence=1), "fedcba9876543210"
        ),
        lambda world: store(world).account_of_key("fedcba9876543210"),
        prepare=_open,
        of="KEY",
    ),
    _case(
        "candles",
        bars,
        lambda world: store(world).save_chunk("BTCUSDT", 2, 7, pack(bars())),
        lambda world: unpack(store(world).load_chunk("BTCUSDT", 2, 7)),
    ),
    _case(
        "fault-taken",
        lambda: 1,
        lambda world: store(world).take_fault("golden-rule", 3),
        lambda world: store(world).faults_taken("golden-rule"),
    ),
    _case(
        "requests-counted",
        lambda: {"/fapi/v1/order": 1},
        lambda world: store(world).count_request(ACCOUNT, "/fapi/v1/order"),
        lambda world: store(world).request_counts(ACCOUNT),
    ),
)
