"""A table's stream as the event source of a function, with the failure handling that the outbox relies on.

The emulator ignores partial-batch responses: a failed record counts as done, so an event would be lost. It also ignores bisecting
and the retry limit: a poison record would block the stream for ever. While the emulator waits, it holds up every queue.
"""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .patching import PatchError, replace

DEFAULT_BATCH = 100
IDLE_SECONDS = 0.05
RETRY_SECONDS = 0.5
UNLIMITED = -1  # AWS's default: retry until the record is trimmed
S3_ARN = "arn:aws:s3:::"
BAD_REQUEST = 400
SHARD = "shardId-00000000000000000000-00000000"  # the emulator's only one of a table

_shards: dict[str, "Shard"] = {}  # by mapping


@dataclass
class Shard:
    """Where one mapping stands: the next record, how many to take at once, how often this batch has failed."""

    position: int
    window: int
    failures: int = 0
    not_before: float = 0.0


def stream_mappings() -> None:
    """Read streams in a thread of their own, one batch at a time, as the mapping's settings say."""
    from ministack.services import dynamodb, lambda_svc, s3

    for name in ("stream_start_position", "stream_end_position", "stream_records_since"):
        if not callable(getattr(dynamodb, name, None)):
            raise PatchError(f"dynamodb.{name} is not there")
    replace(lambda_svc, "_poll_dynamodb_streams", lambda: False)
    if not callable(getattr(s3, "_put_object", None)):
        raise PatchError("s3._put_object is not there")

    def loop() -> None:
        while True:
            try:
                busy = sum(_advance(*found) for found in _mappings()) > 0
            except Exception:
                lambda_svc.logger.exception("stream mapping")
                busy = False
            if not busy:
                time.sleep(IDLE_SECONDS)

    threading.Thread(target=loop, daemon=True, name="candlecast-streams").start()


def _mappings() -> Iterator[tuple[Any, str, Any]]:
    """Every enabled mapping of a stream, with its table's name and its function, in its own account and region."""
    from ministack.services import dynamodb, lambda_svc

    for account, region, mapping in lambda_svc._iter_all_esms():
        lambda_svc._request_account_id.set(account)
        lambda_svc._request_region.set(region)
        arn = mapping.get("EventSourceArn", "")
        if not mapping.get("Enabled", True) or ":dynamodb:" not in arn or "/stream/" not in arn:
            continue
        name = arn.split("/stream/")[0].split("/")[-1]
        table = dynamodb._tables.get(name)
        function, _config = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
        if table and table.get("LatestStreamArn") == arn and function is not None:
            yield mapping, name, function


def waiting() -> int:
    """Records of all streams that their functions have not done yet, those under way included."""
    from ministack.services import dynamodb

    return sum(max(0, dynamodb.stream_end_position(table) - _shard(mapping, table).position) for mapping, table, _ in _mappings())


def _shard(mapping: Any, table: str) -> Shard:
    from ministack.services import dynamodb

    horizon, end = dynamodb.stream_start_position(table), dynamodb.stream_end_position(table)
    shard = _shards.get(mapping["UUID"])
    if shard is None:
        from_start = mapping.get("StartingPosition", "LATEST") == "TRIM_HORIZON"
        fresh = Shard(horizon if from_start else end, int(mapping.get("BatchSize") or DEFAULT_BATCH))
        shard = _shards.setdefault(mapping["UUID"], fresh)
    shard.position = max(shard.position, horizon)
    return shard


def _advance(mapping: Any, table: str, function: Any) -> bool:
    """Hand one batch to the function; whether the mapping got any further."""
    from ministack.services import dynamodb, lambda_svc

    size = int(mapping.get("BatchSize") or DEFAULT_BATCH)
    shard, end = _shard(mapping, table), dynamodb.stream_end_position(table)
    if shard.position >= end or time.monotonic() < shard.not_before:
        return False
    batch = dynamodb.stream_records_since(table, shard.position, min(shard.window, size))
    if not batch:
        return False
    records = lambda_svc._apply_filter_criteria(batch, mapping)
    outcome = lambda_svc._execute_function(function, {"Records": records}) if records else {}
    done = _records_done(mapping, batch, outcome)
    if done:
        shard.position += done
        shard.window, shard.failures = size, 0
    else:
        _retry_or_give_up(shard, mapping, function, batch, outcome)
    return True


def _records_done(mapping: Any, batch: list[Any], outcome: Any) -> int:
    """How many records from the start of the batch are finished: all before the first that is reported as failed."""
    if outcome.get("error"):
        return 0
    body = outcome.get("body")
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or []) or not isinstance(body, dict):
        return len(batch)
    failed = {failure.get("itemIdentifier") for failure in body.get("batchItemFailures") or []}
    numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
    if failed - set(numbers):
        return 0  # names a record that is not there: the whole batch, as on AWS
    return next((index for index, number in enumerate(numbers) if number in failed), len(batch))


def _retry_or_give_up(shard: Shard, mapping: Any, function: Any, batch: list[Any], outcome: Any) -> None:
    """Take half as many the next time if the mapping bisects, else count the failure and pass the batch at the limit."""
    from ministack.services import lambda_svc

    shard.not_before = time.monotonic() + RETRY_SECONDS
    if mapping.get("BisectBatchOnFunctionError") and len(batch) > 1:
        shard.window = (len(batch) + 1) // 2  # splitting does not count as a retry
        return
    shard.failures += 1
    limit = mapping.get("MaximumRetryAttempts")
    limit = UNLIMITED if limit is None else int(limit)
    if limit == UNLIMITED or shard.failures <= limit:
        return
    destination = ((mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination", "")
    if destination.startswith(S3_ARN):
        _put_letter(destination.removeprefix(S3_ARN), mapping, function, batch)
    else:
        lambda_svc._send_ddb_stream_failure_record(
            mapping, function, batch, mapping["EventSourceArn"], outcome, "RetryAttemptsExhausted"
        )
    shard.position += len(batch)
    shard.window, shard.failures = int(mapping.get("BatchSize") or DEFAULT_BATCH), 0


def _put_letter(bucket: str, mapping: Any, function: Any, batch: list[Any]) -> None:
    """Write the failed invocation with its records to the bucket, named and shaped as in AWS's guide.

    docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html. The emulator knows queues and topics only.
    """
    from ministack.services import lambda_svc, s3

    now = datetime.now(UTC)
    first, last = (record["dynamodb"] for record in (batch[0], batch[-1]))
    letter = {
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": (function.get("config") or function).get("FunctionArn", ""),
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 1 + int(mapping.get("MaximumRetryAttempts") or 0),
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": _iso(now),
        "DDBStreamBatchInfo": {
            "shardId": SHARD,
            "startSequenceNumber": str(first["SequenceNumber"]),
            "endSequenceNumber": str(last["SequenceNumber"]),
            "approximateArrivalOfFirstRecord": _iso(_arrival(first, now)),
            "approximateArrivalOfLastRecord": _iso(_arrival(last, now)),
            "batchSize": len(batch),
            "streamArn": mapping["EventSourceArn"],
        },
        "payload": json.dumps({"Records": lambda_svc._apply_filter_criteria(batch, mapping)}),
    }
    key = f"aws/lambda/{mapping['UUID']}/{SHARD}/{now:%Y/%m/%d}/{now:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
    status, _, answer = s3._put_object(bucket, key, json.dumps(letter).encode(), {})
    if status >= BAD_REQUEST:
        lambda_svc.logger.error("letter of %s was not taken: %s", mapping["EventSourceArn"], answer)


def _arrival(change: Any, otherwise: datetime) -> datetime:
    value = change.get("ApproximateCreationDateTime")
    return datetime.fromtimestamp(float(value), UTC) if value is not None else otherwise


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
