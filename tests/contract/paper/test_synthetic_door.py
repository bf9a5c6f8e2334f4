"""The door of synthetic runs, `HttpPaperDoor`, against the paper exchange itself."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.values.errors import Reject, RetryLater
from candlecast_cli.https import Https
from candlecast_cli.synthetic.doors import OWN_SYMBOL, PAPER_ACCOUNT, HttpPaperDoor
from tests.support.paper_venue import BTC_SYMBOL, MINUTE_MS, OPERATOR_KEY, START_MS, PaperVenue


class VenueClock:
    """The clock that the venue and the run agree on."""

    def __init__(self, venue: PaperVenue) -> None:
        self._venue = venue

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._venue.wall_clock() / 1000, UTC)


def a_door(venue: PaperVenue, operator_key: str = OPERATOR_KEY) -> HttpPaperDoor:
    return HttpPaperDoor(venue.base_url, operator_key, Https(), VenueClock(venue))


def keys_of(door: HttpPaperDoor) -> dict[str, str]:
    keys = door.open_account()
    return {"api_key": keys.api_key, "api_secret": keys.api_secret}


def test_an_account_is_opened_once_and_its_keys_stay_the_same(market: PaperVenue) -> None:
    first, second = keys_of(a_door(market)), keys_of(a_door(market))
    assert first == second
    accounts = market.http.get("/operator/accounts").json()["accounts"]
    assert [it["account_id"] for it in accounts] == [PAPER_ACCOUNT]


def test_another_operators_key_gives_the_account_other_keys(market: PaperVenue) -> None:
    """As after a rotation of the operator's secret."""
    taken: dict[str, Any] = {"account_id": PAPER_ACCOUNT, "balances": {"USDT": "10"}, "api_key": "k" * 20, "api_secret": "s" * 20}
    market.operate("POST", "/accounts", taken)
    door = a_door(market)
    assert keys_of(door)["api_key"] != taken["api_key"]
    assert door.held() == {}


def test_keys_that_somebody_has_revoked_are_told(market: PaperVenue) -> None:
    door = a_door(market)
    door.open_account()
    (key_id,) = keys(market)
    market.operate("DELETE", f"/accounts/{PAPER_ACCOUNT}/keys/{key_id}")
    with pytest.raises(Reject) as refused:
        door.open_account()
    assert refused.value.code == "PAPER_KEYS_REFUSED"


def keys(venue: PaperVenue) -> dict[str, Any]:
    (account,) = venue.http.get("/operator/accounts").json()["accounts"]
    found: dict[str, Any] = account["keys"]
    return found


def test_an_order_is_told_as_filled_and_its_stop_as_open_until_all_is_closed(market: PaperVenue) -> None:
    door = a_door(market)
    client = market.client(keys_of(door))
    client.load_markets()
    assert door.filled("BTCUSDT", "cc-entry") is None
    client.create_order(BTC_SYMBOL, "market", "buy", 0.01, None, {"newClientOrderId": "cc-entry"})
    client.create_order(
        BTC_SYMBOL, "market", "sell", 0.01, None, {"stopLossPrice": 40_000, "reduceOnly": True, "newClientOrderId": "cc-stop"}
    )
    client.create_order(BTC_SYMBOL, "limit", "buy", 0.01, 40_000, {"newClientOrderId": "cc-rests"})
    assert door.filled("BTCUSDT", "cc-entry") == Decimal("0.01")
    assert door.filled("BTCUSDT", "cc-rests") is None
    assert door.held() == {"BTCUSDT": Decimal("0.01")}
    assert door.open_orders() == {"cc-stop", "cc-rests"}
    market.operate("POST", f"/accounts/{PAPER_ACCOUNT}/close", {"symbol": "BTCUSDT", "position_side": "BOTH"})
    assert door.held() == {}


def test_prices_are_those_of_the_public_door(market: PaperVenue) -> None:
    door = a_door(market)
    assert door.symbols() == {"BTCUSDT"}
    assert door.price("BTCUSDT") == Decimal(50_000)
    assert door.price("NOSUCHUSDT") is None


def test_an_empty_exchange_gets_a_market_with_a_price_that_stands_still(venue: PaperVenue) -> None:
    door = a_door(venue)
    assert door.symbols() == frozenset()
    door.open_market()
    assert door.symbols() == {OWN_SYMBOL}
    assert door.price(OWN_SYMBOL) == Decimal(100)
    venue.wall_clock.offset_ms = 90 * 24 * 60 * MINUTE_MS
    assert door.price(OWN_SYMBOL) == Decimal(100)


def test_the_own_market_has_a_price_at_any_time_that_an_operator_sets(venue: PaperVenue) -> None:
    """Else the list of all prices would be refused to everybody."""
    a_door(venue).open_market()
    venue.operate("PUT", "/clock", {"mode": "stepped", "now_ms": START_MS, "rewind": True})
    assert a_door(venue).price(OWN_SYMBOL) == Decimal(100)


def test_another_key_than_the_operators_is_refused(market: PaperVenue) -> None:
    with pytest.raises(Reject):
        a_door(market, "somebody-elses-key").open_account()


def test_an_exchange_that_fails_is_asked_again_and_one_that_is_gone_is_unreachable(market: PaperVenue) -> None:
    door = a_door(market)
    door.open_account()
    market.operate("POST", "/faults", {"kind": "unavailable", "path": "/fapi/v3/positionRisk", "method": "GET"})
    with pytest.raises(RetryLater):
        door.held()
    assert door.held() == {}
    gone = HttpPaperDoor("http://127.0.0.1:9", OPERATOR_KEY, Https(), VenueClock(market))
    with pytest.raises(RetryLater) as unreachable:
        gone.symbols()
    assert unreachable.value.code == "UNREACHABLE"


def test_no_error_or_repr_shows_a_key(market: PaperVenue) -> None:
    door = a_door(market)
    shown = repr(door.open_account())
    derived = hmac.new(OPERATOR_KEY.encode(), b"candlecast synthetic api secret", hashlib.sha256).hexdigest()
    assert derived not in shown
    assert OPERATOR_KEY not in repr(door)
