"""The API's reference, from its OpenAPI document, the catalogue of limits and the codes of its refusals.

`python -m infra.pages.api_reference` writes `docs/api-reference.md`.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from candlecast.domain.account.account import AccountStatus
from candlecast.domain.account.kill_switch import Grade, SwitchScope
from candlecast.domain.backtests.backtest import BacktestStatus
from candlecast.domain.decide.outcome import Outcome
from candlecast.domain.health.health import HealthState
from candlecast.domain.limits.catalogue import CATALOGUE, Enforced, LimitSpec, Tightens
from candlecast.domain.limits.limits import MAX_SET_SIZE, Scope
from candlecast.domain.limits.record import PRODUCT_LIMITS
from candlecast.domain.live.connection import Topic
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.parity.parity import ParityCause
from candlecast.domain.people.approval import Act, ApprovalState
from candlecast.domain.people.request_rate import READS, WRITES
from candlecast.domain.signals.entry_order import EntryType
from candlecast.domain.signals.signal import Action
from candlecast.domain.signals.verdict import VerdictState
from candlecast.domain.strategies.definition import StrategyKind, Visibility
from candlecast.domain.strategies.execution import ExecutionStatus
from candlecast.domain.subscriptions.subscription import AllowedSides, SizingMode, SubscriptionStatus
from candlecast.domain.values.terms import MarginMode, OrderType, PositionMode, PositionSide, Side, TimeInForce, WorkingType
from candlecast.domain.values.timeframe import Timeframe
from functions.api import deps
from functions.api.app import create_app
from functions.api.description.codes import REFUSALS
from functions.api.routes import kill_switches, limits
from functions.api.schemas.limits import LimitsInput
from functions.api.use_cases import strategies, strategy_versions

DOCUMENT = Path(__file__).parents[2] / "docs" / "api-reference.md"
HEADER = """\
# API reference

Every operation, body, setting, limit and refusal of the HTTP API. [Use the API](guides/api.md) is the way through it.

This page is generated from the code: `python -m infra.pages.api_reference`.

Money is a decimal number as text (`"1000.50"`) or a whole number. Instants are RFC 3339 text with a zone, of the
years 2000 to 2099, and are answered in UTC. Unknown fields are refused.
"""
HEADER_NAMES = {"idempotency-key": "Idempotency-Key"}  # the framework takes a parameter's own name
NO_ROLE = "any valid token"
OPEN = "everybody, without a token"
WHO: Mapping[Any, str] = {
    deps.platform_admin: f"`{deps.PLATFORM_ADMIN}`",
    kill_switches._place: f"any valid token for `USER/me`; `{deps.PLATFORM_ADMIN}` for every other place",
    limits._place: f"any valid token for `USER/me`; `{deps.PLATFORM_ADMIN}` for every other level",
    strategies.readable_strategy: "followers of the strategy, and operators",
    strategy_versions.author: "the strategy's owner and collaborators; operators for strategies of the platform",
    deps.caller: NO_ROLE,
}
"""Who may ask, by the first of these dependencies that a route has."""

MORE_FOR_ADMINS = {
    "list_kill_switches": f"any valid token for its own; `{deps.PLATFORM_ADMIN}` sees all",
    "create_strategy": f"any valid token for an uploaded strategy; `{deps.PLATFORM_ADMIN}` for the other kinds",
    "explain_signal": "followers of the strategy, those who have an order of the signal, the strategy's authors, and operators",
    "ask_strategy_parity": "the strategy's owner and collaborators, and operators",
}
MEANINGS: Mapping[type[StrEnum], Mapping[str, str]] = {
    AccountStatus: {
        "NO_CREDENTIALS": "waits for keys",
        "VERIFYING": "takes no entries: its keys are not vetted, or have wrong rights, and `suspensions` says which",
        "ACTIVE": "trades",
        "DISABLED": "trades nothing, exits included; `disabled_reason` says why",
    },
    Scope: {
        "PLATFORM": "everybody; its id is `platform`",
        "ORGANISATION": "the users of an organisation",
        "GROUP": "the users of a group",
        "OPERATIONS": "one user, by the word of operators; you see your own as `me` and cannot change it",
        "USER": "one user, by that user's own word; your own id is `me`",
        "ACCOUNT": "one account: `PUT /v1/accounts/{account_id}/limits`",
        "SUBSCRIPTION": "one subscription: its settings and their `limits`",
    },
    SwitchScope: {
        "PLATFORM": "everybody; its id is `platform`",
        "ORGANISATION": "the users of an organisation",
        "STRATEGY": "every subscription of a strategy",
        "USER": "one user; your own id is `me`",
    },
    Grade: {
        "PAUSE_ENTRIES": "no new entry is sent; entries that rest at the venue stay",
        "REDUCE_ONLY": "as PAUSE_ENTRIES, and resting entries are cancelled",
        "FLATTEN": "as REDUCE_ONLY, and every position is closed at market",
        "HALT_ALL": "neither entries nor exits are sent; exits wait. It closes nothing and overrules FLATTEN",
    },
    Act: {
        "LIFT_SWITCH": "turn a kill switch off, or to a grade that stops less",
        "FLATTEN_PLATFORM": "close every position of everybody",
        "LIFT_LOCK": "end a lock on limits before its time",
    },
    ApprovalState: {
        "PENDING": "waits for a second operator",
        "APPROVED": "a second operator has agreed, and the act is under way",
        "DONE": "the act has happened",
        "REJECTED": "an operator has refused it, or its own asker has withdrawn it",
        "EXPIRED": "nobody has agreed in time",
    },
    ParityCause: {
        "REVISED": "the venue tells a candle otherwise than it told live",
        "GAP": "a candle that live saw is missing now, or was missing then",
        "CODE": "the code that decided is not there any more: nothing can be recomputed, and the run is in no other number",
        "LOOK_AHEAD": "the code decides otherwise once it has candles that close later",
        "LOOKBACK": "the code decides otherwise once it has more history than it declares",
        "CHANCE": "the same code decides otherwise on the same candles",
        "CLOCK": "the candle was not decided: the run came too late, never ended, or never began",
        "UNEXAMINED": "one of many differences, whose cause was not looked for; in no other number if the code refuses the day",
    },
    HealthState: {
        "HEALTHY": "answers in time",
        "DEGRADED": "answers late, was silent once, or is held back by a bound; of the whole: a part is not healthy",
        "DOWN": "was silent at two probes in a row; of the whole: no order can be placed, or nobody knows",
    },
    AllowedSides: {"LONG": "only longs", "SHORT": "only shorts", "BOTH": "both"},
    MarginMode: {
        "CROSS": "the whole account backs every position",
        "ISOLATED": "each position is backed by a margin of its own",
    },
    SubscriptionStatus: {
        "ACTIVE": "takes entries and exits",
        "PAUSED": "takes exits only",
        "CANCELLED": "has ended; exits still close what it holds",
    },
    PositionMode: {
        "ONE_WAY": "one net position in a market",
        "HEDGE": "a long and a short side by side in a market",
    },
    IntentState: {
        "PENDING": "recorded and certainly not sent; it waits",
        "SUBMITTING": "marked for sending: from here on an order may exist",
        "UNKNOWN": "the venue's answer was lost; the order is looked up",
        "OPEN": "rests at the venue",
        "FILLED": "executed in full",
        "CANCELLED": "ended at the venue, all or in part unfilled",
        "REJECTED": "the venue said no",
        "DENIED": "a rule of ours said no",
        "EXPIRED": "it came too late",
        "SKIPPED": "there was nothing to decide",
    },
    Outcome: {
        "PLACED": "an order stands at the venue, or was filled at least in part",
        "UNDER_WAY": "an order waits, is being sent, or is being looked for",
        "DENIED": "a rule of ours said no",
        "SKIPPED": "there was nothing to decide",
        "EXPIRED": "it came too late, or its price was not reached in time",
        "SUPERSEDED": "a newer signal of the same position came first",
        "REJECTED": "the venue said no",
        "CANCELLED": "ended at the venue without a fill",
        "HELD_BACK": "the firewall held the signal back, and nobody was sent anything",
        "NOT_ADDRESSED": "the signal is of another version than the subscription follows",
        "FOLLOWED_LATER": "the subscription was made after the signal",
        "AWAITED": "nothing is decided yet",
        "UNRECORDED": "nothing is recorded, a quarter of an hour after the signal",
    },
    VerdictState: {
        "PASSED": "the signal goes to its followers",
        "QUARANTINED": "the signal goes to nobody, unless an operator releases it",
    },
    LegKind: {
        "EXIT": "closes a position",
        "ENTRY": "opens a position or adds to one",
        "STOP_LOSS": "the stop of a position",
        "TAKE_PROFIT": "a target of a position",
    },
    Visibility: {
        "PRIVATE": "its owner and collaborators may find and follow it",
        "LINK": "so may all who have its link",
        "PUBLIC": "so may everybody",
    },
    StrategyKind: {
        "BUILT_IN": "code of this deployment runs on each candle",
        "EXTERNAL": "signals arrive by webhook",
        "UPLOADED": "code of its owner runs on each candle, in the sandbox",
    },
    BacktestStatus: {},
    Topic: {
        "orders": "your order legs, from the decision to the end",
        "positions": "your positions",
        "signals": "what was decided for you on a signal",
    },
    ExecutionStatus: {
        "RUNNING": "holds the lock of the candle",
        "COMPLETED": "published a signal",
        "NO_SIGNAL": "decided to do nothing",
        "SKIPPED": "the candle came too late or not at all",
        "FAILED": "the strategy's code failed",
    },
    Action: {
        "EXIT": "close a long or a short",
        "LONG": "open a long",
        "SHORT": "open a short",
        "EXIT_LONG": "close a long",
        "EXIT_SHORT": "close a short",
    },
    EntryType: {"MARKET": "at once, at market"},
    TimeInForce: {
        "GTC": "stands until it is cancelled",
        "IOC": "what is not filled at once is gone",
        "FOK": "filled at once as a whole, or not at all",
    },
    WorkingType: {"CONTRACT_PRICE": "the price of the last trade", "MARK_PRICE": "the venue's mark price"},
    OrderType: {
        "MARKET": "at once, at market",
        "LIMIT": "at its price or better",
        "STOP_LIMIT": "at its price or better once triggered",
        "TAKE_PROFIT_MARKET": "a target at market",
        "TAKE_PROFIT_LIMIT": "a target at its price or better",
    },
    Side: {"BUY": "buy", "SELL": "sell"},
    PositionSide: {"LONG": "a long", "SHORT": "a short"},
    SizingMode: {},
    Tightens: {"LOWER": "the lower value is in force", "HIGHER": "the higher value is in force", "LATEST": "the later instant"},
    Enforced: {
        "ENTRY": "a check before each entry",
        "RECONCILER": "the reconciler closes what breaks it",
        "CHANGE": "a check of each change of limits",
    },
    Timeframe: {},
}
"""Meanings of the values of an enumeration, where its own comments do not say."""

NO_BOUND = LimitSpec.most  # above any money or quantity

SHAPES = """\
Shapes of the limits that are no plain values:

- `trading_windows`: `[{"days": [0, 1, 2, 3, 4], "opens": "08:00", "closes": "16:00"}]`. Monday is 0; times are whole minutes of
  UTC. A window that closes before it opens crosses midnight; equal times are a whole day. Entries pass while a window is open.
- `blackouts`: `[{"starts_at": "2026-12-24T00:00:00Z", "ends_at": "2026-12-27T00:00:00Z", "name": "holidays"}]`.
- `correlated_markets`: groups of markets, `[["BTC/USDT:USDT", "ETH/USDT:USDT"]]`. A market in no group is a group of its own.
- `allowed_...` and `denied_markets`: lists. An empty `allowed_...` list of a *limit* allows nothing. The empty
  `allowed_markets` of the *settings* allows every market.
"""


PAGES: dict[str, str] = {}  # the model of each page, by the page's name


def page() -> str:
    """The document."""
    app = create_app()
    described = app.openapi()
    PAGES.update({name: model for name, it in described["components"]["schemas"].items() if (model := listed(it)) is not None})
    schemas = described["components"]["schemas"]
    parts = (
        [HEADER],
        _headers(),
        _operations(app, described),
        _settings(schemas),
        _limits(),
        _enumerations(),
        _bodies(described),
        _refusals(),
    )
    return "\n".join(line for part in parts for line in part)


def shown_models(described: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Objects of the description that the page shows field by field: all but settings and limits, which have their own tables."""
    own = {"NewSettings", "SettingsChange", "LimitsInput", "SettingsView"}
    return {
        name: schema
        for name, schema in described["components"]["schemas"].items()
        if "properties" in schema and name not in own and listed(schema) is None
    }


def listed(schema: Mapping[str, Any]) -> str | None:
    """The model that pages have of this schema; None for any other schema than that of a page."""
    properties = schema.get("properties", {})
    if set(properties) != {"items", "next_cursor"}:
        return None
    return str(properties["items"]["items"]["$ref"].rsplit("/", 1)[1])


def _headers() -> Iterator[str]:
    yield "## Headers\n"
    yield from _table(
        ("header", "of", "meaning"),
        [
            ("`Authorization: Bearer ...`", "request", "The token; every operation but `GET /health` needs one."),
            ("`Content-Type: application/json`", "request", "With every body."),
            (
                "`Idempotency-Key`",
                "request",
                "Every `POST` that does something: 1 to 128 visible ASCII characters. A repeat with the same key does nothing "
                "and gets the first answer for a day. Accounts, subscriptions, closings and backtests answer with the first "
                "result as it is now.",
            ),
            (
                "`ETag`",
                "answer",
                "With everything that is read. Of a single thing it names the version that a change compares, too. `W/` marks "
                "an answer that tells its own moment, which the tag leaves out.",
            ),
            ("`If-None-Match`", "request", "With every `GET`: 304 without a body while the answer is the one with this `ETag`."),
            (
                "`If-Match`",
                "request",
                "With `PUT`, `PATCH` and `DELETE`: the change is made only to the state with this `ETag`, else 412. An "
                "operation that compares no version refuses it. A `POST` does not look at it.",
            ),
            ("`Idempotency-Replayed: true`", "answer", "With the first answer to a repeat."),
            (
                "`RateLimit-Policy`, `RateLimit`",
                "answer",
                f"Your quota ({READS.requests:,} reads and {WRITES.requests:,} writes a minute), and its rest. `q` requests pass "
                "in `w` seconds, `r` are left for `t` seconds. Not with acts that close, cancel, pause or stop something.",
            ),
            ("`Retry-After`", "answer", "With 429, 503, and 409 `REQUEST_IN_PROGRESS`: seconds to wait before the next request."),
            ("`WWW-Authenticate: Bearer`", "answer", "With 401."),
            ("`Cache-Control: no-store`", "answer", "With every refusal."),
        ],
    )


def _operations(app: FastAPI, described: Mapping[str, Any]) -> Iterator[str]:
    routes = {
        (method, route.path): route
        for resource in app.routes
        for route in getattr(resource, "routes", [])
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    yield "## Routes\n"
    for tag in described["tags"]:
        yield f"### Routes of {tag['name']}\n\n{tag['description']}\n"
        for path, methods in described["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation["tags"]:
                    yield from _operation(method.upper(), path, operation, routes[method.upper(), path])


def _operation(method: str, path: str, operation: Mapping[str, Any], route: APIRoute) -> Iterator[str]:
    yield f"#### {method} {path}\n\n{_text(operation['description'])}\n"
    yield f"- Who: {who_may(route)}."
    for parameter in operation.get("parameters", ()):
        meaning = f": {_text(parameter['description'])}" if "description" in parameter else "."
        name = HEADER_NAMES.get(parameter["name"], parameter["name"])
        if name == "If-None-Match":  # of every route that reads; the table of headers has it
            continue
        need = "" if parameter["required"] else ", optional"
        yield f"- {parameter['in'].capitalize()} `{name}`{need}, {_kind(parameter['schema'])}{meaning}"
    body = operation.get("requestBody")
    if body is not None:
        schema = body["content"]["application/json"]["schema"]
        yield f"- Body{'' if body.get('required') else ', optional'}: {_kind(schema)}."
    for status, answer in sorted(operation["responses"].items()):
        if status.startswith("2"):
            yield f"- Answers {status}: {_kind(answer['content']['application/json']['schema'])}."
    refusals = ", ".join(code for code in sorted(operation["responses"]) if code >= "400")
    yield f"- Refuses with {refusals}.\n"


def who_may(route: APIRoute) -> str:
    """Who may ask for an operation, by its dependencies."""
    calls = set(_calls(route.dependant))
    found = next((text for call, text in WHO.items() if call in calls), OPEN)
    return MORE_FOR_ADMINS.get(route.name, found)


def _calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for each in dependant.dependencies:
        yield from _calls(each)


def _settings(schemas: Mapping[str, Any]) -> Iterator[str]:
    yield "## Settings of a subscription\n"
    yield (
        "`POST /v1/subscriptions` takes them as `settings`; only `capital` has no default. `PATCH .../settings` takes those\n"
        "that change: an absent setting stays, and `null` lifts an optional one.\n"
    )
    yield from _fields(schemas["NewSettings"])


def _limits() -> Iterator[str]:
    yield "## All limits\n"
    product = ", ".join(f"`{name}` {value}" for name, value in PRODUCT_LIMITS.given())
    levels = ", ".join(scope.value for scope in Scope)
    properties = LimitsInput.model_json_schema()["properties"]
    yield (
        f"These levels set limits, widest first: {levels}. A lower level can only tighten. An absent limit is\n"
        "not limited at that level; a body of limits replaces all of its level's. These limits count although nobody has set\n"
        f"them: {product}. A set has at most {MAX_SET_SIZE} entries. A value\n"
        "outside of its bounds is refused with `LIMIT_OUT_OF_BOUNDS`. Each `code` is a [reason](reasons.md) of an order.\n"
    )
    yield from _table(
        ("limit", "what it limits", "unit", "type", "bounds", "in force", "measured on", "window", "acts", "code"),
        (_limit(spec, properties[name]) for name, spec in CATALOGUE.items()),
    )
    yield SHAPES


def _limit(spec: LimitSpec, schema: Mapping[str, Any]) -> tuple[str, ...]:
    kind = _kind(schema, nullable=False)
    is_number = kind in ("money", "whole number")
    return (
        f"`{spec.name}`",
        spec.title if spec.part_of is None else f"{spec.title} (part of `{spec.part_of}`)",
        spec.unit,
        kind,
        _range(spec) if is_number else "",
        spec.tightens.value,
        spec.measure.value,
        spec.window.value if spec.window is not None else "",
        spec.enforced.value,
        f"[{spec.reason}](reasons.md#{spec.reason.lower()})",
    )


def _range(spec: LimitSpec) -> str:
    if spec.most == NO_BOUND:
        return f"at least {spec.least:,f}"
    return f"{spec.least:,f} to {spec.most:,f}"


def _enumerations() -> Iterator[str]:
    yield "## Values\n"
    for kind in sorted(MEANINGS, key=lambda it: it.__name__):
        yield f"### {kind.__name__}\n"
        if kind is Timeframe:
            yield ", ".join(f"`{value}`" for value in kind) + "\n"
        else:
            yield from _table(("value", "meaning"), ((f"`{name}`", text) for name, text in meanings_of(kind).items()))


def meanings_of(kind: type[StrEnum]) -> dict[str, str]:
    """The meaning of each value: that of this page, or the comment at the value itself."""
    comments = dict(re.findall(r'^    \w+ = "(\w+)"  # (.+)$', inspect.getsource(kind), re.MULTILINE))
    said = {**comments, **MEANINGS[kind]}
    return {value.value: said[value.value] for value in kind}


def _bodies(described: Mapping[str, Any]) -> Iterator[str]:
    yield "## Bodies\n"
    for name, schema in sorted(shown_models(described).items()):
        yield f"### {name}\n"
        if "description" in schema:
            yield f"{_text(schema['description'])}\n"
        for example in schema.get("examples", ())[:1]:
            yield f"```json\n{json.dumps(example)}\n```\n"
        yield from _fields(schema)


def _fields(schema: Mapping[str, Any]) -> Iterator[str]:
    required, is_request = set(schema.get("required", ())), schema.get("additionalProperties") is False
    head = ("field", "type", "default", "bounds", "meaning") if is_request else ("field", "type", "meaning")
    rows = []
    for name, field in schema["properties"].items():
        cells = [f"`{name}`", _kind(field)]
        if is_request:
            cells += ["required" if name in required else _default(field), _bounds(field)]
        rows.append((*cells, _text(field.get("description", ""))))
    yield from _table(head, rows)


def _default(field: Mapping[str, Any]) -> str:
    value = field.get("default")
    return "none" if value in (None, {}) else f"`{json.dumps(value)}`"


def _bounds(field: Mapping[str, Any]) -> str:
    """Numbers and lengths that the schema itself tells; money's are told in words, as the schema bounds whole numbers alone."""
    if _kind(field, nullable=False) == "money":
        return ""
    of = next((it for it in field.get("anyOf", ()) if it.get("type") != "null" and "pattern" not in it), field)
    of = next((it for it in field.get("anyOf", ()) if "maxLength" in it), of)
    found = []
    if "minimum" in of or "maximum" in of:
        found.append(f"{of.get('minimum', '')} to {of.get('maximum', '')}".replace(".0", ""))
    if "maxLength" in of:
        found.append(f"{of.get('minLength', 0)} to {of['maxLength']} characters")
    if "maxItems" in of:
        found.append(f"{of.get('minItems', 0)} to {of['maxItems']} entries")
    if "maxProperties" in of:
        found.append(f"at most {of['maxProperties']} entries")
    if "pattern" in of and "maxLength" in of:
        found.append(f"`{of['pattern']}`".replace("|", "\\|"))
    return ", ".join(found)


KINDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "flag", "object": "object", "null": "null"}


def _kind(schema: Mapping[str, Any], *, nullable: bool = True) -> str:
    """The type in a word or two, linked where the page shows it."""
    if "$ref" in schema:
        return _link(schema["$ref"].rsplit("/", 1)[1])
    if "const" in schema:
        return f"`{schema['const']}`"
    alternatives = [*schema.get("oneOf", ()), *schema.get("anyOf", ())]
    if alternatives:
        kinds = [_kind(it) for it in alternatives]
        kinds = [it for it in kinds if it != "whole number" or "money" not in kinds]  # which money may be written as, too
        kinds = [it for it in kinds if nullable or it != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        return " or ".join(f"`{it}`" for it in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    if schema.get("format") in ("date-time", "time"):
        return {"date-time": "instant", "time": "time"}[schema["format"]]
    if schema.get("examples") == ["1000.50"]:
        return "money"
    return KINDS.get(schema.get("type", ""), "anything")


def _link(model: str) -> str:
    if model in PAGES:
        return f"page of {_link(PAGES[model])}: `items`, `next_cursor`"
    if model == "LimitsInput":
        return "[limits](#all-limits)"
    if model in ("NewSettings", "SettingsChange", "SettingsView"):
        return "[settings](#settings-of-a-subscription)"
    if model == "Reason":
        return "[reason](reasons.md)"
    return f"[{model}](#{model.lower()})"


def _refusals() -> Iterator[str]:
    yield "## Refusals\n"
    yield "Every refusal is a [Problem](#problem) as `application/problem+json`. `code` is stable, `detail` is for people.\n"
    yield from _table(
        ("status", "code", "meaning", "what to do"),
        (
            (str(status), f"`{code}`", meaning, remedy)
            for status, codes in REFUSALS.items()
            for code, (meaning, remedy) in codes.items()
        ),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for cells in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cells)} |"
    yield ""


def _text(description: str) -> str:
    return re.sub(r"\s+", " ", description).strip()


def main() -> None:
    """Write the page."""
    DOCUMENT.write_text(page())


if __name__ == "__main__":
    main()
