"""Asynchronous invocations as AWS makes them: retries, destinations per alias, the raw event to the dead letters.

Without this the invoke configuration of an alias is ignored (SAM puts it there), and events from schedules and rules
are neither retried nor dead-lettered.
"""

import contextvars
import json
import threading
import time
from datetime import UTC, datetime
from typing import Any

from .patching import replace

DEFAULT_RETRIES = 2  # AWS's own default for asynchronous invocations


def asynchronous_invocations() -> None:
    """Send every asynchronous invocation, from any sender, through one path."""
    from ministack.services import eventbridge, lambda_svc

    def to_function(arn: str, payload: str) -> None:
        function, config, name = lambda_svc._get_func_record_for_ref(arn)
        if not function or not config:
            eventbridge.logger.warning("no function %s for an event", name)
            return
        _start(lambda_svc._execution_record_for_config(function, config), _parsed(payload))

    replace(lambda_svc, "invoke_async_with_retry", _start)
    replace(eventbridge, "_dispatch_to_lambda", to_function)


def _parsed(payload: str) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, TypeError):
        return {"body": payload}


def _start(function: Any, event: Any) -> None:
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(_run, function, event), daemon=True).start()


def _run(function: Any, event: Any) -> None:
    from ministack.services import lambda_svc

    config = function.get("config") or function
    account, region = lambda_svc._account_region_from_function_config(config)
    lambda_svc._request_account_id.set(account)
    lambda_svc._request_region.set(region)
    record = lambda_svc._functions.get(config.get("FunctionName", "")) or function
    settings = _settings(record, _qualifier(config))
    retries = settings.get("MaximumRetryAttempts")
    retries = DEFAULT_RETRIES if retries is None else int(retries)
    attempts, outcome = 0, {"error": True}
    while attempts <= retries and outcome.get("error"):
        if attempts:
            base, longest = lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS, lambda_svc._LAMBDA_ASYNC_RETRY_MAX_SECONDS
            time.sleep(min(base * 2 ** (attempts - 1), longest))
        outcome = lambda_svc._execute_function(function, event)
        attempts += 1
    _report(config, record, settings, event, outcome, attempts)


def _qualifier(config: Any) -> str | None:
    parts = config.get("FunctionArn", "").split(":")
    return parts[7] if len(parts) > 7 else None


def _settings(record: Any, qualifier: str | None) -> dict[str, Any]:
    by_qualifier = record.get("event_invoke_configs") or {}
    if qualifier:
        return by_qualifier.get(qualifier) or {}
    return record.get("event_invoke_config") or by_qualifier.get("$LATEST") or {}


def _report(config: Any, record: Any, settings: Any, event: Any, outcome: Any, attempts: int) -> None:
    failed = bool(outcome.get("error"))
    destinations = settings.get("DestinationConfig") or {}
    target = (destinations.get("OnFailure" if failed else "OnSuccess") or {}).get("Destination")
    arn = config.get("FunctionArn", "")
    if target:
        body = {
            "version": "1.0",
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "requestContext": {
                "functionArn": arn if _qualifier(config) else f"{arn}:$LATEST",
                "condition": "RetriesExhausted" if failed else "Success",
                "approximateInvokeCount": attempts,
            },
            "requestPayload": event,
            "responseContext": {
                "statusCode": 200,
                "executedVersion": config.get("Version", "$LATEST"),
                **({"functionError": "Unhandled"} if failed else {}),
            },
            "responsePayload": outcome.get("body"),
        }
        _deliver(target, json.dumps(body, default=str))
    dead_letters = ((record.get("config") or {}).get("DeadLetterConfig") or {}).get("TargetArn")
    if failed and dead_letters:
        _deliver(dead_letters, json.dumps(event, default=str))


def _deliver(arn: str, body: str) -> None:
    from ministack.services import eventbridge

    if ":sqs:" in arn:
        eventbridge._dispatch_to_sqs(eventbridge.parse_arn(arn), body, {})
    elif ":sns:" in arn:
        eventbridge._dispatch_to_sns(arn, body)
    else:
        eventbridge.logger.error("destination %s is not supported here, lost: %s", arn, body)
