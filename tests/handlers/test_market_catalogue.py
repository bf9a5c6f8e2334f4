"""The function that has the exchange layer: its answer to the API is the quote that the venue gave, or the venue's refusal."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import Any

import pytest

from candlecast.adapters.aws.quotes_function import FunctionQuotes
from candlecast.domain.market.quote import Quote
from candlecast.domain.values.errors import Reject, RetryLater
from candlecast.runtime.compose import market_catalogue
from candlecast.services.market.quote_market import REUSED_FOR, QuoteMarket
from functions.market_catalogue import handler
from tests.support.builders import BTC, NOW, VENUE
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.market_data import FakeMarketData
from tests.support.queue_events import Context


class Function:
    """A client of Lambda behind which the handler itself answers."""

    def __init__(self) -> None:
        self.market_data, self.clock = FakeMarketData(), FakeClock()
        self.market_data.prices[VENUE, BTC] = Decimal(100)
        self.quotes = QuoteMarket(self.market_data, self.clock)
        self.failure: str | None = None

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803  (boto3's names)
        assert FunctionName == "stack-market_catalogue:live"
        if self.failure is not None:
            return {"FunctionError": self.failure, "Payload": io.BytesIO(b"{}")}
        answer = handler.handle(json.loads(Payload), Context())  # type: ignore[arg-type]
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Function:
    made = Function()
    monkeypatch.setattr(market_catalogue, "quotes", lambda: made.quotes)
    return made


@pytest.fixture
def asking(function: Function) -> FunctionQuotes:
    return FunctionQuotes(lambda: function, "stack-market_catalogue:live")  # type: ignore[arg-type,return-value]


def test_the_caller_gets_the_quote_of_the_venue(asking: FunctionQuotes) -> None:
    quoted = Quote(Decimal("99.99"), Decimal("100.01"), Decimal(100), NOW, Decimal("0.0001"))
    assert asking.quote(VENUE, BTC, NOW) == quoted


def test_an_unknown_market_is_refused_on_both_sides(asking: FunctionQuotes) -> None:
    with pytest.raises(Reject) as refused:
        asking.quote(VENUE, "NONE/USDT:USDT", NOW)
    assert refused.value.code == "UNKNOWN_MARKET"


def test_a_venue_that_does_not_answer_is_asked_later(asking: FunctionQuotes, function: Function) -> None:
    function.market_data.unavailable = True
    with pytest.raises(RetryLater) as later:
        asking.quote(VENUE, BTC, NOW)
    assert later.value.code == "QUOTE_UNAVAILABLE"


def test_a_function_that_fails_is_asked_later(asking: FunctionQuotes, function: Function) -> None:
    function.failure = "Unhandled"
    with pytest.raises(RetryLater):
        asking.quote(VENUE, BTC, NOW)


def test_questions_of_one_moment_cost_one_request(asking: FunctionQuotes, function: Function) -> None:
    for _ in range(100):
        asking.quote(VENUE, BTC, NOW)
    assert function.market_data.requests == 1
    function.clock.advance(REUSED_FOR.total_seconds() + 1)
    asking.quote(VENUE, BTC, NOW)
    assert function.market_data.requests == 2
