"""Every kind of item, message and event that the product stores or sends, each written and read by its real adapter."""

from __future__ import annotations

import gzip
import io
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from candlecast.adapters.aws.dead_letters_function import FunctionDeadLetters
from candlecast.adapters.aws.event_bus import EventBridgeBus
from candlecast.adapters.aws.secrets import SecretsManagerSources, SecretsManagerVault, SecretsManagerWriter
from candlecast.adapters.codec import from_json, message_from_json
from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
from candlecast.adapters.dynamodb.approvals import DynamoApprovalStore
from candlecast.adapters.dynamodb.attempts import DynamoAttempts
from candlecast.adapters.dynamodb.copies import COPIES, copy_keys
from candlecast.adapters.dynamodb.decisions import DynamoDecisions
from candlecast.adapters.dynamodb.deployment_pauses import DynamoDeploymentPauses, pause_key
from candlecast.adapters.dynamodb.executions import DynamoExecutionStore
from candlecast.adapters.dynamodb.firings import DynamoFirings
from candlecast.adapters.dynamodb.gate import DynamoGate
from candlecast.adapters.dynamodb.health import DynamoHealth
from candlecast.adapters.dynamodb.history import DynamoHistory
from candlecast.adapters.dynamodb.limits import DynamoLimitStore
from candlecast.adapters.dynamodb.looks import DynamoLooks
from candlecast.adapters.dynamodb.pools import DynamoPoolStore
from candlecast.adapters.dynamodb.prices import DynamoPriceStore
from candlecast.adapters.dynamodb.restorations import DynamoRestorations
from candlecast.adapters.dynamodb.signals import DynamoSignalStore
from candlecast.adapters.dynamodb.single_table.batch import Key, read_items
from candlecast.adapters.dynamodb.single_table.table import Table, sortable
from candlecast.adapters.dynamodb.source_use import DynamoSourceUse
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.dynamodb.stream import published_events
from candlecast.adapters.dynamodb.subscriptions import DynamoSubscriptionStore
from candlecast.adapters.dynamodb.turns import DynamoTurns
from candlecast.adapters.dynamodb.verdicts import DynamoVerdictStore
from candlecast.adapters.dynamodb.weights import DynamoWeights, weights_key
from candlecast.adapters.s3.event_archive import S3EventArchive
from candlecast.adapters.s3.market_catalogue import S3CatalogueStore, S3Markets
from candlecast.adapters.sqs.dead_letter_contents import entry_of
from candlecast.adapters.sqs.queues import (
    SqsCandleQueue,
    SqsParityQueue,
    SqsReconcileQueue,
    SqsSignalQueue,
    SqsTradeQueue,
    SqsVettingQueue,
)
from candlecast.adapters.sqs.received_messages import SqsReceivedMessages
from candlecast.domain.account.account import Account
from candlecast.domain.account.deployment_pause import DeploymentPause
from candlecast.domain.account.events import Event, EventType
from candlecast.domain.account.kill_switch import KillSwitch
from candlecast.domain.limits.limits import Scope
from candlecast.domain.limits.pool_bounds import Amounts
from candlecast.domain.limits.record import PLATFORM, LimitPlace, LimitRecord
from candlecast.domain.market.firings import Firings
from candlecast.domain.market.market import Market
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.orders.position import Position, Trade
from candlecast.domain.pools.pool import Pool, SlotChange
from candlecast.domain.reconcile.look_lease import LookLease
from candlecast.domain.reconcile.look_window import LookWindow
from candlecast.domain.signals.messages import CandleClosed, ParityTask, ReconcileRequest, SignalShard, VettingRequest
from candlecast.domain.strategies.execution import ShardReport
from candlecast.domain.strategies.record import RecordSums, TenantRecord, counted_return
from candlecast.domain.strategies.statistics import Statistics
from candlecast.domain.subscriptions.subscription import Subscription
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.ids import event_id
from candlecast.domain.values.timeframe import Timeframe
from candlecast.domain.venue.breaker import Breaker
from candlecast.domain.venue.weight_budget import Address, Spent
from candlecast.ports.archive import ArchivedEvent
from candlecast.ports.bus import PublishedEvent
from candlecast.ports.filters import BreachFilter, ExecutionFilter, OrderFilter, SignalFilter, TradeFilter
from candlecast.ports.queue import DeadLetter
from candlecast.ports.sources import MessageBounds, MessageKind
from candlecast.ports.store import LastPrice, NewestMessage
from candlecast.ports.venue import Credentials
from candlecast.runtime.answers import as_answer
from tests.golden import values
from tests.golden.memory import MemoryTable, Recorder
from tests.golden.other_values import (
    approval,
    archived,
    banded_catalogue,
    begun_execution,
    braked,
    breach,
    breaker,
    catalogue,
    execution,
    exit_signal,
    external_strategy,
    health,
    letter_entry,
    letter_listing,
    limit_record,
    marked_subscription,
    passed_verdict,
    paused,
    pool,
    published,
    quarantined_verdict,
    redriven,
    release,
    released_signal,
    reservation,
    restoration,
    rotated_source,
    shard_report,
    signal,
    signal_record,
    smallest_subscription,
    smallest_trade_order,
    source,
    strategy,
    subscription,
    trade_order,
)
from tests.golden.times import NOW, at
from tests.golden.values import BTC, ORGANISATION, SOURCE, STRATEGY, SUBSCRIPTION, TENANT, VENUE
from tests.support.fakes.clock import FakeClock


@dataclass(slots=True)
class World:
    """An empty deployment: a table, and the requests to the other services."""

    memory: MemoryTable = field(default_factory=MemoryTable)
    sent: list[Any] = field(default_factory=list)
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))

    @property
    def table(self) -> Table:
        return self.memory.table()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One golden: `write` leaves items in the table or something sent, `read` gets from them what `value` makes.

    `write` is None for a form that is written no more and must be read for ever. `prepare` makes items that must be there before,
    which are no part of the golden. `of` begins the sort key of the golden's items, where a write leaves others too.
    `of_a_restored_table`: only functions whose table was restored write the form. `of_an_author`: only uploads, and changes that
    somebody makes to a strategy, bring the form about.
    """

    kind: str
    name: str
    value: Callable[[], Any]
    write: Callable[[World], None] | None
    read: Callable[[World], Any]
    prepare: Callable[[World], None] = lambda _: None
    of: str | tuple[str, ...] = ""
    of_a_restored_table: bool = False
    of_an_author: bool = False

    @property
    def path(self) -> str:
        return f"{self.kind}/{self.name}.json"


# -- how they are written and read ---------------------------------------------------------------------------------------------


def dead_letter() -> DeadLetter:
    return DeadLetter(
        body=sent_body(lambda world, sqs: SqsTradeQueue(sqs, "trade.fifo").send_orders([smallest_trade_order()])),
        reason_code="RETRIES_SPENT:VENUE_UNAVAILABLE",
        reason="the last try failed",
        source_function="order_executor",
        message_id="golden-message",
        correlation_id=values.CORRELATION,
        group_id=f"{TENANT}#{values.ACCOUNT}",
        receives=5,
    )


def sent_body(send: Callable[[World, Any], None]) -> str:
    """The body of the one message that is sent."""
    sqs = Recorder()
    send(World(), sqs)
    ((_, request),) = sqs.requests
    body: str = request["Entries"][0]["MessageBody"]
    return body


def stored(kind: str, name: str, value: Callable[[], Any], write: Any, read: Any, **more: Any) -> Case:
    return Case(kind=kind, name=name, value=value, write=write, read=read, **more)


ACCOUNT_KEY = (f"TENANT#{TENANT}#ACCOUNT#{values.ACCOUNT}", "STATE")


def account_case(name: str, value: Callable[[], Account]) -> Case:
    """An account as `save` writes it over the version before."""

    def prepare(world: World) -> None:
        DynamoAccountStore(world.table, world.clock).create(values.new_account())
        world.memory.items[ACCOUNT_KEY] |= {"version": {"N": str(value().version)}}

    def write(world: World) -> None:
        DynamoAccountStore(world.table, world.clock).save(value())

    return Case(
        kind="account",
        name=name,
        value=lambda: replace(value(), version=value().version + 1, outbox=()),
        write=write,
        read=read_account,
        prepare=prepare,
        of="STATE",
    )


def read_stream(world: World, key: tuple[str, str]) -> tuple[PublishedEvent, ...]:
    """The events of an item, which the table's stream brings to its consumer with binary values as base64."""
    image = {
        name: {"B": b64encode(value["B"]).decode()} if "B" in value else value for name, value in world.memory.items[key].items()
    }
    return tuple(published_events({"dynamodb": {"NewImage": image}}))


def told_by(identity: str, tenant_id: str, version: int, events: tuple[Event, ...]) -> tuple[PublishedEvent, ...]:
    """The events of a write as the stream's consumer publishes them."""
    return tuple(
        PublishedEvent(
            event_id=event_id(identity, version, number),
            tenant_id=tenant_id,
            account_id=identity,
            version=version,
            event=event,
        )
        for number, event in enumerate(events)
    )


def read_account(world: World) -> Account:
    return DynamoAccountStore(world.table, world.clock).load(TENANT, values.ACCOUNT)


def message_case(kind: str, name: str, value: Callable[[], Any], send: Callable[[World, Any], None]) -> Case:
    """A message of a queue: the entry that is sent, read as its consumer reads it."""

    def write(world: World) -> None:
        sqs = Recorder()
        send(world, sqs)
        world.sent += [entry for _, request in sqs.requests for entry in request["Entries"]]

    def read(world: World) -> Any:
        (entry,) = world.sent
        return message_from_json(type(value()), entry["MessageBody"])

    return Case(kind=kind, name=name, value=value, write=write, read=read)


def _publish(world: World) -> None:
    bus = Recorder({"FailedEntryCount": 0})
    EventBridgeBus(bus, "golden-bus").publish(published())  # type: ignore[arg-type]
    entries = [entry for _, request in bus.requests for entry in request["Entries"]]
    world.sent += [{**entry, "Time": entry["Time"].isoformat()} for entry in entries]


def _read_published(world: World) -> tuple[PublishedEvent, ...]:
    return tuple(from_json(PublishedEvent, entry["Detail"]) for entry in world.sent)


def _put_aside(world: World) -> None:
    sqs = Recorder()
    SqsReceivedMessages(sqs, "queue", "dead-letters").put_aside(dead_letter())  # type: ignore[arg-type]
    world.sent += [request for _, request in sqs.requests]


def _read_letter(world: World) -> Any:
    (request,) = world.sent
    message: Any = {
        "MessageId": "golden-letter",
        "Body": request["MessageBody"],
        "MessageAttributes": request["MessageAttributes"],
        "Attributes": {"MessageGroupId": request["MessageGroupId"], "SentTimestamp": str(int(NOW.timestamp() * 1000))},
    }
    return entry_of("trade", message, at(60))


def _letter_shown() -> Any:
    world = World()
    _put_aside(world)
    return _read_letter(world)


class Invoked:
    """Lambda's client before a function that gives one answer."""

    def __init__(self, answer: Any) -> None:
        self.asked: list[Any] = []
        self._answer = answer

    def invoke(self, *, Payload: bytes, **_: Any) -> Any:  # noqa: N803  (as Lambda's client has it)
        self.asked.append(json.loads(Payload))
        return {"Payload": io.BytesIO(json.dumps(self._answer).encode())}


def invocation_case(name: str, value: Callable[[], Any], ask: Callable[[FunctionDeadLetters], Any]) -> Case:
    """A question to the function for dead letters, and its answer."""

    def asked_of(client: Invoked) -> Any:
        return ask(FunctionDeadLetters(lambda: client, "stack-dlq_redrive:live", 20.0))  # type: ignore[arg-type,return-value]

    def write(world: World) -> None:
        client = Invoked(as_answer(value()))
        asked_of(client)
        world.sent += [*client.asked, as_answer(value())]

    def read(world: World) -> Any:
        return asked_of(Invoked(world.sent[-1]))

    return Case(kind="invocation_dead_letters", name=name, value=value, write=write, read=read)


def _write_catalogue(world: World, made: Callable[[], Mapping[str, Market]] = catalogue) -> None:
    s3 = Recorder()
    S3CatalogueStore(s3, "bucket", world.clock).write(VENUE, tuple(made().values()))  # type: ignore[arg-type]
    world.sent += [{**request, "Body": request["Body"].decode()} for _, request in s3.requests]


def _read_catalogue(world: World) -> Mapping[str, Market]:
    (request,) = world.sent
    s3 = Recorder({"Body": io.BytesIO(request["Body"].encode())})
    markets = S3Markets(s3, "bucket", world.clock).all(VENUE)  # type: ignore[arg-type]
    assert s3.requests == [("get_object", {"Bucket": request["Bucket"], "Key": request["Key"]})]
    return markets


def _archive(world: World) -> None:
    s3 = Recorder()
    S3EventArchive(s3, "bucket").keep_batch(archived())  # type: ignore[arg-type]
    world.sent += [{"Lines": gzip.decompress(request["Body"]).decode().splitlines()} for _, request in s3.requests]


def _read_archive(world: World) -> tuple[ArchivedEvent, ...]:
    (request,) = world.sent
    body = gzip.compress("\n".join(request["Lines"]).encode())
    s3 = Recorder({"Contents": [{"Key": "events/date=2026-11-20/golden"}], "IsTruncated": False, "Body": io.BytesIO(body)})
    return S3EventArchive(s3, "bucket").list_events(NOW, at(60), None, 1).events  # type: ignore[arg-type]


CREDENTIALS = Credentials(api_key="golden-public-part", api_secret="golden-private-part")  # nobody's


def _write_keys(world: World) -> None:
    vault = Recorder({"VersionId": "golden-version"})
    SecretsManagerWriter(vault, "stack", "key").write(TENANT, values.ACCOUNT, CREDENTIALS, "golden-version")  # type: ignore[arg-type]
    world.sent += [request for _, request in vault.requests]


def _read_keys(world: World) -> dict[str, str]:
    (request,) = world.sent
    vault = Recorder({"SecretString": request["SecretString"]})
    read = SecretsManagerVault(vault, "stack").read(TENANT, values.ACCOUNT, "golden-version")  # type: ignore[arg-type]
    assert vault.requests[0][1]["SecretId"] == request["Name"]
    return {"api_key": read.api_key, "api_secret": read.api_secret}


def _write_source_secret(world: World) -> None:
    vault = Recorder({"VersionId": "golden-version"})
    SecretsManagerWriter(vault, "stack", "key").write_source(SOURCE, "golden-shared-words", "golden-version")  # type: ignore[arg-type]
    world.sent += [request for _, request in vault.requests]


def _read_source_secret(world: World) -> tuple[str, ...]:
    (request,) = world.sent
    vault = Recorder({"SecretString": request["SecretString"]})
    accepted = SecretsManagerSources(vault, "stack").secrets(SOURCE, ("golden-version",))  # type: ignore[arg-type]
    assert vault.requests[0][1]["SecretId"] == request["Name"]
    return accepted


def _create_strategies(world: World) -> None:
    DynamoStrategyStore(world.table).create_strategy(strategy())


def _subscribe(value: Subscription, world: World) -> None:
    DynamoSubscriptionStore(world.table, world.clock).write(replace(value, version=0), None, 0)


def _read_subscription(world: World) -> Subscription:
    return DynamoSubscriptionStore(world.table, world.clock).get_subscription(TENANT, SUBSCRIPTION)


def _history(world: World) -> DynamoHistory:
    return DynamoHistory(world.table)


def _put_trades(world: World) -> None:
    for each in (values.trade(), values.losing_trade()):
        _history(world).put_trade(each, 1)


VERSION = "0123456789abcdef"


def _versioned_trade_order() -> TradeOrder:
    order = smallest_trade_order()
    return replace(order, signal=replace(order.signal, strategy_version=VERSION), strategy_version=VERSION, venue=VENUE)


def _marked_trade_order() -> TradeOrder:
    return replace(smallest_trade_order(), settings=marked_subscription().settings)


def _versioned_position() -> Position:
    return replace(values.position(), strategy_version=VERSION, capital=Decimal(2_500))


def _versioned_stop() -> Intent:
    return replace(values.stop(), strategy_version=VERSION, capital=Decimal(2_500))


def _counted_trades() -> list[Trade]:
    return [replace(each, capital=Decimal(2_500), venue=VENUE) for each in (values.trade(), values.losing_trade())]


def _put_counted_trades(world: World) -> None:
    for each in _counted_trades():
        _history(world).put_trade(each, 1)


def _record_of_two_trades() -> RecordSums:
    record = TenantRecord()
    for each in _counted_trades():
        record = record.with_trade(counted_return(each.net_pnl, each.capital) or Decimal(0))
    return record.part


def two_trades() -> Statistics:
    won, lost = values.trade(), values.losing_trade()
    return Statistics.of(won.pnl, won.fees) + Statistics.of(lost.pnl, lost.fees)


def _finish(world: World) -> None:
    store = DynamoExecutionStore(world.table)
    store.begin(replace(begun_execution(), worker=execution().worker))
    store.finish(execution())


def _count_message(world: World) -> None:
    assert DynamoSourceUse(world.table).count_message(SOURCE, MessageKind.ENTRY, at(1), MessageBounds(1, 500)) is None


def _receive(world: World) -> None:
    store = DynamoSignalStore(world.table)
    store.receive(SOURCE, "sender's key", values.SIGNAL, '{"ticker":"BTCUSDT"}', at(1), 300)
    store.mark_queued(SOURCE, "sender's key", at(2))


def _read_received(world: World) -> tuple[str, bool]:
    return DynamoSignalStore(world.table).receive(SOURCE, "sender's key", "f6" * 16, "{}", at(3), 300)


def _save_limits(record: LimitRecord, world: World) -> None:
    DynamoLimitStore(world.table).save(replace(record, version=0))


def _read_limits(place: LimitPlace, world: World) -> LimitRecord:
    return DynamoLimitStore(world.table).read([place])[place]


def _share_out(world: World) -> None:
    DynamoPoolStore(world.table, world.clock).share_out(
        ORGANISATION, Pool(tuple(replace(slot, version=0) for slot in pool().slots))
    )


def _reserve(world: World) -> None:
    DynamoPoolStore(world.table, world.clock).change(ORGANISATION, (), None, reservation())


def _end_reservation(world: World) -> None:
    _reserve(world)
    DynamoPoolStore(world.table, world.clock).change(ORGANISATION, (), reservation(), None)


def _change_slot(world: World) -> None:
    _share_out(world)
    added = Amounts(notional=Decimal("50.25"), positions=Decimal(1), orders=Decimal(1))
    change = SlotChange(number=5, day=date(2026, 11, 20), limits_version=2, free=-added, used=added, pnl=Decimal("1.5"))
    DynamoPoolStore(world.table, world.clock).change(ORGANISATION, (change,), None, None)


def _changed_pool() -> Pool:
    slots = list(pool().slots)
    slots[5] = replace(
        slots[5],
        used=Amounts(notional=Decimal("150.75"), positions=Decimal(2), orders=Decimal(3)),
        free=Amounts(notional=Decimal("9849.25"), positions=Decimal(0), orders=Decimal(17)),
        pnl=Decimal("-10.75"),
        version=2,
    )
    return Pool(tuple(slots))


def _try_twice(world: World) -> None:
    attempts = DynamoAttempts(world.table, world.clock)
    assert [attempts.begin("message-1", 0), attempts.begin("message-1", 0)] == [0, 1]


def _spend(world: World) -> None:
    weights, address = DynamoWeights(world.table), Address(VENUE, "203.0.113.7")
    weights.lease(address, at(1), 40, 2_400)
    weights.block(address, at(90), at(2))


def _whose_turn(world: World) -> list[bool]:
    """Whether another run gets the turn a moment before its end, and at its end."""
    turns = DynamoTurns(world.table)
    return [turns.take(TENANT, "run-2", now, at(999)) for now in (at(359), at(360))]


def _leases() -> list[LookLease]:
    """One of a turn, and one of open orders that an order awaits."""
    turn = LookLease(
        tenant_id=TENANT, account_id=values.ACCOUNT, look_at=at(7), until=at(187), asked_at=NOW, awaited=False, turn=at(-3)
    )
    return [turn, replace(turn, awaited=True, turn=None)]


def _read_leases(world: World) -> list[LookLease]:
    found = DynamoLooks(world.table).find([lease.place for lease in _leases()])
    return [found[lease.place] for lease in _leases()]


def _firings() -> Firings:
    return Firings(newest={Timeframe.M1: NOW, Timeframe.D1: at(-7_260)}, watched_since=at(-86_400), watched_at=at(3))


def _write_firings(world: World) -> None:
    store, written = DynamoFirings(world.table), _firings()
    for timeframe, scheduled_at in written.newest.items():
        store.note_firing(timeframe, scheduled_at)
    store.save_watch(written)


def _firings_of_parity() -> Firings:
    return Firings(watched_since=at(-86_400), watched_at=at(3), parity=at(-7_200), parity_since=at(-172_800))


def _write_firings_of_parity(world: World) -> None:
    store, written = DynamoFirings(world.table), _firings_of_parity()
    store.note_parity(at(-7_200))
    store.save_watch(written)


def _parity() -> ParityTask:
    return ParityTask(strategy_id=STRATEGY, day=NOW.date(), correlation_id=values.CORRELATION)


def _asked_parity() -> ParityTask:
    return replace(_parity(), asked_at=NOW)


def _vetting() -> VettingRequest:
    return VettingRequest(tenant_id=TENANT, account_id=values.ACCOUNT, correlation_id=values.CORRELATION, asked_at=NOW)


def _awaited_look() -> ReconcileRequest:
    return ReconcileRequest(
        tenant_id=TENANT,
        account_id=values.ACCOUNT,
        correlation_id=values.CORRELATION,
        full=True,
        asked_at=NOW,
        awaited=True,
        turn=at(-3),
    )


SUBJECT_OF_SETTINGS = {"smallest": smallest_subscription, "full": subscription, "stops-by-mark": marked_subscription}
PLACES = (
    PLATFORM,
    LimitPlace(Scope.ORGANISATION, ORGANISATION),
    LimitPlace(Scope.GROUP, "golden-group"),
    LimitPlace(Scope.OPERATIONS, TENANT),
    LimitPlace(Scope.USER, TENANT),
)
MARKED = partial(values.entry, state=IntentState.CANCELLED, mark_price=Decimal(50_020))
DENIED = partial(values.entry, state=IntentState.DENIED)
SKIPPED = partial(values.entry, state=IntentState.SKIPPED)
CLOSED = partial(values.position, quantity=Decimal(0))
RECEIPT = '{"account_id":"golden-account","limits":{"max_leverage":{"bound":"5"}},"schema_version":1}'


def _read_copies[T](world: World, at: Key, kind: type[T]) -> tuple[T, ...]:
    found = read_items(world.table, copy_keys(at))
    return tuple(from_json(kind, found[key]["body"]["S"]) for key in copy_keys(at))


def _read_blocks(world: World) -> tuple[str, ...]:
    keys = copy_keys(weights_key(VENUE, "203.0.113.7"))
    found = read_items(world.table, keys)
    return tuple(found[key]["blocked_until"]["S"] for key in keys)


SWITCH = replace(values.kill_switch(), version=1)
SWITCH_KEY = (f"KILL_SWITCH#ORGANISATION#{ORGANISATION}", "STATE")
SUSPENDED = account_case("suspended", values.suspended)
CHARGED = account_case("charged", values.charged)
CAPPED = account_case("capped", values.capped)
TELLING = account_case("full-telling-everything-of-64-partitions", lambda: replace(values.account(), outbox=values.told()))

ITEMS: tuple[Case, ...] = (
    account_case("full-of-64-partitions", values.account),
    account_case("in-parts", values.in_parts),
    account_case("retired", values.retired),
    account_case("stops-by-mark", values.stops_by_mark),
    SUSPENDED,
    account_case("with-wrong-rights", values.with_wrong_rights),
    replace(
        SUSPENDED,
        kind="outbox",
        name="of-a-suspended-account",
        value=lambda: told_by(values.ACCOUNT, TENANT, 1, values.suspended().outbox),
        read=partial(read_stream, key=ACCOUNT_KEY),
    ),
    CHARGED,
    CAPPED,
    replace(
        CHARGED,
        kind="outbox",
        name="of-a-charged-account",
        value=lambda: told_by(values.ACCOUNT, TENANT, 1, values.charged().outbox),
        read=partial(read_stream, key=ACCOUNT_KEY),
    ),
    TELLING,
    replace(
        TELLING,
        kind="outbox",
        name="of-an-account-of-64-partitions",
        value=lambda: told_by(values.ACCOUNT, TENANT, 5, values.told()),
        read=partial(read_stream, key=ACCOUNT_KEY),
    ),
    stored(
        "outbox",
        "of-a-kill-switch",
        lambda: told_by(
            f"KILL_SWITCH-ORGANISATION-{ORGANISATION}",
            "ORGANISATION",
            1,
            (Event(type=EventType.KILL_SWITCH_CHANGED, occurred_at=at(4), kill_switch=SWITCH),),
        ),
        lambda world: DynamoGate(world.table).save_switch(replace(SWITCH, version=0)),
        partial(read_stream, key=SWITCH_KEY),
    ),
    stored(
        "account",
        "opened",
        lambda: (replace(values.new_account(), version=1),),
        lambda world: DynamoAccountStore(world.table, world.clock).create(values.new_account()),
        lambda world: tuple(DynamoAccountStore(world.table, world.clock).list_accounts(TENANT)),
    ),
    *(
        stored(
            "subscription", name, value, partial(_subscribe, value()), _read_subscription, prepare=_create_strategies, of="SUB"
        )
        for name, value in SUBJECT_OF_SETTINGS.items()
    ),
    stored(
        "follows",
        "followed",
        lambda: True,
        partial(_subscribe, subscription()),
        lambda world: DynamoSubscriptionStore(world.table, world.clock).follows(TENANT, STRATEGY),
        prepare=_create_strategies,
        of="FOLLOWS",
    ),
    stored(
        "order",
        "resting",
        values.stop,
        lambda world: _history(world).put_order(values.stop(), 5),
        lambda world: _history(world).get_order(TENANT, values.STOP),
    ),
    stored(
        "order",
        "denied",
        DENIED,
        lambda world: _history(world).put_order(DENIED(), 5),
        lambda world: _history(world).list_orders(TENANT, OrderFilter()).items[0],
    ),
    stored(
        "order",
        "entry-with-mark",
        MARKED,
        lambda world: _history(world).put_order(MARKED(), 5),
        lambda world: _history(world).get_order(TENANT, values.ENTRY),
    ),
    stored(
        "order",
        "skipped",
        SKIPPED,
        lambda world: _history(world).put_skipped([SKIPPED()]),
        lambda world: _history(world).get_order(TENANT, values.ENTRY),
    ),
    stored(
        "position",
        "of-a-version",
        lambda: (_versioned_position(),),
        lambda world: _history(world).put_position(_versioned_position(), 5, NOW),
        lambda world: tuple(_history(world).list_positions(TENANT)),
    ),
    stored(
        "order",
        "of-a-version",
        _versioned_stop,
        lambda world: _history(world).put_order(_versioned_stop(), 5),
        lambda world: _history(world).get_order(TENANT, values.STOP),
    ),
    stored(
        "position",
        "held",
        lambda: (values.position(),),
        lambda world: _history(world).put_position(values.position(), 5, NOW),
        lambda world: tuple(_history(world).list_positions(TENANT)),
    ),
    stored(
        "position",
        "closed",
        lambda: (),
        lambda world: _history(world).put_position(CLOSED(), 6, NOW),
        lambda world: tuple(_history(world).list_positions(TENANT)),
    ),
    stored(
        "trade",
        "two",
        lambda: (values.trade(), values.losing_trade()),
        _put_trades,
        lambda world: tuple(sorted(_history(world).list_trades(TENANT, TradeFilter()).items, key=lambda trade: trade.trade_id)),
        of="TRADE#",
    ),
    stored(
        "statistics",
        "of-a-subscription",
        two_trades,
        _put_trades,
        lambda world: DynamoSubscriptionStore(world.table, world.clock).subscription_statistics(TENANT, SUBSCRIPTION),
        of="STATISTICS#",
    ),
    stored(
        "record",
        "of-a-strategy-and-its-tenant",
        _record_of_two_trades,
        _put_counted_trades,
        lambda world: DynamoStrategyStore(world.table).strategy_record(STRATEGY, VENUE),
        of="REC",
    ),
    stored(
        "trade",
        "counted",
        lambda: tuple(_counted_trades()),
        _put_counted_trades,
        lambda world: tuple(sorted(_history(world).list_trades(TENANT, TradeFilter()).items, key=lambda trade: trade.trade_id)),
        of="TRADE#",
    ),
    stored(
        "strategy",
        "built-in",
        strategy,
        _create_strategies,
        lambda world: DynamoStrategyStore(world.table).followed_strategies(Timeframe.M15, VENUE, BTC)[0],
    ),
    stored(
        "strategy",
        "external",
        external_strategy,
        lambda world: DynamoStrategyStore(world.table).create_strategy(external_strategy()),
        lambda world: DynamoStrategyStore(world.table).list_strategies().items[0],
    ),
    stored(
        "strategy",
        "followed",
        lambda: replace(strategy(), subscriber_count=1),
        lambda world: DynamoSubscriptionStore(world.table, world.clock).write(replace(subscription(), version=0), None, 1),
        lambda world: DynamoStrategyStore(world.table).followed_strategies(Timeframe.M15, VENUE, BTC)[0],
        prepare=lambda world: DynamoStrategyStore(world.table).create_strategy(replace(strategy(), subscriber_count=0)),
        of="DEFINITION",
    ),
    stored(
        "source",
        "full",
        source,
        lambda world: DynamoStrategyStore(world.table).save_source(source()),
        lambda world: DynamoStrategyStore(world.table).get_source(SOURCE),
    ),
    stored(
        "source",
        "rotated",
        rotated_source,
        lambda world: DynamoStrategyStore(world.table).create_strategy(external_strategy(), rotated_source()),
        lambda world: DynamoStrategyStore(world.table).get_source(SOURCE),
        of="SOURCE",
    ),
    stored(
        "source_use",
        "messages",
        lambda: False,
        _count_message,
        lambda world: DynamoSourceUse(world.table).count_message(SOURCE, MessageKind.ENTRY, at(2), MessageBounds(1, 500)) is None,
    ),
    stored(
        "source_use",
        "notional",
        lambda: Decimal("1000.50"),
        lambda world: DynamoSourceUse(world.table).add_notional(SOURCE, "a1" * 16, values.ACCOUNT, Decimal("1000.50"), NOW),
        lambda world: DynamoSourceUse(world.table).notional_of(SOURCE, NOW.date()),
    ),
    stored(
        "execution",
        "begun",
        begun_execution,
        lambda world: DynamoExecutionStore(world.table).begin(begun_execution()),
        lambda world: DynamoExecutionStore(world.table).list_executions(STRATEGY, ExecutionFilter()).items[0],
    ),
    stored(
        "execution",
        "finished",
        execution,
        _finish,
        lambda world: DynamoExecutionStore(world.table).list_executions(STRATEGY, ExecutionFilter()).items[0],
    ),
    stored(
        "signal",
        "full",
        signal_record,
        lambda world: DynamoSignalStore(world.table).put_signal(signal_record()),
        lambda world: DynamoSignalStore(world.table).list_signals(STRATEGY, SignalFilter()).items[0],
    ),
    stored(
        "signal",
        "bounded",
        lambda: replace(signal_record(), max_notional=Decimal("1000.5")),
        lambda world: DynamoSignalStore(world.table).put_signal(replace(signal_record(), max_notional=Decimal("1000.5"))),
        lambda world: DynamoSignalStore(world.table).get_signal(values.SIGNAL),
    ),
    stored(
        "signal",
        "exit",
        lambda: replace(signal_record(), signal=exit_signal()),
        lambda world: DynamoSignalStore(world.table).put_signal(replace(signal_record(), signal=exit_signal())),
        lambda world: DynamoSignalStore(world.table).get_signal(values.SIGNAL),
    ),
    stored(
        "signal",
        "released",
        lambda: replace(signal_record(), signal=released_signal()),
        lambda world: DynamoSignalStore(world.table).put_signal(replace(signal_record(), signal=released_signal())),
        lambda world: DynamoSignalStore(world.table).get_signal(values.SIGNAL),
    ),
    stored(
        "verdict",
        "passed",
        passed_verdict,
        lambda world: DynamoVerdictStore(world.table).put_verdict(passed_verdict()),
        lambda world: DynamoVerdictStore(world.table).find_verdict(values.SIGNAL),
    ),
    stored(
        "verdict",
        "quarantined",
        quarantined_verdict,
        lambda world: DynamoVerdictStore(world.table).put_verdict(quarantined_verdict()),
        lambda world: DynamoVerdictStore(world.table).list_quarantined().items[0],
    ),
    stored(
        "verdict",
        "released",
        lambda: replace(quarantined_verdict(), release=release()),
        lambda world: DynamoVerdictStore(world.table).release(values.SIGNAL, release()),
        lambda world: DynamoVerdictStore(world.table).find_verdict(values.SIGNAL),
        prepare=lambda world: DynamoVerdictStore(world.table).put_verdict(quarantined_verdict()),
    ),
    stored(
        "verdict",
        "claimed",
        lambda: None,
        lambda world: DynamoVerdictStore(world.table).claim(values.SIGNAL, NOW, at(3)),
        lambda world: DynamoVerdictStore(world.table).find_verdict(values.SIGNAL),
    ),
    stored(
        "shard",
        "quarantined",
        lambda: ShardReport(shard=1, orders=0, quarantined=True),
        lambda world: DynamoSignalStore(world.table).report_shard(
            values.SIGNAL, ShardReport(shard=1, orders=0, quarantined=True)
        ),
        lambda world: DynamoSignalStore(world.table).shard_report(values.SIGNAL, 1),
    ),
    stored(
        "shard",
        "half-way",
        shard_report,
        lambda world: DynamoSignalStore(world.table).report_shard(values.SIGNAL, shard_report()),
        lambda world: DynamoSignalStore(world.table).shard_report(values.SIGNAL, 1),
    ),
    stored(
        "newest_message",
        "exit",
        lambda: NewestMessage("a1" * 16, values.SIGNAL, "b2" * 16),
        lambda world: DynamoSignalStore(world.table).put_newest_message(
            SOURCE, BTC, NewestMessage("a1" * 16, values.SIGNAL, "b2" * 16), at(1)
        ),
        lambda world: DynamoSignalStore(world.table).newest_message(SOURCE, BTC),
    ),
    stored(
        "newest_message",
        "with-its-time",
        lambda: NewestMessage("a1" * 16, values.SIGNAL),
        lambda world: DynamoSignalStore(world.table).put_newest_message(
            SOURCE, BTC, NewestMessage("a1" * 16, values.SIGNAL), at(1)
        ),
        lambda world: DynamoSignalStore(world.table).newest_message(SOURCE, BTC),
    ),
    stored("receipt_of_message", "queued", lambda: (values.SIGNAL, True), _receive, _read_received),
    stored(
        "price",
        "last",
        lambda: {BTC: LastPrice(price=Decimal("50000.10"), candle_close=NOW)},
        lambda world: DynamoPriceStore(world.table).put_price(VENUE, BTC, LastPrice(Decimal("50000.10"), NOW)),
        lambda world: DynamoPriceStore(world.table).get_prices(VENUE, [BTC]),
    ),
    *(
        stored(
            "limits",
            place.scope.value.lower(),
            partial(limit_record, place),
            partial(_save_limits, limit_record(place)),
            partial(_read_limits, place),
        )
        for place in PLACES
    ),
    stored(
        "decision_receipt",
        "any",
        lambda: RECEIPT,
        lambda world: DynamoDecisions(world.table).put_receipt(TENANT, values.SIGNAL, SUBSCRIPTION, RECEIPT, NOW),
        lambda world: DynamoDecisions(world.table).get_receipt(TENANT, values.SIGNAL, SUBSCRIPTION),
    ),
    stored(
        "breach",
        "that-ends-by-its-own-time",
        breach,
        lambda world: DynamoDecisions(world.table).put_breach(breach()),
        lambda world: DynamoDecisions(world.table).list_breaches(TENANT, BreachFilter()).items[0],
    ),
    stored(
        "pool_slot",
        "shared-out",
        pool,
        _share_out,
        lambda world: DynamoPoolStore(world.table, world.clock).read_pool(ORGANISATION),
    ),
    stored(
        "pool_slot",
        "changed",
        _changed_pool,
        _change_slot,
        lambda world: DynamoPoolStore(world.table, world.clock).read_pool(ORGANISATION),
    ),
    stored(
        "reservation",
        "confirmed",
        reservation,
        _reserve,
        lambda world: DynamoPoolStore(world.table, world.clock).find_reservation(values.ENTRY),
    ),
    stored(
        "reservation",
        "ended",
        lambda: None,
        _end_reservation,
        lambda world: DynamoPoolStore(world.table, world.clock).find_reservation(values.ENTRY),
    ),
    stored(
        "kill_switch",
        "set",
        lambda: (replace(values.kill_switch(), version=1),),
        lambda world: DynamoGate(world.table).save_switch(replace(values.kill_switch(), version=0)),
        lambda world: tuple(DynamoGate(world.table).list_switches()),
    ),
    stored(
        "kill_switch",
        "taken-back",
        lambda: replace(values.kill_switch(), grade=None, version=1),
        lambda world: DynamoGate(world.table).save_switch(replace(values.kill_switch(), grade=None, version=0)),
        lambda world: DynamoGate(world.table).find_switch(values.kill_switch().place),
    ),
    stored(
        "approval",
        "done",
        lambda: (approval(),),
        lambda world: DynamoApprovalStore(world.table).save_approval(replace(approval(), version=0)),
        lambda world: tuple(DynamoApprovalStore(world.table).list_approvals().items),
    ),
    stored(
        "breaker",
        "probing",
        breaker,
        lambda world: DynamoGate(world.table).save_breaker(replace(breaker(), version=0)),
        lambda world: DynamoGate(world.table).load_breaker(VENUE),
    ),
    stored(
        "breaker",
        "braked",
        braked,
        lambda world: DynamoGate(world.table).save_breaker(replace(braked(), version=0)),
        lambda world: DynamoGate(world.table).load_breaker(VENUE),
    ),
    stored(
        "kill_switch",
        "with-copies",
        lambda: (replace(values.kill_switch(), version=1),) * COPIES,
        lambda world: DynamoGate(world.table).save_switch(replace(values.kill_switch(), version=0)),
        partial(_read_copies, at=SWITCH_KEY, kind=KillSwitch),
    ),
    stored(
        "deployment_pause",
        "on",
        lambda: (replace(paused(), version=1),) * COPIES,
        lambda world: DynamoDeploymentPauses(world.table).save_pause(paused()),
        partial(_read_copies, at=pause_key(), kind=DeploymentPause),
    ),
    stored(
        "deployment_pause",
        "lifted",
        lambda: replace(paused(), lifted_by="golden-pipeline", lifted_at=at(9), version=1),
        lambda world: DynamoDeploymentPauses(world.table).save_pause(
            replace(paused(), lifted_by="golden-pipeline", lifted_at=at(9))
        ),
        lambda world: DynamoDeploymentPauses(world.table).find_pause(),
    ),
    stored(
        "breaker",
        "with-copies",
        lambda: (braked(),) * COPIES,
        lambda world: DynamoGate(world.table).save_breaker(replace(braked(), version=0)),
        partial(_read_copies, at=(f"BREAKER#{VENUE}", "STATE"), kind=Breaker),
    ),
    stored(
        "weights",
        "blocked-with-copies",
        lambda: (sortable(at(90)),) * COPIES,
        lambda world: DynamoWeights(world.table).block(Address(VENUE, "203.0.113.7"), at(90), at(2)),
        _read_blocks,
    ),
    stored(
        "weights",
        "leased-and-blocked",
        lambda: Spent(minute=NOW, leased=40, blocked_until=at(90)),
        _spend,
        lambda world: DynamoWeights(world.table).read_spent(Address(VENUE, "203.0.113.7"), at(3)),
    ),
    stored(
        "attempt",
        "second",
        lambda: 2,
        _try_twice,
        lambda world: DynamoAttempts(world.table, world.clock).begin("message-1", 0),
    ),
    stored(
        "turn",
        "taken",
        lambda: [False, True],
        lambda world: DynamoTurns(world.table).take(TENANT, "run-1", NOW, at(360)),
        _whose_turn,
    ),
    stored("look_lease", "of-both-kinds", _leases, lambda world: DynamoLooks(world.table).keep(_leases()), _read_leases),
    stored(
        "look_window",
        "half-open",
        lambda: LookWindow(size=336, waiting=168),
        lambda world: DynamoLooks(world.table).save_window(LookWindow(size=336, waiting=168)),
        lambda world: DynamoLooks(world.table).load_window(),
    ),
    stored("firings", "of-two-timeframes", _firings, _write_firings, lambda world: DynamoFirings(world.table).load_firings()),
    stored(
        "firings",
        "of-parity",
        _firings_of_parity,
        _write_firings_of_parity,
        lambda world: DynamoFirings(world.table).load_firings(),
    ),
    stored(
        "health",
        "with-a-part-down",
        health,
        lambda world: DynamoHealth(world.table).save_health(health()),
        lambda world: DynamoHealth(world.table).load_health(),
    ),
    stored(
        "restoration",
        "adopted",
        restoration,
        lambda world: DynamoRestorations(world.table).put(restoration()),
        lambda world: DynamoRestorations(world.table).find(),
    ),
    stored("object_markets", "of-a-venue", catalogue, _write_catalogue, _read_catalogue),
    stored(
        "object_markets", "with-a-price-band", banded_catalogue, partial(_write_catalogue, made=banded_catalogue), _read_catalogue
    ),
    stored("object_events", "of-every-type", archived, _archive, _read_archive),
    stored(
        "secret",
        "of-an-account",
        lambda: {"api_key": CREDENTIALS.api_key, "api_secret": CREDENTIALS.api_secret},
        _write_keys,
        _read_keys,
    ),
    stored("secret", "of-a-source", lambda: ("golden-shared-words",), _write_source_secret, _read_source_secret),
)

MESSAGES: tuple[Case, ...] = (
    message_case(
        "message_candle_closed",
        "full",
        lambda: CandleClosed(
            venue=VENUE, market=BTC, timeframe=Timeframe.H4, candle_close=NOW, correlation_id=values.CORRELATION
        ),
        lambda world, sqs: SqsCandleQueue(sqs, "candle").send_candles(
            [CandleClosed(venue=VENUE, market=BTC, timeframe=Timeframe.H4, candle_close=NOW, correlation_id=values.CORRELATION)],
            55,
        ),
    ),
    message_case(
        "message_signal_shard",
        "full",
        lambda: SignalShard(signal=signal(), venue=VENUE, shard=1, start="4000", end="8000"),
        lambda world, sqs: SqsSignalQueue(sqs, "signal").send_shards(
            [SignalShard(signal=signal(), venue=VENUE, shard=1, start="4000", end="8000")]
        ),
    ),
    message_case(
        "message_signal_shard",
        "bounded",
        lambda: SignalShard(signal=signal(), venue=VENUE, shard=1, start="4000", end="8000", max_notional=Decimal("3.33")),
        lambda world, sqs: SqsSignalQueue(sqs, "signal").send_shards(
            [SignalShard(signal=signal(), venue=VENUE, shard=1, start="4000", end="8000", max_notional=Decimal("3.33"))], 7
        ),
    ),
    message_case(
        "message_signal_shard",
        "published",
        lambda: SignalShard(signal=signal(), venue=VENUE, shard=1, start="4000", end="8000", published_at=at(1)),
        lambda world, sqs: SqsSignalQueue(sqs, "signal").send_shards(
            [SignalShard(signal=signal(), venue=VENUE, shard=1, start="4000", end="8000", published_at=at(1))]
        ),
    ),
    message_case(
        "message_trade_order",
        "full",
        trade_order,
        lambda world, sqs: SqsTradeQueue(sqs, "trade.fifo").send_orders([trade_order()]),
    ),
    message_case(
        "message_trade_order",
        "of-a-version",
        _versioned_trade_order,
        lambda world, sqs: SqsTradeQueue(sqs, "trade.fifo").send_orders([_versioned_trade_order()]),
    ),
    message_case(
        "message_trade_order",
        "stops-by-mark",
        _marked_trade_order,
        lambda world, sqs: SqsTradeQueue(sqs, "trade.fifo").send_orders([_marked_trade_order()]),
    ),
    message_case(
        "message_trade_order",
        "smallest",
        smallest_trade_order,
        lambda world, sqs: SqsTradeQueue(sqs, "trade.fifo").send_orders([smallest_trade_order()]),
    ),
    message_case(
        "message_reconcile_request",
        "full",
        lambda: ReconcileRequest(tenant_id=TENANT, account_id=values.ACCOUNT, correlation_id=values.CORRELATION, full=True),
        lambda world, sqs: SqsReconcileQueue(sqs, "reconcile").send_reconcile(
            [ReconcileRequest(tenant_id=TENANT, account_id=values.ACCOUNT, correlation_id=values.CORRELATION, full=True)], 30
        ),
    ),
    message_case(
        "message_reconcile_request",
        "awaited",
        _awaited_look,
        lambda world, sqs: SqsReconcileQueue(sqs, "awaited-look").send_reconcile([_awaited_look()]),
    ),
    message_case(
        "message_vetting_request",
        "full",
        _vetting,
        lambda world, sqs: SqsVettingQueue(sqs, "vetting").send_vetting(_vetting()),
    ),
    message_case(
        "message_parity_task",
        "full",
        _parity,
        lambda world, sqs: SqsParityQueue(sqs, "parity").send_parity([_parity()]),
    ),
    message_case(
        "message_parity_task",
        "asked",
        _asked_parity,
        lambda world, sqs: SqsParityQueue(sqs, "parity").send_parity([_asked_parity()]),
    ),
    stored("message_dead_letter", "of-an-order", _letter_shown, _put_aside, _read_letter),
    stored("event", "of-every-type", published, _publish, _read_published),
    invocation_case("list", letter_listing, lambda letters: letters.entries("trade", 50)),
    invocation_case("show", letter_entry, lambda letters: letters.entry("trade", "golden-letter")),
    invocation_case("redrive", redriven, lambda letters: letters.redrive("trade", ["golden-letter"], "api:golden-operator")),
    invocation_case("redrive-all", redriven, lambda letters: letters.redrive("trade", None, "api:golden-operator")),
    invocation_case("drop", letter_entry, lambda letters: letters.drop("trade", "golden-letter", "api:golden-operator")),
)
