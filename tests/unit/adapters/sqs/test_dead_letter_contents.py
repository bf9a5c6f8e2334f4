"""An operator's view of a dead letter: each queue's messages are known, by ids and instants alone."""

from __future__ import annotations

from datetime import UTC, datetime

from candlecast.adapters.codec import to_json
from candlecast.adapters.sqs.dead_letter_contents import MESSAGES, entry_of
from candlecast.domain.signals.messages import BacktestTask, VettingRequest
from candlecast.ports.dead_letters import QUEUES
from tests.support.builders import a_candle_closed

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
OTHER_LETTERS = {"outbox", "schedule"}  # records of the stream, and events of functions


def facts_of(queue: str, message: object) -> tuple[str, dict[str, str]]:
    entry = entry_of(queue, {"MessageId": "m", "Body": to_json(message)}, NOW)
    return entry.kind, dict(entry.facts)


def test_the_messages_of_every_queue_are_known() -> None:
    assert MESSAGES.keys() == set(QUEUES) - OTHER_LETTERS


def test_a_letter_of_an_uploaded_strategys_candle_names_the_strategy() -> None:
    shared = facts_of("candle", a_candle_closed())
    own = facts_of("uploaded-candle", a_candle_closed(strategy_id="uploaded-1"))
    assert shared[0] == own[0] == "CandleClosed"
    assert own[1] == shared[1] | {"strategy_id": "uploaded-1"}


def test_a_letter_of_a_vetting_names_the_account() -> None:
    request = VettingRequest(tenant_id="tenant", account_id="account", correlation_id="c", asked_at=NOW)
    assert facts_of("vetting", request) == ("VettingRequest", {"tenant_id": "tenant", "account_id": "account"})


def test_a_letter_of_a_backtest_names_it_for_its_tenant() -> None:
    task = BacktestTask(tenant_id="tenant", backtest_id="backtest", correlation_id="c")
    assert facts_of("backtest", task) == ("BacktestTask", {"tenant_id": "tenant", "backtest_id": "backtest"})
