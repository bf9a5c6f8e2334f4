"""SQS serves the groups of BacktestQueue fairly, so each task names its tenant's group."""

from __future__ import annotations

from typing import Any

from candlecast.adapters.sqs.queues import SqsBacktestQueue
from candlecast.domain.signals.messages import BacktestTask
from candlecast.services.strategies.refresh_listings import card_task
from tests.support.builders import NOW

TENANTS = ("tenant-1", "auth0|tenant-2", "Müller & Söhne")


class Sent:
    """The entries that SQS would get."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        self.entries += request["Entries"]
        return {}


def groups_of(*tasks: BacktestTask) -> list[str]:
    sent: Any = Sent()
    SqsBacktestQueue(sent, "backtest").send_backtests(tasks)
    assert not any("MessageDeduplicationId" in entry for entry in sent.entries), "a queue without order refuses it"
    return [entry["MessageGroupId"] for entry in sent.entries]


def test_each_tenant_has_a_group_and_cards_have_another() -> None:
    first = [BacktestTask(tenant_id=tenant, backtest_id="first", correlation_id="c") for tenant in TENANTS]
    second = [BacktestTask(tenant_id=tenant, backtest_id="second", correlation_id="c", part=3) for tenant in TENANTS]
    cards = [card_task(f"strategy-{number}", NOW) for number in range(3)]
    groups = groups_of(*first, *second, *cards)
    assert groups[:3] == groups[3:6]
    assert len({*groups[:3]}) == 3
    (of_cards,) = {*groups[6:]}
    assert of_cards not in groups[:6]


def test_a_group_does_not_tell_its_tenant() -> None:
    for tenant in TENANTS:
        (group,) = groups_of(BacktestTask(tenant_id=tenant, backtest_id="id", correlation_id="c"))
        assert tenant not in group
        assert group.isalnum()
