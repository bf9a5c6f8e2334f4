"""Clients that others wrote read every answer of the paper exchange: SDKs of Binance, python-binance, ccxt's own tests."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.foreign import MovingMarket, environment, moving_market

pytestmark = pytest.mark.prove

SCRIPTS = Path(__file__).parent / "clients"
# ccxt's tests that do not pass: words of the failure, and why there is no answer. Any other failure is ours.
NO_PATH = "is invalid"
NO_ANSWER: dict[str, tuple[str, str]] = {
    "loadMarkets": ("no markets of type future were found", "the exchange lists perpetuals and no dated futures"),
    "fetchDeposits": (NO_PATH, "an account's balances come from its operator: there is no wallet to pay into"),
    "fetchWithdrawals": (NO_PATH, "there is no wallet to pay out of"),
    "fetchTransfers": (NO_PATH, "there is one wallet, so nothing is moved between wallets"),
    "fetchBorrowInterest": (NO_PATH, "nothing is lent for futures"),
    "fetchOpenInterestHistory": (NO_PATH, "accounts trade against candles: there is no open interest of others"),
    "fetchPositions": (
        '"leverage" key is expected',
        "the venue's newest positions show no leverage",
    ),
    "fetchMarginModes": ("expected to be an array", "the test wants a list where ccxt's own class makes a mapping"),
}
NOT_RUN = frozenset({"UNSUPPORTED_TEST", "UNIMPLEMENTED_TEST"})  # ccxt has no such method for the venue, or no test of it


@pytest.fixture
def market() -> Iterator[MovingMarket]:
    with moving_market() as market:
        market.venue.operate("PUT", "/funding", {"rate": "0.0001"})
        yield market


def results(script: str, market: MovingMarket) -> dict[str, str]:
    """The findings of a script of the clients' environment at the market, with keys of a new account."""
    keys = market.venue.open_account()
    words = [str(environment("clients")), str(SCRIPTS / script), market.venue.base_url, keys["api_key"], keys["api_secret"]]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - our own script
    assert done.returncode == 0, done.stderr[-3_000:]
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_the_sdk_of_the_venue_parses_every_answer(market: MovingMarket) -> None:
    found = results("binance_sdk.py", market)
    assert len(found) > 60
    assert {name: said for name, said in found.items() if said != "parsed"} == {}


def test_older_clients_read_every_answer(market: MovingMarket) -> None:
    found = results("binance_connectors.py", market)
    assert len(found) > 50
    assert {name: said for name, said in found.items() if said != "read"} == {}


def test_the_tests_in_ccxts_package_pass_but_for_what_the_venue_has_no_answer_to(market: MovingMarket) -> None:
    found = {name: said for name, said in results("ccxt_bundled.py", market).items() if said not in NOT_RUN}
    assert len(found) - len(NO_ANSWER) > 20
    failed = {name: said for name, said in found.items() if said != "passed"}
    assert failed.keys() == NO_ANSWER.keys()
    assert {name: said for name, said in failed.items() if NO_ANSWER[name][0] not in said} == {}
