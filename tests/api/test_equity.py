"""Results by day: of a subscription and an account in money, of a strategy in returns alone."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.api.conftest import Deployment
from tests.support.builders import ACCOUNT, STRATEGY, SUBSCRIPTION, a_trade, after

OWN = [f"/v1/subscriptions/{SUBSCRIPTION}/equity", f"/v1/accounts/{ACCOUNT}/equity"]
OF_STRATEGY = f"/v1/strategies/{STRATEGY}/equity"
A_DAY = 86_400


def days(answer: Any, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(day[name] for name in names) for day in answer.json["days"]]


@pytest.fixture
def traded(populated: Deployment) -> Deployment:
    """A trade today (12:01), two tomorrow, and one 400 days later."""
    lost = a_trade("lost", pnl=Decimal("-50.123"), closed_at=after(A_DAY))
    for trade in (lost, replace(lost, trade_id="funded", funding=Decimal("-1.5")), a_trade("late", closed_at=after(400 * A_DAY))):
        populated.history.put_trade(trade, 2)
    populated.clock.set(after(401 * A_DAY))
    return populated


@pytest.mark.parametrize("path", OWN)
def test_results_are_summed_by_day_and_added_up(traded: Deployment, path: str) -> None:
    answer = traded.client.get(path, **{"from": "2026-11-01", "to": "2026-12-01"})
    assert answer.status == 200
    assert answer.json == {
        "since": "2026-11-01",
        "until": "2026-12-01",
        "next_from": None,
        "total": {
            "trades": 3,
            "wins": 1,
            "losses": 2,
            "pnl": "-0.246",
            "fees": "2.52",
            "funding": "-1.5",
            "net_pnl": "-4.266",
        },
        "days": [
            {
                "day": "2026-11-20",
                "trades": 1,
                "wins": 1,
                "losses": 0,
                "pnl": "100",
                "fees": "0.84",
                "funding": "0",
                "net_pnl": "99.16",
                "cumulative_net_pnl": "99.16",
            },
            {
                "day": "2026-11-21",
                "trades": 2,
                "wins": 0,
                "losses": 2,
                "pnl": "-100.246",
                "fees": "1.68",
                "funding": "-1.5",
                "net_pnl": "-103.426",
                "cumulative_net_pnl": "-4.266",
            },
        ],
    }


@pytest.mark.parametrize("path", [*OWN, OF_STRATEGY])
def test_a_longer_time_comes_in_answers_of_a_year_each(traded: Deployment, path: str) -> None:
    first = traded.client.get(path, **{"from": "2026-11-20"})
    assert (first.json["until"], first.json["next_from"]) == ("2027-11-20", "2027-11-21")
    rest = traded.client.get(path, **{"from": first.json["next_from"]})
    assert rest.json["next_from"] is None
    assert [*days(first, "day", "trades"), *days(rest, "day", "trades")] == [
        ("2026-11-20", 1),
        ("2026-11-21", 2),
        ("2027-12-25", 1),
    ]


@pytest.mark.parametrize("path", [*OWN, OF_STRATEGY])
def test_without_days_the_last_thirty_are_shown(traded: Deployment, path: str) -> None:
    answer = traded.client.get(path)
    assert (answer.json["since"], answer.json["until"]) == ("2027-11-27", "2027-12-26")
    assert days(answer, "day") == [("2027-12-25",)]


@pytest.mark.parametrize("path", [*OWN, OF_STRATEGY])
@pytest.mark.parametrize(("first", "last"), [("2026-11-21", "2026-11-20"), ("2030-01-01", "2031-01-01"), ("x", "2026-11-20")])
def test_days_that_cannot_be_are_refused(traded: Deployment, path: str, first: str, last: str) -> None:
    assert traded.client.get(path, **{"from": first, "to": last}).status == 422


@pytest.mark.parametrize(
    "path", [*OWN, OF_STRATEGY, f"/v1/strategies/{STRATEGY}/parity", f"/v1/strategies/{STRATEGY}/executions/statistics"]
)
@pytest.mark.parametrize("day", ["0", "1795176000", "20261121", "2026-W47-6", "2026-11-21T00:00:00", " 2026-11-21", "2026-1-1"])
def test_a_day_is_text_of_one_form(traded: Deployment, path: str, day: str) -> None:
    """A number would be seconds since 1970: `to=20261121` is a slip, and no day of that year."""
    name = "from" if path in (*OWN, OF_STRATEGY) else "since"
    answer = traded.client.get(path, **{name: day})
    assert (answer.status, answer.code) == (422, "INVALID_REQUEST")


def test_a_strategys_days_tell_returns_and_nobodys_money(traded: Deployment) -> None:
    answer = traded.client.get(OF_STRATEGY, **{"from": "2026-11-20", "to": "2026-11-21"})
    assert answer.json == {
        "venue": "paper",
        "since": "2026-11-20",
        "until": "2026-11-21",
        "next_from": None,
        "days": [
            {
                "day": "2026-11-20",
                "tenants": 1,
                "trades": 1,
                "return_percent": "9.9160",
                "cumulative_return_percent": "9.9160",
            },
            {
                "day": "2026-11-21",
                "tenants": 1,
                "trades": 2,
                "return_percent": "-10.3426",
                "cumulative_return_percent": "-0.4266",
            },
        ],
    }


@pytest.mark.parametrize(("seconds", "seen"), [(12 * 3_600, 0), (12 * 3_600 + 59, 0), (12 * 3_600 + 60, 1)])
def test_a_stranger_sees_a_day_once_all_of_it_is_a_candle_old(populated: Deployment, seconds: int, seen: int) -> None:
    """The trade closed at 12:01 of a day, and its strategy decides every minute."""
    populated.clock.set(after(seconds))
    assert len(populated.stranger.get(OF_STRATEGY).json["days"]) == seen
    assert len(populated.client.get(OF_STRATEGY).json["days"]) == 1


def test_a_subscription_without_an_account_has_no_days(populated: Deployment) -> None:
    key = ("tenant-1", SUBSCRIPTION)
    populated.database.subscriptions[key] = replace(populated.database.subscriptions[key], account_id=None)
    assert populated.client.get(OWN[0]).json["days"] == []
