"""Dead letters: looked at without being disturbed, put back each once, dropped one by one; on the fake and on the emulator."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from candlecast.adapters.codec import to_json
from candlecast.adapters.sqs.dead_letter_routes import QueueRoute
from candlecast.adapters.sqs.dead_letters import Box, SqsDeadLetters, SqsLetters
from candlecast.adapters.sqs.received_messages import SqsReceivedMessages
from candlecast.adapters.system import SystemClock
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.errors import InvalidValue, NotFound
from candlecast.ports.dead_letters import DeadLetterEntry
from candlecast.ports.queue import DeadLetter
from tests.contract.aws.conftest import Cloud
from tests.support.builders import a_candle_closed, a_trade_order
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.sqs import FakeSqs

GROUP = "tenant-1#account-1"
OPERATOR = "api:admin-1"


@dataclass(kw_only=True)
class Bench:
    """A FIFO queue (trade) and a standard one (candle), each with dead letters."""

    sqs: Any
    urls: dict[str, str]
    clock: Any
    done: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def letters(self) -> SqsDeadLetters:
        boxes = {
            queue: Box(SqsLetters(self.sqs, self.urls[f"{queue}-dead"]), QueueRoute(self.sqs, self.urls[queue]))
            for queue in ("trade", "candle")
        }
        return SqsDeadLetters(boxes, self.clock, self._audit, lambda: 60.0)

    def _audit(self, change: str, letter: DeadLetterEntry, by: str) -> None:
        self.done.append((change, letter.message_id, by))

    def put_aside(self, bodies: Sequence[str], group: str | None = GROUP, code: str = "RETRIES_SPENT:KeyError") -> None:
        """As a consumer of the trade queue, or without a group of the candle queue, does."""
        queue = "trade" if group else "candle"
        messages = SqsReceivedMessages(self.sqs, self.urls[queue], self.urls[f"{queue}-dead"])
        for number, body in enumerate(bodies):
            letter = DeadLetter(
                body=body,
                reason_code=code,
                reason="the last try failed",
                source_function="order_executor",
                message_id=f"original-{group}-{number}",
                correlation_id="correlation-1",
                group_id=group,
                receives=5,
            )
            messages.put_aside(letter)

    def ids(self, queue: str = "trade") -> list[str]:
        return [entry.message_id for entry in self.letters.entries(queue, 100).entries]

    def waiting(self, name: str) -> list[dict[str, Any]]:
        """The messages of a queue, group by group in order; the queue is empty then."""
        found: list[dict[str, Any]] = []
        while True:
            received = self.sqs.receive_message(
                QueueUrl=self.urls[name],
                MaxNumberOfMessages=10,
                VisibilityTimeout=60,
                WaitTimeSeconds=1,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            if not received:
                return found
            for message in received:
                self.sqs.delete_message(QueueUrl=self.urls[name], ReceiptHandle=message["ReceiptHandle"])
            found += received


@pytest.fixture(params=["fake", pytest.param("sqs", marks=pytest.mark.e2e)])
def bench(request: pytest.FixtureRequest) -> Bench:
    if request.param == "fake":
        clock = FakeClock()
        return Bench(
            sqs=FakeSqs(clock),
            clock=clock,
            urls={"trade": "trade.fifo", "trade-dead": "trade-dead.fifo", "candle": "candle", "candle-dead": "candle-dead"},
        )
    aws: Cloud = request.getfixturevalue("aws")
    urls = {name: aws.queue(fifo=name.startswith("trade")) for name in ("trade", "trade-dead", "candle", "candle-dead")}
    return Bench(sqs=aws.client("sqs"), clock=SystemClock(), urls=urls)


def orders(count: int) -> list[str]:
    return [to_json(a_trade_order(subscription_id=f"subscription-{number}")) for number in range(count)]


def bodies(messages: Sequence[dict[str, Any]]) -> list[str]:
    return [message["Body"] for message in messages]


# -- looking ----------------------------------------------------------------------------------------------------------------


def test_an_entry_says_why_where_and_what_and_never_shows_the_message(bench: Bench) -> None:
    order, began = a_trade_order(), time.monotonic()
    bench.put_aside([to_json(order)])
    listing = bench.letters.entries("trade", 10)
    (entry,) = listing.entries
    assert (listing.total, entry.queue, entry.kind, entry.group_id) == (1, "trade", "TradeOrder", GROUP)
    assert (entry.reason_code, entry.reason) == ("RETRIES_SPENT:KeyError", "the last try failed")
    assert (entry.function, entry.correlation_id, entry.receives) == ("order_executor", "correlation-1", 5)
    assert 0 <= entry.age_seconds <= time.monotonic() - began + 1  # SQS rounds
    assert entry.facts == {
        "tenant_id": order.tenant_id,
        "account_id": order.account_id,
        "subscription_id": order.subscription_id,
        "signal_id": order.signal.signal_id,
        "strategy_id": order.signal.strategy_id,
        "market": order.signal.market,
        "action": order.signal.action.value,
        "issued_at": order.signal.issued_at.isoformat(),
    }
    assert bench.letters.entry("trade", entry.message_id).facts == entry.facts


@pytest.mark.parametrize(
    "body", ["not JSON canary", '{"schema_version": 99, "market": "canary"}', '["canary"]', '{"a": "canary"}']
)
def test_what_cannot_be_decoded_is_not_shown(bench: Bench, body: str) -> None:
    bench.put_aside([body])
    (entry,) = bench.letters.entries("trade", 10).entries
    assert (entry.kind, entry.facts) == ("TradeOrder, unreadable", {})
    assert "canary" not in repr(entry)


def test_what_sqs_itself_has_moved_says_that_nobody_gave_a_reason(bench: Bench) -> None:
    bench.sqs.send_message(QueueUrl=bench.urls["candle-dead"], MessageBody=to_json(a_candle_closed()))
    (entry,) = bench.letters.entries("candle", 10).entries
    assert (entry.reason_code, entry.function, entry.receives, entry.group_id) == ("RECEIVES_SPENT", "", None, None)
    assert entry.facts["candle_close"] == a_candle_closed().candle_close.isoformat()


def test_looks_neither_lose_nor_hide_nor_reorder_anything(bench: Bench) -> None:
    sent = orders(7)
    bench.put_aside(sent[:4])
    bench.put_aside(sent[4:], group="tenant-1#account-2")
    first = bench.ids()
    assert len(first) == 7
    assert bench.ids() == first
    bench.letters.entry("trade", first[-1])
    assert bodies(bench.waiting("trade-dead")) == sent
    assert bench.done == []


def test_a_group_shows_its_first_ten_and_the_total_tells_of_the_others(bench: Bench) -> None:
    sent = orders(13)
    bench.put_aside(sent)
    listing = bench.letters.entries("trade", 100)
    assert (len(listing.entries), listing.total) == (10, 13)
    assert bodies(bench.waiting("trade-dead")) == sent


def test_a_standard_queue_shows_everything_up_to_the_limit(bench: Bench) -> None:
    bench.put_aside([to_json(a_candle_closed(correlation_id=str(number))) for number in range(23)], group=None)
    assert len(set(bench.ids("candle"))) == 23
    listing = bench.letters.entries("candle", 3)
    assert (len(listing.entries), listing.total) == (3, 23)


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda letters: letters.entries("nonsense", 10), "QUEUE_UNKNOWN"),
        (lambda letters: letters.redrive("nonsense", None, OPERATOR), "QUEUE_UNKNOWN"),
        (lambda letters: letters.entries("trade", 0), "LIMIT_INVALID"),
        (lambda letters: letters.entries("trade", 101), "LIMIT_INVALID"),
        (lambda letters: letters.redrive("trade", [], OPERATOR), "CHOICE_INVALID"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(bench: Bench, ask: Callable[[SqsDeadLetters], object], code: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        ask(bench.letters)
    assert refused.value.code == code


# -- putting back -----------------------------------------------------------------------------------------------------------


def test_a_redrive_puts_everything_back_once_in_order_and_says_who_did_it(bench: Bench) -> None:
    sent = orders(12)
    bench.put_aside(sent)
    done = bench.letters.redrive("trade", None, OPERATOR)
    assert (len(done.message_ids), done.refused, done.left) == (12, (), 0)
    assert bench.done == [("redriven", message_id, OPERATOR) for message_id in done.message_ids]
    again = bench.waiting("trade")
    assert bodies(again) == sent
    assert {message["Attributes"]["MessageGroupId"] for message in again} == {GROUP}
    assert not any(message.get("MessageAttributes") for message in again), "the reason belongs to the letter"
    assert bench.waiting("trade-dead") == []


def test_a_redrive_of_chosen_letters_leaves_the_others_where_they_are(bench: Bench) -> None:
    sent = orders(4)
    bench.put_aside(sent)
    ids = bench.ids()
    done = bench.letters.redrive("trade", [ids[2], ids[0], "unknown"], OPERATOR)
    assert set(done.message_ids) == {ids[0], ids[2]}
    assert [(it.message_id, it.code) for it in done.refused] == [("unknown", "LETTER_NOT_FOUND")]
    assert done.left == 2
    assert bodies(bench.waiting("trade")) == [sent[0], sent[2]]
    assert bodies(bench.waiting("trade-dead")) == [sent[1], sent[3]]


def test_the_same_message_can_be_redriven_twice_within_the_deduplication_window(bench: Bench) -> None:
    for number in range(2):
        bench.put_aside(orders(1), group=f"group-{number}")
        assert len(bench.letters.redrive("trade", None, OPERATOR).message_ids) == 1
        assert bodies(bench.waiting("trade")) == orders(1)


def test_nothing_is_redriven_twice_by_one_call_when_it_fails_again_at_once(bench: Bench) -> None:
    """The consumer is faster than the walk: each message is a dead letter again before the walk has ended."""
    bench.put_aside([to_json(a_candle_closed(correlation_id=str(number))) for number in range(3)], group=None)
    back = QueueRoute(bench.sqs, bench.urls["candle"])
    tries = []

    def and_fail_again(message: Any) -> str:
        sent = back(message)
        tries.append(sent)
        assert len(tries) <= 3
        aside = SqsReceivedMessages(bench.sqs, bench.urls["candle"], bench.urls["candle-dead"])
        aside.put_aside(
            DeadLetter(body=message["Body"], reason_code="BUG", reason="", source_function="strategy_runner", message_id=sent)
        )
        return sent

    boxes = {"candle": Box(SqsLetters(bench.sqs, bench.urls["candle-dead"]), and_fail_again)}
    letters = SqsDeadLetters(boxes, bench.clock, bench._audit, lambda: 60.0)
    done = letters.redrive("candle", None, OPERATOR)
    assert (len(done.message_ids), done.left) == (3, 3)
    assert len(bench.ids("candle")) == 3


def test_a_letter_that_sqs_has_moved_keeps_its_group_in_a_queue_without_order(bench: Bench) -> None:
    bench.sqs.send_message(QueueUrl=bench.urls["candle-dead"], MessageBody="{}", MessageGroupId=GROUP)
    assert len(bench.letters.redrive("candle", None, OPERATOR).message_ids) == 1
    assert [message["Attributes"]["MessageGroupId"] for message in bench.waiting("candle")] == [GROUP]


def test_a_letter_that_its_route_refuses_stays_with_the_code_of_the_reason(bench: Bench) -> None:
    bench.put_aside(orders(1))

    def refuse(_: Any) -> str:
        raise InvalidValue("gone", code="STREAM_TRIMMED")

    boxes = {"trade": Box(SqsLetters(bench.sqs, bench.urls["trade-dead"]), refuse)}
    letters = SqsDeadLetters(boxes, bench.clock, bench._audit, lambda: 60.0)
    done = letters.redrive("trade", None, OPERATOR)
    assert ([it.code for it in done.refused], done.message_ids, done.left) == (["STREAM_TRIMMED"], (), 1)
    assert (len(bench.ids()), bench.done) == (1, [])


def test_a_call_without_time_moves_nothing(bench: Bench) -> None:
    bench.put_aside(orders(1))
    boxes = {"trade": Box(SqsLetters(bench.sqs, bench.urls["trade-dead"]), QueueRoute(bench.sqs, bench.urls["trade"]))}
    hurried = SqsDeadLetters(boxes, bench.clock, bench._audit, lambda: 5.0)
    assert hurried.redrive("trade", None, OPERATOR).left == 1


# -- dropping ---------------------------------------------------------------------------------------------------------------


def test_a_dropped_letter_is_gone_and_the_others_keep_their_order(bench: Bench) -> None:
    sent = orders(3)
    bench.put_aside(sent)
    ids = bench.ids()
    dropped = bench.letters.drop("trade", ids[1], OPERATOR)
    assert (dropped.message_id, bench.done) == (ids[1], [("dropped", ids[1], OPERATOR)])
    assert bench.ids() == [ids[0], ids[2]]
    assert bodies(bench.waiting("trade-dead")) == [sent[0], sent[2]]
    assert bench.waiting("trade") == []


def test_an_unknown_letter_is_not_found_and_nothing_else_is_touched(bench: Bench) -> None:
    bench.put_aside(orders(2))
    with pytest.raises(NotFound):
        bench.letters.entry("trade", "unknown")
    with pytest.raises(NotFound):
        bench.letters.drop("trade", "unknown", OPERATOR)
    assert (len(bench.ids()), bench.done) == (2, [])


def test_a_letter_read_again_is_the_message_that_was_put_aside(bench: Bench) -> None:
    bench.put_aside(orders(1))
    bench.letters.redrive("trade", None, OPERATOR)
    (message,) = bench.waiting("trade")
    assert json.loads(message["Body"])["schema_version"] == TradeOrder.__dataclass_fields__["schema_version"].default
