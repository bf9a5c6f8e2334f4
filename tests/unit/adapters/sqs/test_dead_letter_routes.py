"""The routes of dead letters of the stream and of schedules back to work, and their refusals."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from candlecast.adapters.sqs.dead_letter_contents import entry_of
from candlecast.adapters.sqs.dead_letter_routes import RECORDS_PER_INVOCATION, FunctionRoute, RelayRoute
from candlecast.domain.values.errors import InvalidValue, RetryLater
from tests.support.builders import NOW

RELAY = "stack-outbox_relay"
CLOCK = "arn:aws:lambda:eu-central-1:123456789012:function:stack-candle_clock:live"
PAYLOAD = {"timeframe": "1m", "scheduled_time": "2026-11-20T12:00:00Z"}


class Functions:
    """Lambda's client; `answers` are what invocations answer, one after the other, the last one for ever."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers) or [{"batchItemFailures": []}]
        self.invoked: list[dict[str, Any]] = []

    def invoke(self, **request: Any) -> dict[str, Any]:
        self.invoked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        failed = {"FunctionError": "Unhandled"} if answer == "failed" else {}
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), **failed}

    def events(self) -> list[Any]:
        return [json.loads(request["Payload"]) for request in self.invoked]


class Streams:
    """DynamoDB Streams' client over numbered records, three a page, with an empty page in between."""

    def __init__(self, records: int = 0, error: Exception | None = None) -> None:
        self.records = [record(number) for number in range(1, records + 1)]
        self.error = error

    def get_shard_iterator(self, **request: Any) -> dict[str, str]:
        if self.error is not None:
            raise self.error
        assert request["ShardIteratorType"] == "AT_SEQUENCE_NUMBER"
        return {"ShardIterator": f"{int(request['SequenceNumber']) - 1}/full"}

    def get_records(self, **request: Any) -> dict[str, Any]:
        place, kind = request["ShardIterator"].split("/")
        if kind == "empty":
            return {"Records": [], "NextShardIterator": f"{place}/full"}
        page = self.records[int(place) : int(place) + min(3, request["Limit"])]
        end = int(place) + len(page) >= len(self.records)
        return {"Records": page, **({} if end else {"NextShardIterator": f"{int(place) + len(page)}/empty"})}


def record(number: int) -> dict[str, Any]:
    change = {"SequenceNumber": str(number), "ApproximateCreationDateTime": datetime(2026, 11, 20, tzinfo=UTC)}
    return {"eventName": "MODIFY", "dynamodb": change | {"NewImage": {"kind": {"S": "ACCOUNT"}, "bytes": {"B": b"x"}}}}


def letter(body: object, **attributes: str) -> Any:
    told = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    text = body if isinstance(body, str) else json.dumps(body)
    return {"MessageId": "letter-1", "Body": text, "Attributes": {"SentTimestamp": "0"}, "MessageAttributes": told}


def stream_letter(first: int, last: int, records: int) -> Any:
    names = {"startSequenceNumber": str(first), "endSequenceNumber": str(last), "batchSize": records}
    return letter({"DDBStreamBatchInfo": {"streamArn": "arn:stream", "shardId": "shard-1", **names}})


def refused(route: RelayRoute | FunctionRoute, message: Any) -> str:
    with pytest.raises(InvalidValue) as error:
        route(message)
    return error.value.code


def numbers(events: Sequence[Any]) -> list[list[str]]:
    return [[it["dynamodb"]["SequenceNumber"] for it in event["Records"]] for event in events]


# -- the stream -------------------------------------------------------------------------------------------------------------


def test_the_records_that_a_letter_names_are_told_and_no_others() -> None:
    functions = Functions()
    RelayRoute(Streams(20), functions, RELAY)(stream_letter(4, 11, 8))  # type: ignore[arg-type]
    assert numbers(functions.events()) == [["4", "5", "6", "7", "8", "9", "10", "11"]]
    assert functions.invoked[0]["FunctionName"] == f"{RELAY}:live"
    assert "InvocationType" not in functions.invoked[0], "the letter goes only when the relay has answered"


def test_a_record_reaches_the_relay_as_the_stream_itself_would_bring_it() -> None:
    functions = Functions()
    RelayRoute(Streams(1), functions, RELAY)(stream_letter(1, 1, 1))  # type: ignore[arg-type]
    (told,) = functions.events()[0]["Records"]
    assert told["dynamodb"]["NewImage"] == {"kind": {"S": "ACCOUNT"}, "bytes": {"B": "eA=="}}
    assert told["dynamodb"]["ApproximateCreationDateTime"] == datetime(2026, 11, 20, tzinfo=UTC).timestamp()


def test_more_records_than_an_invocation_takes_are_told_in_order() -> None:
    functions, count = Functions(), RECORDS_PER_INVOCATION + 5
    RelayRoute(Streams(count), functions, RELAY)(stream_letter(1, count, count))  # type: ignore[arg-type]
    told = numbers(functions.events())
    assert [len(part) for part in told] == [RECORDS_PER_INVOCATION, 5]
    assert [number for part in told for number in part] == [str(number) for number in range(1, count + 1)]


@pytest.mark.parametrize("answer", ["failed", {"batchItemFailures": [{"itemIdentifier": "1"}]}, None])
def test_a_letter_stays_while_the_relay_does_not_take_its_records(answer: object) -> None:
    route = RelayRoute(Streams(3), Functions(answer), RELAY)  # type: ignore[arg-type]
    assert refused(route, stream_letter(1, 3, 3)) == "RELAY_FAILED"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ClientError({"Error": {"Code": "TrimmedDataAccessException"}}, "GetShardIterator"), "STREAM_TRIMMED"),
        (ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetShardIterator"), "STREAM_TRIMMED"),
        (ParamValidationError(report="too short"), "LETTER_UNREADABLE"),
    ],
)
def test_a_letter_stays_when_its_records_are_gone(error: Exception, code: str) -> None:
    functions = Functions()
    assert refused(RelayRoute(Streams(error=error), functions, RELAY), stream_letter(1, 1, 1)) == code  # type: ignore[arg-type]
    assert functions.invoked == []


def test_a_throttled_stream_is_asked_again_later() -> None:
    throttled = ClientError({"Error": {"Code": "LimitExceededException"}}, "GetShardIterator")
    with pytest.raises(RetryLater):
        RelayRoute(Streams(error=throttled), Functions(), RELAY)(stream_letter(1, 1, 1))  # type: ignore[arg-type]


@pytest.mark.parametrize("body", ["not JSON", {}, {"DDBStreamBatchInfo": None}, {"DDBStreamBatchInfo": {"shardId": "shard-1"}}])
def test_a_letter_that_names_no_records_stays(body: object) -> None:
    assert refused(RelayRoute(Streams(1), Functions(), RELAY), letter(body)) == "LETTER_UNREADABLE"  # type: ignore[arg-type]
    assert entry_of("outbox", letter(body), NOW).kind == "stream records, unreadable"


def test_an_outbox_letter_shows_where_its_records_are() -> None:
    entry = entry_of("outbox", stream_letter(4, 11, 8), NOW)
    assert (entry.kind, entry.function) == ("stream records", "outbox_relay")
    assert entry.facts == {
        "shard_id": "shard-1",
        "first_sequence_number": "4",
        "last_sequence_number": "11",
        "records": "8",
        "records_kept": "in the stream, for 24 hours",
    }


@pytest.mark.parametrize("wrapped", [json.dumps, lambda event: event], ids=["text in a text", "an object"])
def test_the_records_in_a_letter_are_told_though_the_stream_has_forgotten_them(wrapped: Any) -> None:
    trimmed = ClientError({"Error": {"Code": "TrimmedDataAccessException"}}, "GetShardIterator")
    records = [{"dynamodb": {"SequenceNumber": str(number)}} for number in range(4, 12)]
    body = json.loads(stream_letter(4, 11, 8)["Body"]) | {"payload": wrapped({"Records": records})}
    functions = Functions()
    RelayRoute(Streams(error=trimmed), functions, RELAY)(letter(body))  # type: ignore[arg-type]
    assert functions.events() == [{"Records": records}]
    assert entry_of("outbox", letter(body), NOW).facts["records_kept"] == "in the letter"


@pytest.mark.parametrize("payload", ["", "not JSON", "[]", "{}", '{"Records": []}', '{"Records": ["x"]}', {"Records": None}, 7])
def test_a_letter_whose_payload_holds_no_records_stays(payload: object) -> None:
    body = json.loads(stream_letter(4, 11, 8)["Body"]) | {"payload": payload}
    functions = Functions()
    assert refused(RelayRoute(Streams(20), functions, RELAY), letter(body)) == "LETTER_UNREADABLE"  # type: ignore[arg-type]
    assert functions.invoked == []


# -- schedules --------------------------------------------------------------------------------------------------------------

FAILED = {
    "requestContext": {"functionArn": CLOCK},
    "requestPayload": PAYLOAD,
    "responsePayload": {"errorType": "KeyError", "errorMessage": "canary"},
}
ALLOWED = frozenset({"stack-candle_clock"})


@pytest.mark.parametrize("message", [letter(FAILED), letter(PAYLOAD, TARGET_ARN=CLOCK, ERROR_CODE="AWS.Lambda.Throttled")])
def test_a_function_is_invoked_again_with_what_it_had_been_given(message: Any) -> None:
    functions = Functions()
    FunctionRoute(functions, ALLOWED)(message)  # type: ignore[arg-type]
    assert functions.events() == [PAYLOAD]
    assert (functions.invoked[0]["FunctionName"], functions.invoked[0]["InvocationType"]) == ("stack-candle_clock:live", "Event")
    entry = entry_of("schedule", message, NOW)
    assert (entry.function, entry.kind, entry.facts) == ("stack-candle_clock", "invocation", PAYLOAD)
    assert entry.reason_code in ("KeyError", "AWS.Lambda.Throttled")
    assert "canary" not in repr(entry)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (letter(FAILED | {"requestContext": {"functionArn": CLOCK.replace("candle_clock", "order_executor")}}), "TARGET_UNKNOWN"),
        (letter(PAYLOAD, TARGET_ARN="arn:aws:sqs:eu-central-1:123456789012:queue"), "TARGET_UNKNOWN"),
        (letter(PAYLOAD), "TARGET_UNKNOWN"),
        (letter("nonsense"), "TARGET_UNKNOWN"),
        (letter('{"timeframe": "1', TARGET_ARN=CLOCK), "LETTER_UNREADABLE"),
    ],
)
def test_nothing_else_is_ever_invoked(message: Any, code: str) -> None:
    functions = Functions()
    assert refused(FunctionRoute(functions, ALLOWED), message) == code  # type: ignore[arg-type]
    assert functions.invoked == []
