"""The rights of a key: every mix of rights on the fake, and on the paper exchange through the adapter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest

from candlecast.adapters.ccxt.clients import Templates
from candlecast.adapters.ccxt.venue import CcxtVenues
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.venue.key_rights import KeyRights
from candlecast.ports.venue import Credentials, Venue
from paper_exchange.accounts.account import KeyRight
from tests.support.fakes.venue import FakeExchange, FakeVenue
from tests.support.paper_venue import PATIENCE_SECONDS, PaperVenue

TOLD = ("withdraws", "transfers", "trades", "is_bound")
MIXES = [KeyRights(**dict(zip(TOLD, values, strict=True))) for values in product((False, True), repeat=len(TOLD))]
ALL_BUT_MONEY = ["enableReading", "enableFutures", "enableMargin", "enableSpotAndMarginTrading", "enableVanillaOptions"]


@dataclass(frozen=True)
class Owned:
    """A venue with one key, whose rights its owner sets."""

    venue: Venue
    set_rights: Callable[[KeyRights], None]


def owned_fake() -> Owned:
    exchange = FakeExchange()
    return Owned(FakeVenue(exchange, "key"), lambda rights: exchange.rights.update({"key": rights}))


def owned_paper(market: PaperVenue) -> Owned:
    keys = market.open_account(account_id="tenant")
    venue = adapter(market, keys)

    def set_rights(rights: KeyRights) -> None:
        named = {
            KeyRight.WITHDRAWALS: rights.withdraws,
            KeyRight.UNIVERSAL_TRANSFER: rights.transfers,
            KeyRight.FUTURES: rights.trades,
            KeyRight.IP_RESTRICT: rights.is_bound,
            KeyRight.READING: True,
        }
        give(market, keys, [right for right, given in named.items() if given])

    return Owned(venue, set_rights)


def adapter(market: PaperVenue, keys: dict[str, str]) -> Venue:
    templates = Templates({"paper": ("binanceusdm", market.base_url)}, lambda _: {})
    templates.of("paper").timeout = 1_000 * PATIENCE_SECONDS
    return CcxtVenues(templates).connect("paper", "tenant", "1", Credentials(keys["api_key"], keys["api_secret"]))


def give(market: PaperVenue, keys: dict[str, str], rights: list[Any]) -> None:
    market.operate("PUT", f"/accounts/tenant/keys/{keys['key_id']}/rights", {"rights": rights})


@pytest.mark.parametrize("kind", ["fake", "paper"])
def test_a_venue_tells_every_mix_of_rights(market: PaperVenue, kind: str) -> None:
    owned = owned_fake() if kind == "fake" else owned_paper(market)
    for rights in MIXES:
        owned.set_rights(rights)
        assert owned.venue.key_rights() == rights


@pytest.mark.parametrize("transfer", ["enableInternalTransfer", "permitsUniversalTransfer"])
def test_either_right_to_transfer_is_one(market: PaperVenue, transfer: str) -> None:
    keys = market.open_account(account_id="tenant")
    give(market, keys, [*ALL_BUT_MONEY, transfer])
    rights = adapter(market, keys).key_rights()
    assert rights == KeyRights(withdraws=False, transfers=True, trades=True, is_bound=False)


def test_a_key_without_futures_reads_and_places_nothing(market: PaperVenue) -> None:
    keys = market.open_account(account_id="tenant")
    give(market, keys, ["enableReading"])
    client = market.client(keys)
    client.load_markets()
    assert client.fetch_positions() == []
    with pytest.raises(Exception, match="-2015"):
        client.create_order("BTC/USDT:USDT", "market", "buy", "0.01")


def test_a_new_key_has_the_rights_that_its_operator_names(market: PaperVenue) -> None:
    market.open_account(account_id="tenant")
    keys = market.operate("POST", "/accounts/tenant/keys", {"rights": ["enableReading", "enableWithdrawals", "ipRestrict"]})
    rights = adapter(market, keys).key_rights()
    assert rights == KeyRights(withdraws=True, transfers=False, trades=False, is_bound=True)
    answer = market.http.put("/operator/accounts/tenant/keys/none/rights", json={"rights": []})
    assert (answer.status_code, answer.json()["code"]) == (404, "KEY_UNKNOWN")
    answer = market.http.put(f"/operator/accounts/tenant/keys/{keys['key_id']}/rights", json={"rights": ["enableFlying"]})
    assert answer.json()["code"] == "BODY_INVALID"


def test_a_revoked_key_tells_nothing(market: PaperVenue) -> None:
    keys = market.open_account(account_id="tenant")
    market.operate("DELETE", f"/accounts/tenant/keys/{keys['key_id']}")
    with pytest.raises(RetryLater, match="KEYS_REFUSED"):
        adapter(market, keys).key_rights()


def test_a_venue_without_the_question_is_not_asked(market: PaperVenue) -> None:
    keys = market.open_account(account_id="tenant")
    templates = Templates({"elsewhere": ("binanceusdm", market.base_url)}, lambda _: {})
    market.operate("PUT", "/counting", {"counting": True})
    elsewhere = CcxtVenues(templates).connect("elsewhere", "tenant", "1", Credentials(keys["api_key"], keys["api_secret"]))
    assert elsewhere.key_rights() is None
    assert market.operate("GET", "/counts")["counts"] == {}
