"""Names that somebody outside relies on: dashboards, rules on the bus, clients, deployed configuration. They may become more."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from candlecast.domain.account.events import EventType
from candlecast.domain.limits.limits import NAMES
from candlecast.domain.values.reasons import Reason
from candlecast.runtime.batch import OUT_OF_TIME
from candlecast.services.orders.execute_order import METRIC_OF_STATE
from candlecast.signals.refusal import Refusal
from functions.api.app import create_app
from paper_exchange.http.app import create_app as create_paper_exchange
from tests.support.transformed import functions, nested, resources, source, text

ROOT = Path(__file__).resolve().parents[2]
CORE, API = ROOT / "layers" / "core" / "candlecast", ROOT / "functions" / "api"
ERRORS = (
    "InvalidValue",
    "FiringRefused",
    "NotFound",
    "Conflict",
    "Reject",
    "RetryLater",
    "Ambiguous",
    "Fatal",
    "Poison",
    "aws_errors",
)
CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
WITHOUT_A_REASON = ("RECEIVES_SPENT", "TARGET_UNKNOWN", "NOT_INVOKED")  # adapters/sqs/dead_letter_contents.py


def metrics() -> set[str]:
    """Names that the shared package passes to its metrics."""
    found = set(METRIC_OF_STATE.values())
    for tree in _trees().values():
        for call in _calls(tree):
            if isinstance(call.func, ast.Attribute) and "metrics" in ast.unparse(call.func.value) and call.args:
                found |= set(_texts(call.args[0]))
    return found


def error_codes() -> set[str]:
    """Codes of the errors that the shared package and the API raise: answers, log lines, and reasons of dead letters."""
    return _codes(ERRORS)


def dead_letter_reasons() -> set[str]:
    """Codes that put a message aside at once, and those that a letter has for other reasons."""
    return _codes(("Poison",)) | {"RETRIES_SPENT:", OUT_OF_TIME.code, *WITHOUT_A_REASON}


def routes() -> set[str]:
    described = create_app().openapi()["paths"]
    return {f"{method.upper()} {path}" for path, methods in described.items() for method in methods}


def doors() -> set[str]:
    """Routes of the HTTP APIs as the template opens them."""
    return {
        f"{event['Properties']['Method'].upper()} {event['Properties']['Path']}"
        for resource in source(ROOT / "template.yaml")["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "HttpApi"
    }


def paper_routes() -> set[str]:
    app = create_paper_exchange(*cast(Any, (SimpleNamespace(), SimpleNamespace(), str)))
    return {f"{method} {route.path}" for route in cast(Any, app.routes) for method in route.methods}


def environment() -> set[str]:
    """Variables of each function, as its resource sets them."""
    return {
        f"{name} {variable}"
        for name, properties in functions().items()
        for variable in properties.get("Environment", {}).get("Variables", {})
    }


def schedule_inputs() -> set[str]:
    """The input that each schedule gives its function."""
    schedules = resources(nested("Schedules"), "AWS::Scheduler::Schedule").values()
    inputs = (json.loads(text(it["Target"]["Input"])) for it in schedules if "Input" in it["Target"])
    return {f"{name}={value}" for each in inputs for name, value in each.items()}


KINDS: Mapping[str, Callable[[], set[str]]] = {
    "metrics": metrics,
    "events": lambda: {each.value for each in EventType},
    "reason_codes": lambda: {each.value for each in Reason},
    "refusals": lambda: {each.value for each in Refusal},
    "limits": lambda: set(NAMES),
    "error_codes": error_codes,
    "dead_letter_reasons": dead_letter_reasons,
    "routes": routes,
    "doors": doors,
    "paper_routes": paper_routes,
    "environment": environment,
    "schedule_inputs": schedule_inputs,
}


def _codes(callees: tuple[str, ...]) -> set[str]:
    """Codes that are given to one of these, as a literal or by the name of a module's constant."""
    found = set()
    for path, tree in _trees().items():
        for call in _calls(tree):
            if isinstance(call.func, ast.Name) and call.func.id in callees:
                for given in (*call.args, *(keyword.value for keyword in call.keywords)):
                    names = {node.id for node in ast.walk(given) if isinstance(node, ast.Name)}
                    named = {text for name in names for text in _constants(path).get(name, ())}
                    found |= {text for text in (*_texts(given), *named) if CODE.fullmatch(text)}
    return found


@cache
def _trees() -> Mapping[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((*CORE.rglob("*.py"), *API.rglob("*.py")))}


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


@cache
def _constants(path: Path) -> Mapping[str, set[str]]:
    """Texts by the names of a module: its own constants, else constants of the modules from which it may import the name."""
    own = _own_constants(_trees()[path])
    others: dict[str, set[str]] = {}
    imported = {
        alias.asname or alias.name
        for node in ast.walk(_trees()[path])
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for tree in _trees().values():
        for name, value in _own_constants(tree).items():
            if name in imported:
                others.setdefault(name, set()).add(value)
    return {**others, **{name: {text} for name, text in own.items()}}


def _own_constants(tree: ast.Module) -> dict[str, str]:
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _texts(node: ast.AST) -> Iterator[str]:
    return (each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str))
