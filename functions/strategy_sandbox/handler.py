"""Run a stranger's code: the one function in which such code runs, with a role that may do nothing and no way out.

Standard library only. Lambda's credentials in the environment may write this function's log and nothing else, and the process of
a run does not get them. An environment serves one tenant, the strategy's owner.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

from candlecast.sandbox.parent import answer, refused
from candlecast.sandbox.protocol import SANDBOX_REQUEST_INVALID, SandboxRefusal, parse_request

RESERVE_SECONDS = 3.0  # of the invocation, for the start of the process and its end


def handle(event: object, context: Any) -> dict[str, Any]:
    """Take a request of `candlecast.sandbox.protocol` and answer in its form; a refusal is an answer."""
    started = time.monotonic()
    answered = _answer(event, context)
    # Sizes, codes and times: the source, its parameters, its candles and its log lines are the owner's and stay out of our log.
    line = {
        "level": "INFO",
        "service": "strategy_sandbox",
        "message": "sandbox run",
        "request_id": str(getattr(context, "aws_request_id", "")),
        "tenant_id": str(getattr(context, "tenant_id", None)),
        "job": str(event.get("job"))[:10] if isinstance(event, dict) else "",
        **({} if answered["ok"] else {"reason_code": answered["error"]["code"]}),
        "layers": answered["layers"],
        "cpu_ms": answered["cpu_ms"],
        "memory_kb": answered["memory_kb"],
        "milliseconds": round(1000 * (time.monotonic() - started)),
    }
    print(json.dumps(line))  # noqa: T201 - the log of a function without a logger
    return answered


def _answer(event: object, context: Any) -> dict[str, Any]:
    try:
        if not getattr(context, "tenant_id", None):
            raise SandboxRefusal(SANDBOX_REQUEST_INVALID, "an invocation without a tenant is refused")
        request = parse_request(event)
    except SandboxRefusal as refusal:
        return refused(refusal)
    left = context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS
    return answer(replace(request, seconds=min(request.seconds, max(left, 0.0))))
