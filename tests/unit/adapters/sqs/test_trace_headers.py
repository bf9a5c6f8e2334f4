"""Messages carry the header of the trace in which they are sent, and nothing where none is."""

from __future__ import annotations

from typing import Any

import pytest

from candlecast.adapters.sqs.queues import SqsCandleQueue, SqsTradeQueue
from candlecast.adapters.sqs.received_messages import SqsReceivedMessages
from candlecast.adapters.xray.trace import TraceHeader, working_on
from candlecast.ports.queue import DeadLetter
from tests.support.builders import a_candle_closed, a_trade_order
from tests.support.fakes.xray import HEADER, ROOT, listening


class Sent:
    """Takes requests in the place of SQS."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        self.entries += request["Entries"]
        return {}

    def send_message(self, **request: Any) -> None:
        self.entries.append(request)

    @property
    def headers(self) -> list[TraceHeader | None]:
        attributes = [entry.get("MessageSystemAttributes", {}).get("AWSTraceHeader", {}) for entry in self.entries]
        assert {it.get("DataType", "String") for it in attributes} == {"String"}
        return [TraceHeader.parse(it.get("StringValue")) for it in attributes]


LETTER = DeadLetter(body="{}", reason_code="POISON", reason="", source_function="order_executor", message_id="message-1")


def test_orders_and_dead_letters_go_on_in_the_trace_of_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    sqs: Any = Sent()
    with listening(monkeypatch), working_on("signal_fanout", HEADER):
        SqsTradeQueue(sqs, "trade.fifo").send_orders([a_trade_order()])
        SqsReceivedMessages(sqs, "signal", "signal-dead-letters").put_aside(LETTER)
    assert [header and (header.root, header.is_sampled) for header in sqs.headers] == [(ROOT, True), (ROOT, True)]


def test_each_candle_begins_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    sqs: Any = Sent()
    with listening(monkeypatch), working_on("candle_clock"):
        for correlation_id in ("first", "second"):
            SqsCandleQueue(sqs, "candle").send_candles([a_candle_closed(correlation_id=correlation_id)], 5)
    roots = {header.root for header in sqs.headers if header is not None}
    assert len(roots) == 2
    assert not roots & {ROOT, "1-674b1d2d-aaaaaaaaaaaaaaaaaaaaaaaa"}


def test_without_a_trace_a_message_has_no_header() -> None:
    sqs: Any = Sent()
    SqsTradeQueue(sqs, "trade.fifo").send_orders([a_trade_order()])
    SqsCandleQueue(sqs, "candle").send_candles([a_candle_closed()], 5)
    assert sqs.headers == [None, None]
