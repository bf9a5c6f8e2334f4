"""The API behind a gateway in this process: a WSGI application that knows the tokens of `roles.py`."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from schemathesis import Case, HookContext, hook
from schemathesis.core.transport import Response
from schemathesis.generation.meta import TestPhase
from schemathesis.transport import wsgi

from tests.support.gateway import CONTEXT, Providers, http_event, provide, the_adapter, the_app
from verification.openapi.roles import claims_of
from verification.openapi.worlds import whole_world, world_of

type StartResponse = Callable[[str, list[tuple[str, str]]], object]
READS = ("GET", "HEAD")  # leave a world as it was
OF_SOCKETS = ("max_redirects", "verify", "cert", "proxies")
MADE_UP = ("cursor", "If-Match", "If-None-Match")
CONTENT = ("CONTENT_TYPE", "CONTENT_LENGTH")  # headers that WSGI names apart


class Gateway:
    """One world at a time. Each case meets the world of its operation anew; a story keeps its own to its end."""

    def __init__(self) -> None:
        self._world: tuple[str, Providers] | None = None
        self._changed = False
        self._loop = asyncio.new_event_loop()

    def close(self) -> None:
        asyncio.set_event_loop(None)
        self._loop.close()

    def begin(self, operation_id: str = "") -> None:
        """Make the world of an operation, or that of a story."""
        asyncio.set_event_loop(self._loop)  # Mangum asks for that of its thread, and each phase has a thread of its own
        if self._changed or self._world is None or self._world[0] != operation_id:
            self._world = operation_id, world_of(operation_id) if operation_id else whole_world()
            self._changed = False

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        asyncio.set_event_loop(self._loop)
        if self._world is None:
            self.begin()
        assert self._world is not None
        provide(the_app(), self._world[1])
        self._changed = self._changed or environ["REQUEST_METHOD"] not in READS
        answer = the_adapter()(event_of(environ), CONTEXT)
        body = str(answer.get("body") or "")
        raw = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
        status = answer["statusCode"]
        start_response(f"{status} {HTTPStatus(status).phrase}", list((answer.get("headers") or {}).items()))
        return [raw]


class Transport(wsgi.WSGITransport):
    """Leaves out the settings of sockets, which Schemathesis 4.32 hands to an application when a check asks once more."""

    def send(self, case: Case[Any], *, session: Any = None, **options: Any) -> Response:
        return super().send(case, session=session, **{name: it for name, it in options.items() if name not in OF_SOCKETS})


transport = Transport()
transport._copy_serializers_from(wsgi.WSGI_TRANSPORT)
wsgi.WSGI_TRANSPORT = transport


@hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Give each case that is no part of a story a world in which its operation can succeed."""
    _forget_made_up(case)
    gateway = case.operation.app
    is_story = case.meta is not None and case.meta.phase.name is TestPhase.STATEFUL
    if isinstance(gateway, Gateway) and not is_story:
        gateway.begin(case.operation.definition.raw["operationId"])


def _forget_made_up(case: Case[Any]) -> None:
    """Take made-up cursors and tags out of a valid case: only an answer has such, and all else in the case would go unseen."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    asked = getattr(case.meta.phase.data, "parameter", None)
    for name in MADE_UP:
        if name != asked:
            case.query.pop(name, None)
            case.headers.pop(name, None)


def event_of(environ: dict[str, Any]) -> dict[str, Any]:
    """The event that the gateway sends for a request: claims of a known token, none of any other."""
    headers = {name[5:].lower().replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
    headers |= {name.lower().replace("_", "-"): environ[name] for name in CONTENT if environ.get(name)}
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    claims = claims_of(headers.get("authorization", "").removeprefix("Bearer "))
    event = http_event(environ["REQUEST_METHOD"], path, claims=claims)
    event["headers"] = headers
    event["rawQueryString"] = environ.get("QUERY_STRING", "")
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if body:
        event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return event
