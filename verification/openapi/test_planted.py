"""Each check finds a fault that is planted for it: a run without findings says something."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from candlecast.runtime.compose import api
from tests.support.routes import document
from verification.openapi import gateway as gateways
from verification.openapi.gateway import Gateway
from verification.openapi.roles import CLAIMS, NEWCOMER, TRADER
from verification.openapi.run import Asked, in_process
from verification.openapi.worlds import world_of

pytestmark = pytest.mark.slow

SEED = 1
CASES = 5
UNIT = ("examples", "coverage")
type Change = Callable[[dict[str, Any]], object]


def operation(described: dict[str, Any], operation_id: str) -> dict[str, Any]:
    [found] = [it for methods in described["paths"].values() for it in methods.values() if it["operationId"] == operation_id]
    return dict_of(found)


def dict_of(value: Any) -> dict[str, Any]:
    assert isinstance(value, dict)
    return value


def asked(operation_id: str, change: Change = lambda _: None, gateway: Gateway | None = None) -> Asked:
    described = copy.deepcopy(document())
    change(described)
    return in_process(TRADER, SEED, CASES, phases=UNIT, only=operation_id, gateway=gateway, described=described)


def found(run: Asked) -> set[str]:
    return {finding.check for finding in run.findings.values()}


def limit_of(described: dict[str, Any], operation_id: str) -> dict[str, Any]:
    """The schema of the parameter `limit`."""
    [found] = [it["schema"] for it in operation(described, operation_id)["parameters"] if it["name"] == "limit"]
    return dict_of(found)


def schema(described: dict[str, Any], name: str) -> dict[str, Any]:
    return dict_of(described["components"]["schemas"][name])


WRONG_DESCRIPTIONS: Mapping[str, tuple[str, Change]] = {
    "status_code_conformance": ("get_account", lambda it: operation(it, "get_account")["responses"].pop("404")),
    "content_type_conformance": (
        "list_accounts",
        lambda it: operation(it, "list_accounts")["responses"]["200"].update(content={"text/csv": {"schema": {}}}),
    ),
    "response_schema_conformance": (
        "list_accounts",
        lambda it: schema(it, "AccountView")["properties"].update(label={"type": "integer"}),
    ),
    "response_headers_conformance": (
        "list_accounts",
        lambda it: operation(it, "list_accounts")["responses"]["200"].update(
            headers={"X-Promised": {"required": True, "schema": {"type": "string"}}}
        ),
    ),
    "negative_data_rejection": ("list_trades", lambda it: limit_of(it, "list_trades").update(maximum=5)),
    "understood": ("list_trades", lambda it: limit_of(it, "list_trades").update(maximum=500)),
    "unsupported_method": ("list_accounts", lambda it: it["paths"]["/v1/accounts"].pop("post")),
    "allow_header_conformance": ("list_accounts", lambda it: it["paths"]["/v1/accounts"].pop("post")),
}


@pytest.mark.parametrize("check", WRONG_DESCRIPTIONS)
def test_a_wrong_description_is_found(check: str) -> None:
    operation_id, change = WRONG_DESCRIPTIONS[check]
    assert check in found(asked(operation_id, change))


def test_only_the_chosen_operations_are_asked() -> None:
    assert asked("list_accounts").succeeded == {"GET /v1/accounts"}


def test_the_description_as_it_is_has_no_faults_there() -> None:
    for operation_id in ("get_account", "list_accounts"):
        assert found(asked(operation_id)) == set()


def test_a_token_that_is_not_asked_for_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateways, "claims_of", lambda _: CLAIMS[TRADER])
    assert "ignored_auth" in found(asked("list_accounts"))


def test_a_stranger_who_sees_a_traders_thing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of the newcomer is its own, and yet each account answers to its id."""
    known = gateways.event_of

    def loose(environ: dict[str, Any]) -> dict[str, Any]:
        if environ["PATH_INFO"].startswith("/v1/accounts/") and NEWCOMER in environ.get("HTTP_AUTHORIZATION", ""):
            environ["HTTP_AUTHORIZATION"] = f"Bearer {TRADER}"
        return known(environ)

    monkeypatch.setattr(gateways, "event_of", loose)
    run = in_process(TRADER, SEED, 30, phases=("stateful",), only=["list_accounts", "get_account"])
    assert "object_level_authorization" in found(run)


def test_a_fault_of_the_server_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(operation_id: str) -> Any:
        def provide() -> object:
            raise RuntimeError("broken")

        return {**world_of(operation_id), api.accounts: provide}

    monkeypatch.setattr(gateways, "world_of", broken)
    assert "not_a_server_error" in found(asked("list_accounts"))


def test_a_thing_that_is_gone_after_it_was_made_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request meets a new world, so what the request before has made is not there."""
    begin = Gateway.__call__

    def forgetful(self: Gateway, *words: Any) -> Any:
        self.begin("get_account")
        return begin(self, *words)

    monkeypatch.setattr(Gateway, "__call__", forgetful)
    run = in_process(TRADER, SEED, 30, phases=("stateful",), only=["create_account", "get_account"])
    assert "made_things_are_there" in found(run)
