"""Listings of the API: narrowed by time and value, in both directions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from candlecast.domain.account.account import AccountStatus
from candlecast.domain.backtests.backtest import time_in_id
from candlecast.domain.orders.intent import IntentState
from candlecast.domain.signals.signal import Action
from candlecast.domain.strategies.execution import ExecutionStatus
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import PositionSide
from tests.api.conftest import Deployment
from tests.support.builders import (
    ACCOUNT,
    BTC,
    ETH,
    NOW,
    STRATEGY,
    SUBSCRIPTION,
    a_breach,
    a_position,
    a_signal,
    a_signal_record,
    a_strategy,
    a_subscription,
    a_trade,
    a_version,
    an_account,
    an_execution,
    an_intent,
)
from tests.support.fakes.backtests import a_backtest, a_plan

BEGINNING = NOW + timedelta(days=1)  # behind everything that stands in a populated deployment


def at(minutes: int) -> str:
    return (BEGINNING + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


@pytest.fixture
def five(populated: Deployment) -> Deployment:
    """Five orders and trades, a minute apart."""
    for number in range(5):
        time = BEGINNING + timedelta(minutes=number)
        order = an_intent(intent_id=f"order-{number}", created_at=time, market=ETH if number == 2 else "BTC/USDT:USDT")
        if number == 3:
            order = replace(order, state=IntentState.DENIED, denial=Denial(Reason.STATE_STALE), strategy_id="strategy-2")
        populated.history.put_order(order, 1)
        side = PositionSide.SHORT if number == 4 else PositionSide.LONG
        populated.history.put_trade(a_trade(f"trade-{number}", closed_at=time, side=side), 1)
    return populated


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"since": at(0)}, [4, 3, 2, 1, 0]),
        ({"since": at(1), "until": at(3)}, [2, 1]),
        ({"since": at(1), "until": at(3), "order": "asc"}, [1, 2]),
        ({"since": at(2), "order": "desc"}, [4, 3, 2]),
        ({"since": "2026-11-21T14:02:00+02:00"}, [4, 3, 2]),
    ],
)
def test_orders_and_trades_of_a_time_are_listed_in_the_direction_that_is_asked_for(
    five: Deployment, query: dict[str, str], numbers: list[int]
) -> None:
    orders = five.client.get("/v1/orders", **query).json["items"]
    assert [it["order_id"] for it in orders] == [f"order-{number}" for number in numbers]
    trades = five.client.get("/v1/trades", **query).json["items"]
    assert [it["trade_id"] for it in trades] == [f"trade-{number}" for number in numbers]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"market": ETH}, [2]),
        ({"reason": "STATE_STALE"}, [3]),
        ({"strategy_id": "strategy-2"}, [3]),
        ({"strategy_id": "strategy-3"}, []),
        ({"kind": "ENTRY"}, [4, 3, 2, 1, 0]),
        ({"kind": "EXIT"}, []),
        ({"state": "DENIED", "market": ETH}, []),
    ],
)
def test_orders_are_narrowed_by_each_value(five: Deployment, query: dict[str, str], numbers: list[int]) -> None:
    answer = five.client.get("/v1/orders", since=at(0), **query)
    assert [it["order_id"] for it in answer.json["items"]] == [f"order-{number}" for number in numbers]


def test_trades_are_narrowed_by_each_value(five: Deployment) -> None:
    def trades(**query: str) -> list[str]:
        return [it["trade_id"] for it in five.client.get("/v1/trades", since=at(0), **query).json["items"]]

    assert trades(side="SHORT") == ["trade-4"]
    assert trades(market=ETH) == trades(strategy_id="strategy-2") == []
    assert len(trades(strategy_id=STRATEGY, account_id=ACCOUNT, subscription_id=SUBSCRIPTION)) == 5


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/trades"])
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"since": at(1), "until": at(1)}, "WINDOW_EMPTY"),
        ({"since": at(1), "until": at(0)}, "WINDOW_EMPTY"),
        ({"since": "yesterday"}, "INVALID_REQUEST"),
        ({"since": "2026-12-01"}, "INVALID_REQUEST"),
        ({"since": "1764547200"}, "INVALID_REQUEST"),
        ({"order": "newest"}, "INVALID_REQUEST"),
        ({"market": "bitcoin!"}, "INVALID_REQUEST"),
        ({"sort": "asc"}, "INVALID_REQUEST"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(populated: Deployment, path: str, query: dict[str, str], code: str) -> None:
    answer = populated.client.get(path, **query)
    assert (answer.status, answer.code) == (422, code)


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/trades"])
@pytest.mark.parametrize("name", ["subscription_id", "account_id"])
def test_what_belongs_to_somebody_else_is_not_found(populated: Deployment, path: str, name: str) -> None:
    own = {"subscription_id": SUBSCRIPTION, "account_id": ACCOUNT}[name]
    assert populated.client.get(path, **{name: own}).status == 200
    assert populated.stranger.get(path, **{name: own}).status == 404


def test_a_cursor_is_refused_in_the_other_direction_and_in_another_window(five: Deployment) -> None:
    query = {"since": at(0), "limit": "2"}
    first = five.client.get("/v1/orders", **query).json
    second = five.client.get("/v1/orders", cursor=first["next_cursor"], **query)
    assert [it["order_id"] for it in second.json["items"]] == ["order-2", "order-1"]
    for changed in ({"order": "asc"}, {"until": at(9)}):
        refused = five.client.get("/v1/orders", cursor=first["next_cursor"], **query, **changed)
        assert (refused.status, refused.code) == (422, "CURSOR_INVALID")


def test_fills_are_the_orders_of_which_something_was_filled(populated: Deployment) -> None:
    def legs(filled: str) -> set[str]:
        return {it["leg"] for it in populated.client.get("/v1/orders", filled=filled).json["items"]}

    assert (legs("true"), legs("false")) == ({"ENTRY"}, {"STOP_LOSS"})


# -- trades name what opened them ----------------------------------------------------------------------------------------------


def test_a_trade_names_its_signal_and_the_run_that_decided(populated: Deployment) -> None:
    close = NOW + timedelta(minutes=1)
    signal = a_signal(issued_at=close, candle_close=close, strategy_version="c0de")
    populated.executions.begin(an_execution(close, signal=signal, strategy_version="c0de"))
    populated.signals.put_signal(a_signal_record(signal))
    named = a_trade("named", closed_at=BEGINNING, signal_id=signal.signal_id, strategy_version="c0de")
    populated.history.put_trade(named, 1)
    trade, older = populated.client.get("/v1/trades").json["items"]
    assert (trade["signal_id"], trade["candle_close"]) == (signal.signal_id, "2026-11-20T12:01:00Z")
    assert (older["signal_id"], older["candle_close"]) == (None, None)
    runs = f"/v1/strategies/{STRATEGY}/executions"
    [run] = populated.client.get(runs, since=trade["candle_close"], order="asc", limit="1").json["items"]
    assert (run["candle_close"], run["signal"]["signal_id"], run["strategy_version"]) == (
        trade["candle_close"],
        trade["signal_id"],
        trade["strategy_version"],
    )


def test_a_trade_of_a_signal_from_outside_names_no_run(populated: Deployment) -> None:
    outside = a_signal(issued_at=NOW + timedelta(minutes=1))
    populated.signals.put_signal(a_signal_record(outside))
    populated.history.put_trade(a_trade("outside", closed_at=BEGINNING, signal_id=outside.signal_id), 1)
    populated.history.put_trade(a_trade("lost", closed_at=BEGINNING, signal_id="unknown-1"), 1)
    trades = {it["trade_id"]: it for it in populated.client.get("/v1/trades", since=at(0)).json["items"]}
    assert {name: (it["signal_id"], it["candle_close"]) for name, it in trades.items()} == {
        "outside": (outside.signal_id, None),
        "lost": ("unknown-1", None),
    }


# -- positions, runs, signals, breaches, receipts ------------------------------------------------------------------------------


def test_positions_are_narrowed_and_turned_around(populated: Deployment) -> None:
    later = a_position(market=ETH, opened_at=NOW + timedelta(minutes=5), side=PositionSide.SHORT, strategy_id="strategy-2")
    populated.history.put_position(later, 2, NOW)

    def markets(**query: str) -> list[str]:
        return [it["market"] for it in populated.client.get("/v1/positions", **query).json["items"]]

    assert markets() == [ETH, BTC]
    assert markets(order="asc") == [BTC, ETH]
    assert markets(since="2026-11-20T12:01:00Z") == markets(side="SHORT") == markets(strategy_id="strategy-2") == [ETH]
    assert markets(until="2026-11-20T12:01:00Z") == markets(market=BTC) == [BTC]
    assert markets(account_id=ACCOUNT, subscription_id=SUBSCRIPTION) == [ETH, BTC]
    assert populated.stranger.get("/v1/positions", account_id=ACCOUNT).status == 404


def test_runs_and_signals_are_narrowed(populated: Deployment) -> None:
    close = NOW + timedelta(minutes=1)
    populated.executions.begin(an_execution(close, status=ExecutionStatus.NO_SIGNAL))
    populated.signals.put_signal(a_signal_record(a_signal(Action.EXIT, issued_at=close), published_at=close))

    def runs(**query: str) -> list[str]:
        items = populated.client.get(f"/v1/strategies/{STRATEGY}/executions", **query).json["items"]
        return [it["status"] for it in items]

    def signals(**query: str) -> list[str]:
        items = populated.client.get(f"/v1/strategies/{STRATEGY}/signals", **query).json["items"]
        return [it["signal"]["action"] for it in items]

    assert runs() == ["NO_SIGNAL", "RUNNING"]
    assert runs(order="asc") == ["RUNNING", "NO_SIGNAL"]
    assert runs(status="RUNNING") == runs(until="2026-11-20T12:01:00Z") == ["RUNNING"]
    assert runs(version="7") == []
    assert signals() == ["EXIT", "LONG"]
    assert signals(action="EXIT") == signals(since="2026-11-20T12:01:00Z") == ["EXIT"]
    assert signals(market=ETH) == []


def test_breaches_are_narrowed(populated: Deployment) -> None:
    other = Denial(Reason.STOP_MISSING)
    populated.decisions.put_breach(a_breach(breach_id="breach-2", occurred_at=BEGINNING, denial=other, market=ETH))

    def breaches(**query: str) -> list[str]:
        return [it["breach_id"] for it in populated.client.get("/v1/limits/breaches", **query).json["items"]]

    assert breaches() == ["breach-2", "breach-1"]
    assert breaches(order="asc") == ["breach-1", "breach-2"]
    assert breaches(reason="STOP_MISSING") == breaches(market=ETH) == breaches(since=at(0)) == ["breach-2"]
    assert breaches(signal_id="signal-9") == []
    assert populated.stranger.get("/v1/limits/breaches", account_id=ACCOUNT).status == 404


def test_receipts_are_listed_with_their_orders(populated: Deployment) -> None:
    denied = an_intent(signal_id="signal-2", created_at=BEGINNING, state=IntentState.DENIED, denial=Denial(Reason.STOP_MISSING))
    populated.history.put_order(denied, 1)
    first, second = populated.client.get("/v1/receipts").json["items"]
    assert (first["order_id"], first["state"], first["reason"]["code"]) == (denied.intent_id, "DENIED", "STOP_MISSING")
    assert first["decision"] is None, "a receipt is gone after three months, and its order is not"
    assert (second["kind"], second["decision"]["receipt"]) == ("ENTRY", {"traded": True})
    whole = populated.client.get(f"/v1/orders/{second['order_id']}/receipt").json
    assert second["decision"] == whole
    own = populated.client.get("/v1/receipts", state="DENIED", since=at(0), market="BTC/USDT:USDT").json["items"]
    assert own == [first]
    assert populated.stranger.get("/v1/receipts").json["items"] == []


# -- subscriptions, backtests, versions, accounts ------------------------------------------------------------------------------


def test_subscriptions_are_narrowed(populated: Deployment) -> None:
    populated.strategies.create_strategy(a_strategy("strategy-2"))
    other = a_subscription("subscription-9", strategy_id="strategy-2", account_id=None, status=SubscriptionStatus.PAUSED)
    populated.subscriptions.write(other, None, follower_change=1)

    def ids(**query: str) -> list[str]:
        return [it["subscription_id"] for it in populated.client.get("/v1/subscriptions", **query).json["items"]]

    assert ids() == [SUBSCRIPTION, "subscription-9"]
    assert ids(strategy_id="strategy-2") == ids(status="PAUSED") == ["subscription-9"]
    assert ids(account_id=ACCOUNT) == ids(status="ACTIVE", strategy_id=STRATEGY) == [SUBSCRIPTION]
    assert ids(status="CANCELLED") == ids(strategy_id="strategy-3") == []
    assert populated.stranger.get("/v1/subscriptions", account_id=ACCOUNT).status == 404


def test_backtests_are_narrowed_and_turned_around(populated: Deployment) -> None:
    populated.backtests.backtests.clear()
    for minute, strategy in enumerate((STRATEGY, "strategy-2", STRATEGY)):
        time = BEGINNING + timedelta(minutes=minute)
        asked = a_backtest(f"{time_in_id(time)}-{minute}", asked_at=time, plan=a_plan(strategy_id=strategy))
        stored = populated.backtests.create_backtest(asked)
        if minute == 0:
            populated.backtests.save_backtest(stored.cancelled(time))

    def minutes(**query: str) -> list[int]:
        return [int(it["backtest_id"][-1]) for it in populated.client.get("/v1/backtests", **query).json["items"]]

    assert minutes() == [2, 1, 0]
    assert minutes(order="asc") == [0, 1, 2]
    assert minutes(since=at(1)) == [2, 1]
    assert minutes(since=at(1), until=at(2)) == minutes(strategy_id="strategy-2") == [1]
    assert minutes(status="CANCELLED") == [0]
    assert minutes(status="QUEUED", strategy_id=STRATEGY) == [2]


def test_versions_are_narrowed_and_turned_around(populated: Deployment) -> None:
    for number in range(1, 4):
        version = a_version(number, created_at=BEGINNING + timedelta(minutes=number), source_hash=f"{number % 2}" * 64)
        populated.database.versions[STRATEGY, number] = version

    def numbers(**query: str) -> list[int]:
        answer = populated.client.get(f"/v1/strategies/{STRATEGY}/versions", **query)
        return [it["number"] for it in answer.json["items"]]

    assert numbers() == [3, 2, 1]
    assert numbers(order="asc") == [1, 2, 3]
    assert numbers(since=at(2)) == [3, 2]
    assert numbers(until=at(2)) == [1]
    assert numbers(source_hash="1" * 64) == [3, 1]
    assert numbers(digest=f"{2:016x}") == [2]


def test_accounts_are_narrowed(populated: Deployment) -> None:
    populated.accounts.create(an_account("account-live", venue="binanceusdm", subscriptions={}))
    disabled = an_account("account-off", status=AccountStatus.DISABLED, disabled_reason="DISABLED_BY_OWNER", subscriptions={})
    populated.accounts.create(disabled)

    def ids(**query: str) -> list[str]:
        return [it["account_id"] for it in populated.client.get("/v1/accounts", **query).json["items"]]

    assert ids() == [ACCOUNT, "account-live", "account-off"]
    assert ids(venue="binanceusdm") == ["account-live"]
    assert ids(status="DISABLED") == ids(status="DISABLED", venue="paper") == ["account-off"]
    assert ids(status="DISABLED", venue="binanceusdm") == []


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/subscriptions", {"status": "STOPPED"}),
        ("/v1/subscriptions", {"since": at(0)}),
        ("/v1/subscriptions", {"venue": "paper"}),
        ("/v1/backtests", {"status": "BROKEN"}),
        ("/v1/backtests", {"state": "DONE"}),
        ("/v1/backtests", {"since": at(1), "until": at(1)}),
        (f"/v1/strategies/{STRATEGY}/versions", {"number": "1"}),
        (f"/v1/strategies/{STRATEGY}/versions", {"digest": "d" * 65}),
        ("/v1/accounts", {"status": "OPEN"}),
        ("/v1/accounts", {"venue": "a b"}),
        ("/v1/accounts", {"label": "main"}),
    ],
)
def test_a_filter_that_a_list_does_not_have_is_refused(populated: Deployment, path: str, query: dict[str, str]) -> None:
    assert populated.client.get(path).status == 200
    assert populated.client.get(path, **query).status == 422


# -- totals --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [f"/v1/accounts/{ACCOUNT}/equity", f"/v1/subscriptions/{SUBSCRIPTION}/equity"])
def test_the_days_of_an_answer_add_up_to_its_total(populated: Deployment, path: str) -> None:
    lost = a_trade("lost", pnl=Decimal("-50.123"), closed_at=NOW + timedelta(days=1), funding=Decimal("-1.5"))
    populated.history.put_trade(lost, 2)
    populated.clock.set(NOW + timedelta(days=30))
    answer = populated.client.get(path, **{"from": "2026-11-20", "to": "2026-11-30"}).json
    total = answer["total"]
    assert (total["trades"], total["wins"], total["losses"], total["net_pnl"]) == (2, 1, 1, "46.697")
    for name in ("trades", "wins", "losses", "pnl", "fees", "funding", "net_pnl"):
        assert sum(Decimal(day[name]) for day in answer["days"]) == Decimal(total[name])
    assert answer["days"][-1]["cumulative_net_pnl"] == total["net_pnl"]
    nothing = populated.client.get(path, **{"from": "2026-01-01", "to": "2026-01-02"}).json
    assert (nothing["days"], nothing["total"]["trades"], nothing["total"]["net_pnl"]) == ([], 0, "0")
