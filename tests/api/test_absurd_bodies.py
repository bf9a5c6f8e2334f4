"""Every body of every operation with absurd values: each answer is documented, and none is a fault of ours.

The bodies follow from the OpenAPI document, so a new field is covered by itself.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import pytest

from tests.api.conftest import EXTERNAL, ORDER, Deployment
from tests.support.builders import ACCOUNT, STRATEGY, SUBSCRIPTION
from tests.support.gateway import CONTEXT, http_event, provide, the_adapter, the_app
from tests.support.routes import Operation, body_examples, document, operations
from tests.support.steps import steps_of

pytestmark = pytest.mark.slow

DOCUMENT = document()
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = operations()
WITH_BODY = [it for it in OPERATIONS if "requestBody" in it.description]
IDS = {"subscription_id": SUBSCRIPTION, "account_id": ACCOUNT, "order_id": ORDER, "strategy_id": EXTERNAL}
MARK = "XmarkX7"  # in absurd text, to be found in an answer that repeats its request
SEED = 20261129
BODIES = 300  # in `make check`
MANY_BODIES = 50_000  # in `make prove`
MAX_STEPS = 400_000  # of Python's lines for the worst body; a usual one takes some 3,000

# JSON texts, since Python's own numbers cannot say them all
NUMBERS = (
    *("0", "-0", "-1", "1", "1.0", "0.1", "-0.0", "1e999999999", "-1e999999999", "1e-999999999", "1e400", "1E+5", "1" * 40),
    *("9" * 10_000, "0." + "1" * 10_000, "1e" + "9" * 100, "true", "false", "null", "NaN", "Infinity", "-Infinity"),
    *(str(2**63), str(-(2**63) - 1), str(10**18), str(10**17)),
)
TEXTS = (
    *("", " ", "0", "1", "-1", "1.0", "1e5", "1e999999999", "1e-999999999", "NaN", "sNaN", "Infinity", "-0", "+1"),
    *("\u0663", "\uff11", "1_000", "0x10", "9" * 18, "9" * 19, "9" * 10_000, "0." + "0" * 17 + "1", "0." + "1" * 10_000),
    *("999999999999999999.999999999999999999", "\u202e1", "1\n", "\x00", MARK, MARK * 2_000, "null"),
    *("2026-12-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "20261201", "08:00", "24:00"),
)
LISTS = (json.dumps([MARK] * 1_000), json.dumps(list(range(1_000))), "[" * 100 + "]" * 100)
OTHERS = ("[]", "{}", "[[]]", '{"": ""}', "[null]", "[true]", *LISTS)
ABSURD = (*NUMBERS, *map(json.dumps, TEXTS), *OTHERS)
ODD_BODIES = (
    *(b"", b" ", b"null", b"[]", b'""', b"0", b"{", b"{}{}", b"\xff", b"\xef\xbb\xbf{}", b"\x00", "{}".encode("utf-16")),
    *(b"[" * 32_000, b'{"a":' * 6_000, b'{"' + b"a" * 30_000 + b'":1}', b'{"a":1,"a":2}', b"x" * 32_768, b"x" * 32_769),
    *(b'{"\\ud800":"\\udfff"}', b"{}" + b" " * 30_000, json.dumps({f"k{number}": number for number in range(2_000)}).encode()),
)
CONTENT_TYPES = (
    "application/json",
    "application/json; charset=utf-16",
    "text/plain",
    "application/xml",
    "multipart/form-data",
    "",
    "x",
)


class Raw:
    """A JSON text that stands where a value would."""

    def __init__(self, text: str) -> None:
        self.text = text


def rendered(value: object) -> str:
    """JSON of the value with its raw texts as they are."""
    match value:
        case Raw():
            return value.text
        case Mapping():
            return "{" + ",".join(f"{json.dumps(name)}:{rendered(each)}" for name, each in value.items()) + "}"
        case list():
            return "[" + ",".join(map(rendered, value)) + "]"
    return json.dumps(value)


def sample(schema: Mapping[str, Any], random: Random, depth: int = 0) -> Any:
    """A plausible value with every property that the schema names, so that each field can be made absurd."""
    if "$ref" in schema:
        return sample(SCHEMAS[schema["$ref"].rsplit("/", 1)[1]], random, depth + 1)
    if "const" in schema or "enum" in schema:
        return schema.get("const", random.choice(schema.get("enum", [None])))
    for choice in ("oneOf", "anyOf"):
        if choice in schema:
            return sample(random.choice([it for it in schema[choice] if it.get("type") != "null"]), random, depth + 1)
    if schema.get("type") == "object":
        return {name: sample(it, random, depth + 1) for name, it in schema.get("properties", {}).items()}
    if schema.get("type") == "array":
        return [sample(schema.get("items") or schema["prefixItems"][0], random, depth + 1)]
    if schema.get("examples"):
        return random.choice(schema["examples"])
    return {"integer": 1, "boolean": True, "number": 1}.get(str(schema.get("type")), "x")


def places(value: object, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in the value, itself included."""
    yield at
    for step, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*at, step))


def replaced(value: Any, at: tuple[str | int, ...], by: Raw) -> Any:
    if not at:
        return by
    made = copy.copy(value)
    made[at[0]] = replaced(value[at[0]], at[1:], by)
    return made


def schema_of(operation: Operation) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = operation.description["requestBody"]["content"]["application/json"]["schema"]
    return schema


def send(operation: Operation, body: bytes | None, content_type: str = "application/json") -> tuple[int, str]:
    event = http_event(
        operation.method,
        operation.url(**IDS),
        claims={"sub": "tenant-1", "cognito:groups": "[platform_admin]"},
        headers={"content-type": content_type},
    )
    if body is not None:
        event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    answer = the_adapter()(event, CONTEXT)
    return int(answer["statusCode"]), str(answer["body"])


def check(operation: Operation, body: bytes | None, content_type: str = "application/json") -> int:
    """Send it; the answer is documented, no fault of ours, and repeats nothing."""
    status, text = send(operation, body, content_type)
    where = (operation.operation_id, (body or b"")[:200], status, text[:500])
    assert str(status) in operation.description["responses"], where
    assert status < 500, where
    if status >= 400:
        assert MARK not in text, where
        assert len(text) < 10_000, where
    return status


def mutated(random: Random, count: int) -> Iterator[tuple[Operation, bytes]]:
    """Bodies with one to three absurd places."""
    for number in range(count):
        operation = WITH_BODY[number % len(WITH_BODY)]
        examples = body_examples(operation.description, SCHEMAS)
        value = random.choice(examples) if examples and random.random() < 0.3 else sample(schema_of(operation), random)
        for _ in range(random.randint(1, 3)):
            found = list(places(value))
            value = replaced(value, random.choice(found[1:] or found), Raw(random.choice(ABSURD)))
        yield operation, rendered(value).encode()


@pytest.fixture
def fuzzed(populated: Deployment) -> Deployment:
    provide(the_app(), populated.providers)
    return populated


def test_every_field_of_every_body_is_reached() -> None:
    random = Random(SEED)
    reached = {step for it in WITH_BODY for _ in range(30) for at in places(sample(schema_of(it), random)) for step in at}
    assert {"max_leverage", "limits_locked_until", "days", "opens", "starts_at", "capital", "value", "price", "share"} <= reached


@pytest.mark.slow
@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda it: it.operation_id)
def test_each_field_takes_each_absurd_value_calmly(fuzzed: Deployment, operation: Operation) -> None:
    """Each place of one body with values that change from field to field, so that all meet every kind within a few runs."""
    random = Random(SEED)
    value = sample(schema_of(operation), random)
    absurd = [ABSURD[at * 7 % len(ABSURD)] for at in range(200)]
    for number, at in enumerate(places(value)):
        for text in (absurd[number % 200], "1e999999999"):
            check(operation, rendered(replaced(value, at, Raw(text))).encode())


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda it: it.operation_id)
def test_each_operation_takes_odd_bodies_calmly(fuzzed: Deployment, operation: Operation) -> None:
    for number, body in enumerate(ODD_BODIES):
        check(operation, body, CONTENT_TYPES[number % len(CONTENT_TYPES)])
    check(operation, b'{"a": "' + MARK.encode() + b'"}')


def test_mutated_bodies_are_answered_as_documented(fuzzed: Deployment) -> None:
    walk(fuzzed, Random(SEED), BODIES)


@pytest.mark.prove
def test_many_mutated_bodies_are_answered_as_documented(fuzzed: Deployment) -> None:
    walk(fuzzed, Random(SEED + 1), MANY_BODIES)


def walk(deployment: Deployment, random: Random, count: int) -> None:
    """No body leaves an order, or settings that cannot be read again."""
    statuses = {check(operation, body) for operation, body in mutated(random, count)}
    assert {200, 422} <= statuses
    assert deployment.trade_queue.sent == []
    for path in (
        f"/v1/subscriptions/{SUBSCRIPTION}",
        "/v1/limits/levels/USER/me",
        f"/v1/accounts/{ACCOUNT}",
        f"/v1/strategies/{STRATEGY}",
    ):
        assert deployment.client.get(path).status == 200


def worst_bodies() -> Iterator[tuple[str, bytes]]:
    days = [0, 1, 2, 3, 4, 5, 6]
    window = {"days": days, "opens": "00:00", "closes": "00:01"}
    limits = {
        "many windows": {"trading_windows": [{**window, "opens": f"{n // 60:02}:{n % 60:02}"} for n in range(400)]},
        "many days": {"trading_windows": [{**window, "days": days * 40}] * 35},
        "many markets": {"denied_markets": [f"A{n}/USDT:USDT" for n in range(1_500)]},
        "many groups": {"correlated_markets": [[f"A{n}"] for n in range(3_000)]},
        "many unknown": {f"k{n}": 1 for n in range(2_400)},
        "long number": {"max_leverage": "9" * 30_000},
    }
    for name, body in limits.items():
        yield name, json.dumps(body).encode()[:32_768]
    yield "deep", b"[" * 32_000
    yield "brackets in text", json.dumps({"max_leverage": "[{" * 16_000}).encode()
    yield "long digits", b'{"max_leverage": ' + b"9" * 32_000 + b"}"


@pytest.mark.parametrize(("name", "body"), list(worst_bodies()), ids=lambda it: it if isinstance(it, str) else "")
def test_the_worst_bodies_take_a_bounded_number_of_steps(fuzzed: Deployment, name: str, body: bytes) -> None:
    (operation,) = [it for it in OPERATIONS if it.operation_id == "put_limits"]
    send(operation, b"{}")  # what is made once is no work of the body
    assert steps_of(lambda: send(operation, body), MAX_STEPS) > 0
