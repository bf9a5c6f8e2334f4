"""SQS as its client shows it, in memory: visibility, receipts, groups of a FIFO queue and its deduplication."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from tests.support.fakes.clock import FakeClock

DEDUPLICATION = timedelta(minutes=5)
USUAL_VISIBILITY_SECONDS = 30


@dataclass
class Held:
    """One message of a queue."""

    message_id: str
    body: str
    attributes: dict[str, Any]
    group: str | None
    sent_at: datetime
    visible_at: datetime
    receipt: str = ""
    receives: int = 0


@dataclass
class FakeSqs:
    """A queue exists as soon as its URL is used; one whose URL ends in `.fifo` is FIFO."""

    clock: FakeClock
    queues: dict[str, list[Held]] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _sent: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def send_message(self, **request: Any) -> dict[str, str]:
        url, now = request["QueueUrl"], self.clock.now()
        fifo = url.endswith(".fifo")
        assert fifo == ("MessageDeduplicationId" in request), "as SQS refuses it"
        assert not fifo or "MessageGroupId" in request, "as SQS refuses it"
        number = str(next(self._numbers))
        if fifo:
            key = (url, request["MessageDeduplicationId"])
            if key in self._sent and now - self._sent[key] < DEDUPLICATION:
                return {"MessageId": number}
            self._sent[key] = now
        held = Held(number, request["MessageBody"], request.get("MessageAttributes", {}), request.get("MessageGroupId"), now, now)
        self.queues.setdefault(url, []).append(held)
        return {"MessageId": number}

    def receive_message(self, **request: Any) -> dict[str, Any]:
        queue, now = self.queues.setdefault(request["QueueUrl"], []), self.clock.now()
        fifo = request["QueueUrl"].endswith(".fifo")
        blocked = {held.group for held in queue if fifo and held.group and held.visible_at > now}
        visible = [held for held in queue if held.visible_at <= now and held.group not in blocked]
        taken = visible[: request.get("MaxNumberOfMessages", 1)]
        for held in taken:
            held.visible_at = now + timedelta(seconds=request.get("VisibilityTimeout", USUAL_VISIBILITY_SECONDS))
            held.receives += 1
            held.receipt = f"{held.message_id}/{held.receives}"
        return {"Messages": [_shown(held) for held in taken]} if taken else {}

    def purge_queue(self, **request: Any) -> None:
        self.queues.pop(request["QueueUrl"], None)

    def delete_message(self, **request: Any) -> None:
        queue = self.queues[request["QueueUrl"]]
        queue[:] = [held for held in queue if held.receipt != request["ReceiptHandle"]]

    def change_message_visibility_batch(self, **request: Any) -> dict[str, Any]:
        assert 1 <= len(request["Entries"]) <= 10, "as SQS refuses it"
        seconds = {entry["ReceiptHandle"]: entry["VisibilityTimeout"] for entry in request["Entries"]}
        for held in self.queues[request["QueueUrl"]]:
            if held.receipt in seconds:
                held.visible_at = self.clock.now() + timedelta(seconds=seconds[held.receipt])
        return {}

    def get_queue_attributes(self, **request: Any) -> dict[str, Any]:
        queue, now = self.queues.setdefault(request["QueueUrl"], []), self.clock.now()
        visible = sum(held.visible_at <= now for held in queue)
        known = {"ApproximateNumberOfMessages": visible, "ApproximateNumberOfMessagesNotVisible": len(queue) - visible}
        return {"Attributes": {name: str(known[name]) for name in request["AttributeNames"]}}


def _shown(held: Held) -> dict[str, Any]:
    system = {"SentTimestamp": str(int(held.sent_at.timestamp() * 1000)), "ApproximateReceiveCount": str(held.receives)}
    if held.group is not None:
        system["MessageGroupId"] = held.group
    return {
        "MessageId": held.message_id,
        "ReceiptHandle": held.receipt,
        "Body": held.body,
        "MD5OfBody": hashlib.md5(held.body.encode(), usedforsecurity=False).hexdigest(),
        "Attributes": system,
        "MessageAttributes": held.attributes,
    }
