"""A client that speaks to the API as the gateway does: HTTP API events (payload 2.0) with verified claims, through Mangum."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlencode

from fastapi import FastAPI
from mangum import Mangum
from starlette.datastructures import State

from functions.api.app import create_adapter
from tests.support.builders import TENANT

REQUEST_ID = "request-1"
TOKEN_ENDS = 1_795_179_600  # an hour after the time of tests
CONTEXT = SimpleNamespace(aws_request_id="invocation-1", function_name="api", memory_limit_in_mb=1024)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The stable code of a problem."""
        assert self.headers["content-type"] == "application/problem+json"
        return str(self.json["code"])


def http_event(
    method: str,
    path: str,
    *,
    claims: Mapping[str, object] | None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: str | None = None,
) -> dict[str, Any]:
    """One event; `claims` None is a request that no authorizer has seen."""
    context: dict[str, Any] = {
        "accountId": "123456789012",
        "apiId": "api-1",
        "domainName": "api.example.test",
        "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test"},
        "requestId": REQUEST_ID,
        "routeKey": "ANY /{proxy+}",
        "stage": "$default",
        "time": "20/Nov/2026:12:00:00 +0000",
        "timeEpoch": 1_795_176_000_000,
    }
    if claims is not None:
        context["authorizer"] = {"jwt": {"claims": dict(claims), "scopes": None}}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "ANY /{proxy+}",
        "rawPath": path,
        "rawQueryString": urlencode(query or {}),
        "headers": {"host": "api.example.test", "content-type": "application/json", **(headers or {})},
        "requestContext": context,
        "isBase64Encoded": False,
    }
    if body is not None:
        event["body"] = base64.b64encode(body.encode()).decode()
        event["isBase64Encoded"] = True
    return event


@cache
def the_adapter() -> Mangum:
    """The application that all tests share: making one takes longer than most of them."""
    return create_adapter()


def the_app() -> FastAPI:
    return cast(FastAPI, the_adapter().app)


type Providers = Mapping[Callable[..., Any], Callable[..., Any]]


def provide(app: FastAPI, providers: Providers) -> None:
    """Let these providers make the application's use cases, and forget the values of earlier providers."""
    app.dependency_overrides.clear()
    app.dependency_overrides.update(providers)
    app.state = State()


@dataclass
class Client:
    """Sends requests of one tenant to an application over `providers`; `roles` as a gateway writes a list claim."""

    providers: Providers
    tenant: str | None = TENANT
    roles: str = ""
    token_ends: str | None = str(TOKEN_ENDS)

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: str | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        claims = None if self.tenant is None else {"sub": self.tenant, "exp": self.token_ends, "cognito:groups": self.roles}
        if claims is not None:
            claims = {name: value for name, value in claims.items() if value}
        text = raw if raw is not None else None if body is None else json.dumps(body)
        event = http_event(method, path, claims=claims, query=query, headers=headers, body=text)
        app = the_app()
        if app.dependency_overrides != self.providers:
            provide(app, self.providers)
        answer = the_adapter()(event, CONTEXT)
        return Answer(answer["statusCode"], answer["headers"], answer["body"])

    def get(self, path: str, **query: str) -> Answer:
        return self.send("GET", path, query=query)

    def post(self, path: str, body: object = None, *, key: str | None = None) -> Answer:
        return self.send("POST", path, body, headers={"idempotency-key": key} if key else None)
