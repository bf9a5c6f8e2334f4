"""WebSocket APIs: an address that functions and clients here can reach, and routes that invoke as everything else does."""

import json
import os
from typing import Any

from .patching import replace


def live_endpoint(api_id: str) -> str:
    """The address of a WebSocket API, without its stage: the host name of AWS's execute-api would be in no DNS here."""
    from ministack.services import apigateway

    endpoint = f"ws://127.0.0.1:{os.environ['GATEWAY_PORT']}/_aws/execute-api/{api_id}"
    apigateway._apis[api_id]["apiEndpoint"] = endpoint
    return endpoint


def routes_through_lambda() -> None:
    """Invoke a route's function as all other senders do: within the limit of processes, with its log, by its alias.

    The emulator asks a worker directly. An exception of the function is then no failure, and opens the connection that it should
    have refused. On AWS a route whose integration fails opens nothing:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html
    """
    from ministack.core import lambda_runtime

    replace(lambda_runtime, "get_or_create_worker", lambda name, config, *_code, **_qualifier: _Route(name, config))


class _Route:
    """Stands in for a worker."""

    def __init__(self, name: str, config: Any) -> None:
        self._name = name
        self._config = config

    def invoke(self, event: Any, _request_id: str) -> dict[str, Any]:
        """The answer as the emulator's WebSocket side reads it. A failure, or an answer without a status, is an error."""
        from ministack.services import lambda_svc

        record = lambda_svc._execution_record_for_config(lambda_svc._functions[self._name], self._config)
        outcome = lambda_svc._execute_function(record, event)
        body = outcome.get("body")
        if isinstance(body, (str, bytes)):
            body = json.loads(body)
        if outcome.get("error") or not isinstance(body, dict) or "statusCode" not in body:
            return {"status": "error", "error": "Internal server error"}
        return {"status": "ok", "result": body}
