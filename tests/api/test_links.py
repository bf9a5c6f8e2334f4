"""Links lead from an answer to the operations that take its ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from functions.api.description.links import link
from tests.support.routes import Operation, document, operations

DOCUMENT = document()
LINKS = DOCUMENT["components"]["links"]
OPERATIONS = {it.operation_id: it for it in operations()}
BODY = "$response.body#/"
WITHOUT = {"list_clock_entries"}  # no answer has the timeframes in a list of things


def linked(operation: Operation) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names of links, and the example of the answer that has them."""
    for answer in operation.description["responses"].values():
        for name, reference in answer.get("links", {}).items():
            assert reference == {"$ref": f"#/components/links/{name}"}
            yield name, answer["content"]["application/json"].get("example")


def value_at(body: Any, expression: str) -> Any:
    for step in expression.removeprefix(BODY).split("/"):
        body = body[int(step)] if isinstance(body, list) else body[step]
    return body


def test_every_operation_on_one_thing_is_linked_to() -> None:
    used = {LINKS[name]["operationId"] for it in OPERATIONS.values() for name, _ in linked(it)}
    assert {name for name, it in OPERATIONS.items() if "{" in it.path} - used == WITHOUT


@pytest.mark.parametrize("name", LINKS)
def test_a_link_fills_the_path_of_its_operation(name: str) -> None:
    target = OPERATIONS[LINKS[name]["operationId"]]
    assert set(LINKS[name]["parameters"]) == set(target.path_ids(**dict.fromkeys(LINKS[name]["parameters"], "x")))


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda it: it.operation_id)
def test_a_link_finds_its_ids_in_the_example(operation: Operation) -> None:
    for name, example in linked(operation):
        if example is not None and example.get("items", True):
            for expression in LINKS[name]["parameters"].values():
                assert isinstance(value_at(example, expression), (str, int)), name


@pytest.mark.parametrize(
    ("operation_id", "links"),
    [
        ("create_account", {"get_account", "put_credentials", "rename_account", "retire_account"}),
        ("create_subscription", {"get_subscription", "update_subscription", "cancel_subscription", "get_strategy"}),
        ("create_strategy", {"get_strategy_of_strategy", "add_version_of_strategy", "retire_strategy_of_strategy"}),
        ("add_version", {"get_version_of_version", "release_version_of_version"}),
        ("ask_backtest", {"get_backtest", "get_backtest_results", "cancel_backtest"}),
        ("list_orders", {"get_order_of_list", "cancel_order_of_list", "get_subscription_of_list"}),
        ("put_kill_switch", {"delete_kill_switch", "get_approval"}),
    ],
)
def test_what_is_made_leads_to_what_is_done_with_it(operation_id: str, links: set[str]) -> None:
    assert links <= {name for name, _ in linked(OPERATIONS[operation_id])}


def test_an_answer_leads_to_no_act_on_another_thing() -> None:
    assert {name for name, _ in linked(OPERATIONS["get_order"])} & {
        "retire_account",
        "cancel_subscription",
        "put_limits",
    } == set()


def test_an_id_that_may_be_absent_is_no_link() -> None:
    answer: dict[str, Any] = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}
    reading = {"operationId": "get_a", "responses": {"200": answer}}
    kinds = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    made: dict[str, Any] = {
        "paths": {"/a/{a_id}": {"get": reading}},
        "components": {"schemas": {"A": {"properties": {"a_id": kinds}}}},
    }
    link(made)
    assert "links" not in answer
    made["components"]["schemas"]["A"]["properties"]["a_id"] = {"type": "string"}
    link(made)
    assert list(answer["links"]) == ["get_a"]
