"""The description says what every field and parameter means, and bounds everything that a request may hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from candlecast.domain.limits.catalogue import CATALOGUE
from candlecast.domain.limits.limits import MAX_SET_SIZE
from candlecast.domain.subscriptions.subscription import MAX_LEVERAGE, MAX_POSITIONS
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.text import is_readable
from functions.api.description.words import IDS, PROPERTIES, SAME_WORDS
from functions.api.schemas.limits import LimitsInput
from functions.api.schemas.parameters import Parameter
from functions.api.schemas.values import MOST_MONEY, OF_READABLE
from tests.api.conftest import Deployment
from tests.support.gateway import Client
from tests.support.routes import Operation, document, operations

DOCUMENT = document()
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = operations()
WITH_BODY = [it for it in OPERATIONS if "requestBody" in it.description]
NUMBER_BOUNDS = (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))
BOUNDS: Mapping[str | None, tuple[tuple[str, ...], ...]] = {
    "integer": NUMBER_BOUNDS,
    "number": NUMBER_BOUNDS,
    "string": (("maxLength", "pattern", "format"),),
    "array": (("maxItems",),),
}
"""By type: sets of names; a schema needs one name of each set."""


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return SCHEMAS[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema


def unbounded(schema: Mapping[str, Any], place: str) -> Iterator[str]:
    """Places in a request's schema that may hold anything of any size."""
    schema = resolved(schema)
    alternatives = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if alternatives:
        around = {name: value for name, value in schema.items() if name not in ("anyOf", "oneOf")}
        for alternative in alternatives:
            yield from unbounded({**around, **resolved(alternative)}, place)
        return
    kind = schema.get("type")
    lacks = {bounds for bounds in BOUNDS.get(kind, ()) if not any(name in schema for name in bounds)}
    if lacks and "enum" not in schema and "const" not in schema:
        yield f"{place}: {kind} without bounds"
    if kind == "array":
        yield from unbounded(schema["items"], f"{place}[]")
    elif kind == "object":
        yield from unbounded_members(schema, place)
    elif kind not in (*BOUNDS, "boolean", "null") and "const" not in schema:
        yield f"{place}: anything"


def unbounded_members(schema: Mapping[str, Any], place: str) -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        yield from unbounded(field, f"{place}.{name}")
    others = schema.get("additionalProperties", True)
    if others is not False:
        if "maxProperties" not in schema:
            yield f"{place}: object without bounds"
        yield from unbounded(others if isinstance(others, Mapping) else {}, f"{place}.*")


def test_every_property_is_described() -> None:
    silent = [
        f"{name}.{field}"
        for name, schema in SCHEMAS.items()
        for field, described in schema.get("properties", {}).items()
        if not described.get("description", "").strip()
    ]
    assert silent == []


def test_every_parameter_is_described() -> None:
    silent = [
        f"{operation.operation_id}.{parameter['name']}"
        for operation in OPERATIONS
        for parameter in operation.description.get("parameters", ())
        if not parameter.get("description", "").strip()
    ]
    assert silent == []


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda it: it.operation_id)
def test_everything_in_a_body_is_bounded(operation: Operation) -> None:
    content = operation.description["requestBody"]["content"]
    assert list(content) == ["application/json"]
    assert list(unbounded(content["application/json"]["schema"], operation.operation_id)) == []


def test_every_parameter_is_bounded() -> None:
    places = [
        place
        for operation in OPERATIONS
        for parameter in operation.description.get("parameters", ())
        for place in unbounded(parameter["schema"], f"{operation.operation_id}.{parameter['name']}")
    ]
    assert places == []


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        ({"type": "integer", "minimum": 0}, ["x: integer without bounds"]),
        ({"type": "string"}, ["x: string without bounds"]),
        ({"type": "array", "items": {"type": "string", "maxLength": 1}}, ["x: array without bounds"]),
        ({"type": "array", "maxItems": 1, "items": {"type": "integer"}}, ["x[]: integer without bounds"]),
        ({"type": "object"}, ["x: object without bounds", "x.*: anything"]),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, ["x: string without bounds"]),
        ({"anyOf": [{"type": "string"}, {"type": "null"}], "maxLength": 5}, []),
        ({}, ["x: anything"]),
    ],
)
def test_the_walk_finds_what_has_no_bounds(schema: dict[str, Any], found: list[str]) -> None:
    assert list(unbounded(schema, "x")) == found


def whole(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any]
    [found] = [it for it in (schema, *schema.get("anyOf", ())) if it.get("type") == "integer"]
    return found


def test_bounds_are_those_of_the_domain() -> None:
    settings = SCHEMAS["NewSettings"]["properties"]
    assert (whole(settings["leverage"])["minimum"], whole(settings["leverage"])["maximum"]) == (1, MAX_LEVERAGE)
    assert whole(settings["max_positions"])["maximum"] == MAX_POSITIONS
    assert whole(settings["capital"])["exclusiveMaximum"] == MOST_MONEY
    for name, spec in CATALOGUE.items():
        for alternative in SCHEMAS["LimitsInput"]["properties"][name]["anyOf"]:
            if alternative.get("type") == "integer":
                assert (alternative["minimum"], alternative["maximum"]) == (spec.least, spec.most), name
            if alternative.get("type") == "array":
                assert alternative["maxItems"] == MAX_SET_SIZE


WHOLE_LIMITS = [
    (name, alternative)
    for name in CATALOGUE
    for alternative in SCHEMAS["LimitsInput"]["properties"][name]["anyOf"]
    if alternative.get("type") == "integer"
]


@pytest.mark.parametrize(("name", "bounds"), WHOLE_LIMITS, ids=lambda it: it if isinstance(it, str) else "")
def test_a_limit_is_taken_at_its_bounds_and_refused_beyond(name: str, bounds: Mapping[str, int]) -> None:
    model: Any = LimitsInput
    for value in (bounds["minimum"], bounds["maximum"]):
        assert getattr(model(**{name: value}).to_domain(), name) == value
    for value in (bounds["minimum"] - 1, bounds["maximum"] + 1):
        with pytest.raises(InvalidValue):
            model(**{name: value}).to_domain()


@pytest.mark.parametrize("value", [2**53, -(2**53), 2.0**53, float("inf")])
def test_a_parameter_is_a_number_that_all_readers_of_json_keep(value: float) -> None:
    taken = TypeAdapter(Parameter)
    assert taken.validate_python(2**53 - 1) == 2**53 - 1
    with pytest.raises(ValidationError):
        taken.validate_python(value)


def test_money_that_cannot_be_negative_is_text_without_a_sign() -> None:
    patterns = {
        name: next(it["pattern"] for it in SCHEMAS[model]["properties"][name]["anyOf"] if "pattern" in it)
        for model, name in (("NewSettings", "capital"), ("EntryPreferenceInput", "offset_bps"))
    }
    assert [name for name, pattern in patterns.items() if pattern.startswith("^-?")] == ["offset_bps"]


def test_common_words_are_used() -> None:
    names = {name for schema in SCHEMAS.values() for name in schema.get("properties", {})}
    assert set(PROPERTIES) <= names
    assert set(IDS) <= {it["name"] for operation in OPERATIONS for it in operation.description.get("parameters", ())}
    for answer, request in SAME_WORDS.items():
        assert set(SCHEMAS[answer]["properties"]) & set(SCHEMAS[request]["properties"]), answer


def test_pages_have_the_names_of_their_classes() -> None:
    assert {"AccountList", "OrderList", "TradeList"} <= set(SCHEMAS)
    assert [name for name in SCHEMAS if not name.isalnum()] == []
    assert all(name == schema.get("title", name) for name, schema in SCHEMAS.items())


def test_every_summary_says_its_own() -> None:
    summaries = {it.operation_id: it.description["summary"] for it in OPERATIONS}
    named = [name for name, text in summaries.items() if text.lower() == name.replace("_", " ")]
    assert named == []
    assert len(set(summaries.values())) == len(summaries)
    assert [text for text in summaries.values() if len(text) > 100 or text.endswith(".")] == []


def test_every_answer_says_its_own() -> None:
    for operation in OPERATIONS:
        for status, answer in operation.description["responses"].items():
            assert answer["description"] not in ("", "Successful Response"), (operation.operation_id, status)


def test_refusals_declare_their_headers() -> None:
    for operation in OPERATIONS:
        for status, answer in operation.description["responses"].items():
            headers = set(answer.get("headers", ()))
            if status >= "400":
                assert "Cache-Control" in headers, (operation.operation_id, status)
            assert ("WWW-Authenticate" in headers) == (status == "401")
            waits = {"503", "429", "409"} if "Idempotency-Replayed" in str(operation.description["responses"]) else {"503", "429"}
            assert ("Retry-After" in headers) == (status in waits)


def test_security_is_said_of_every_operation() -> None:
    for operation in OPERATIONS:
        is_open = operation.operation_id == "get_health"
        assert operation.description["security"] == ([] if is_open else [{"Tokens": []}])


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_whoever_has_the_description_gets_it_once(deployment: Deployment, path: str) -> None:
    client = Client(deployment.providers, tenant=None)
    first = client.get(path)
    assert first.status == 200
    assert first.headers["cache-control"] == "public, max-age=300"
    tag = first.headers["etag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        again = client.send("GET", path, headers={"if-none-match": known})
        assert (again.status, again.text, again.headers["etag"]) == (304, "", tag)
    assert client.send("GET", path, headers={"if-none-match": '"other"'}).status == 200


def test_readable_text_has_a_pattern_that_refuses_what_the_code_refuses() -> None:
    """All characters: the pattern refuses none that is taken, and every control character and turn of direction."""
    refused = [code for code in range(0x110000) if not re.fullmatch(OF_READABLE, chr(code), re.DOTALL)]
    assert [hex(code) for code in refused if is_readable(chr(code))] == []
    assert {0x00, 0x0A, 0x7F, 0x85, 0xAD, 0x200B, 0x202E, 0x2028, 0x2066, 0xFEFF} <= set(refused)
    assert SCHEMAS["NewAccount"]["properties"]["label"]["pattern"] == OF_READABLE
