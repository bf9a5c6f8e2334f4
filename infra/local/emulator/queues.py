"""SQS as the event source of functions, and moving dead letters back."""

import base64
import json
import threading
import time
from collections.abc import Sequence
from typing import Any

from .patching import PatchError, replace


def parallel_groups() -> None:
    """Let a FIFO queue's message groups run beside each other.

    The emulator runs one batch at a time for the whole queue. On AWS only messages of one group wait for each other, so a queue
    with a group per account is fast. The queue itself holds back a group while a message of the group is in flight, so order
    within a group stays.
    """
    from ministack.services import lambda_svc

    def concurrency(mapping: Any, function: Any, config: Any, queue: Any = None) -> int:
        return int(original(mapping, function, config, {**queue, "is_fifo": False} if queue else queue))

    original = replace(lambda_svc, "_sqs_esm_concurrency", concurrency)


def strict_batch_responses() -> None:
    """Fail the whole batch when a partial-batch response names an unknown message, or none, as AWS does.

    The emulator takes such an answer for success and deletes the messages. A bug in a handler would lose messages here and not on
    AWS, or the other way round.
    """
    from ministack.services import lambda_svc

    current = threading.local()

    def run(mapping: Any, function: Any, event: Any, *rest: Any) -> None:
        reports = "ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or [])
        current.ids = {record["messageId"] for record in event["Records"]} if reports else None
        try:
            original_run(mapping, function, event, *rest)
        finally:
            current.ids = None

    def execute(function: Any, event: Any) -> Any:
        outcome = original_execute(function, event)
        ids = getattr(current, "ids", None)
        if ids is None or outcome.get("error") or _names_only(outcome.get("body"), ids):
            return outcome
        body = {"errorType": "BatchItemFailures", "errorMessage": "invalid batchItemFailures: the whole batch failed"}
        return {**outcome, "error": True, "body": body}

    original_run = replace(lambda_svc, "_run_sqs_batch", run)
    original_execute = replace(lambda_svc, "_execute_function", execute)


def _names_only(body: Any, ids: set[str]) -> bool:
    if body is None:
        return True
    if not isinstance(body, dict):
        return False
    failures = body.get("batchItemFailures") or []
    return all(isinstance(failure, dict) and failure.get("itemIdentifier") in ids for failure in failures)


_looks = 0


def counted_looks() -> None:
    """Count how often the queues were looked through for messages to hand to functions."""
    from ministack.services import lambda_svc

    def poll() -> Any:
        global _looks
        try:
            return original()
        finally:
            _looks += 1

    original = replace(lambda_svc, "_poll_sqs", poll)


def looks() -> int:
    """How often all queues were looked through."""
    return _looks


def waiting(names: Sequence[str]) -> dict[str, int]:
    """How many messages each of these queues holds, seen or not, one after another: a message that moves on is in the next."""
    from ministack.services import sqs

    by_name = {str(key[-1]).rpartition("/")[2]: queue for key, queue in list(sqs._queues._data.items())}
    return {name: len(by_name[name]["messages"]) for name in names if name in by_name}


def message_move_tasks() -> None:
    """StartMessageMoveTask, ListMessageMoveTasks and CancelMessageMoveTask, which the emulator does not know."""
    from ministack.services import sqs

    tasks: list[dict[str, Any]] = []

    def start(data: Any, _queue_url: Any) -> dict[str, Any]:
        source = sqs._queue_by_arn(data["SourceArn"])
        if source is None:
            message = "The resource that you specified for the SourceArn parameter doesn't exist."
            raise sqs._Err("ResourceNotFoundException", message, 404)
        now = time.time()
        moved = _move(sqs, source, data.get("DestinationArn"), now)
        handle = base64.b64encode(json.dumps({"taskId": sqs.new_uuid(), "sourceArn": data["SourceArn"]}).encode())
        task = {
            "TaskHandle": handle.decode(),
            "Status": "COMPLETED",
            "SourceArn": data["SourceArn"],
            "ApproximateNumberOfMessagesMoved": moved,
            "ApproximateNumberOfMessagesToMove": moved,
            "StartedTimestamp": int(now * 1000),
        }
        tasks.append(task)
        sqs.esm_wake.set()
        return {"TaskHandle": task["TaskHandle"]}

    def listing(data: Any, _queue_url: Any) -> dict[str, Any]:
        found = [
            {key: value for key, value in task.items() if key != "TaskHandle"}
            for task in reversed(tasks)
            if task["SourceArn"] == data["SourceArn"]
        ]
        return {"Results": found[: int(data.get("MaxResults") or 1)]}

    if "SendMessage" not in sqs._HANDLERS or "StartMessageMoveTask" in sqs._HANDLERS:
        raise PatchError("sqs._HANDLERS is not the table of actions, or moves are known by now")
    sqs._HANDLERS["StartMessageMoveTask"] = start
    sqs._HANDLERS["ListMessageMoveTasks"] = listing
    sqs._HANDLERS["CancelMessageMoveTask"] = lambda _data, _queue_url: {"ApproximateNumberOfMessagesMoved": 0}


def _move(sqs: Any, source: Any, destination: str | None, now: float) -> int:
    """Move what is visible to `destination`, or each message to the queue that it came from; how many."""
    moved, kept = 0, []
    with sqs._queues_lock:
        for message in source["messages"]:
            to = destination or (message.get("sys") or {}).get("DeadLetterQueueSourceArn")
            queue = sqs._queue_by_arn(to) if to and message.get("visible_at", 0) <= now else None
            if queue is None:
                kept.append(message)
                continue
            origin = {key: value for key, value in (message.get("sys") or {}).items() if key != "DeadLetterQueueSourceArn"}
            fresh = {"receipt_handle": None, "visible_at": now, "receive_count": 0, "first_receive_at": None}
            queue["messages"].append({**message, **fresh, "sys": origin})
            moved += 1
        source["messages"] = kept
    return moved
