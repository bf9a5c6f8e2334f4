"""One contract for both stores: the one in memory, and the one on a table in the embedded cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import boto3
import pytest

from paper_exchange.accounts.account import (
    Account,
    AlgoOrder,
    AlgoStatus,
    ApiKey,
    Fill,
    Income,
    IncomeEntry,
    IncomeKind,
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
    position_key,
)
from paper_exchange.markets.candles import Bar, pack, unpack
from paper_exchange.markets.clock import MarketClock
from paper_exchange.markets.rates import RateChange
from paper_exchange.markets.state import MAX_MARKETS, ExchangeState, Listing, Series
from paper_exchange.matching.matching import MAX_OPEN_ORDERS
from paper_exchange.operator.operations import MAX_KEYS
from paper_exchange.store import codec
from paper_exchange.store.dynamodb import DynamoDbStore
from paper_exchange.store.memory import MemoryStore
from paper_exchange.store.store import AccountExists, PaperStore, StoredAccount, StoredState, WriteConflict
from paper_exchange.traffic.faults import FaultKind, FaultRule
from paper_exchange.traffic.rate_limits import RateLimits
from tests.contract.paper.test_conditional_orders import TO_BOTH
from tests.support.paper_venue import PaperVenue, ServedApp
from tests.support.quotes import market


@pytest.fixture(scope="module")
def dynamodb(cloud: str) -> Any:
    return boto3.client("dynamodb", endpoint_url=cloud)


@pytest.fixture
def table(dynamodb: Any) -> Iterator[str]:
    """A table like the template's."""
    name = "paper"
    keys = ("PK", "HASH"), ("SK", "RANGE")
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key, _ in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture(params=["memory", pytest.param("dynamodb", marks=pytest.mark.e2e)])
def store(request: pytest.FixtureRequest) -> PaperStore:
    if request.param == "memory":
        return MemoryStore()
    return DynamoDbStore(request.getfixturevalue("dynamodb"), request.getfixturevalue("table"))


def order(order_id: int, client_id: str = "client", **changes: Any) -> Order:
    values = {
        "order_id": order_id,
        "client_order_id": client_id,
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "kind": OrderKind.LIMIT,
        "original_kind": OrderKind.LIMIT,
        "time_in_force": "GTC",
        "quantity": Decimal("0.010"),
        "price": Decimal("49000.10"),
        "reduce_only": False,
        "signed_by": "0123456789abcdef",
        "placed_ms": 1,
        "updated_ms": 2,
        "market_ms": 3,
    }
    return Order(**{**values, **changes})


def algo_order(algo_id: int, client_id: str = "stop") -> AlgoOrder:
    return AlgoOrder(
        algo_id=algo_id,
        client_algo_id=client_id,
        symbol="BTCUSDT",
        side=Side.SELL,
        kind=OrderKind.STOP_MARKET,
        quantity=Decimal("0.01"),
        trigger_price=Decimal(48_000),
        reduce_only=True,
        close_position=False,
        working_type="CONTRACT_PRICE",
        time_in_force="GTC",
        signed_by="0123456789abcdef",
        placed_ms=1,
        updated_ms=2,
        market_ms=3,
        status=AlgoStatus.FINISHED,
        order_id=7,
    )


def fill(trade_id: int, order_id: int = 1) -> Fill:
    return Fill(
        trade_id=trade_id,
        order_id=order_id,
        client_order_id="client",
        symbol="BTCUSDT",
        side=Side.BUY,
        price=Decimal("50000.1"),
        quantity=Decimal("0.01"),
        fee=Decimal("0.25000050"),
        fee_asset="USDT",
        realized=Decimal("-1E-9"),
        maker=False,
        signed_by="0123456789abcdef",
        time_ms=1,
        market_ms=2,
    )


def income(income_id: int) -> Income:
    entries = tuple(IncomeEntry(symbol, Decimal("-0.000000001"), "USDT") for symbol in ("BTCUSDT", "ETHUSDT"))
    return Income(income_id=income_id, kind=IncomeKind.FUNDING_FEE, entries=entries, time_ms=1, market_ms=2)


def change(change_id: int) -> OrderChange:
    return OrderChange(
        change_id=change_id,
        order_id=1,
        client_order_id="client",
        symbol="BTCUSDT",
        count=1,
        prices=(Decimal("1.1"), Decimal("1.2")),
        quantities=(Decimal(3), Decimal(4)),
        price_match="NONE",
        modify_id=None,
        time_ms=5,
    )


def margin_change(change_id: int) -> MarginChange:
    return MarginChange(
        change_id=change_id,
        symbol="BTCUSDT",
        position_side=PositionSide.LONG,
        amount=Decimal("-7.5"),
        asset="USDT",
        time_ms=5,
    )


def account(account_id: str = "alice") -> Account:
    """An account with something in every field."""
    return Account(
        account_id=account_id,
        created_ms=1,
        balances={"USDT": Decimal("10000.000000001")},
        evaluated_ms=5,
        replay=2,
        keys={f"key-of-{account_id}": ApiKey("secret", 1, revoked=False)},
        positions={
            "BTCUSDT": Position(Decimal("-0.01"), Decimal("50000.123"), 9),
            position_key("ETHUSDT", PositionSide.LONG): Position(Decimal(1), Decimal(4_000), 9, Decimal("200.5")),
        },
        settings={"BTCUSDT": SymbolSettings(7, isolated=True)},
        orders={11: order(11)},
        algo_orders={12: algo_order(12)},
        sequence=12,
        hedged=True,
        evaluated_symbol="BTCUSDT",
    )


def opened(store: PaperStore, account_id: str = "alice") -> StoredAccount:
    _, stored = store.open(account_id)
    assert stored is not None
    return stored


def test_an_account_is_read_as_it_was_written(store: PaperStore) -> None:
    store.create_account(account())
    state, stored = store.open("alice")
    assert (state, stored) == (StoredState(ExchangeState(), 0), StoredAccount(account(), 1))
    assert store.open("nobody")[1] is None
    assert (store.account_of_key("key-of-alice"), store.account_of_key("other")) == ("alice", None)


def test_the_largest_account_fits_an_item() -> None:
    """400 kB is what the table allows; the client's ids are as long as they may be."""
    half, client_id = MAX_OPEN_ORDERS // 2, "x" * 36
    full = replace(
        account(),
        keys={f"{number:016}": ApiKey("s" * 64, 1_700_000_000_000) for number in range(MAX_KEYS)},
        positions={
            position_key(f"SYMBOL{number:03}USDT", side): Position(Decimal("-0.123456789"), Decimal(1) / 3, 1, Decimal(1) / 7)
            for number in range(MAX_MARKETS)
            for side in (PositionSide.LONG, PositionSide.SHORT)
        },
        settings={f"SYMBOL{number:03}USDT": SymbolSettings() for number in range(MAX_MARKETS)},
        orders={number: order(10**15 + number, client_id) for number in range(10**15, 10**15 + half)},
        algo_orders={number: algo_order(10**15 + number, client_id) for number in range(10**15, 10**15 + half)},
    )
    assert len(codec.ACCOUNT.dump(full)) < 360_000


def test_what_was_stored_before_there_were_sides_and_limits_is_still_read() -> None:
    later = {"position_side", "price", "activate_price", "callback_rate", "extreme", "amendments", "isolated_wallet"}
    later |= {"good_till_ms", "expires_ms", "price_match"}
    stored = json.loads(codec.ACCOUNT.dump(replace(account(), positions={"BTCUSDT": Position(Decimal(1), Decimal(2), 3)})))
    del stored["hedged"], stored["evaluated_symbol"], stored["countdowns"], stored["positions"]["BTCUSDT"]["isolated_wallet"]
    stored["orders"]["11"] = {k: v for k, v in stored["orders"]["11"].items() if k == "price" or k not in later}
    stored["algo_orders"]["12"] = {k: v for k, v in stored["algo_orders"]["12"].items() if k not in later}
    read = codec.ACCOUNT.load(json.dumps(stored))
    assert (read.orders, read.algo_orders, read.hedged) == ({11: order(11)}, {12: algo_order(12)}, False)
    assert codec.STATE.load("{}") == ExchangeState()


def test_an_account_or_a_key_exists_once(store: PaperStore) -> None:
    store.create_account(account())
    with pytest.raises(AccountExists):
        store.create_account(replace(account(), keys={}))
    with pytest.raises(AccountExists):
        store.create_account(replace(account("bob"), keys=account().keys))
    assert store.open("bob")[1] is None


def test_a_second_write_on_the_same_version_is_refused_whole(store: PaperStore) -> None:
    store.create_account(account())
    before = opened(store)
    store.commit(before, Outcome(replace(before.account, sequence=20), orders=(order(1),)))
    with pytest.raises(WriteConflict):
        store.commit(before, Outcome(replace(before.account, sequence=30), orders=(order(2),), fills=(fill(3),)))
    assert opened(store).account.sequence == 20
    assert ([row.order_id for row in store.orders("alice")], list(store.fills("alice"))) == ([1], [])


def test_of_writers_at_once_each_wins_in_turn(store: PaperStore) -> None:
    store.create_account(account())

    def write(number: int) -> None:
        while True:
            before = opened(store)
            try:
                store.commit(
                    before, Outcome(replace(before.account, sequence=before.account.sequence + 1), orders=(order(number),))
                )
            except WriteConflict:
                continue
            return

    with ThreadPoolExecutor(max_workers=6) as pool:
        list(pool.map(write, range(1, 25)))
    assert opened(store).account.sequence == 12 + 24
    assert [row.order_id for row in store.orders("alice")] == list(range(1, 25))


def test_history_is_found_by_id_by_client_and_in_order(store: PaperStore) -> None:
    store.create_account(account())
    for number in (3, 1, 2):
        outcome = Outcome(account(), (order(number),), (algo_order(number),), (fill(number),), (income(number),))
        store.commit(opened(store), outcome)
    assert store.order("alice", 3) == order(3)
    assert (store.order("alice", 9), store.order_of_client("alice", "other")) == (None, None)
    assert store.order_of_client("alice", "client") == order(2), "the latest that closed"
    assert store.algo_order("alice", 1) == algo_order(1)
    assert store.algo_order_of_client("alice", "stop") == algo_order(2)
    assert (store.algo_order("alice", 9), store.algo_order_of_client("alice", "other")) == (None, None)
    assert [row.order_id for row in store.orders("alice", newest_first=True)] == [3, 2, 1]
    assert [row.algo_id for row in store.algo_orders("alice", after=1)] == [2, 3]
    assert list(store.fills("alice", after=2)) == [fill(3)]
    assert list(store.incomes("alice", after=1, newest_first=True)) == [income(3), income(2)]


def test_changes_of_orders_and_margins_are_kept_in_order(store: PaperStore) -> None:
    store.create_account(account())
    for number in (2, 1):
        moved = Outcome(account(), changes=(change(number),), margin_changes=(margin_change(number),))
        assert moved.closed == 2
        store.commit(opened(store), moved)
    assert list(store.changes("alice")) == [change(1), change(2)]
    assert list(store.changes("alice", newest_first=True)) == [change(2), change(1)]
    assert list(store.margin_changes("alice", after=1)) == [margin_change(2)]


def test_many_rows_are_read_page_by_page(store: PaperStore) -> None:
    store.create_account(account())
    for start in range(1, 1_101, 50):
        rows = tuple(fill(number) for number in range(start, start + 50))
        store.commit(opened(store), Outcome(account(), fills=rows))
    assert [row.trade_id for row in store.fills("alice")] == list(range(1, 1_101))
    assert [row.trade_id for row in store.fills("alice", newest_first=True)][:3] == [1_100, 1_099, 1_098]


def test_a_key_is_added_to_an_account_once(store: PaperStore) -> None:
    store.create_account(account())
    store.create_account(account("bob"))
    before = opened(store)
    richer = replace(before.account, keys={**before.account.keys, "second": ApiKey("s", 1)})
    store.add_key(before, richer, "second")
    assert (opened(store).account, store.account_of_key("second")) == (richer, "alice")
    with pytest.raises(AccountExists):
        store.add_key(opened(store), richer, "key-of-bob")
    with pytest.raises(WriteConflict):
        store.add_key(before, richer, "third")
    assert store.account_of_key("third") is None


def test_a_corrupt_row_is_refused_and_its_values_are_not_repeated() -> None:
    text = codec.ACCOUNT.dump(account()).replace('"secret":"secret"', '"secret":["canary"]')
    with pytest.raises(codec.CorruptRow, match="keys") as refused:
        codec.ACCOUNT.load(text)
    assert "canary" not in str(refused.value)


def test_accounts_are_listed_by_id(store: PaperStore) -> None:
    for name in ("carol", "alice", "bob"):
        store.create_account(account(name))
    assert store.account_ids("", 2) == ["alice", "bob"]
    assert store.account_ids("bob", 2) == ["carol"]


def test_the_shared_state_has_a_version(store: PaperStore) -> None:
    before = store.state()
    rule = FaultRule(rule_id="r", kind=FaultKind.SLOW, path="/x", delay_ms=5)
    state = ExchangeState(
        clock=MarketClock(now_ms=5, replay=1, started_ms=2),
        listings={
            "BTCUSDT": Listing(
                market(), Series(60_000, 0, 3, 2), 2, (RateChange(5, Decimal("0.0001")),), (RateChange(6, Decimal("-0.01")),)
            )
        },
        limits=RateLimits(weight_per_minute=7, buckets={"alice": "elsewhere"}),
        liquidating=False,
        faults=(rule,),
        counting=True,
        live_host="a.example",
    )
    store.save_state(before, state)
    assert store.state() == StoredState(state, 1)
    with pytest.raises(WriteConflict):
        store.save_state(before, ExchangeState())
    assert store.open("nobody")[0] == StoredState(state, 1)


def test_candles_come_back_exactly(store: PaperStore) -> None:
    bars = tuple(Bar(n * 60_000, price := Decimal("0.10000000") + n, price, price, price, Decimal("1E-8")) for n in range(2_000))
    store.save_chunk("BTCUSDT", 1, 7, pack(bars))
    assert unpack(store.load_chunk("BTCUSDT", 1, 7)) == bars


def test_a_fault_is_taken_as_often_as_it_may_be(store: PaperStore) -> None:
    with ThreadPoolExecutor(max_workers=4) as pool:
        taken = list(pool.map(lambda _: store.take_fault("rule", 3), range(8)))
    assert (taken.count(True), store.faults_taken("rule"), store.faults_taken("other")) == (3, 3, 0)


def test_requests_are_counted_by_account_and_path(store: PaperStore) -> None:
    for path in ("POST /a", "POST /a", "GET /b"):
        store.count_request("alice", path)
    assert (store.request_counts("alice"), store.request_counts("bob")) == ({"POST /a": 2, "GET /b": 1}, {})


def test_clearing_forgets_accounts_keys_history_and_counts(store: PaperStore) -> None:
    for name in ("alice", "bob"):
        store.create_account(account(name))
    store.commit(opened(store), Outcome(account(), (order(1),), (), (fill(2),)))
    store.count_request("alice", "GET /a")
    store.count_request("", "GET /a")
    store.clear_accounts()
    assert (store.account_ids("", 9), store.open("alice")[1], store.account_of_key("key-of-alice")) == ([], None, None)
    assert (store.request_counts("alice"), store.request_counts("")) == ({}, {})
    store.create_account(account())
    assert (list(store.orders("alice")), store.order_of_client("alice", "client"), list(store.fills("alice"))) == ([], None, [])


def test_the_venue_trades_on_either_store(store: PaperStore, paper_server: tuple[str, ServedApp]) -> None:
    venue = PaperVenue(*paper_server, store=store)
    venue.load(["50000"] * 61 + [TO_BOTH] + ["50000"] * 9)
    venue.set_minute(60)
    trader = venue.client(venue.open_account())
    symbol = "BTC/USDT:USDT"
    placed = trader.create_order(symbol, "market", "buy", 0.01, None, {"clientOrderId": "entry"})
    stop = {"stopLossPrice": 49_000, "reduceOnly": True, "clientAlgoId": "stop"}
    trader.create_order(symbol, "market", "sell", 0.01, None, stop)
    venue.set_minute(62)
    assert trader.fetch_positions([symbol]) == []
    assert trader.fetch_order(None, symbol, {"clientOrderId": "entry"})["id"] == placed["id"]
    assert [row["client_order_id"] for row in venue.book("orders", limit=1)] == ["entry", "stop"]
    assert venue.book("orders")[1]["status"] == OrderStatus.FILLED
    venue.http.close()


@pytest.mark.e2e
def test_an_order_costs_one_read_and_one_transaction(dynamodb: Any, table: str, paper_server: tuple[str, ServedApp]) -> None:
    venue = PaperVenue(*paper_server, store=DynamoDbStore(dynamodb, table))
    venue.load(["50000"] * 61)
    venue.set_minute(60)
    trader = venue.client(venue.open_account())
    symbol = "BTC/USDT:USDT"
    trader.create_order(symbol, "market", "buy", 0.01)
    seen: list[str] = []
    dynamodb.meta.events.register("before-call.dynamodb", lambda model, **_: seen.append(model.name), unique_id="seen")
    trader.create_order(symbol, "market", "buy", 0.01)
    ordered, seen[:] = list(seen), []
    trader.fetch_positions([symbol])
    dynamodb.meta.events.unregister("before-call.dynamodb", unique_id="seen")
    assert ordered == ["BatchGetItem", "TransactWriteItems"]
    assert set(seen) == {"BatchGetItem"}
    venue.http.close()
