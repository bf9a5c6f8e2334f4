"""The routes that are loaded later answer as if they had always been there."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.routing import Match

from functions.api.app import resources
from functions.api.resources import ALLOWED, Resource

MODULES = sorted(path.stem for path in (Path(__file__).parents[2] / "functions" / "api" / "routes").glob("[!_]*.py"))


def resource(path: str) -> Resource:
    [found] = [it for it in resources() if isinstance(it, Resource) and it.path == path]
    return found


def test_every_module_of_routes_belongs_to_one_resource() -> None:
    assert sorted(name for it in resources() if isinstance(it, Resource) for name in it.modules) == MODULES


def test_every_route_lies_below_the_path_of_its_resource_and_no_other() -> None:
    paths = [it.path for it in resources() if isinstance(it, Resource)]
    for it in resources():
        assert isinstance(it, Resource)
        assert it.routes
        for route in it.routes:
            below = [path for path in paths if f"{getattr(route, 'path', '')}/".startswith(f"{path}/")]
            assert below == [it.path]


@pytest.mark.parametrize(
    ("method", "path", "match"),
    [
        ("GET", "/v1/accounts", Match.FULL),
        ("PUT", "/v1/accounts/a/credentials", Match.FULL),
        ("PUT", "/v1/accounts/a", Match.PARTIAL),
        ("GET", "/v1/accounts/a/b/c", Match.NONE),
        ("GET", "/v1/accountsx", Match.NONE),
        ("GET", "/v1", Match.NONE),
    ],
)
def test_a_resource_takes_what_one_of_its_routes_takes(method: str, path: str, match: Match) -> None:
    taken, child_scope = resource("/v1/accounts").matches({"type": "http", "method": method, "path": path})
    assert taken is match
    assert ("route" in child_scope) == (match is not Match.NONE)


def test_a_path_in_words_comes_before_one_with_a_parameter_in_their_place() -> None:
    """`redrive` is a word of a path, and no id of a dead letter that could be read or dropped."""
    match, child_scope = resource("/v1/dead-letters").matches(
        {"type": "http", "method": "DELETE", "path": "/v1/dead-letters/trade/redrive"}
    )
    assert (match, child_scope[ALLOWED]) == (Match.PARTIAL, {"POST"})


def test_a_path_that_is_not_below_a_resource_loads_nothing() -> None:
    accounts = resource("/v1/accounts")
    accounts.matches({"type": "http", "method": "GET", "path": "/v1/orders"})
    assert "routes" not in vars(accounts)


def test_a_method_that_another_module_of_the_resource_takes_is_found_behind_one_that_does_not() -> None:
    match, child_scope = resource("/v1/limits").matches({"type": "http", "method": "GET", "path": "/v1/limits/pools/fund-1"})
    assert match is Match.FULL
    assert child_scope["route"].name == "get_pool"
