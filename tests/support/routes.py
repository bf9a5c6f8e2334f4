"""Every route of the application, taken from its own description, so that no test can forget one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from functions.api.app import create_app

LETTER = {"queue": "trade", "message_id": "letter-1"}  # the one dead letter of a fresh deployment
SWITCH = {"scope": "USER", "scope_id": "me"}
POOL = {"organisation_id": "fund-1"}
SIGNAL = {"signal_id": "unknown-1"}
APPROVAL = {"approval_id": "approval-1"}
CANDLES = {"timeframe": "1m"}
NUMBER = {"number": "1"}  # of a version
CLOSE = {"candle_close": "2026-11-20T12:00:00Z"}
TRIED = {"backtest_id": "unknown-1"}
KNOWN = LETTER | SWITCH | POOL | SIGNAL | APPROVAL | CANDLES | NUMBER | CLOSE | TRIED
METHODS = {"get", "put", "post", "patch", "delete"}
NAME = re.compile(r"\{(\w+)\}")  # of a parameter, in a path


@dataclass(frozen=True)
class Operation:
    """One operation of the OpenAPI document."""

    operation_id: str
    method: str
    path: str
    description: Mapping[str, Any]

    def url(self, **ids: str) -> str:
        return self.path.format(**(KNOWN | ids))

    def path_ids(self, **ids: str) -> dict[str, str]:
        """The parameters of the path, as `url` fills them in."""
        return {name: (KNOWN | ids)[name] for name in NAME.findall(self.path)}

    @property
    def query_ids(self) -> tuple[str, ...]:
        """Query parameters that name a thing."""
        names = [item["name"] for item in self.description.get("parameters", ()) if item["in"] == "query"]
        return tuple(name for name in names if name.endswith("_id"))

    @property
    def is_secured(self) -> bool:
        return bool(self.description.get("security"))


@cache
def document() -> dict[str, Any]:
    """Made once in a process: readers do not change it."""
    return create_app().openapi()


def operations() -> list[Operation]:
    return [
        Operation(described["operationId"], method.upper(), path, described)
        for path, methods in document()["paths"].items()
        for method, described in methods.items()
        if method in METHODS
    ]


def body_examples(described: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[Any]:
    """The documented examples of an operation's body, those of every alternative."""
    content = described.get("requestBody", {}).get("content", {}).get("application/json", {})
    return _examples(content.get("schema", {}), schemas)


def _examples(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[Any]:
    if "$ref" in schema:
        return _examples(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas)
    alternatives = [*schema.get("oneOf", ()), *schema.get("anyOf", ())]
    return [*schema.get("examples", ()), *(example for it in alternatives for example in _examples(it, schemas))]
