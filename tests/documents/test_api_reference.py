"""docs/api-reference.md shows the API as it is, bounds and codes included: `python -m infra.pages.api_reference` writes it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from candlecast.domain.subscriptions.subscription import Settings
from candlecast.domain.values.errors import DomainError
from candlecast.sandbox.protocol.refusal import CODES, SANDBOX_REQUEST_INVALID
from functions.api.app import create_app
from functions.api.description.codes import REFUSALS
from functions.api.problems import STATUS_OF_ERROR
from functions.api.schemas.subscriptions import NewSettings, SettingsView
from infra.pages.api_codes import NEVER_ANSWERED
from infra.pages.api_reference import (
    DOCUMENT,
    MEANINGS,
    NO_ROLE,
    OPEN,
    meanings_of,
    page,
    shown_models,
    who_may,
)

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
BASES = (ROOT / "layers" / "core", ROOT)
APP = create_app()
ROUTES = {route.name: route for resource in APP.routes for route in getattr(resource, "routes", [])}
ERRORS = {
    "InvalidValue",
    "NotFound",
    "Conflict",
    "PreconditionFailed",
    "Reject",
    "Fatal",
    "RetryLater",
    "Ambiguous",
    "Poison",
    "StrategyError",
    "CodeRefused",
}
NAMED_BY_CONSTANT = {"UNAVAILABLE", "RESERVATION_CHANGED", "SLOT_CHANGED"}
OF_FRAMEWORK = {
    "UNAUTHENTICATED",
    "FORBIDDEN",
    "FOLLOWERS_ONLY",
    "METHOD_NOT_ALLOWED",
    "BODY_TOO_LARGE",
    "INVALID_REQUEST",
    "INTERNAL_ERROR",
}
NOT_OF_THE_API = (
    "candlecast.runtime.compose",
    "candlecast.strategy.guard",
    "candlecast.adapters.backtest_engine",
    "candlecast.adapters.sweep_engine",
)


def test_the_document_is_what_the_code_says() -> None:
    assert DOCUMENT.read_text() == page()


def test_every_operation_and_model_is_shown() -> None:
    text = page()
    described = APP.openapi()
    for path, methods in described["paths"].items():
        for method in methods:
            assert f"#### {method.upper()} {path}\n" in text
    for model in shown_models(described):
        assert f"### {model}\n" in text


def test_no_two_headings_share_an_anchor() -> None:
    headings = re.findall(r"^#+ (.+)$", page(), re.MULTILINE)
    assert len(headings) == len({heading.lower() for heading in headings})


@pytest.mark.parametrize(
    ("operation", "who"),
    [
        ("get_health", OPEN),
        ("list_orders", NO_ROLE),
        ("create_strategy", "any valid token for an uploaded strategy; `platform_admin` for the other kinds"),
        ("put_source", "`platform_admin`"),
        ("get_pool", "`platform_admin`"),
        ("put_membership", "`platform_admin`"),
        ("put_kill_switch", "any valid token for `USER/me`; `platform_admin` for every other place"),
        ("put_limits", "any valid token for `USER/me`; `platform_admin` for every other level"),
    ],
)
def test_the_page_tells_who_may_ask(operation: str, who: str) -> None:
    assert who_may(ROUTES[operation]) == who


@pytest.mark.parametrize("kind", MEANINGS, ids=lambda kind: kind.__name__)
def test_every_value_of_an_enumeration_is_explained(kind: Any) -> None:
    if kind.__name__ != "Timeframe":
        assert all(meanings_of(kind).values())


def test_every_enumeration_of_the_api_is_explained() -> None:
    schemas = APP.openapi()["components"]["schemas"]
    named = {name for name, schema in schemas.items() if "enum" in schema}
    assert named - {"Reason"} <= {kind.__name__ for kind in MEANINGS}


def test_every_setting_says_what_it_means() -> None:
    assert set(NewSettings.model_fields) == set(SettingsView.model_fields)
    assert [name for name, field in NewSettings.model_fields.items() if not field.description] == []


# Bounds that the domain checks and a description names: values at the bounds, and values beyond them.
BOUNDS: Mapping[str, tuple[Sequence[Any], Sequence[Any]]] = {
    "capital": (["0.000000000000000001"], ["0", "-1"]),
    "risk_per_trade_percent": (["0.1", "100"], ["0", "100.1"]),
    "leverage": (["1", "125"], ["0", "126", "1.5"]),
    "max_daily_loss_percent": (["0.1", "100"], ["0", "100.1"]),
    "max_order_notional": (["0.1", None], ["0"]),
    "stop_atr_multiplier": (["0.1", "1000", None], ["0"]),
    "target_atr_multiplier": (["0.1", "1000", None], ["0"]),
    "win_rate": (["0.1", "1", None], ["0", "1.1"]),
    "payoff_ratio": (["0.1", "1000", None], ["0"]),
    "kelly_cap_percent": (["0.1", "100"], ["0", "100.1"]),
    "trailing_stop_percent": (["0.1", "99.9", None], ["0", "100"]),
    "trailing_stop_atr_multiplier": (["0.1", "99.9", None], ["0", "100"]),
    "trailing_activation_percent": (["0.1", "99.9", None], ["0", "100"]),
    "break_even_after_r": (["0.1", "99.9", None], ["0", "100"]),
    "max_positions": ([1, 20], [0, 21]),
    "max_signal_age_seconds": ([5, 900], [4, 901]),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_the_bounds_of_a_setting_are_those_that_its_description_names(name: str) -> None:
    taken, refused = BOUNDS[name]
    for value in taken:
        made = NewSettings.model_validate({"capital": "1000", name: value}).to_domain()
        shown = getattr(made, name)
        assert shown == (Decimal(value) if isinstance(value, str) else value)
    for value in refused:
        with pytest.raises((DomainError, ValueError)):
            NewSettings.model_validate({"capital": "1000", name: value}).to_domain()
    described = NewSettings.model_fields[name].description or ""
    if "above 0" in described:
        assert "0" in map(str, refused)
    if "at most 100" in described:
        assert "100" in map(str, taken)
    if "below 100" in described:
        assert "100" in map(str, refused)


def test_every_number_among_the_settings_has_its_bounds_tried() -> None:
    numbers = {name for name, kind in Settings.__annotations__.items() if "Decimal" in kind or kind == "int"}
    assert numbers == set(BOUNDS)


def test_the_default_of_every_setting_is_the_domains() -> None:
    made = NewSettings.model_validate({"capital": "1000"}).to_domain()
    assert made == Settings(capital=Decimal(1000))


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Every module that the API can reach, and every adapter but those of exchanges."""
    wanted = ["functions.api.handler"]
    wanted += [f"functions.api.routes.{path.stem}" for path in (ROOT / "functions/api/routes").glob("*.py")]
    adapters = (
        path for path in (BASES[0] / "candlecast/adapters").rglob("*.py") if "ccxt" not in path.read_text(encoding="utf-8")
    )
    wanted += [".".join(path.relative_to(BASES[0]).with_suffix("").parts) for path in adapters]
    seen: set[str] = set()
    while wanted:
        module = wanted.pop()
        name = module.replace(".", "/")
        files = (base / file for base in BASES for file in (f"{name}.py", f"{name}/__init__.py"))
        path = next((file for file in files if file.is_file()), None)
        if module in seen or module.startswith(NOT_OF_THE_API) or path is None:
            continue
        seen.add(module)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        yield module, tree
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in ("candlecast", "functions"):
                wanted += [node.module, *(f"{node.module}.{it.name}" for it in node.names)]


@cache
def raised_codes() -> set[str]:
    """Codes that are written where an error is made, or in a constant that such a place names."""
    found = set(CODES - {SANDBOX_REQUEST_INVALID})  # a check hands on those of the sandbox
    for _, tree in sources():
        constants = {
            target.id: node.value.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id in NAMED_BY_CONSTANT
        }
        found |= {str(code) for code in constants.values()}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ERRORS | {"RefusedLetter", "StopLimit"}:
                places = [keyword.value for keyword in node.keywords if keyword.arg == "code"] + node.args[:1]
                said = [it.value for it in places if isinstance(it, ast.Constant) and isinstance(it.value, str)]
                reasons = {it.attr for it in places if isinstance(it, ast.Attribute) and ast.unparse(it.value) == "Reason"}
                found |= {code for code in said if code.isupper()} | reasons
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict) and ast.unparse(node.targets[0]) == "_REFUSED":
                found |= {ast.literal_eval(code_and_text)[0] for code_and_text in node.value.values}
    return found


def test_every_code_that_the_api_can_raise_is_explained_or_said_to_be_never_answered() -> None:
    explained = {code for codes in REFUSALS.values() for code in codes}
    own_defaults = {"INVALID_VALUE", "NOT_FOUND", "PRECONDITION_FAILED", "REQUEST_IN_PROGRESS", "TOO_MANY_REQUESTS"}
    assert raised_codes() - explained == set(NEVER_ANSWERED)
    assert explained - raised_codes() == OF_FRAMEWORK | own_defaults


def test_every_status_of_a_domain_error_is_explained() -> None:
    assert {status for _, status in STATUS_OF_ERROR} <= set(REFUSALS)
