"""The guide to the API says what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

from candlecast.domain.account.account import MAX_SUBSCRIPTIONS_PER_ACCOUNT
from candlecast.domain.subscriptions.subscription import MAX_ALLOWED_MARKETS
from candlecast.services.account.open_account import MAX_ACCOUNTS
from candlecast.services.subscriptions.measure_subscription import MAX_ORDER_PAGES, MAX_TRADE_PAGES, PAGE_SIZE
from candlecast.services.subscriptions.subscribe import MAX_SUBSCRIPTIONS
from functions.api.deps import MAX_PAGE_SIZE
from functions.api.guards import MAX_BODY_BYTES
from functions.api.problems import Problem
from functions.api.routes.health import CACHE
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
    assert f"{MAX_TRADE_PAGES * PAGE_SIZE} trades" in text
    assert f"{MAX_ORDER_PAGES * PAGE_SIZE} orders" in text
    assert f"every {int(CACHE.total_seconds())} seconds" in GUIDE


def test_the_example_of_a_refusal_is_one() -> None:
    [example] = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    assert Problem.model_validate(json.loads(example)).model_dump() == json.loads(example)


def test_every_code_in_the_guide_is_raised_somewhere() -> None:
    rows = GUIDE[GUIDE.index("| status | codes |") : GUIDE.index("With `INVALID_REQUEST`")]
    root = Path(__file__).parents[2]
    source = "".join(
        path.read_text() for folder in ("functions/api", "layers/core/candlecast") for path in (root / folder).rglob("*.py")
    )
    for code in re.findall(r"`([A-Z_]+)`", rows):
        assert f'"{code}"' in source, code
