"""Letters of the outbox: objects with their records, older messages that name records, and the messages that ring the alarm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from candlecast.adapters.s3.outbox_letters import MAX_LETTER_BYTES, PAGE, PREFIX, OutboxLetters
from candlecast.adapters.sqs.dead_letters import Box, SqsDeadLetters, SqsLetters
from candlecast.adapters.system import SystemClock
from candlecast.domain.values.errors import InvalidValue, NotFound
from candlecast.ports.dead_letters import DeadLetterEntry
from tests.contract.aws.conftest import Cloud
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.objects import FakeObjects
from tests.support.fakes.sqs import FakeSqs

OPERATOR = "cli:operator"
BATCH = {
    "shardId": "shardId-00000001573689847184-864758bb",
    "startSequenceNumber": "800000000003126276362",
    "endSequenceNumber": "800000000003126276362",
    "batchSize": 1,
    "streamArn": "arn:aws:dynamodb:us-east-2:123456789012:table/mytable/stream/2019-11-14T00:04:06.388",
}


def letter(payload: object = None) -> str:
    """As Lambda writes it, in an example of AWS's guide."""
    body = {"requestContext": {"condition": "RetryAttemptsExhausted"}, "version": "1.0", "DDBStreamBatchInfo": BATCH}
    return json.dumps(body if payload is None else body | {"payload": json.dumps(payload)})


def name(number: int) -> str:
    return f"{PREFIX}b5e0e6a6/shardId-1/2026/11/30/2026-11-30T10.00.{number % 60:02}-{UUID(int=number)}"


@dataclass(kw_only=True)
class Outbox:
    """A bucket and a queue, and the letters over both; `taken` are the bodies that went back to the relay."""

    s3: Any
    bucket: str
    sqs: Any
    url: str
    clock: Any
    taken: list[str] = field(default_factory=list)
    refuse: bool = False
    audited: list[str] = field(default_factory=list)

    @property
    def letters(self) -> SqsDeadLetters:
        kept = OutboxLetters(self.s3, self.bucket, SqsLetters(self.sqs, self.url))
        return SqsDeadLetters({"outbox": Box(kept, self._take)}, self.clock, self._audit, lambda: 60.0)

    def _take(self, message: Any) -> str:
        if self.refuse:
            raise InvalidValue("told to refuse", code="RELAY_FAILED")
        self.taken.append(message["Body"])
        return ""

    def _audit(self, change: str, entry: DeadLetterEntry, by: str) -> None:
        self.audited.append(f"{change} {entry.message_id} {by}")

    def give_up(self, number: int, body: str | None = None) -> str:
        """As Lambda gives up a batch and S3 announces the new object; the letter's id."""
        key = name(number)
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=(body or letter({"Records": [{"number": number}]})).encode())
        self.notify(key)
        return key[-36:]

    def notify(self, key: str) -> None:
        event = {"source": "aws.s3", "detail-type": "Object Created", "detail": {"object": {"key": key}}}
        self.sqs.send_message(QueueUrl=self.url, MessageBody=json.dumps(event))

    def ids(self) -> list[str]:
        return [entry.message_id for entry in self.letters.entries("outbox", 100).entries]

    def notifications(self) -> int:
        """Messages in the queue, which ring the alarm."""
        return SqsLetters(self.sqs, self.url).count()


@pytest.fixture(params=["fake", pytest.param("aws", marks=pytest.mark.e2e)])
def outbox(request: pytest.FixtureRequest) -> Outbox:
    if request.param == "fake":
        clock = FakeClock()
        return Outbox(s3=FakeObjects(), bucket="archive", sqs=FakeSqs(clock), url="outbox-dead", clock=clock)
    aws: Cloud = request.getfixturevalue("aws")
    bucket = aws.name("letters")
    aws.client("s3").create_bucket(Bucket=bucket)
    return Outbox(s3=aws.client("s3"), bucket=bucket, sqs=aws.client("sqs"), url=aws.queue(), clock=SystemClock())


def test_a_letter_shows_where_its_records_were_and_that_it_holds_them(outbox: Outbox) -> None:
    message_id = outbox.give_up(1)
    listing = outbox.letters.entries("outbox", 10)
    (entry,) = listing.entries
    assert (listing.total, entry.message_id, entry.kind) == (1, message_id, "stream records")
    assert (entry.reason_code, entry.function) == ("RetryAttemptsExhausted", "outbox_relay")
    assert entry.facts["first_sequence_number"] == BATCH["startSequenceNumber"]
    assert entry.facts["records_kept"] == "in the letter"
    assert outbox.letters.entry("outbox", message_id).facts == entry.facts
    assert outbox.notifications() == 1, "looking changes nothing"


def test_a_redriven_letter_is_gone_and_the_alarm_with_it(outbox: Outbox) -> None:
    ids = [outbox.give_up(number) for number in (1, 2)]
    done = outbox.letters.redrive("outbox", None, OPERATOR)
    assert (done.message_ids, done.refused, done.left) == (tuple(ids), (), 0)
    assert [json.loads(json.loads(body)["payload"])["Records"] for body in outbox.taken] == [[{"number": 1}], [{"number": 2}]]
    assert (outbox.ids(), outbox.notifications()) == ([], 0)
    assert outbox.audited == [f"redriven {each} {OPERATOR}" for each in ids]


def test_only_the_named_letter_is_redriven_and_the_alarm_rings_for_the_other(outbox: Outbox) -> None:
    first, second = outbox.give_up(1), outbox.give_up(2)
    assert outbox.letters.redrive("outbox", [first], OPERATOR).message_ids == (first,)
    assert (outbox.ids(), outbox.notifications()) == ([second], 1)


def test_a_letter_that_the_relay_does_not_take_stays(outbox: Outbox) -> None:
    message_id = outbox.give_up(1)
    outbox.refuse = True
    done = outbox.letters.redrive("outbox", None, OPERATOR)
    assert [(each.message_id, each.code) for each in done.refused] == [(message_id, "RELAY_FAILED")]
    assert (outbox.ids(), outbox.notifications()) == ([message_id], 1)


def test_a_dropped_letter_is_gone_and_the_alarm_with_it(outbox: Outbox) -> None:
    message_id = outbox.give_up(1)
    assert outbox.letters.drop("outbox", message_id, OPERATOR).message_id == message_id
    assert (outbox.ids(), outbox.notifications(), outbox.taken) == ([], 0, [])
    with pytest.raises(NotFound):
        outbox.letters.drop("outbox", message_id, OPERATOR)


def test_a_letter_outlives_the_message_about_it(outbox: Outbox) -> None:
    message_id = outbox.give_up(1)
    outbox.sqs.purge_queue(QueueUrl=outbox.url)
    assert outbox.ids() == [message_id]
    assert outbox.letters.redrive("outbox", None, OPERATOR).message_ids == (message_id,)


def test_a_message_that_comes_after_its_letter_has_gone_is_cleared_by_the_next_look(outbox: Outbox) -> None:
    message_id = outbox.give_up(1)
    outbox.letters.redrive("outbox", [message_id], OPERATOR)
    outbox.notify(name(1))
    assert (outbox.ids(), outbox.notifications()) == ([], 0)


def test_an_older_letter_that_is_a_message_is_shown_and_redriven_beside_the_others(outbox: Outbox) -> None:
    new = outbox.give_up(1)
    old = outbox.sqs.send_message(QueueUrl=outbox.url, MessageBody=letter())["MessageId"]
    shown = {entry.message_id: entry.facts["records_kept"] for entry in outbox.letters.entries("outbox", 10).entries}
    assert shown == {new: "in the letter", old: "in the stream, for 24 hours"}
    assert set(outbox.letters.redrive("outbox", None, OPERATOR).message_ids) == {new, old}
    assert (outbox.ids(), outbox.notifications()) == ([], 0)


def test_all_letters_are_seen_though_they_fill_several_pages() -> None:
    clock = FakeClock()
    outbox = Outbox(s3=FakeObjects(), bucket="archive", sqs=FakeSqs(clock), url="outbox-dead", clock=clock)
    ids = [outbox.give_up(number) for number in range(PAGE + 5)]
    assert set(outbox.letters.redrive("outbox", None, OPERATOR).message_ids) == set(ids)
    assert outbox.s3.held == {}


@pytest.mark.parametrize("body", ["", "not JSON", "[]", "x" * (MAX_LETTER_BYTES + 1)], ids=["empty", "text", "list", "too long"])
def test_an_object_that_is_no_letter_is_shown_as_unreadable_and_hides_no_other(body: str) -> None:
    clock = FakeClock()
    outbox = Outbox(s3=FakeObjects(), bucket="archive", sqs=FakeSqs(clock), url="outbox-dead", clock=clock)
    broken, good = outbox.give_up(1, body or " "), outbox.give_up(2)
    kinds = {entry.message_id: entry.kind for entry in outbox.letters.entries("outbox", 10).entries}
    assert kinds == {broken: "stream records, unreadable", good: "stream records"}


def others() -> Sequence[str]:
    return ["", "[]", '{"source": "aws.s3"}', '{"source": "aws.s3", "detail": {"object": {"key": "events/x"}}}']


@pytest.mark.parametrize("body", others())
def test_a_message_about_no_letter_is_shown_and_never_deleted_by_itself(body: str) -> None:
    clock = FakeClock()
    outbox = Outbox(s3=FakeObjects(), bucket="archive", sqs=FakeSqs(clock), url="outbox-dead", clock=clock)
    outbox.sqs.send_message(QueueUrl=outbox.url, MessageBody=body)
    assert [entry.kind for entry in outbox.letters.entries("outbox", 10).entries] == ["stream records, unreadable"]
    assert outbox.notifications() == 1
