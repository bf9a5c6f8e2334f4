"""The description's examples are real requests and answers, and those that its schemas allow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from functions.api.problems import MEDIA_TYPE
from tests.api.examples import FILE, refusals, sent_examples
from tests.support.documented import undocumented
from tests.support.routes import Operation, document, operations

DOCUMENT = document()
OPERATIONS = operations()


@cache
def kept() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def errors(schema: Mapping[str, Any], value: Any) -> list[str]:
    """Faults of a value by a schema of the document."""
    whole = {**schema, "components": DOCUMENT["components"]}
    checker = OAS31Validator(whole, format_checker=OAS31Validator.FORMAT_CHECKER)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in checker.iter_errors(value)]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda it: it.operation_id)
def test_an_example_is_what_is_answered(operation: Operation) -> None:
    """`python -m tests.api.examples` writes the file."""
    assert kept()["operations"][operation.operation_id] == sent_examples(operation)


def test_refusals_are_those_that_are_answered() -> None:
    assert kept()["refusals"] == refusals()


def test_no_example_is_of_an_operation_that_is_gone() -> None:
    assert set(kept()["operations"]) == {it.operation_id for it in OPERATIONS}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda it: it.operation_id)
def test_every_operation_shows_examples_that_its_schemas_allow(operation: Operation) -> None:
    body = operation.description.get("requestBody")
    if body is not None:
        content = body["content"]["application/json"]
        values = [it["value"] for it in content["examples"].values()]
        assert values
        assert [errors(content["schema"], value) for value in values] == [[] for _ in values]
    shown = 0
    for status, answer in operation.description["responses"].items():
        for media_type, content in answer.get("content", {}).items():
            if "example" in content:
                assert errors(content["schema"], content["example"]) == [], (status, media_type)
                shown += media_type == "application/json"
            assert media_type != MEDIA_TYPE or "example" in content, status
    assert shown == 1


def test_a_value_that_the_schema_does_not_allow_is_found() -> None:
    schema = {"$ref": "#/components/schemas/NewSubscription"}
    assert errors(schema, {"strategy_id": "x", "settings": {"capital": "1.5e3"}, "other": 1})
    assert errors({"$ref": "#/components/schemas/HealthView"}, {"written_at": "yesterday"})


@pytest.mark.parametrize(
    ("method", "path", "status", "media_type", "text", "faults"),
    [
        ("GET", "/v1/accounts", 200, "application/json", '{"items": [], "next_cursor": null}', 0),
        ("GET", "/v1/accounts", 200, "application/json", '{"items": [{}]}', 1),
        ("GET", "/v1/accounts", 200, "text/plain", "[]", 1),
        ("GET", "/v1/accounts", 418, "application/json", "{}", 1),
        ("GET", "/v1/limits/catalogue", 200, "application/json", '{"items": []}', 0),
        ("GET", "/v1/nothing", 404, "application/problem+json", "{}", 0),
    ],
)
def test_an_answer_that_is_not_documented_is_found(
    method: str, path: str, status: int, media_type: str, text: str, faults: int
) -> None:
    assert (len(undocumented(method, path, status, media_type, text)) > 0) == bool(faults)
