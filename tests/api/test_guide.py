"""The guide to the API says what the code does."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from candlecast.adapters.dynamodb.single_table.listing import ROWS_OF_A_FILTERED_PAGE
from candlecast.domain.account.account import MAX_SUBSCRIPTIONS_PER_ACCOUNT
from candlecast.domain.health.health import SILENT_AFTER
from candlecast.domain.subscriptions.subscription import MAX_ALLOWED_MARKETS
from candlecast.services.account.open_account import MAX_ACCOUNTS
from candlecast.services.subscriptions.measure_subscription import MAX_ORDERS, MAX_TRADES
from candlecast.services.subscriptions.subscribe import MAX_SUBSCRIPTIONS
from functions.api.app import create_app
from functions.api.deps import MAX_PAGE_SIZE, PLATFORM_ADMIN
from functions.api.guards import MAX_BODY_BYTES
from functions.api.problems import PLACE, Problem
from functions.api.schemas.backtests import NewBacktest
from infra.pages.api_reference import OPEN, who_may
from tests.api.conftest import Deployment, made_deployment, populate
from tests.api.examples import OUTSIDE, denied_order, received
from tests.support.builders import STRATEGY, an_execution
from tests.support.routes import operations

GUIDE = (Path(__file__).parents[2] / "docs/guides/api.md").read_text()


def test_every_operation_is_in_the_table() -> None:
    table = GUIDE[GUIDE.index("## Operations") : GUIDE.index("## Refusals")]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    for operation in operations():
        thing, *rest = operation.path.removeprefix("/v1").strip("/").split("/")
        words = [operation.method, *(f"/{it}" for it in (thing, *rest[-1:]))]
        fitting = [row for row in rows if all(word in row for word in words)]
        assert fitting, operation.operation_id


def test_the_limits_are_the_codes() -> None:
    text = re.sub(r"\s+", " ", GUIDE[GUIDE.index("## Limits") :])
    assert f"{MAX_ACCOUNTS} accounts and {MAX_SUBSCRIPTIONS} subscriptions" in text
    assert f"{MAX_SUBSCRIPTIONS_PER_ACCOUNT} live subscriptions per account" in text
    assert f"{MAX_ALLOWED_MARKETS} allowed markets" in text
    assert f"{MAX_BODY_BYTES // 1024} kB" in text
    assert f"pages of {MAX_PAGE_SIZE}" in text
    assert f"{MAX_TRADES} trades" in text
    assert f"{MAX_ORDERS} orders" in text
    assert f"older than {int(SILENT_AFTER.total_seconds() // 60)} minutes" in GUIDE


def examples_of(heading: str) -> list[str]:
    section = GUIDE[GUIDE.index(f"{heading}\n") + len(heading) :].split("\n## ")[0]
    return re.findall(r"```json\n(.*?)```", section, re.DOTALL)


def test_the_examples_of_backtests_are_some() -> None:
    backtest, sweep = map(json.loads, examples_of("## Backtests"))
    for example in (backtest, sweep):
        assert NewBacktest.model_validate(example).model_dump(mode="json", exclude_unset=True) == example
    assert "sweep" in sweep


def test_the_example_of_a_refusal_is_one() -> None:
    [example] = examples_of("## Refusals")
    assert Problem.model_validate(json.loads(example)).model_dump(exclude=set(PLACE)) == json.loads(example)


def test_what_needs_the_role_is_listed() -> None:
    text = re.sub(r"\s+", " ", GUIDE[GUIDE.index("There is one role") : GUIDE.index("## First order")])
    words_of = {
        "create_strategy": "create a built-in or an external strategy",
        "rotate_source_secret": "rotate the secret",
        "revoke_previous_secret": "rotate the secret",
        "get_source": "show or change its source",
        "put_source": "show or change its source",
        "update_source": "show or change its source",
        "list_quarantined_signals": "see quarantined signals",
        "release_signal": "release one",
        "list_dead_letters": "dead letters",
        "get_dead_letter": "read",
        "redrive_dead_letters": "redrive",
        "drop_dead_letter": "drop",
        "get_clock": "see the candle clock",
        "list_clock_entries": "see the candle clock",
        "put_membership": "where a user belongs",
        "get_pool": "read or set the pool",
        "put_pool": "read or set the pool",
        "get_limits": "read or set the limits of the platform, an organisation, a group, or another user",
        "put_limits": "read or set the limits of the platform, an organisation, a group, or another user",
        "put_kill_switch": "see, set or clear the kill switch of the platform, an organisation, a strategy, or another user",
        "delete_kill_switch": "see, set or clear the kill switch of the platform, an organisation, a strategy, or another user",
        "get_kill_switch": "see, set or clear the kill switch of the platform, an organisation, a strategy, or another user",
        "list_kill_switches": "list those of others",
        "delete_lock": "ask for an act that needs two operators",
        "list_approvals": "approve what another has asked for",
        "get_approval": "approve what another has asked for",
        "approve_act": "approve what another has asked for",
        "reject_act": "reject it",
    }
    needing = {name for name, route in routes().items() if PLATFORM_ADMIN in who_may(route)}
    assert needing == set(words_of)
    assert all(words in text for words in words_of.values())


def test_only_health_needs_no_token() -> None:
    assert [name for name, route in routes().items() if who_may(route) == OPEN] == ["get_health"]


def routes() -> dict[str, Any]:
    """Every route by the name of its operation."""
    return {route.name: route for resource in create_app().routes for route in getattr(resource, "routes", [])}


def test_the_first_request_of_the_guide_is_answered() -> None:
    first = GUIDE[GUIDE.index("```sh") :]
    [path] = re.findall(r'^curl -H "Authorization: Bearer \$TOKEN" \$API(\S+)$', first[: first.index("```\n", 5)], re.MULTILINE)
    assert Deployment().client.get(path).status == 200


def test_the_requests_for_lists_are_answered(populated: Deployment) -> None:
    section = GUIDE[GUIDE.index("## Lists\n") : GUIDE.index("## Why\n")]
    requests = re.findall(r'"\$API(/v1/[^"?]+)\?([^"]+)"', section)
    assert len(requests) == section.count("curl ")
    for path, query in requests:
        answer = populated.client.get(path, **dict(parse_qsl(query)))
        assert answer.status == 200, answer.text
        assert ("format=csv" in query) == answer.headers["content-type"].startswith("text/csv")


def test_the_requests_for_totals_are_answered(populated: Deployment) -> None:
    section = GUIDE[GUIDE.index("## Totals\n") :].partition("\n## ")[0]
    requests = re.findall(r'"\$API(/v1/[^"?]+)\??([^"]*)"', section)
    assert len(requests) == section.count("curl ")
    for path, query in requests:
        answer = populated.client.get(path, **dict(parse_qsl(query)))
        assert answer.status == 200, answer.text
        assert ("format=csv" in query) == answer.headers["content-type"].startswith("text/csv")


def test_the_requests_that_explain_are_answered_as_the_guide_says() -> None:
    section = GUIDE[GUIDE.index("## Why\n") : GUIDE.index("## Operations\n")]
    paths = re.findall(r'"\$API(/v1/\S+)"', section)
    assert len(paths) == section.count("curl ")
    deployment = populate(made_deployment())
    received(deployment)
    deployment.executions.begin(an_execution(datetime(2026, 12, 1, 8, tzinfo=UTC)))
    names = {"$SIGNAL": OUTSIDE.signal_id, "$ORDER": denied_order().intent_id, "$STRATEGY": STRATEGY}
    found = [(deployment.admin if "executions" in path else deployment.client).get(_named(path, names)) for path in paths]
    assert [answer.status for answer in found] == [200] * len(paths)
    [shown] = map(json.loads, examples_of("## Why"))
    [outcome] = found[0].json["outcomes"]
    assert {name: outcome[name] for name in shown} == shown


def _named(path: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        path = path.replace(name, value)
    return path


def test_the_filters_of_each_list_are_those_that_it_takes() -> None:
    section = GUIDE[GUIDE.index("## Lists\n") : GUIDE.index("## Why\n")]
    rows = dict(re.findall(r"^\| `(/v1/\S+)` \| (?:`\w+`|none) \| (.+) \|$", section, re.MULTILINE))
    taken = {
        it.path: {each["name"] for each in it.description["parameters"] if each["in"] == "query"}
        for it in operations()
        if it.method == "GET" and it.path in rows
    }
    common = {"since", "until", "order", "limit", "cursor", "format", "link_key"}
    assert {path: set(re.findall(r"`(\w+)`", names)) for path, names in rows.items()} == {
        path: names - common for path, names in taken.items()
    }
    assert len(rows) == 11
    assert f"looks at {ROWS_OF_A_FILTERED_PAGE} entries" in section
