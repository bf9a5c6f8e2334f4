"""A signal, an order and a run are explained, each caller seeing their own part."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.ranks import RETENTION
from candlecast.domain.signals.audience import Audience
from candlecast.domain.signals.signal import Action
from candlecast.domain.signals.verdict import judge
from candlecast.domain.strategies.execution import ExecutionStatus, ReceivedAs, ShardReport
from candlecast.domain.subscriptions.subscription import Subscription, SubscriptionStatus
from candlecast.domain.values.copying import replace
from candlecast.domain.values.ids import intent_id
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.ports.decisions import KEPT
from candlecast.ports.store import MESSAGES_KEPT
from tests.api.conftest import EXTERNAL, ORDER, Deployment
from tests.support.builders import (
    ACCOUNT,
    NOW,
    SOURCE,
    STRATEGY,
    SUBSCRIPTION,
    TENANT,
    a_quote,
    a_signal,
    a_signal_record,
    a_subscription,
    after,
    an_execution,
    an_intent,
)
from tests.support.gateway import Answer, Client

SIGNAL = a_signal().signal_id
OUTSIDE = a_signal(Action.SHORT, strategy_id=EXTERNAL, issued_at=after(60))
BODY = '{"action":"sell","ticker":"BTCUSDT"}'
RECEIVED_AS = ReceivedAs(source_id=SOURCE, sender_key="key-1")
TOO_LARGE = Denial(Reason.MAX_ORDER_NOTIONAL, Decimal("120.50"), Decimal(100))
SECOND = "tenant-2"


def follow(deployment: Deployment, name: str, tenant: str = TENANT, **changes: Any) -> Subscription:
    """A subscription to the strategy from outside."""
    made = a_subscription(name, tenant_id=tenant, strategy_id=EXTERNAL, **changes)
    deployment.database.subscriptions[tenant, name] = made
    return made


def an_order_of(name: str, state: IntentState, tenant: str = TENANT, **changes: Any) -> Intent:
    kind = changes.pop("kind", LegKind.ENTRY)
    return an_intent(
        kind,
        signal_id=OUTSIDE.signal_id,
        subscription_id=name,
        tenant_id=tenant,
        strategy_id=EXTERNAL,
        state=state,
        issued_at=OUTSIDE.issued_at,
        created_at=after(62),
        **changes,
    )


@pytest.fixture
def from_outside(populated: Deployment) -> Deployment:
    """A message that became a signal: placed for one tenant, denied for another, both under one strategy."""
    populated.signals.receive(SOURCE, "key-1", OUTSIDE.signal_id, BODY, after(59), 600)
    populated.signals.mark_queued(SOURCE, "key-1", after(60))
    record = a_signal_record(OUTSIDE, published_at=after(60), subscriber_count=3, received_as=RECEIVED_AS)
    populated.signals.put_signal(record)
    populated.verdicts.put_verdict(judge(OUTSIDE, "paper", a_quote(), after(61)))
    report = ShardReport(shard=0, orders=2, skipped={"NO_ACCOUNT": 1}, began_at=after(61), sent_at=after(62))
    populated.signals.report_shard(OUTSIDE.signal_id, report)
    follow(populated, "mine")
    follow(populated, "theirs", SECOND)
    filled = {"filled_quantity": Decimal(10), "average_price": Decimal("99.9"), "settled_at": after(63)}
    populated.history.put_order(an_order_of("mine", IntentState.DENIED, denial=TOO_LARGE, settled_at=after(62)), 1)
    populated.history.put_order(an_order_of("theirs", IntentState.FILLED, SECOND, **filled), 1)
    limits = {"max_order_notional": {"passed": False, "reason": "MAX_ORDER_NOTIONAL", "origin": "USER"}}
    receipt = json.dumps({"traded": False, "limits": limits})
    populated.decisions.put_receipt(TENANT, OUTSIDE.signal_id, "mine", receipt, after(62))
    populated.clock.set(after(120))
    return populated


def why(client: Client, signal_id: str = OUTSIDE.signal_id) -> Answer:
    return client.get(f"/v1/signals/{signal_id}")


def steps(chain: dict[str, Any]) -> list[str]:
    return [chain[step]["sentence"] for step in ("received", "understood", "judged", "sent")]


# -- the chain ----------------------------------------------------------------------------------------------------------------


def test_a_denied_entry_is_explained_from_the_message_to_the_limit(from_outside: Deployment) -> None:
    answer = why(from_outside.client).json
    assert steps(answer["chain"]) == [
        "A message came to the strategy's webhook at 2026-11-20 12:00:59 UTC.",
        "An entry: SHORT BTC/USDT:USDT at 100 USDT.",
        "Passed: its prices fit the venue's mark of 100 USDT.",
        "Sent to your part of the followers between 2026-11-20 12:01:01 UTC and 2026-11-20 12:01:02 UTC.",
    ]
    [own] = answer["outcomes"]
    told = "Not placed: the order of 120.50 USDT is above your limit of 100 USDT per order by 20.50 USDT."
    assert (own["subscription_id"], own["outcome"], own["sentence"]) == ("mine", "DENIED", told)
    assert own["reason"] == {"code": "MAX_ORDER_NOTIONAL", "value": "120.50", "bound": "100", "margin": "20.50"}
    [order] = own["orders"]
    assert (order["order_id"], order["state"], order["sentence"]) == (
        an_order_of("mine", IntentState.DENIED).intent_id,
        "DENIED",
        told,
    )
    assert (order["decided_at"], order["settled_at"]) == ("2026-11-20T12:01:02Z", "2026-11-20T12:01:02Z")


def test_a_placed_entry_is_explained_to_its_own_tenant(from_outside: Deployment) -> None:
    [own] = why(from_outside.stranger).json["outcomes"]
    assert (own["subscription_id"], own["outcome"]) == ("theirs", "PLACED")
    assert own["sentence"] == "Placed and filled: 10 BTC at 99.90 USDT on average."
    assert (own["orders"][0]["filled_quantity"], own["orders"][0]["average_price"]) == ("10", "99.9")


def test_a_signal_of_a_candle_names_the_candle(populated: Deployment) -> None:
    decided = a_signal(Action.EXIT, candle_close=NOW, issued_at=after(1))
    populated.signals.put_signal(a_signal_record(decided, published_at=after(1)))
    chain = why(populated.client, decided.signal_id).json["chain"]
    assert steps(chain)[:3] == [
        "The strategy decided on the candle of BTC/USDT:USDT that closed at 2026-11-20 12:00:00 UTC.",
        "An exit: EXIT BTC/USDT:USDT.",
        "Not judged: an exit names no price that could be wrong, and always passes.",
    ]
    assert (chain["received"]["origin"], chain["received"]["at"]) == ("CANDLE", "2026-11-20T12:00:00Z")
    assert (chain["judged"]["at"], chain["judged"]["state"]) == (None, None)
    assert chain["sent"] == {
        "at": None,
        "published_at": "2026-11-20T12:00:01Z",
        "sentence": "Queued at 2026-11-20 12:00:01 UTC, and sent to nobody yet.",
    }


def test_a_signal_that_was_held_back_says_by_which_bound(populated: Deployment) -> None:
    """Nobody has an order of it, so each subscription is told why not."""
    held = a_signal(Action.SHORT, issued_at=after(1))
    populated.signals.put_signal(a_signal_record(held, published_at=after(1)))
    populated.verdicts.put_verdict(judge(held, "paper", a_quote(Decimal(50)), after(2)))
    answer = why(populated.client, held.signal_id).json
    judged = answer["chain"]["judged"]
    assert judged["sentence"] == (
        "Held back, so that nobody was sent anything: the price's distance of 100 % from the venue's mark is above "
        "the platform's bound of 5 % for that distance by 95 %."
    )
    assert (judged["state"], judged["reason"]["code"], judged["mark_price"]) == ("QUARANTINED", "PRICE_COLLAR", "50")
    assert answer["chain"]["sent"]["sentence"] == "Sent to nobody, since it was held back."
    assert [(own["outcome"], own["orders"]) for own in answer["outcomes"]] == [("HELD_BACK", [])]


def test_a_released_signal_names_the_one_that_was_held_back(populated: Deployment) -> None:
    released = populated.admin.post(f"/v1/signals/{SIGNAL}/release").json["release"]["signal_id"]
    chain = why(populated.client, released).json["chain"]
    assert (chain["received"]["origin"], chain["received"]["released_from"]) == ("RELEASE", SIGNAL)
    held = why(populated.client, SIGNAL).json["chain"]
    assert held["judged"]["released_as"] == released
    assert "admin-1" not in why(populated.client, released).text + why(populated.client, SIGNAL).text


@pytest.mark.parametrize(
    ("changes", "record", "outcome"),
    [
        ({"created_at": after(61)}, {}, "FOLLOWED_LATER"),
        ({"pinned_version": 1}, {"audience": Audience(number=2)}, "NOT_ADDRESSED"),
        ({"pinned_version": 2}, {"audience": Audience(number=2)}, "AWAITED"),
        ({}, {}, "AWAITED"),
    ],
)
def test_a_subscription_without_an_order_is_told_why(
    populated: Deployment, changes: dict[str, Any], record: dict[str, Any], outcome: str
) -> None:
    follow(populated, "mine", **changes)
    populated.signals.put_signal(a_signal_record(OUTSIDE, published_at=after(60), **record))
    populated.clock.set(after(70))
    [own] = why(populated.client).json["outcomes"]
    assert (own["outcome"], own["orders"], own["reason"]) == (outcome, [], None)


def test_nothing_is_expected_of_an_old_signal_without_an_order(from_outside: Deployment) -> None:
    follow(from_outside, "lost")
    from_outside.clock.set(after(3_600))
    outcomes = {own["subscription_id"]: own["outcome"] for own in why(from_outside.client).json["outcomes"]}
    assert outcomes == {"mine": "DENIED", "lost": "UNRECORDED"}


def test_a_reversal_has_both_its_orders_and_the_outcome_of_the_entry(from_outside: Deployment) -> None:
    filled: dict[str, Any] = {"filled_quantity": Decimal(3), "average_price": Decimal(100)}
    from_outside.history.put_order(an_order_of("mine", IntentState.FILLED, kind=LegKind.EXIT, **filled), 1)
    [own] = why(from_outside.client).json["outcomes"]
    assert [(order["leg"], order["state"]) for order in own["orders"]] == [("ENTRY", "DENIED"), ("EXIT", "FILLED")]
    assert own["outcome"] == "DENIED"


def test_an_order_of_another_version_on_the_same_candle_is_not_the_signals(populated: Deployment) -> None:
    """Versions share the ids of their orders on a candle."""
    root = "decision-1"
    of_version = replace(OUTSIDE, decision_id=root)
    populated.signals.put_signal(a_signal_record(of_version, published_at=after(60), audience=Audience(number=2)))
    follow(populated, "mine", pinned_version=1)
    order = replace(
        an_order_of("mine", IntentState.DENIED, denial=TOO_LARGE),
        intent_id=intent_id(root, "mine", "ENTRY"),
        signal_id="signal-of-version-1",
    )
    populated.history.put_order(order, 1)
    [own] = why(populated.client).json["outcomes"]
    assert (own["outcome"], own["orders"]) == ("NOT_ADDRESSED", [])


# -- who sees what ------------------------------------------------------------------------------------------------------------


def test_a_signal_of_somebody_elses_strategy_is_as_unknown_as_none(from_outside: Deployment) -> None:
    nobody = Client(from_outside.providers, tenant="tenant-3")
    answers = [why(nobody), why(nobody, "unknown-1"), why(nobody, "no such id#")]
    assert {(answer.status, answer.text) for answer in answers} == {(404, answers[0].text)}


def test_who_has_ended_a_subscription_sees_what_had_reached_it_and_nothing_later(from_outside: Deployment) -> None:
    mine = from_outside.database.subscriptions[TENANT, "mine"]
    from_outside.database.subscriptions[TENANT, "mine"] = replace(mine, status=SubscriptionStatus.CANCELLED)
    later = replace(OUTSIDE, signal_id="later", issued_at=after(90))
    from_outside.signals.put_signal(a_signal_record(later, published_at=after(90)))
    assert [own["outcome"] for own in why(from_outside.client).json["outcomes"]] == ["DENIED"]
    assert why(from_outside.client, "later").status == 404


@pytest.mark.parametrize("who", ["client", "stranger"])
def test_followers_see_neither_the_message_nor_counts_nor_each_other(from_outside: Deployment, who: str) -> None:
    answer = why(getattr(from_outside, who))
    assert (answer.json["chain"]["received"]["message"], answer.json["counts"]) == (None, None)
    others = {"client": ("theirs", SECOND, "99.9"), "stranger": ("mine", TENANT, "120.50")}[who]
    assert not [text for text in (*others, SOURCE) if f'"{text}"' in answer.text]
    assert "ticker" not in answer.text


def test_operators_see_the_message_and_counts_and_no_tenants_orders(from_outside: Deployment) -> None:
    answer = why(from_outside.admin)
    assert answer.json["chain"]["received"]["message"] == {
        "source_id": SOURCE,
        "received_at": "2026-11-20T12:00:59Z",
        "queued_at": "2026-11-20T12:01:00Z",
        "body": BODY,
    }
    assert answer.json["counts"] == {
        "subscriptions": 3,
        "sent": 2,
        "skipped": {"NO_ACCOUNT": 1},
        "shards": 1,
        "shards_done": 1,
        "placed": 1,
        "not_placed": {"DENIED": {"MAX_ORDER_NOTIONAL": 1}},
        "note": None,
    }
    assert answer.json["outcomes"] == []
    assert not [text for text in (TENANT, SECOND, "mine", "theirs", ACCOUNT, "120.50", "99.9") if f'"{text}"' in answer.text]
    assert "Sent to the followers between" in answer.json["chain"]["sent"]["sentence"]


def test_the_owner_of_a_strategy_sees_what_operators_see(from_outside: Deployment) -> None:
    known = from_outside.database.strategies[EXTERNAL]
    from_outside.database.strategies[EXTERNAL] = replace(known, owner="author-1", collaborators=("author-2",))
    for tenant in ("author-1", "author-2"):
        assert why(Client(from_outside.providers, tenant=tenant)).json == why(from_outside.admin).json


# -- what is not kept is said, not invented -----------------------------------------------------------------------------------


def test_a_message_that_is_not_kept_any_more_leaves_no_time_behind(from_outside: Deployment) -> None:
    from_outside.database.receipts.clear()
    from_outside.clock.set(after(60) + MESSAGES_KEPT + timedelta(seconds=1))
    received = why(from_outside.admin).json["chain"]["received"]
    assert (received["at"], received["message"]) == (None, None)
    assert received["sentence"] == "A message came to the strategy's webhook; it is older than 30 days, and not kept any more."


def test_a_signal_from_before_its_message_was_noted_says_so(populated: Deployment) -> None:
    populated.signals.put_signal(a_signal_record(OUTSIDE, published_at=after(60)))
    received = why(populated.admin).json["chain"]["received"]
    assert received["sentence"] == "A message came to the strategy's webhook; its receipt is not kept with the signal."


def test_a_receipt_that_is_not_kept_any_more_is_told_of(from_outside: Deployment) -> None:
    assert [own["receipt_note"] for own in why(from_outside.client).json["outcomes"]] == [None]
    from_outside.decisions.receipts.clear()
    from_outside.clock.set(after(62) + KEPT + timedelta(seconds=1))
    [own] = why(from_outside.client).json["outcomes"]
    assert own["receipt_note"] == "The receipt of the decision is older than 90 days, and not kept any more."
    assert own["sentence"] == "Not placed: the order of 120.50 USDT is above the limit of 100 USDT per order by 20.50 USDT."
    order = from_outside.client.get(f"/v1/orders/{own['orders'][0]['order_id']}/why").json
    assert (order["receipt_digest"], order["receipt_note"]) == (None, own["receipt_note"])


def test_counts_of_an_old_signal_are_told_to_be_gone(from_outside: Deployment) -> None:
    from_outside.clock.set(OUTSIDE.issued_at + RETENTION + timedelta(seconds=1))
    counts = why(from_outside.admin).json["counts"]
    assert counts["note"] == "The signal is older than 30 days, and its ends are not counted any more."


# -- an order -----------------------------------------------------------------------------------------------------------------


def test_an_order_is_explained_with_the_chain_of_its_signal(from_outside: Deployment) -> None:
    order_id = an_order_of("mine", IntentState.DENIED).intent_id
    answer = from_outside.client.get(f"/v1/orders/{order_id}/why").json
    assert (answer["order"]["order_id"], answer["outcome"]) == (order_id, "DENIED")
    assert answer["sentence"] == "Not placed: the order of 120.50 USDT is above your limit of 100 USDT per order by 20.50 USDT."
    assert answer["chain"] == why(from_outside.client).json["chain"]
    assert (answer["chain_note"], answer["receipt_note"]) == (None, None)
    assert answer["receipt_digest"] == from_outside.client.get(f"/v1/orders/{order_id}/receipt").json["digest"]


def test_who_has_ended_a_subscription_still_learns_why_of_an_order(from_outside: Deployment) -> None:
    del from_outside.database.subscriptions[TENANT, "mine"]
    order_id = an_order_of("mine", IntentState.DENIED).intent_id
    assert from_outside.client.get(f"/v1/orders/{order_id}/why").json["chain"]["signal_id"] == OUTSIDE.signal_id


def test_an_order_that_no_signal_asked_for_says_so(populated: Deployment) -> None:
    by_hand = an_intent(LegKind.EXIT, signal_id="by-hand", state=IntentState.FILLED, filled_quantity=Decimal(10))
    populated.history.put_order(by_hand, 1)
    answer = populated.client.get(f"/v1/orders/{by_hand.intent_id}/why").json
    assert answer["chain"] is None
    assert answer["chain_note"].startswith("No published signal asked for this order")
    assert answer["sentence"] == "Placed and filled: 10 BTC at an unknown price on average."


def test_a_stop_has_the_chain_of_the_signal_that_opened_its_position(populated: Deployment) -> None:
    stop = intent_id(SIGNAL, SUBSCRIPTION, "STOP_LOSS")
    answer = populated.client.get(f"/v1/orders/{stop}/why").json
    assert (answer["outcome"], answer["chain"]["signal_id"]) == ("PLACED", SIGNAL)


def test_nobody_learns_why_of_anothers_order(from_outside: Deployment) -> None:
    assert from_outside.client.get(f"/v1/orders/{ORDER}/why").status == 200
    for client in (from_outside.stranger, from_outside.admin):
        assert client.get(f"/v1/orders/{ORDER}/why").text == client.get("/v1/orders/unknown-1/why").text


# -- a run --------------------------------------------------------------------------------------------------------------------


def run_of(deployment: Deployment, client: Client, at: str = "2026-11-20T13:00:00Z") -> Answer:
    return client.get(f"/v1/strategies/{STRATEGY}/executions/{at}/why")


@pytest.mark.parametrize(
    ("status", "reason", "signal", "sentence"),
    [
        (ExecutionStatus.NO_SIGNAL, None, False, "The strategy decided to do nothing on this candle, so there is no order."),
        (ExecutionStatus.COMPLETED, None, True, "The strategy decided, and its signal was published."),
        (
            ExecutionStatus.SKIPPED,
            "CANDLE_CAUGHT_UP",
            True,
            "The candle was missed, and decided afterwards for the record alone; nothing was published.",
        ),
        (
            ExecutionStatus.FAILED,
            "STRATEGY_FAILED",
            False,
            "The strategy's code raised an error on this candle, so there is no order.",
        ),
    ],
)
def test_a_run_is_explained_whether_or_not_something_came_of_it(
    populated: Deployment, status: ExecutionStatus, reason: str | None, signal: bool, sentence: str
) -> None:
    decided = a_signal(candle_close=after(3_600)) if signal else None
    run = an_execution(after(3_600), status=status, reason=reason, signal=decided, finished_at=after(3_602))
    populated.database.executions[STRATEGY, after(3_600), 0] = run
    [told] = run_of(populated, populated.client).json["runs"]
    assert (told["status"], told["code"], told["sentence"]) == (status.value, reason, sentence)
    assert told["signal_id"] == (SIGNAL if status is ExecutionStatus.COMPLETED else None)


def test_a_candle_has_a_run_of_each_version(populated: Deployment) -> None:
    runs = [
        an_execution(after(3_600), audience=Audience(number=number), leads=number == 1, status=ExecutionStatus.NO_SIGNAL)
        for number in (1, 2)
    ]
    for run in runs:
        populated.executions.begin(run)
    assert [told["version"] for told in run_of(populated, populated.client).json["runs"]] == [1, 2]


def test_a_run_is_explained_to_followers_alone(populated: Deployment) -> None:
    at = "2026-11-20T12:00:00Z"
    assert run_of(populated, populated.client, at).status == 200
    assert run_of(populated, populated.stranger, at).code == "FOLLOWERS_ONLY"
    assert run_of(populated, populated.client, "2026-11-20T12:00:01Z").status == 404
    assert run_of(populated, populated.client, "yesterday").status == 422
