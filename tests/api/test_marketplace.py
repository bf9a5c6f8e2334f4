"""The marketplace by the API: pages, filters, and no word of anybody's code."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.strategies.definition import Visibility
from candlecast.domain.strategies.listing import (
    MIN_RANKED_TENANTS,
    MIN_RANKED_TRADES,
    BacktestFigures,
    ListedBacktest,
    ListedRecord,
)
from candlecast.domain.strategies.parity_share import ParityShare
from tests.api.conftest import EXTERNAL, Deployment
from tests.support.builders import BTC, NOW, STRATEGY, a_strategy, after, an_uploaded_strategy

PATH = "/v1/marketplace"
SHOWN_NOW = NOW.isoformat().replace("+00:00", "Z")
RANKED = ListedRecord(
    followers=3,
    tenants=MIN_RANKED_TENANTS,
    trades=MIN_RANKED_TRADES,
    mean_return_percent=Decimal("1.2500"),
    win_rate_percent=Decimal("60.00"),
    profit_factor=Decimal("1.500"),
    return_per_tenant_percent=Decimal("7.5000"),
    since=NOW,
    buy_and_hold_percent=Decimal("-3.0000"),
)


def ids(deployment: Deployment, **query: str) -> list[str]:
    answer = deployment.stranger.get(PATH, **{"venue_kind": "paper", **query})
    assert answer.status == 200, answer.text
    return [card["strategy_id"] for card in answer.json["items"]]


def test_a_card_shows_words_and_figures_and_nothing_else(deployment: Deployment) -> None:
    secret: dict[str, Any] = {"code": "secret_code", "parameters": {"mode": "secret-parameter"}, "owner": "secret-owner"}
    deployment.database.strategies[STRATEGY] = a_strategy(tags=("trend",), description="Follows the trend", **secret)
    deployment.listings.refresh(STRATEGY, RANKED)
    answer = deployment.stranger.get(PATH, venue_kind="paper", sort="record", limit="1")
    assert "secret" not in answer.text
    assert answer.json["items"] == [
        {
            "strategy_id": STRATEGY,
            "name": "SMA cross",
            "description": "Follows the trend",
            "tags": ["trend"],
            "kind": "BUILT_IN",
            "venue": "paper",
            "market": BTC,
            "timeframe": "1m",
            "created_at": SHOWN_NOW,
            "followers": 3,
            "record": {
                "is_ranked": True,
                "tenants": MIN_RANKED_TENANTS,
                "trades": MIN_RANKED_TRADES,
                "mean_return_percent": "1.2500",
                "win_rate_percent": "60.00",
                "profit_factor": "1.500",
                "return_per_tenant_percent": "7.5000",
                "since": SHOWN_NOW,
                "buy_and_hold_percent": "-3.0000",
            },
            "backtest": None,
            "parity": None,
        }
    ]


def test_a_card_shows_the_platforms_backtest_once_there_is_one(deployment: Deployment) -> None:
    def shown() -> object:
        (card,) = [it for it in deployment.stranger.get(PATH, venue_kind="paper").json["items"] if it["strategy_id"] == STRATEGY]
        return card["backtest"]

    deployment.listings.put_backtest(STRATEGY, ListedBacktest(asked_at=NOW, version=None))
    assert shown() is None
    figures = BacktestFigures(version=None, start=NOW, until=NOW, trades=3, return_percent=Decimal("1.50"), refusal=None)
    deployment.listings.put_backtest(STRATEGY, ListedBacktest(asked_at=NOW, version=None, figures=figures))
    assert shown() == {
        "version": None,
        "start": SHOWN_NOW,
        "until": SHOWN_NOW,
        "trades": 3,
        "return_percent": "1.50",
        "max_drawdown_percent": None,
        "buy_and_hold_percent": None,
        "win_rate_percent": None,
        "sharpe_ratio": None,
        "is_ruined": False,
        "refusal": None,
        "made_at": None,
        "return_since_made_percent": None,
    }


def test_a_card_shows_the_share_of_runs_that_decided_as_a_backtest(deployment: Deployment) -> None:
    def shown() -> object:
        (card,) = [it for it in deployment.stranger.get(PATH, venue_kind="paper").json["items"] if it["strategy_id"] == STRATEGY]
        return card["parity"]

    deployment.listings.put_parity(STRATEGY, ParityShare(days=2))
    assert shown() is None, "no run was compared"
    deployment.listings.put_parity(STRATEGY, ParityShare(days=2, checked=200, equal=197, otherwise=1, compared_at=NOW))
    assert shown() == {
        "days": 2,
        "checked": 200,
        "equal": 197,
        "otherwise": 1,
        "percent": "99.5",
        "compared_at": SHOWN_NOW,
    }


def test_kinds_of_venues_never_mix(deployment: Deployment) -> None:
    deployment.strategies.create_strategy(a_strategy("live-1", venue="binanceusdm"))
    assert ids(deployment, venue_kind="live") == ["live-1"]
    assert "live-1" not in ids(deployment)
    assert deployment.stranger.get(PATH).status == 422


def test_uploaded_and_external_strategies_are_listed_beside_built_in_ones(deployment: Deployment) -> None:
    deployment.strategies.create_strategy(an_uploaded_strategy("uploaded-1", visibility=Visibility.PUBLIC))
    deployment.strategies.create_strategy(an_uploaded_strategy("private-1", visibility=Visibility.PRIVATE))
    assert sorted(ids(deployment)) == sorted([STRATEGY, EXTERNAL, "uploaded-1"])


@pytest.mark.parametrize(
    ("sort", "expected"), [("record", ["b", "a", "c"]), ("followers", ["c", "b", "a"]), ("newest", ["c", "b", "a"])]
)
def test_each_order_goes_on_by_its_cursor(deployment: Deployment, sort: str, expected: list[str]) -> None:
    deployment.database.strategies.clear()
    for number, name in enumerate("abc"):
        deployment.strategies.create_strategy(a_strategy(name, created_at=after(number)))
    for name, followers, tenants in (("a", 1, 1), ("b", 2, MIN_RANKED_TENANTS), ("c", 3, 0)):
        deployment.listings.refresh(name, replace(RANKED, followers=followers, tenants=tenants, trades=30 * bool(tenants)))
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = deployment.stranger.get(PATH, venue_kind="paper", sort=sort, limit="1", **cursor).json
        found += [card["strategy_id"] for card in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == expected


def test_tag_and_words_narrow_the_page(deployment: Deployment) -> None:
    deployment.strategies.create_strategy(a_strategy("breakout", name="Ausbruch über Straße", tags=("breakout",)))
    assert ids(deployment, tag="breakout") == ["breakout"]
    assert ids(deployment, search="STRASSE ausbruch") == ["breakout"]
    assert ids(deployment, search="strasse", tag="trend") == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"tag": "No Tag"}, "TAGS_INVALID"),
        ({"search": "a b c d e f"}, "SEARCH_INVALID"),
        ({"search": "x" * 101}, "INVALID_REQUEST"),
        ({"sort": "profit"}, "INVALID_REQUEST"),
        ({"cursor": "forged"}, "CURSOR_INVALID"),
        ({"owner": "tenant-1"}, "INVALID_REQUEST"),
    ],
)
def test_a_query_is_bounded(deployment: Deployment, query: dict[str, str], code: str) -> None:
    answer = deployment.stranger.get(PATH, **{"venue_kind": "paper", **query})
    assert (answer.status, answer.code) == (422, code)


# -- the candle clock ----------------------------------------------------------------------------------------------------------


def test_operators_see_the_clock_and_its_work_list(populated: Deployment) -> None:
    clock = populated.admin.get("/v1/clock").json["timeframes"]
    assert [shown["timeframe"] for shown in clock][:2] == ["1m", "3m"]
    assert clock[0]["last_firing"] is None
    entries = populated.admin.get("/v1/clock/1m").json
    assert entries == {"items": [{"venue": "paper", "market": BTC, "strategy_id": STRATEGY}], "next_cursor": None}
    assert populated.admin.get("/v1/clock/1m", kind="UPLOADED").json["items"] == []
    assert populated.admin.get("/v1/clock/7m").status == 422


@pytest.mark.parametrize("path", ["/v1/clock", "/v1/clock/1m"])
def test_nobody_but_operators_sees_the_clock(populated: Deployment, path: str) -> None:
    assert populated.client.get(path).status == 403
