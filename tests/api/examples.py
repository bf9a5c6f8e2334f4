"""Requests and answers of every operation, as the description shows them: `python -m tests.api.examples` writes them.

All are real: a request of the description's bodies, sent to a deployment of fakes, and its answer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.people.request_rate import Quota, RequestKind
from candlecast.domain.signals.signal import Action
from candlecast.domain.signals.verdict import judge
from candlecast.domain.strategies.execution import ReceivedAs, ShardReport
from candlecast.domain.strategies.versions import Release
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import OrderType, PositionSide
from candlecast.runtime.compose import api
from candlecast.services.people.admit_requests import AdmitRequests
from functions.api.guards import MAX_BODY_BYTES
from tests.api.conftest import EXTERNAL, ORDER, Deployment, giving, made_deployment, populate
from tests.support.builders import (
    ACCOUNT,
    NOW,
    SOURCE,
    STRATEGY,
    SUBSCRIPTION,
    TENANT,
    a_market,
    a_position,
    a_quote,
    a_signal,
    a_signal_record,
    a_strategy,
    a_subscription,
    a_version,
    after,
    an_account,
    an_intent,
    an_uploaded_strategy,
)
from tests.support.fakes.backtests import BACKTEST, a_backtest
from tests.support.fakes.parity_days import a_parity_day
from tests.support.fakes.requests import FakeRequestCounts
from tests.support.gateway import Answer, Client
from tests.support.routes import Operation, body_examples, document, operations

FILE = Path(__file__).parents[2] / "functions" / "api" / "description" / "examples.json"
MINE = "my-breakout-btc"
WAITING = "backtest-2"
NOT_FOR_TENANTS = (403, 404)


@dataclass(frozen=True)
class Case:
    """The things that an operation is asked about, and the step before it."""

    ids: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[Deployment], object] = lambda _: None


def followed(example: Mapping[str, Any]) -> Callable[[Deployment], object]:
    """The strategy, and the account if there is one, that the example of a body names."""

    def before(deployment: Deployment) -> None:
        deployment.strategies.create_strategy(a_strategy(example["strategy_id"]))
        if "account_id" in example:
            deployment.accounts.create(an_account(example["account_id"], subscriptions={}))

    return before


def uploaded(*, candidate: bool = False) -> Callable[[Deployment], object]:
    """A strategy of the client's tenant with two versions."""

    def before(deployment: Deployment) -> None:
        share = {"candidate": 2, "share_percent": 20} if candidate else {}
        release = Release(stable=1, released_by=TENANT, released_at=NOW, **share)
        deployment.strategies.create_strategy(an_uploaded_strategy(MINE, latest_version=2, release=release))
        source_hash = deployment.code.put("class Mine: ...")
        for number in (1, 2):
            deployment.database.versions[MINE, number] = a_version(number, MINE, source_hash=source_hash)

    return before


def locked(deployment: Deployment) -> None:
    deployment.client.send("PUT", "/v1/limits/levels/USER/me", {"limits_locked_until": "2027-01-01T00:00:00Z"})


def compared(deployment: Deployment) -> None:
    deployment.clock.set(NOW)
    deployment.parity_days.put_day(a_parity_day(NOW.date() - timedelta(days=1)))


def a_resting_entry() -> Intent:
    return an_intent(signal_id="resting", state=IntentState.OPEN, order_type=OrderType.LIMIT, price=Decimal(99))


def resting(deployment: Deployment) -> None:
    entry, account = a_resting_entry(), deployment.accounts.load(TENANT, ACCOUNT)
    deployment.history.put_order(entry, 2)
    deployment.accounts.save(replace(account, intents={entry.intent_id: entry}))


def held(example: Mapping[str, Any]) -> Callable[[Deployment], object]:
    """The position that the example of a body names."""

    def before(deployment: Deployment) -> None:
        deployment.market_data.prices["paper", example["market"]] = Decimal(100)
        deployment.markets.put(a_market(example["market"]))
        position = a_position(**{name: example[name] for name in ("account_id", "subscription_id", "market")})
        deployment.accounts.create(an_account(example["account_id"], positions={position.key: position}))

    return before


OUTSIDE = a_signal(Action.SHORT, strategy_id=EXTERNAL, issued_at=after(60))


def denied_order() -> Intent:
    return an_intent(
        signal_id=OUTSIDE.signal_id,
        strategy_id=EXTERNAL,
        position_side=PositionSide.SHORT,
        state=IntentState.DENIED,
        denial=Denial(Reason.MAX_ORDER_NOTIONAL, Decimal("120.50"), Decimal(100)),
        issued_at=after(60),
        created_at=after(62),
        submitted_at=None,
        settled_at=after(62),
    )


def received(deployment: Deployment) -> None:
    """A message that became a signal, and the denied order of a follower."""
    deployment.signals.receive(SOURCE, "key-1", OUTSIDE.signal_id, '{"action":"sell","ticker":"BTCUSDT"}', after(59), 600)
    received_as = ReceivedAs(source_id=SOURCE, sender_key="key-1")
    deployment.signals.put_signal(a_signal_record(OUTSIDE, published_at=after(60), received_as=received_as))
    deployment.verdicts.put_verdict(judge(OUTSIDE, "paper", a_quote(), after(61)))
    report = ShardReport(shard=0, orders=1, began_at=after(61), sent_at=after(61))
    deployment.signals.report_shard(OUTSIDE.signal_id, report)
    follower = a_subscription(SUBSCRIPTION, strategy_id=EXTERNAL)
    deployment.database.subscriptions[TENANT, SUBSCRIPTION] = follower
    order = denied_order()
    deployment.history.put_order(order, 1)
    limits = {"max_order_notional": {"passed": False, "reason": "MAX_ORDER_NOTIONAL", "origin": "SUBSCRIPTION"}}
    receipt = json.dumps({"limits": limits, "traded": False})
    deployment.decisions.put_receipt(TENANT, order.signal_id, order.subscription_id, receipt, after(62))
    deployment.clock.set(after(120))


OF_AUTHOR = {"strategy_id": MINE}
OF_SOURCE = {"strategy_id": EXTERNAL}
CASES: Mapping[str, Case] = {
    "add_version": Case(OF_AUTHOR, before=uploaded()),
    "edit_strategy": Case(OF_AUTHOR, before=uploaded()),
    "release_version": Case(OF_AUTHOR, before=uploaded()),
    "roll_back_version": Case(OF_AUTHOR, before=uploaded(candidate=True)),
    "retire_strategy": Case(OF_AUTHOR, before=uploaded()),
    "get_version_code": Case(OF_AUTHOR, before=uploaded()),
    "list_versions": Case(OF_AUTHOR, before=uploaded()),
    "get_version": Case(OF_AUTHOR, before=uploaded()),
    "get_source": Case(OF_SOURCE),
    "put_source": Case(OF_SOURCE),
    "update_source": Case(OF_SOURCE),
    "rotate_source_secret": Case(OF_SOURCE),
    "revoke_previous_secret": Case(OF_SOURCE, before=lambda it: it.admin.post(f"/v1/strategies/{EXTERNAL}/source/secret")),
    "get_strategy_parity": Case(before=compared),
    "explain_signal": Case({"signal_id": OUTSIDE.signal_id}, before=received),
    "explain_order": Case({"order_id": denied_order().intent_id}, before=received),
    "explain_run": Case({"candle_close": "2026-11-20T12:00:00Z"}),
    "release_signal": Case({"signal_id": a_signal_record().signal.signal_id}),
    "get_backtest": Case({"backtest_id": BACKTEST}),
    "get_backtest_results": Case({"backtest_id": BACKTEST}),
    "cancel_backtest": Case({"backtest_id": WAITING}, before=lambda it: it.backtests.create_backtest(a_backtest(WAITING))),
    "retire_account": Case(
        {"account_id": "account-2"}, before=lambda it: it.accounts.create(an_account("account-2", subscriptions={}))
    ),
    "cancel_order": Case({"order_id": a_resting_entry().intent_id}, before=resting),
    "delete_lock": Case({"scope": "USER", "scope_id": TENANT}, before=locked),
    "browse_marketplace": Case(query={"venue_kind": "paper"}),
    "enable_account": Case(before=lambda it: it.client.post(f"/v1/accounts/{ACCOUNT}/disable")),
    "resume_subscription": Case(before=lambda it: it.client.post(f"/v1/subscriptions/{SUBSCRIPTION}/pause")),
}


def examples() -> dict[str, Any]:
    """By operation: `path`, `query`, `requests`, `status` and `answer`; under `refusals` a refusal of each status."""
    return {
        "operations": {it.operation_id: sent_examples(it) for it in operations()},
        "refusals": refusals(),
    }


def refusals() -> dict[str, Any]:
    """A refusal of each status."""
    deployment = populate(made_deployment())
    client = deployment.client
    anybody = Client(deployment.providers, tenant=None)
    answers = [
        anybody.get("/v1/accounts"),
        client.get("/v1/dead-letters/trade"),
        client.get("/v1/accounts/unknown-1"),
        client.post("/v1/backtests", {"strategy_id": EXTERNAL, "start": "2026-11-20T08:00:00Z"}),
        client.send("PATCH", f"/v1/accounts/{ACCOUNT}", {"label": "other"}, headers={"if-match": '"another"'}),
        client.send("POST", "/v1/accounts", raw=" " * (MAX_BODY_BYTES + 1)),
        client.post("/v1/accounts", {"label": "", "venue": "paper"}),
    ]
    spent = AdmitRequests(FakeRequestCounts(), deployment.clock, dict.fromkeys(RequestKind, Quota(requests=0, chunk=1)))
    answers.append(Client({**deployment.providers, api.admit_requests: giving(spent)}).get("/v1/accounts"))
    for error in (RuntimeError("a fault"), RetryLater("STORE_UNAVAILABLE", "the store does not answer", after_seconds=5)):
        answers.append(Client({**deployment.providers, api.accounts: raising(error)}).get("/v1/accounts"))
    return {str(answer.status): answer.json for answer in answers}


def raising(error: Exception) -> Callable[[], object]:
    def provide() -> object:
        raise error

    return provide


def sent_examples(operation: Operation) -> dict[str, Any]:
    """The examples of one operation: the answer is that to the first request."""
    bodies = body_examples(operation.description, document()["components"]["schemas"])
    answers = [ask(operation, body) for body in bodies or [None]]
    for answer in answers:
        assert 200 <= answer.status < 300, f"{operation.operation_id}: {answer.status} {answer.text}"
    found: dict[str, Any] = {"status": str(answers[0].status), "answer": answers[0].json}
    if ids := operation.path_ids(**ids_of(operation)):
        found["path"] = ids
    if filters := {name: ids_of(operation)[name] for name in operation.query_ids if name in ids_of(operation)}:
        found["query"] = filters
    if any(it["name"] == "format" for it in operation.description.get("parameters", ())):
        found["csv"] = ask(operation, None, {"format": "csv"}).text
    if operation.operation_id == "approve_act":
        bodies = [{"digest": answers[0].json["digest"]}]  # which was sent in place of the description's
    return {"requests": bodies, **found} if bodies else found


def ask(operation: Operation, body: Any, query: Mapping[str, str] = MappingProxyType({})) -> Answer:
    """The answer of a fresh deployment to the tenant, or to an operator where a tenant may not ask."""
    answer = sent(operation, body, query, lambda it: it.client)
    return sent(operation, body, query, lambda it: it.admin) if answer.status in NOT_FOR_TENANTS else answer


def sent(operation: Operation, body: Any, query: Mapping[str, str], by: Callable[[Deployment], Client]) -> Answer:
    deployment = prepared(operation, body)
    if operation.operation_id == "approve_act":
        body = {"digest": deployment.approvals.find_approval("approval-1").digest}
    url, own_query = address(operation)
    return by(deployment).send(operation.method, url, body, query={**own_query, **query})


def address(operation: Operation) -> tuple[str, Mapping[str, str]]:
    """Path and query of an operation on the things of `prepared`."""
    return operation.url(**ids_of(operation)), CASES.get(operation.operation_id, Case()).query


def ids_of(operation: Operation) -> dict[str, str]:
    """The ids of things that the example of the operation is about."""
    ids = {"subscription_id": SUBSCRIPTION, "account_id": ACCOUNT, "strategy_id": STRATEGY, "order_id": ORDER}
    return {**ids, **CASES.get(operation.operation_id, Case()).ids}


def prepared(operation: Operation, body: Any = None) -> Deployment:
    """A fresh deployment with the things that an operation is asked about."""
    deployment = populate(made_deployment())
    CASES.get(operation.operation_id, Case()).before(deployment)
    if operation.operation_id in ("create_subscription", "ask_backtest"):
        followed(body)(deployment)
    if operation.operation_id in ("close_position", "move_stop"):
        held(body)(deployment)
    return deployment


def everything() -> Deployment:
    """A fresh deployment with one of each thing that the examples are about, as far as they go together."""
    deployment = populate(made_deployment())
    for before in (uploaded(candidate=True), resting, compared):
        before(deployment)
    deployment.accounts.create(an_account("account-2", subscriptions={}))
    deployment.backtests.create_backtest(a_backtest(WAITING))
    return deployment


def written() -> str:
    return json.dumps(examples(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> None:
    """Write the file."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    FILE.write_text(written(), encoding="utf-8")


if __name__ == "__main__":
    main()
