"""Resources whose routes are loaded by the first request for them: a request meets one resource, and a start pays for none
(decision 0038).

An application holds one `Resource` for each first word of its paths. FastAPI's own `include_router` would work every route out
twice, at import and again at the first request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from importlib import import_module
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from functions.api.openapi import refusals
from functions.api.strictness import StrictRoute

VERSION = "/v1"
ROUTES = "functions.api.routes"
FORM_REFUSALS = (413, 422)  # of any route: a body that is too large, a parameter that is unknown
ALLOWED = "candlecast.allowed_methods"  # in the scope of a request whose path exists and whose method does not


@dataclass(frozen=True, slots=True)
class Overrides:
    """The providers to call in place of others, as FastAPI asks an application for them. Empty, but for tests."""

    dependency_overrides: dict[Callable[..., Any], Callable[..., Any]] = field(default_factory=dict)


OVERRIDES = Overrides()  # shared by all applications: a module's routes are made once


def resource_router(path: str, tag: str, *statuses: int) -> APIRouter:
    """The router of one module of routes below `path`; each route may refuse with these statuses, and for its form."""
    return APIRouter(
        prefix=path,
        tags=[tag],
        responses=refusals(*sorted({*statuses, *FORM_REFUSALS})),
        generate_unique_id_function=_operation_id,
        dependency_overrides_provider=OVERRIDES,
        route_class=StrictRoute,
    )


class Resource(BaseRoute):
    """Everything below one path; its modules of routes, in their order, are imported when something there is asked for."""

    def __init__(self, path: str, *modules: str) -> None:
        self.path = path
        self.modules = modules

    @cached_property
    def routes(self) -> list[BaseRoute]:
        """The routes themselves."""
        return [route for name in self.modules for route in import_module(f"{ROUTES}.{name}").router.routes]

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """The first route of path and method, else every method that the path has, for the answer 405.

        For all methods, a path in words comes before a path with a parameter in the place of a word.
        """
        none: tuple[Match, Scope] = Match.NONE, {}
        if scope["type"] != "http" or not f"{scope['path']}/".startswith(f"{self.path}/"):
            return none
        found = [(route, *it) for route in self.routes if (it := route.matches(scope))[0] is not Match.NONE]
        fewest = min((len(child_scope["path_params"]) for _, _, child_scope in found), default=0)
        meant = [it for it in found if len(it[2]["path_params"]) == fewest]
        allowed = {method for route, _, _ in meant for method in getattr(route, "methods", ())}
        for _, match, child_scope in meant:
            if match is Match.FULL:
                return match, child_scope
        return (Match.PARTIAL, {**meant[0][2], ALLOWED: allowed}) if meant else none

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the route that `matches` has found answer; raises `HTTPException` where there is none for the method."""
        if ALLOWED in scope:
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(sorted(scope[ALLOWED]))})
        found: Any = scope["route"]
        await found.handle(scope, receive, send)


def _operation_id(route: APIRoute) -> str:
    """The function's name: clients are generated from it, so it is as stable as the path."""
    return route.name
