"""The cost of an order in requests: counted in the real executor, built in this process against the deployed stack."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.httpsession import URLLib3Session

from candlecast.adapters.aws import clients as aws
from candlecast.adapters.ccxt import clients as ccxt_clients
from candlecast.adapters.codec import to_json
from candlecast.domain.orders.intent import IntentState
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.runtime.compose import clients, order_executor
from candlecast.services.venue import check_gate
from infra.local.cloud import Cloud
from infra.local.demo.people import Person
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stage import Desk, follower, open_desk, trade_order

FULL_TIME_MS = 15_000
TARGET_HEADER = "X-Amz-Target"
READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"})
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"})
PARTS: tuple[Any, ...] = (order_executor.build, clients.aws, aws.session)


@dataclass
class Cost:
    """Requests of one order: AWS's by service and operation, the venue's by path."""

    aws: Counter[str]
    venue: Counter[str]

    @property
    def table(self) -> tuple[int, int]:
        """Reads and writes of the table."""
        named = {name.partition(".")[2]: number for name, number in self.aws.items() if name.startswith("DynamoDB")}
        assert named.keys() <= READS | WRITES, named
        return sum(named.get(name, 0) for name in READS), sum(named.get(name, 0) for name in WRITES)

    @property
    def secrets(self) -> int:
        return sum(number for name, number in self.aws.items() if name.startswith("secretsmanager"))


@dataclass
class Meter:
    """The executor in this process, with everything that it sends counted."""

    desk: Desk
    sent: Counter[str] = field(default_factory=Counter)

    def cost(self, order: TradeOrder, person: Person) -> Cost:
        """Execute an order as the queue would hand it over, and count."""
        self.sent.clear()
        before = self._venue(person)
        body = to_json(order)
        record = {
            "messageId": order.signal.signal_id,
            "receiptHandle": order.signal.signal_id,
            "body": body,
            "attributes": {"ApproximateReceiveCount": "1", "MessageGroupId": order.account_id},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }
        context: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: FULL_TIME_MS)
        answer = order_executor.build()({"Records": [record]}, context)
        assert answer == {"batchItemFailures": []}
        return Cost(Counter(self.sent), self._venue(person) - before)

    def _venue(self, person: Person) -> Counter[str]:
        assert person.keys is not None
        return Counter(self.desk.operator.call("GET", "/counts")["counts"].get(person.keys.account_id, {}))


def forget_built_parts() -> None:
    for part in PARTS:
        part.cache_clear()


@pytest.fixture(scope="module")
def desk(cloud: Cloud) -> Iterator[Desk]:
    with closing(open_desk(cloud, lambda strategy: [follower(number, strategy) for number in range(2)])) as opened:
        opened.operator.call("PUT", "/counting", {"counting": True})
        yield opened


@pytest.fixture
def meter(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Meter]:
    """The executor with the environment of the deployed one, and nothing built yet: as cold as a new environment."""
    configuration = desk.cloud.client("lambda").get_function_configuration(
        FunctionName=desk.cloud.outputs["OrderExecutorFunctionName"]
    )
    for name, value in (configuration["Environment"]["Variables"] | desk.cloud.environment).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(check_gate, "GATE_HOLDS", timedelta(seconds=PATIENCE_SECONDS))
    monkeypatch.setattr(ccxt_clients, "REQUEST_TIMEOUT_MS", 1_000 * PATIENCE_SECONDS)  # nothing is asked for again
    made = Meter(desk)
    unpatched: Callable[[URLLib3Session, AWSPreparedRequest], Any] = URLLib3Session.send

    def send(session: URLLib3Session, request: AWSPreparedRequest) -> Any:
        target = request.headers.get(TARGET_HEADER, request.method + " object")
        made.sent[target if isinstance(target, str) else target.decode()] += 1
        return unpatched(session, request)

    monkeypatch.setattr(URLLib3Session, "send", send)
    forget_built_parts()
    yield made
    forget_built_parts()


def test_a_warm_entry_costs_two_reads_two_writes_no_secret_and_one_venue_request(
    meter: Meter, say: Callable[[str], None]
) -> None:
    desk, person = meter.desk, meter.desk.people[0]
    cold = meter.cost(trade_order(desk, person), person)
    say(f"cold, with leverage and margin mode to be set: AWS {dict(cold.aws)}, venue {dict(cold.venue)}")
    assert cold.table in ((2, 3), (2, 4)), "weight is leased; who begins a minute writes that too"
    assert cold.secrets == 1
    assert cold.venue.total() == 3, "margin mode, leverage, order"

    exited = meter.cost(trade_order(desk, person, Action.EXIT), person)
    assert (exited.table, exited.secrets, dict(exited.venue)) == ((2, 2), 0, {"POST /fapi/v1/order": 1})

    warm = meter.cost(trade_order(desk, person), person)
    say(f"warm: AWS {dict(warm.aws)}, venue {dict(warm.venue)}")
    assert warm.table == (2, 2), "the account, and the gate just before the order leaves"
    assert warm.aws["DynamoDB_20120810.BatchGetItem"] == 1
    assert warm.secrets == 0
    assert dict(warm.venue) == {"POST /fapi/v1/order": 1}
    assert warm.aws.total() == 4, "nothing but the table is asked"
    states = [order.state for order in desk.records().orders if order.tenant_id == person.user.sub]
    assert states == [IntentState.FILLED] * 3


def test_a_stop_and_two_targets_cost_one_request_each(meter: Meter, say: Callable[[str], None]) -> None:
    desk, person = meter.desk, meter.desk.people[1]
    meter.cost(trade_order(desk, person), person)
    meter.cost(trade_order(desk, person, Action.EXIT), person)
    price = desk.strategy.file.candles[-1].close
    step = (price / 20).quantize(Decimal(1))
    targets = (TakeProfit(price + step, Decimal("0.5")), TakeProfit(price + 2 * step, Decimal("0.5")))
    cost = meter.cost(trade_order(desk, person, stop_loss=price - step, take_profits=targets), person)
    say(f"with a stop and two targets: AWS {dict(cost.aws)}, venue {dict(cost.venue)}")
    assert dict(cost.venue) == {"POST /fapi/v1/order": 1, "POST /fapi/v1/algoOrder": 3}
    assert (cost.table, cost.secrets) == ((2, 2), 0)
    assert len(desk.records().orders) >= 6


def test_a_repeated_message_costs_one_read_and_sends_nothing(meter: Meter) -> None:
    desk, person = meter.desk, meter.desk.people[0]
    order = trade_order(desk, person, Action.EXIT)
    meter.cost(order, person)
    again = meter.cost(order, person)
    assert again.table == (1, 0)
    assert again.aws.total() == 1
    assert again.venue.total() == 0
