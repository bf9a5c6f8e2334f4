"""The golden items of fields that were added after those of their kinds: each is given a value other than its default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from candlecast.adapters.aws.event_bus import EventBridgeBus
from candlecast.adapters.codec import from_json
from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
from candlecast.adapters.dynamodb.executions import DynamoExecutionStore
from candlecast.adapters.dynamodb.history import DynamoHistory
from candlecast.adapters.dynamodb.limits import DynamoLimitStore
from candlecast.adapters.dynamodb.pools import DynamoPoolStore
from candlecast.adapters.dynamodb.ranks import RankRows
from candlecast.adapters.dynamodb.signals import DynamoSignalStore
from candlecast.adapters.dynamodb.strategies import AuthorRow, DynamoStrategyStore, UploadsRow
from candlecast.adapters.dynamodb.subscriptions import DynamoSubscriptionStore
from candlecast.adapters.dynamodb.totals import DynamoResultSums
from candlecast.adapters.sqs.queues import SqsCandleQueue, SqsSignalQueue, SqsTradeQueue
from candlecast.domain.account.account import Account
from candlecast.domain.account.events import Event, EventType
from candlecast.domain.limits.limits import Scope
from candlecast.domain.limits.record import LimitPlace, LimitRecord
from candlecast.domain.strategies.days import TenantDay
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.statistics import QuotedStatistics, Statistics
from candlecast.ports.bus import PublishedEvent
from candlecast.ports.filters import ExecutionFilter, TradeFilter
from tests.golden import added_values, other_values, values
from tests.golden.added_values import FIRST_VERSION, GENERATION
from tests.golden.cases import ACCOUNT_KEY, Case, World, message_case, read_stream, stored, told_by
from tests.golden.memory import Recorder
from tests.golden.times import NOW
from tests.golden.values import STRATEGY, SUBSCRIPTION, TENANT

USER = LimitPlace(Scope.USER, TENANT)


def store_of_a_restored_table(world: World) -> DynamoAccountStore:
    return DynamoAccountStore(world.memory.table(GENERATION), world.clock)


def restored_account(name: str, value: Callable[[], Account], version: int) -> Case:
    """An account as functions of a restored table write it; `version` is what that write gives it."""

    def prepare(world: World) -> None:
        store_of_a_restored_table(world).create(values.new_account())
        world.memory.items[ACCOUNT_KEY] |= {"version": {"N": str(value().version)}}

    def write(world: World) -> None:
        store_of_a_restored_table(world).save(value())

    return Case(
        kind="account",
        name=name,
        value=lambda: replace(value(), version=version, outbox=()),
        write=write,
        read=lambda world: store_of_a_restored_table(world).load(TENANT, values.ACCOUNT),
        prepare=prepare,
        of="STATE",
        of_a_restored_table=True,
    )


def told(case: Case, name: str, account: Callable[[], Account], version: int) -> Case:
    """The events of that write."""
    return replace(
        case,
        kind="outbox",
        name=name,
        value=lambda: told_by(values.ACCOUNT, TENANT, version, account().outbox),
        read=partial(read_stream, key=ACCOUNT_KEY),
    )


def _history(world: World) -> DynamoHistory:
    return DynamoHistory(world.table)


def _put_trade(world: World) -> None:
    _history(world).put_trade(added_values.trade_of_a_reopened_position(), 1)


TENANT_DAY_KEY = (f"TENANT#{TENANT}", f"RECORD_DAY#{STRATEGY}#{values.VENUE}#{added_values.FIRST_AND_LAST_DAY[0]}")


def _put_trades_of_days(world: World) -> None:
    for trade in added_values.trades_of_days():
        _history(world).put_trade(trade, 1)


def _put_ended_orders(world: World) -> None:
    for order in added_values.ended_orders():
        _history(world).put_order(order, 3)


def _put_ranked_orders(world: World) -> None:
    for order in added_values.ranked_orders():
        _history(world).put_order(order, 5)


def _put_ranked_orders_and_fill(world: World) -> None:
    _put_ranked_orders(world)
    RankRows(world.table).put_fills(STRATEGY, [added_values.fill_of_a_backtest()])


def _limits() -> LimitRecord:
    return replace(other_values.limit_record(USER), limits=added_values.limits())


def _sums() -> Statistics:
    trade = added_values.trade_of_a_reopened_position()
    return Statistics.of(trade.pnl, trade.fees, trade.funding)


def _write_subscription(world: World) -> None:
    DynamoSubscriptionStore(world.table, world.clock).write(replace(added_values.subscription(), version=0), None, 0)


def _strategies(world: World) -> Any:
    return DynamoStrategyStore(world.table)


def _finish_of_a_version(world: World) -> None:
    store = DynamoExecutionStore(world.table)
    store.begin(replace(other_values.begun_execution(), audience=added_values.audience()))
    store.finish(added_values.execution_of_a_version())


def _finish_of_what_it_saw(world: World) -> None:
    store = DynamoExecutionStore(world.table)
    store.begin(other_values.begun_execution())
    store.finish(added_values.execution_that_saw())


def _before_its_release() -> StrategyDefinition:
    return replace(added_values.uploaded_strategy(), subscriber_count=0, pinned_count=0, revision=6)


def _follow_uploaded(world: World) -> None:
    _strategies(world).create_strategy(replace(_before_its_release(), revision=7))
    pinned = replace(added_values.pinned_subscription(), version=0)
    DynamoSubscriptionStore(world.table, world.clock).write(pinned, None, 1)


def _told_of_strategies() -> tuple[PublishedEvent, ...]:
    """An event of each type."""
    changes = [
        replace(added_values.change(), type=kind, revision=number)
        for number, kind in enumerate((kind for kind in EventType if kind.startswith("strategy.")), start=1)
    ]
    return tuple(
        PublishedEvent(
            event_id=f"golden-event-{change.revision}",
            tenant_id=TENANT,
            account_id=f"STRATEGY-{STRATEGY}",
            version=change.revision,
            event=Event(type=EventType(change.type), occurred_at=change.changed_at, strategy_change=change),
        )
        for change in changes
    )


def _publish_of_strategies(world: World) -> None:
    bus = Recorder({"FailedEntryCount": 0})
    EventBridgeBus(bus, "golden-bus").publish(_told_of_strategies())  # type: ignore[arg-type]
    entries = [entry for _, request in bus.requests for entry in request["Entries"]]
    world.sent += [{**entry, "Time": entry["Time"].isoformat()} for entry in entries]


CHANGE = stored(
    "strategy",
    "change",
    lambda: (added_values.change(),),
    lambda world: _strategies(world).change_strategy(_before_its_release(), added_values.change()),
    lambda world: tuple(_strategies(world).list_changes(STRATEGY).items),
    prepare=lambda world: _strategies(world).create_strategy(_before_its_release()),
    of="CHANGE#",
    of_an_author=True,
)
RESTORING = restored_account("at-its-first-look-after-a-restore", added_values.restoring, FIRST_VERSION)
RECOVERED = restored_account("accounted-for-after-a-restore", added_values.recovered, FIRST_VERSION + 1)

ADDED: tuple[Case, ...] = (
    RESTORING,
    RECOVERED,
    told(RESTORING, "of-an-account-at-its-first-look-after-a-restore", added_values.restoring, FIRST_VERSION),
    told(RECOVERED, "of-an-account-accounted-for-after-a-restore", added_values.recovered, FIRST_VERSION + 1),
    stored(
        "order",
        "denied-after-a-restore",
        added_values.denied_after_a_restore,
        lambda world: _history(world).put_order(added_values.denied_after_a_restore(), FIRST_VERSION),
        lambda world: _history(world).get_order(TENANT, values.ENTRY),
        of_a_restored_table=True,
    ),
    stored(
        "order",
        "cancelled-by-its-owner",
        added_values.cancelled_by_its_owner,
        lambda world: _history(world).put_order(added_values.cancelled_by_its_owner(), 5),
        lambda world: _history(world).get_order(TENANT, values.ENTRY),
    ),
    stored(
        "order",
        "of-a-part",
        added_values.exit_of_a_part,
        lambda world: _history(world).put_order(added_values.exit_of_a_part(), 5),
        lambda world: _history(world).get_order(TENANT, values.ENTRY),
    ),
    message_case(
        "message_trade_order",
        "of-a-part",
        added_values.order_to_reduce,
        lambda world, sqs: SqsTradeQueue(sqs, "trade.fifo").send_orders([added_values.order_to_reduce()]),
    ),
    stored(
        "position",
        "opened-again-by-its-entry",
        lambda: (added_values.reopened(),),
        lambda world: _history(world).put_position(added_values.reopened(), 5, world.clock.now()),
        lambda world: tuple(_history(world).list_positions(TENANT)),
    ),
    stored(
        "trade",
        "of-a-position-opened-again",
        lambda: (added_values.trade_of_a_reopened_position(),),
        _put_trade,
        lambda world: tuple(_history(world).list_trades(TENANT, TradeFilter()).items),
        of="TRADE#",
    ),
    stored(
        "trade",
        "of-a-version",
        lambda: (added_values.trade_of_a_version(),),
        lambda world: _history(world).put_trade(added_values.trade_of_a_version(), 1),
        lambda world: tuple(_history(world).list_trades(TENANT, TradeFilter()).items),
        of="TRADE#",
    ),
    stored(
        "trade",
        "of-a-signal",
        lambda: (added_values.trade_of_a_signal(),),
        lambda world: _history(world).put_trade(added_values.trade_of_a_signal(), 1),
        lambda world: tuple(_history(world).list_trades(TENANT, TradeFilter()).items),
        of="TRADE#",
    ),
    stored(
        "statistics",
        "with-funding",
        _sums,
        _put_trade,
        lambda world: DynamoSubscriptionStore(world.table, world.clock).subscription_statistics(TENANT, SUBSCRIPTION),
        of="STATISTICS#",
    ),
    stored(
        "statistics",
        "with-quotes",
        lambda: {SUBSCRIPTION: QuotedStatistics(statistics=_sums(), quotes=frozenset({"USDT"}))},
        _put_trade,
        lambda world: DynamoResultSums(world.table).of_subscriptions(TENANT),
        of="STATISTICS#",
    ),
    stored(
        "day",
        "with-quotes",
        lambda: [[day, "USDT", sums] for day, sums in added_values.days_of_a_subscription().items()],
        _put_trades_of_days,
        lambda world: [
            [*place, sums]
            for place, sums in DynamoResultSums(world.table)
            .of_days(TENANT, values.ACCOUNT, *added_values.FIRST_AND_LAST_DAY)
            .sums.items()
        ],
        of="DAY#",
    ),
    stored(
        "day",
        "of-a-subscription",
        added_values.days_of_a_subscription,
        _put_trades_of_days,
        lambda world: _history(world).daily_statistics(TENANT, values.ACCOUNT, *added_values.FIRST_AND_LAST_DAY).days,
        of="DAY#",
    ),
    stored(
        "day",
        "of-a-strategy-and-its-tenant",
        lambda: (added_values.days_of_a_strategy(), added_values.day_of_a_tenant()),
        _put_trades_of_days,
        lambda world: (
            _strategies(world).strategy_days(STRATEGY, values.VENUE, *added_values.FIRST_AND_LAST_DAY),
            from_json(TenantDay, world.memory.items[TENANT_DAY_KEY]["body"]["S"]),
        ),
        of=("RECORD_DAY#", f"{values.VENUE}#"),
    ),
    stored(
        "ranks",
        "of-a-signal",
        added_values.ranks_of_a_signal,
        _put_ranked_orders,
        lambda world: _history(world).signal_ranks(STRATEGY, None, 1)[0],
        of=f"{NOW.year}-",
    ),
    stored(
        "ranks",
        "ends-of-a-signal",
        added_values.counts_of_a_signal,
        _put_ended_orders,
        lambda world: _history(world).signal_counts(STRATEGY, values.SIGNAL, NOW),
        of="ENDED#",
    ),
    stored(
        "ranks",
        "beside-a-backtest",
        added_values.ranks_beside_a_backtest,
        _put_ranked_orders_and_fill,
        lambda world: _history(world).signal_ranks(STRATEGY, None, 1)[0],
        of=f"{NOW.year}-",
    ),
    stored(
        "limits",
        "of-a-resting-distance",
        _limits,
        lambda world: DynamoLimitStore(world.table).save(replace(_limits(), version=0)),
        lambda world: DynamoLimitStore(world.table).read([USER])[USER],
    ),
    stored(
        "reservation",
        "with-counted-trades",
        added_values.reservation,
        lambda world: DynamoPoolStore(world.table, world.clock).change(
            added_values.reservation().organisation_id, (), None, added_values.reservation()
        ),
        lambda world: DynamoPoolStore(world.table, world.clock).find_reservation(values.ENTRY),
    ),
    stored(
        "subscription",
        "trailing-by-the-range",
        added_values.subscription,
        _write_subscription,
        lambda world: DynamoSubscriptionStore(world.table, world.clock).get_subscription(TENANT, SUBSCRIPTION),
        prepare=lambda world: _strategies(world).create_strategy(other_values.strategy()),
        of="SUB",
    ),
    stored(
        "strategy",
        "reserved",
        added_values.reserved_strategy,
        lambda world: _strategies(world).create_strategy(added_values.reserved_strategy()),
        lambda world: _strategies(world).get_strategy(STRATEGY),
    ),
    stored(
        "signal",
        "of-an-immediate-entry",
        lambda: replace(other_values.signal_record(), signal=added_values.immediate_signal()),
        lambda world: DynamoSignalStore(world.table).put_signal(
            replace(other_values.signal_record(), signal=added_values.immediate_signal())
        ),
        lambda world: DynamoSignalStore(world.table).get_signal(values.SIGNAL),
    ),
    message_case(
        "message_trade_order",
        "of-an-entry-that-must-rest",
        added_values.trade_order,
        lambda world, sqs: SqsTradeQueue(sqs, "trade.fifo").send_orders([added_values.trade_order()]),
    ),
    stored(
        "strategy",
        "uploaded",
        added_values.uploaded_strategy,
        _follow_uploaded,
        lambda world: _strategies(world).get_strategy(STRATEGY),
        of="DEFINITION",
        of_an_author=True,
    ),
    stored(
        "strategy",
        "that-catches-up",
        lambda: replace(other_values.strategy(), catches_up=True),
        lambda world: _strategies(world).create_strategy(replace(other_values.strategy(), catches_up=True)),
        lambda world: _strategies(world).get_strategy(STRATEGY),
    ),
    stored(
        "strategy",
        "owned",
        lambda: 1,
        _follow_uploaded,
        lambda world: world.table.rows(AuthorRow).get(f"TENANT#{TENANT}", "AUTHOR").strategies,
        of="AUTHOR",
        of_an_author=True,
    ),
    stored(
        "strategy",
        "uploads-of-a-day",
        lambda: 1,
        lambda world: _strategies(world).begin_upload(TENANT, NOW),
        lambda world: world.table.rows(UploadsRow).get(f"TENANT#{TENANT}", "UPLOADS#2026-11-20").uploads,
        of_an_author=True,
    ),
    stored(
        "strategy",
        "version",
        added_values.version,
        lambda world: _strategies(world).create_strategy(_before_its_release(), version=added_values.version()),
        lambda world: _strategies(world).get_version(STRATEGY, 2),
        of="VERSION#",
        of_an_author=True,
    ),
    CHANGE,
    replace(
        CHANGE,
        kind="outbox",
        name="of-a-strategy",
        value=lambda: told_by(
            f"STRATEGY-{STRATEGY}",
            TENANT,
            7,
            (
                Event(
                    type=EventType.STRATEGY_VERSION_RELEASED,
                    occurred_at=added_values.change().changed_at,
                    strategy_change=added_values.change(),
                ),
            ),
        ),
        read=partial(read_stream, key=(f"STRATEGY#{STRATEGY}", "CHANGE#000000007")),
    ),
    stored(
        "event",
        "of-strategies",
        _told_of_strategies,
        _publish_of_strategies,
        lambda world: tuple(from_json(PublishedEvent, entry["Detail"]) for entry in world.sent),
        of_an_author=True,
    ),
    stored(
        "subscription",
        "pinned",
        added_values.pinned_subscription,
        lambda world: DynamoSubscriptionStore(world.table, world.clock).write(
            replace(added_values.pinned_subscription(), version=0), None, 0
        ),
        lambda world: DynamoSubscriptionStore(world.table, world.clock).get_subscription(TENANT, SUBSCRIPTION),
        prepare=lambda world: _strategies(world).create_strategy(other_values.strategy()),
        of="SUB",
    ),
    stored(
        "execution",
        "of-a-version",
        added_values.execution_of_a_version,
        _finish_of_a_version,
        lambda world: DynamoExecutionStore(world.table).list_executions(STRATEGY, ExecutionFilter()).items[0],
    ),
    stored(
        "execution",
        "that-saw",
        added_values.execution_that_saw,
        _finish_of_what_it_saw,
        lambda world: DynamoExecutionStore(world.table).list_executions(STRATEGY, ExecutionFilter()).items[0],
    ),
    stored(
        "execution",
        "leading",
        added_values.leading_execution,
        lambda world: DynamoExecutionStore(world.table).begin(added_values.leading_execution()),
        lambda world: DynamoExecutionStore(world.table).leading(STRATEGY, added_values.leading_execution().candle_close),
    ),
    stored(
        "execution",
        "behind",
        added_values.execution_behind,
        lambda world: DynamoExecutionStore(world.table).begin(added_values.execution_behind()),
        lambda world: DynamoExecutionStore(world.table).list_executions(STRATEGY, ExecutionFilter()).items[0],
    ),
    stored(
        "signal",
        "of-a-version",
        added_values.record_of_a_version,
        lambda world: DynamoSignalStore(world.table).put_signal(added_values.record_of_a_version()),
        lambda world: DynamoSignalStore(world.table).get_signal(values.SIGNAL),
    ),
    stored(
        "signal",
        "of-a-message",
        added_values.record_of_a_message,
        lambda world: DynamoSignalStore(world.table).put_signal(added_values.record_of_a_message()),
        lambda world: DynamoSignalStore(world.table).get_signal(values.SIGNAL),
    ),
    message_case(
        "message_signal_shard",
        "of-a-version",
        added_values.shard_of_a_version,
        lambda world, sqs: SqsSignalQueue(sqs, "signal").send_shards([added_values.shard_of_a_version()]),
    ),
    message_case(
        "message_candle_closed",
        "of-an-uploaded-strategy",
        added_values.candle_of_an_upload,
        lambda world, sqs: SqsCandleQueue(sqs, "uploaded-candle").send_candles([added_values.candle_of_an_upload()], 55),
    ),
    message_case(
        "message_candle_closed",
        "missed",
        lambda: replace(added_values.candle_of_an_upload(), missed=True),
        lambda world, sqs: SqsCandleQueue(sqs, "uploaded-candle").send_candles(
            [replace(added_values.candle_of_an_upload(), missed=True)], 900
        ),
    ),
)
