"""A process that answers as SQS and DynamoDB do, so that a benchmark measures the caller and not the services.

It answers after as long as those take, or at once. Started with `python -m benchmarks.harness.stub_cloud [at-once]`: the items of
the followers come as JSON lines on standard input, the port is the first line of standard output. It keeps nothing but counts,
which `GET /counts` tells.
"""

from __future__ import annotations

import asyncio
import bisect
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import orjson

HEADER_END = b"\r\n\r\n"
# Assumed, not measured: the usual answer times of the two services inside a region. They are the same for the fan-out and for its
# floor.
QUEUE_SECONDS = 0.020
TABLE_SECONDS = 0.005
MAX_PAGE_BYTES = 1_000_000  # what DynamoDB gives in one page


class Followers:
    """The items of one index partition, by their sort key."""

    def __init__(self, lines: list[bytes]) -> None:
        items = sorted((orjson.loads(line)["GSI1SK"]["S"], line.strip()) for line in lines)
        self.places = [place for place, _ in items]
        self.items = [item for _, item in items]

    def query(self, request: Mapping[str, Any]) -> bytes:
        """One page between the two sort keys of the condition, as many items as fit."""
        start, end = sorted(it["S"] for it in request["ExpressionAttributeValues"].values() if "#" not in it["S"])
        after = request.get("ExclusiveStartKey")
        first = bisect.bisect_right(self.places, after["GSI1SK"]["S"]) if after else bisect.bisect_left(self.places, start)
        last = bisect.bisect_right(self.places, end)
        page: list[bytes] = []
        size = 0
        for item in self.items[first : min(last, first + request.get("Limit", len(self.items)))]:
            size += len(item)
            if size > MAX_PAGE_BYTES:
                break
            page.append(item)
        answer = b'{"Items":[%b],"Count":%d,"ScannedCount":%d' % (b",".join(page), len(page), len(page))
        if first + len(page) < last:
            final = orjson.loads(page[-1])
            names = ("PK", "SK", "GSI1PK", "GSI1SK")
            answer += b',"LastEvaluatedKey":' + orjson.dumps({name: final[name] for name in names})
        return answer + b"}"


class Cloud:
    """Answers by the operation's name; counts requests and messages."""

    def __init__(self, followers: Followers, *, at_once: bool) -> None:
        self._at_once = at_once
        self.counts: Counter[str] = Counter()
        self.answers: dict[str, Callable[[Mapping[str, Any]], bytes]] = {
            "SendMessageBatch": self._send,
            "Query": followers.query,
            "BatchGetItem": lambda _: b'{"Responses":{},"UnprocessedKeys":{}}',
            "UpdateItem": _updated,
        }

    def answer(self, operation: str, body: bytes) -> bytes:
        self.counts[operation] += 1
        return self.answers[operation](orjson.loads(body))

    def seconds(self, operation: str) -> float:
        """How long that takes where it is done in earnest."""
        return 0.0 if self._at_once else QUEUE_SECONDS if operation == "SendMessageBatch" else TABLE_SECONDS

    def _send(self, request: Mapping[str, Any]) -> bytes:
        self.counts["messages"] += len(request["Entries"])
        taken = [{"Id": it["Id"], "MessageId": it["Id"], "MD5OfMessageBody": ""} for it in request["Entries"]]
        return orjson.dumps({"Successful": taken, "Failed": []})


def _updated(request: Mapping[str, Any]) -> bytes:
    """The answer to a write that succeeded: the item's key, and the attributes that every row of the product has."""
    return orjson.dumps(
        {"Attributes": {**request["Key"], "schema_version": {"N": "1"}, "body": {"S": ""}, "reached": {"S": "-"}}}
    )


class Connection(asyncio.Protocol):
    """One kept-alive connection; as little of HTTP as an SDK needs."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._read = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(HEADER_END)) >= 0:
            head, *lines = self._read[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            begin = end + len(HEADER_END)
            size = int(headers.get("content-length", "0"))
            if len(self._read) < begin + size:
                return
            body, self._read = self._read[begin : begin + size], self._read[begin + size :]
            self._reply(head, headers, body)

    def _reply(self, head: str, headers: Mapping[str, str], body: bytes) -> None:
        if head.startswith("GET"):
            self._write(orjson.dumps(self._cloud.counts))
            return
        operation = headers["x-amz-target"].rpartition(".")[2]
        answer, seconds = self._cloud.answer(operation, body), self._cloud.seconds(operation)
        if seconds:
            asyncio.get_running_loop().call_later(seconds, self._write, answer)
        else:
            self._write(answer)

    def _write(self, answer: bytes) -> None:
        if self._transport is not None:
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n"
            self._transport.write(head % len(answer) + answer)


async def serve() -> None:
    cloud = Cloud(Followers(sys.stdin.buffer.readlines()), at_once="at-once" in sys.argv)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(cloud), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
