"""The output of functions: a file for each function, its log group, and the metrics that are embedded in the output."""

import json
import threading
import time
from pathlib import Path
from typing import Any

from .patching import replace

# Newest lines of a function that its log group keeps; the file keeps all. Bounds the emulator's memory in long runs.
GROUP_LINES = 5000


def function_logs(folder: Path) -> None:
    """Write each invocation's output to folder/<function>.log, to one stream per version, and its EMF to CloudWatch.

    The emulator makes a log stream for each invocation, drops none and ignores embedded metrics. An invocation counts for
    AWS/Lambda only when it comes by the API.
    """
    from ministack.services import cloudwatch, cloudwatch_logs, lambda_svc

    folder.mkdir(parents=True, exist_ok=True)
    lock = threading.Lock()

    def emit(function: Any, request_id: str, text: str, error: bool, milliseconds: int, **_source: Any) -> None:
        config = function.get("config") or function
        name, version = config.get("FunctionName", "unknown"), config.get("Version", "$LATEST")
        lines = [f"START RequestId: {request_id} Version: {version}", *(text or "").splitlines()]
        lines += [f"END RequestId: {request_id}", f"REPORT RequestId: {request_id}\tDuration: {milliseconds} ms"]
        with lock, (folder / f"{name}.log").open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
        _append(cloudwatch_logs, group, f"[{version}]", lines)
        for line in lines:
            if '"_aws"' in line:
                _record_embedded(cloudwatch, line)
        dimensions = {"FunctionName": name}
        cloudwatch.record_metric("AWS/Lambda", "Invocations", 1.0, "Count", dimensions)
        cloudwatch.record_metric("AWS/Lambda", "Errors", float(error), "Count", dimensions)
        cloudwatch.record_metric("AWS/Lambda", "Duration", float(milliseconds), "Milliseconds", dimensions)

    def only_throttles(name: str, duration_ms: float, error: bool, throttle: bool) -> None:
        if throttle:
            original(name, duration_ms=duration_ms, error=error, throttle=throttle)

    replace(lambda_svc, "_emit_lambda_logs", emit)
    original = replace(lambda_svc, "_emit_lambda_metrics", only_throttles)


def _append(cloudwatch_logs: Any, group_name: str, stream_name: str, lines: list[str]) -> None:
    now = int(time.time() * 1000)
    group = cloudwatch_logs._log_groups.get(group_name)
    if group is None:
        group = cloudwatch_logs._log_groups[group_name] = {
            "arn": cloudwatch_logs._make_group_arn(group_name),
            "creationTime": now,
            "retentionInDays": None,
            "tags": {},
            "subscriptionFilters": {},
            "streams": {},
        }
    stream = group["streams"].setdefault(
        stream_name,
        {
            "events": [],
            "uploadSequenceToken": "1",
            "creationTime": now,
            "firstEventTimestamp": None,
            "lastEventTimestamp": None,
            "lastIngestionTime": None,
        },
    )
    events = [{"timestamp": now, "message": line, "ingestionTime": now} for line in lines]
    cloudwatch_logs._append_log_events(stream, events)
    del stream["events"][:-GROUP_LINES]


def _record_embedded(cloudwatch: Any, line: str) -> None:
    """Publish a line in CloudWatch's embedded metric format; lines that only look like it are nobody's error."""
    try:
        document = json.loads(line)
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for names in directive.get("Dimensions") or [[]]:
                dimensions = {name: str(document[name]) for name in names}
                for metric in directive["Metrics"]:
                    values = document[metric["Name"]]
                    for value in values if isinstance(values, list) else [values]:
                        unit = metric.get("Unit", "None")
                        cloudwatch.record_metric(directive["Namespace"], metric["Name"], value, unit, dimensions)
    except (ValueError, KeyError, TypeError):
        return


def queue_metrics(interval_seconds: float = 5.0) -> None:
    """Publish depth and age of every queue, which alarms look at and the emulator does not measure."""
    from ministack.services import cloudwatch, lambda_svc, sqs

    def measure(queue: Any, now: float) -> None:
        messages = list(queue["messages"])
        dimensions = {"QueueName": queue["attributes"]["QueueArn"].split(":")[-1]}
        visible = sum(message.get("visible_at", 0) <= now for message in messages)
        oldest = max((now - message["sent_at"] for message in messages), default=0.0)
        for name, value, unit in (
            ("ApproximateNumberOfMessagesVisible", visible, "Count"),
            ("ApproximateNumberOfMessagesNotVisible", len(messages) - visible, "Count"),
            ("ApproximateAgeOfOldestMessage", oldest, "Seconds"),
        ):
            cloudwatch.record_metric("AWS/SQS", name, float(value), unit, dimensions)

    def loop() -> None:
        while True:
            time.sleep(interval_seconds)
            for key, queue in list(sqs._queues._data.items()):
                lambda_svc._request_account_id.set(key[0])
                lambda_svc._request_region.set(key[1])
                try:
                    measure(queue, time.time())
                except KeyError:
                    continue  # the queue was being deleted

    threading.Thread(target=loop, daemon=True, name="candlecast-queue-metrics").start()
