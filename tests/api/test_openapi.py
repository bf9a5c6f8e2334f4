"""The description is valid OpenAPI 3.1, complete, and its examples work."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from candlecast import __version__
from functions.api.description.page import page
from functions.api.problems import MEDIA_TYPE
from tests.api.conftest import Deployment
from tests.support.builders import BTC
from tests.support.gateway import Client
from tests.support.routes import Operation, body_examples, document, operations

DOCUMENT = document()
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = operations()
EXAMPLES = [(operation, example) for operation in OPERATIONS for example in body_examples(operation.description, SCHEMAS)]
OPERATION_IDS = [
    "add_version",
    "approve_act",
    "ask_backtest",
    "ask_strategy_parity",
    "browse_marketplace",
    "cancel_backtest",
    "cancel_order",
    "cancel_subscription",
    "close_position",
    "create_account",
    "create_live_ticket",
    "create_strategy",
    "create_subscription",
    "delete_credentials",
    "delete_kill_switch",
    "delete_lock",
    "disable_account",
    "drop_dead_letter",
    "edit_strategy",
    "enable_account",
    "explain_order",
    "explain_run",
    "explain_signal",
    "get_account",
    "get_account_equity",
    "get_approval",
    "get_backtest",
    "get_backtest_results",
    "get_clock",
    "get_daily_totals",
    "get_dead_letter",
    "get_deployment_pause",
    "get_effective_limits",
    "get_execution_statistics",
    "get_health",
    "get_kill_switch",
    "get_limits",
    "get_order",
    "get_order_receipt",
    "get_pool",
    "get_source",
    "get_strategy",
    "get_strategy_equity",
    "get_strategy_parity",
    "get_strategy_slippage",
    "get_strategy_statistics",
    "get_subscription",
    "get_subscription_equity",
    "get_subscription_statistics",
    "get_usage",
    "get_version",
    "get_version_code",
    "list_accounts",
    "list_approvals",
    "list_backtests",
    "list_breaches",
    "list_changes",
    "list_clock_entries",
    "list_dead_letters",
    "list_executions",
    "list_kill_switches",
    "list_limits",
    "list_orders",
    "list_positions",
    "list_quarantined_signals",
    "list_receipts",
    "list_signals",
    "list_strategies",
    "list_subscriptions",
    "list_totals",
    "list_trades",
    "list_versions",
    "move_stop",
    "pause_subscription",
    "pin_version",
    "put_account_limits",
    "put_credentials",
    "put_kill_switch",
    "put_limits",
    "put_membership",
    "put_pool",
    "put_position_mode",
    "put_source",
    "redrive_dead_letters",
    "reject_act",
    "release_signal",
    "release_version",
    "rename_account",
    "resume_subscription",
    "retire_account",
    "retire_strategy",
    "revoke_previous_secret",
    "roll_back_version",
    "rotate_source_secret",
    "update_source",
    "update_subscription",
    "validate_order",
]


@pytest.mark.slow
def test_the_document_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_operation_ids_are_stable() -> None:
    assert sorted(it.operation_id for it in OPERATIONS) == OPERATION_IDS


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda it: it.operation_id)
def test_every_operation_is_described_with_its_refusals(operation: Operation) -> None:
    described = operation.description
    assert described["description"]
    assert described["tags"][0] in {tag["name"] for tag in DOCUMENT["tags"]}
    refusals = {int(status): answer for status, answer in described["responses"].items() if int(status) >= 400}
    expected = {401, 500, 503} if operation.is_secured else {500, 503}
    if "{" in operation.path:
        expected |= {404, 422}
    if operation.method != "GET" and operation.operation_id not in {"rotate_source_secret", "create_live_ticket"}:
        expected |= {409, 422}
    assert expected <= set(refusals)
    own = {503} if operation.operation_id == "get_health" else set()
    for status in set(refusals) - own:
        reference = refusals[status]["content"][MEDIA_TYPE]["schema"]["$ref"]
        assert reference == "#/components/schemas/Problem", status


def test_only_health_is_open() -> None:
    assert [it.operation_id for it in OPERATIONS if not it.is_secured] == ["get_health"]
    assert DOCUMENT["components"]["securitySchemes"]["Tokens"]["bearerFormat"] == "JWT"


def test_every_body_has_an_example() -> None:
    with_body = {it.operation_id for it in OPERATIONS if "requestBody" in it.description}
    assert {operation.operation_id for operation, _ in EXAMPLES} == with_body


def test_money_is_text_in_every_answer() -> None:
    """No property of any answer is a JSON number, apart from counts and the durations of runs and probes."""
    numbers = {
        f"{name}.{field}"
        for name, schema in SCHEMAS.items()
        for field, described in schema.get("properties", {}).items()
        if "number" in str(described.get("type", "")) or any(it.get("type") == "number" for it in described.get("anyOf", ()))
    }
    durations = {"ExecutionView.drift_seconds", "ExecutionView.duration_ms", "PublishedSignalView.spread_seconds"}
    assert numbers == durations


def test_the_document_is_served_to_anybody(deployment: Deployment) -> None:
    answer = Client(deployment.providers, tenant=None).get("/openapi.json")
    assert answer.status == 200
    assert answer.json["paths"].keys() == DOCUMENT["paths"].keys()
    assert BTC in answer.text


def test_the_page_for_people_shows_every_operation_and_loads_nothing(deployment: Deployment) -> None:
    answer = Client(deployment.providers, tenant=None).get("/docs")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert [name for name in OPERATION_IDS if f'id="{name}"' not in answer.text] == []
    assert "Needs no token." in answer.text
    for foreign in ("<script", "<link", "<img", "@import", "url("):
        assert foreign not in answer.text, foreign
    links = set(re.findall(r"<[^>]*\b(?:href|src)=[^>]*>", answer.text)) - {'<a href="openapi.json">'}
    assert {link for link in links if not link.startswith('<a href="#')} == set()
    ids = set(re.findall(r' id="([^"]*)"', answer.text))
    assert {link.split('"')[1].removeprefix("#") for link in links} <= ids
    assert set(SCHEMAS) <= ids
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    [style] = re.findall(r"<style>(.*?)</style>", answer.text)
    assert f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" in policy
    assert "style=" not in answer.text


def test_the_page_escapes_what_the_document_says() -> None:
    operation = {"tags": ["t"], "operationId": "o", "description": "<b>bold</b>", "responses": {"200": {"description": "<i>"}}}
    field = {"type": "<y>", "description": "<g>"}
    shown = page(
        {
            "info": {"title": "<T>", "version": "1", "description": "<d>"},
            "tags": [{"name": "t", "description": "<x>"}],
            "paths": {"/<p>": {"get": operation}},
            "components": {"schemas": {"<n>": {"description": "<e>", "properties": {"<f>": field}}}},
        }
    )
    for text in ("<T>", "<d>", "<x>", "/<p>", "<b>bold", "<i>", "<n>", "<e>", "<f>", "<y>", "<g>"):
        assert text not in shown


def test_the_version_is_the_packages() -> None:
    assert DOCUMENT["info"]["version"] == __version__


def test_no_two_bodies_share_a_name() -> None:
    """Their module would stand in the names then, and a generated client would carry it."""
    assert [name for name in SCHEMAS if "__" in name] == []
