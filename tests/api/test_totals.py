"""Totals over all accounts: by currency, play money apart from real money, now and by day."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.account import Balance
from candlecast.ports.store import LastPrice
from tests.api.conftest import Deployment
from tests.support.builders import BTC, NOW, TENANT, a_position, a_subscription, a_trade, after, an_account

BTC_IN_USDC = "BTC/USDC:USDC"
LIVE = "account-live"
A_DAY = 86_400


def entries(answer: Any) -> dict[tuple[str, str | None], dict[str, Any]]:
    return {(it["venue_kind"], it["quote"]): it for it in answer.json["items"]}


@pytest.fixture
def three(deployment: Deployment) -> Deployment:
    """Two live accounts and one of paper. The first holds two dollars apart, and trades in both by two subscriptions."""
    apart = Balance(
        equity=Decimal(100), available=Decimal(90), as_of=after(-60), assets={"USDT": Decimal(100), "USDC": Decimal(7)}
    )
    alone = Balance(equity=Decimal("20.5"), available=Decimal(20), as_of=NOW)
    for account_id, venue, balance in (
        (LIVE, "binanceusdm", apart),
        ("account-2", "binanceusdm", alone),
        ("play", "paper", alone),
    ):
        deployment.accounts.create(an_account(account_id, venue=venue, balance=balance, subscriptions={}))
    for number, (account_id, market) in enumerate(((LIVE, BTC), (LIVE, BTC_IN_USDC), ("account-2", BTC), ("play", BTC))):
        subscription = f"subscription-{number}"
        deployment.subscriptions.write(a_subscription(subscription, account_id=account_id), None, follower_change=1)
        own = {"account_id": account_id, "subscription_id": subscription, "market": market}
        deployment.history.put_trade(a_trade(f"trade-{number}", **own, pnl=Decimal(10**number), fees=Decimal("0.5")), 1)
        if number != 2:
            held = a_position(
                **own, quantity=Decimal(2), opened_quantity=Decimal(2), entry_price=Decimal(100), fees=Decimal("0.25")
            )
            deployment.history.put_position(replace(held, funding=Decimal("-0.1")), 1, NOW)
    deployment.prices.put_price("binanceusdm", BTC, LastPrice(Decimal(110), NOW))
    deployment.prices.put_price("paper", BTC, LastPrice(Decimal(90), NOW))
    return deployment


def test_totals_are_by_currency_and_real_money_comes_first(three: Deployment) -> None:
    answer = three.client.get("/v1/totals")
    assert [(it["venue_kind"], it["quote"]) for it in answer.json["items"]] == [
        ("live", "USDC"),
        ("live", "USDT"),
        ("paper", "USDT"),
    ]
    assert entries(answer)["live", "USDT"] == {
        "venue_kind": "live",
        "quote": "USDT",
        "accounts": 2,
        "equity": "120.5",
        "balances_as_of": "2026-11-20T11:59:00Z",
        "open_positions": 1,
        "unpriced_positions": 0,
        "unrealised_pnl": "20",
        "trades": 2,
        "wins": 2,
        "losses": 0,
        "realised_pnl": "101",
        "fees": "1.25",
        "funding": "-0.1",
        "net_pnl": "119.65",
    }


def test_a_position_without_a_price_is_told(three: Deployment) -> None:
    usdc = entries(three.client.get("/v1/totals"))["live", "USDC"]
    assert (usdc["open_positions"], usdc["unpriced_positions"], usdc["unrealised_pnl"]) == (1, 1, "0")
    assert (usdc["accounts"], usdc["equity"], usdc["realised_pnl"], usdc["net_pnl"]) == (1, "7", "10", "9.15")


def test_play_money_is_apart(three: Deployment) -> None:
    paper = entries(three.client.get("/v1/totals"))["paper", "USDT"]
    assert (paper["accounts"], paper["equity"], paper["unrealised_pnl"], paper["trades"]) == (1, "20.5", "-20", 1)
    assert (paper["realised_pnl"], paper["net_pnl"]) == ("1000", "979.15")


def test_a_retired_account_has_no_balance_and_keeps_its_results(three: Deployment) -> None:
    account = three.database.accounts[TENANT, "account-2"]
    three.accounts.save(replace(account, retired_at=NOW))
    usdt = entries(three.client.get("/v1/totals"))["live", "USDT"]
    assert (usdt["accounts"], usdt["equity"], usdt["realised_pnl"]) == (1, "100", "101")


def test_results_of_several_currencies_or_of_an_unknown_one_have_none(three: Deployment) -> None:
    own = {"account_id": "account-2", "subscription_id": "subscription-2"}
    three.history.put_trade(a_trade("mixed", **own, market=BTC_IN_USDC), 2)
    found = entries(three.client.get("/v1/totals"))
    assert found["live", "USDT"]["trades"] == 1
    assert (found["live", None]["trades"], found["live", None]["equity"], found["live", None]["balances_as_of"]) == (2, "0", None)


def test_nobody_sees_totals_of_others(three: Deployment) -> None:
    assert three.stranger.get("/v1/totals").json["items"] == []
    assert three.stranger.get("/v1/totals/days").json["days"] == []


def days(answer: Any) -> list[tuple[Any, ...]]:
    return [
        (it["day"][-2:], it["venue_kind"], it["quote"], it["net_pnl"], it["cumulative_net_pnl"]) for it in answer.json["days"]
    ]


def test_days_add_up_by_currency(three: Deployment) -> None:
    own = {"account_id": LIVE, "subscription_id": "subscription-0"}
    three.history.put_trade(a_trade("next", **own, closed_at=after(A_DAY), pnl=Decimal(-4), fees=Decimal(1)), 2)
    three.clock.set(after(2 * A_DAY))
    answer = three.client.get("/v1/totals/days")
    assert days(answer) == [
        ("20", "live", "USDC", "9.5", "9.5"),
        ("20", "live", "USDT", "100.0", "100.0"),
        ("20", "paper", "USDT", "999.5", "999.5"),
        ("21", "live", "USDT", "-5", "95.0"),
    ]
    assert answer.json["next_from"] is None
    assert days(three.client.get("/v1/totals/days", **{"from": "2026-11-21"})) == [("21", "live", "USDT", "-5", "-5")]


def test_an_account_with_many_days_ends_the_answer_for_all(three: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.fakes.history.MAX_DAY_ROWS", 2)
    for number in range(3):
        own = {"account_id": "play", "subscription_id": "subscription-3"}
        three.history.put_trade(a_trade(f"play-{number}", **own, closed_at=after(number * A_DAY)), 2)
    three.history.put_trade(
        a_trade("last", account_id="account-2", subscription_id="subscription-2", closed_at=after(2 * A_DAY)), 2
    )
    three.clock.set(after(5 * A_DAY))
    answer = three.client.get("/v1/totals/days", **{"from": "2026-11-20"}).json
    assert (answer["until"], answer["next_from"]) == ("2026-11-21", "2026-11-22")
    assert {it["day"] for it in answer["days"]} == {"2026-11-20", "2026-11-21"}
    rest = three.client.get("/v1/totals/days", **{"from": answer["next_from"]}).json
    assert [(it["day"], it["venue_kind"]) for it in rest["days"]] == [("2026-11-22", "live"), ("2026-11-22", "paper")]


@pytest.mark.parametrize(("path", "query"), [("/v1/totals", {"from": "2026-11-20"}), ("/v1/totals/days", {"quote": "USDT"})])
def test_unknown_parameters_are_refused(three: Deployment, path: str, query: dict[str, str]) -> None:
    assert three.client.get(path).status == 200
    assert three.client.get(path, **query).status == 422


def test_totals_are_rows_too(three: Deployment) -> None:
    head, *rows = three.client.get("/v1/totals", format="csv").text.splitlines()
    assert head.startswith("venue_kind,quote,accounts,equity,")
    assert len(rows) == 3
    assert three.client.get("/v1/totals/days", format="csv").text.startswith("day,venue_kind,quote,trades,")
