"""A signal from outside, posted to the API's real address, becomes the orders of the external strategy's followers, once."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal

import httpx
import pytest

from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.orders.position import Position
from candlecast.signals.authentication import sign
from infra.local.cloud import Cloud
from infra.local.demo.report import differences
from tests.support.stage import REQUEST_SECONDS, Desk, follower, open_desk

FOLLOWERS = 6
OLD_SECONDS = 3_600


@pytest.fixture(scope="module")
def desk(cloud: Cloud) -> Iterator[Desk]:
    with closing(open_desk(cloud, lambda strategy: [follower(number, strategy) for number in range(FOLLOWERS)])) as opened:
        yield opened


@pytest.fixture
def price(desk: Desk) -> Decimal:
    """The last close of the market."""
    return desk.strategy.file.candles[-1].close


def held(desk: Desk) -> dict[str, Position]:
    names = {person.subscription_id: person.plan.name for person in desk.people}
    return {names[position.subscription_id]: position for position in desk.records().positions}


def test_a_traderspost_body_becomes_an_entry_with_its_stop_for_every_follower(desk: Desk, price: Decimal) -> None:
    stop = (price * Decimal("0.9")).quantize(Decimal(1))
    body = {
        "ticker": desk.ticker,
        "action": "buy",
        "signalPrice": str(price),
        "stopLoss": {"type": "stop", "stopPrice": str(stop)},
    }
    first = desk.source.post(body)
    assert first.status_code == 202, first.text
    desk.replay.wait_until_quiet()
    orders = desk.orders(first.json()["signal_id"])
    assert set(orders) == {person.plan.name for person in desk.people}
    for legs in orders.values():
        assert {(leg.kind, leg.state) for leg in legs} == {
            (LegKind.ENTRY, IntentState.FILLED),
            (LegKind.STOP_LOSS, IntentState.OPEN),
        }
        assert {leg.trigger_price for leg in legs if leg.kind is LegKind.STOP_LOSS} == {stop}

    repeated = desk.source.post(body)
    desk.replay.wait_until_quiet()
    assert repeated.status_code == 202
    assert repeated.json()["signal_id"] == first.json()["signal_id"]
    assert repeated.json()["duplicate"] is True
    assert len(desk.records().signals) == 1
    assert len(desk.operator.book()) == 2 * FOLLOWERS, "the repeat has placed orders"


def test_an_exit_closes_what_every_follower_holds_and_takes_the_stops_away(desk: Desk) -> None:
    assert len(held(desk)) == FOLLOWERS
    orders = desk.orders(desk.signal("exit"))
    assert [leg.state for legs in orders.values() for leg in legs] == [IntentState.FILLED] * FOLLOWERS
    assert held(desk) == {}
    assert len(desk.records().trades) == FOLLOWERS
    assert desk.operator.open_triggers() == {}
    assert differences(desk.records(), desk.operator.book()) == []


def test_a_body_without_a_price_is_priced_by_the_venue(desk: Desk, price: Decimal) -> None:
    orders = desk.orders(desk.signal("sell"))
    entries = [leg for legs in orders.values() for leg in legs if leg.kind is LegKind.ENTRY]
    assert {leg.state for leg in entries} == {IntentState.FILLED}
    assert {leg.reference_price for leg in entries} == {price}
    desk.signal("exit")
    assert held(desk) == {}


def test_a_wrong_secret_is_refused_and_nothing_comes_of_it(desk: Desk) -> None:
    before = len(desk.records().signals)
    body = {"ticker": desk.ticker, "action": "buy"}
    wrong = httpx.post(f"{desk.source.url}/{'0' * len(desk.source.secret)}", json=body, timeout=REQUEST_SECONDS)
    without = httpx.post(desk.source.url, json=body, timeout=REQUEST_SECONDS)
    nobody = httpx.post(f"{desk.source.url}-not/{desk.source.secret}", json=body, timeout=REQUEST_SECONDS)
    assert [answer.status_code for answer in (wrong, without, nobody)] == [401, 401, 401]
    assert {answer.json()["code"] for answer in (wrong, without, nobody)} == {"UNAUTHENTICATED"}
    desk.replay.wait_until_quiet()
    assert len(desk.records().signals) == before


def test_a_signed_message_is_taken_and_a_changed_or_old_one_is_not(desk: Desk) -> None:
    body = json.dumps({"ticker": desk.ticker, "action": "buy", "signal_id": "signed-1"}).encode()

    def post(content: bytes, timestamp: int) -> httpx.Response:
        signature = sign(desk.source.secret, str(timestamp), body)
        headers = {"X-Candlecast-Timestamp": str(timestamp), "X-Candlecast-Signature": signature}
        return httpx.post(desk.source.url, content=content, headers=headers, timeout=REQUEST_SECONDS)

    assert post(body.replace(b"buy", b"sell"), int(time.time())).status_code == 401
    assert post(body, int(time.time()) - OLD_SECONDS).status_code == 401
    taken = post(body, int(time.time()))
    assert taken.status_code == 202, taken.text
    desk.replay.wait_until_quiet()
    assert len(desk.orders(taken.json()["signal_id"])) == FOLLOWERS
    assert {position.side.value for position in held(desk).values()} == {"LONG"}


def test_a_body_that_cannot_be_traded_gets_a_stable_code(desk: Desk) -> None:
    unknown = desk.source.post({"ticker": "NOSUCHCOIN", "action": "buy"})
    broken = httpx.post(f"{desk.source.url}/{desk.source.secret}", content=b'{"ticker"', timeout=REQUEST_SECONDS)
    trailing = {"type": "trailing_stop", "trailPercent": 1}
    unsupported = desk.source.post({"ticker": desk.ticker, "action": "buy", "stopLoss": trailing})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "UNKNOWN_MARKET")
    assert (broken.status_code, broken.json()["code"]) == (400, "MALFORMED_JSON")
    assert (unsupported.status_code, unsupported.json()["code"]) == (422, "UNSUPPORTED_TRAILING_STOP")


def test_other_methods_and_paths_are_answered_by_the_webhook_and_not_by_a_demand_for_a_token(desk: Desk) -> None:
    url = f"{desk.source.url}/{desk.source.secret}"
    shown = [httpx.get(path, timeout=REQUEST_SECONDS) for path in (url, desk.source.url)]
    slashed = [httpx.post(f"{path}/", json={}, timeout=REQUEST_SECONDS) for path in (url, desk.source.url)]
    assert [(answer.status_code, answer.headers["allow"]) for answer in shown] == [(405, "POST")] * 2
    assert [answer.status_code for answer in slashed] == [404, 404]
    answers = [*shown, *slashed]
    assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}
    assert [answer.json()["code"] for answer in answers] == ["METHOD_NOT_ALLOWED"] * 2 + ["NOT_FOUND"] * 2


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/octet-stream", ""])
def test_bytes_that_are_not_utf_8_and_plain_text_are_refused_whatever_the_content_type(desk: Desk, content_type: str) -> None:
    url, headers = f"{desk.source.url}/{desk.source.secret}", {"content-type": content_type}
    odd = json.dumps({"ticker": desk.ticker, "action": "exit", "extras": {"note": "?"}}).encode().replace(b"?", b"\xff")
    broken = httpx.post(url, content=odd, headers=headers, timeout=REQUEST_SECONDS)
    plain = httpx.post(url, content=b"exit", headers=headers, timeout=REQUEST_SECONDS)
    assert (broken.status_code, broken.json()["code"]) == (400, "INVALID_ENCODING")
    assert (plain.status_code, plain.json()["code"]) == (400, "MALFORMED_JSON")
    assert plain.json()["template"].keys() >= {"ticker", "action"}
