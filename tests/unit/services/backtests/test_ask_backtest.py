"""Everybody who may find a strategy may have it tried, within bounds, and learns nothing that its record hides.

A request that is repeated makes no second backtest, and one whose task was not sent is computed all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from candlecast.domain.backtests.backtest import MAX_A_DAY, MAX_OPEN, Backtest, BacktestStatus
from candlecast.domain.signals.messages import BacktestTask
from candlecast.domain.strategies.definition import Visibility
from candlecast.domain.strategies.record import public_until
from candlecast.domain.strategies.versions import Release
from candlecast.domain.subscriptions.subscription import Settings, SubscriptionStatus
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound, RetryLater
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.backtests import RequestKey
from candlecast.services.backtests.ask_backtest import AskBacktest, Reader, WantedBacktest, WantedSweep
from candlecast.services.backtests.cancel_backtest import CancelBacktest
from candlecast.services.backtests.run_backtest import RunBacktest
from candlecast.services.backtests.send_tasks import MOST_A_STEP, SendTasks, SendUnsent
from candlecast.services.strategies.admit_reader import AdmitReader
from tests.support.builders import (
    ACCOUNT,
    BTC,
    ETH,
    NOW,
    STRATEGY,
    SUBSCRIPTION,
    TENANT,
    VENUE,
    a_market,
    a_strategy,
    a_subscription,
    a_version,
    an_account,
    an_external_strategy,
    an_uploaded_strategy,
    settings,
)
from tests.support.fakes.accounts import FakeAccountStore
from tests.support.fakes.backtests import FakeBacktestStore, FakeEngine, FakeResults
from tests.support.fakes.clock import FakeClock, RecordingMetrics, SequentialIdentifiers
from tests.support.fakes.market_data import FakeMarkets
from tests.support.fakes.queues import FakeBacktestQueue
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore
from tests.support.fakes.subscriptions import FakeSubscriptionStore

OWNER, STRANGER = Reader(tenant_id=TENANT), Reader(tenant_id="tenant-2")
START = NOW - timedelta(hours=2)


@dataclass
class Counter:
    """The counter at which backtests are asked for, over one database of fakes."""

    database: FakeDatabase = field(default_factory=FakeDatabase)
    store: FakeBacktestStore = field(default_factory=FakeBacktestStore)
    queue: FakeBacktestQueue = field(default_factory=FakeBacktestQueue)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.strategies = FakeStrategyStore(self.database)
        self.subscriptions = FakeSubscriptionStore(self.database, self.clock)
        self._ask = AskBacktest(
            backtests=self.store,
            strategies=self.strategies,
            subscriptions=self.subscriptions,
            admit=AdmitReader(self.strategies, self.subscriptions),
            markets=FakeMarkets(a_market(BTC), a_market(ETH)),
            send=SendTasks(self.store, self.queue),
            clock=self.clock,
            identifiers=SequentialIdentifiers(),
        )
        self.send_unsent = SendUnsent(self.store, SendTasks(self.store, self.queue), self.clock)
        self.engine = FakeEngine()
        self.cancel = CancelBacktest(self.store, self.clock)

    def ask(self, reader: Reader = OWNER, key: RequestKey | None = None, **wanted: Any) -> Backtest:
        values: dict[str, Any] = {"strategy_id": STRATEGY, "start": START, "cash": Decimal(5_000)}
        return self._ask(reader, WantedBacktest(**{**values, **wanted}), "correlation-1", key)

    def computed(self, task: BacktestTask) -> Backtest:
        """The backtest of a task once the runner has taken the task."""
        inputs: Any = lambda asked: SimpleNamespace(backtest=asked)  # noqa: E731  (candles are another test's)
        run = RunBacktest(
            backtests=self.store,
            inputs=inputs,
            engine=self.engine,
            results=FakeResults(),
            clock=self.clock,
            metrics=RecordingMetrics(),
        )
        run(task, "worker-1")
        return self.store.find_backtest(task.tenant_id, task.backtest_id)

    def follow(self, tenant: str, pinned_version: int | None = None) -> None:
        accounts = FakeAccountStore(self.database, self.clock)
        accounts.create(an_account(tenant_id=tenant, subscriptions={}))
        account = replace(accounts.load(tenant, ACCOUNT), subscriptions={SUBSCRIPTION: SubscriptionStatus.ACTIVE})
        self.subscriptions.write(a_subscription(tenant_id=tenant, pinned_version=pinned_version), account, 1)


@pytest.fixture
def counter() -> Counter:
    """With an uploaded public strategy of the first tenant."""
    fresh = Counter()
    fresh.strategies.create_strategy(an_uploaded_strategy(), None, a_version())
    return fresh


def test_a_backtest_is_written_counted_and_queued(counter: Counter) -> None:
    asked = counter.ask()
    assert asked == counter.store.find_backtest(TENANT, asked.backtest_id)
    assert (asked.status, asked.asked_at, asked.shows_code) == (BacktestStatus.QUEUED, NOW, True)
    (task,) = counter.queue.sent
    assert (task.tenant_id, task.backtest_id, task.correlation_id) == (TENANT, asked.backtest_id, "correlation-1")


AXES = {"fast_period": [5, 8, 13], "slow_period": list(range(20, 34))}


def test_a_sweep_is_queued_part_by_part(counter: Counter) -> None:
    asked = counter.ask(sweep=WantedSweep(axes=AXES, metric="sqn"))
    sweep = asked.plan.sweep
    assert sweep is not None
    assert (sweep.trials, sweep.parts, sweep.metric) == (42, 3, "sqn")
    assert [(task.backtest_id, task.part) for task in counter.queue.sent] == [(asked.backtest_id, part) for part in range(3)]


def test_parameters_are_varied_by_those_alone_who_may_see_them(counter: Counter) -> None:
    with pytest.raises(Conflict, match="SWEEP_NEEDS_PARAMETERS"):
        counter.ask(STRANGER, sweep=WantedSweep(axes=AXES))
    counter.follow("tenant-2")
    with pytest.raises(Conflict, match="SWEEP_NEEDS_PARAMETERS"):
        counter.ask(STRANGER, sweep=WantedSweep(axes=AXES))
    assert not counter.queue.sent


@pytest.mark.parametrize("sweep", [None, WantedSweep(axes=AXES)], ids=["single", "sweep"])
def test_a_backtest_that_the_queue_did_not_take_is_sent_by_the_clock(counter: Counter, sweep: WantedSweep | None) -> None:
    counter.queue.fail_next()
    asked = counter.ask(sweep=sweep)
    assert (asked.status, counter.queue.sent) == (BacktestStatus.QUEUED, [])
    counter.clock.advance(61)
    assert counter.send_unsent() == 1
    assert [(task.backtest_id, task.part) for task in counter.queue.sent] == [(asked.backtest_id, it) for it in asked.plan.parts]
    assert {(task.tenant_id, task.correlation_id) for task in counter.queue.sent} == {(TENANT, "correlation-1")}
    assert counter.send_unsent() == 0


def test_the_clock_leaves_the_api_the_time_that_it_has(counter: Counter) -> None:
    counter.queue.fail_next()
    counter.ask()
    counter.clock.advance(60)
    assert counter.send_unsent() == 0


def test_what_was_sent_is_not_sent_again(counter: Counter) -> None:
    counter.ask()
    counter.clock.advance(3_600)
    assert counter.send_unsent() == 0
    assert len(counter.queue.sent) == 1


def test_a_queue_that_takes_nothing_for_long_loses_nothing(counter: Counter) -> None:
    counter.queue.fail_next()
    asked = counter.ask()
    counter.clock.advance(61)
    counter.queue.fail_next()
    with pytest.raises(RetryLater, match="QUEUE_UNAVAILABLE"):
        counter.send_unsent()
    assert counter.send_unsent() == 1
    assert [task.backtest_id for task in counter.queue.sent] == [asked.backtest_id]


def test_a_step_of_the_clock_is_bounded(counter: Counter) -> None:
    for number in range(MOST_A_STEP + 1):
        counter.queue.fail_next()
        counter.ask(Reader(tenant_id=f"tenant-{number}-x"))
    counter.clock.advance(61)
    assert [counter.send_unsent() for _ in range(3)] == [MOST_A_STEP, 1, 0]


def test_a_backtest_that_was_cancelled_before_it_was_sent_stays_so(counter: Counter) -> None:
    counter.queue.fail_next()
    counter.cancel(TENANT, counter.ask().backtest_id)
    counter.clock.advance(61)
    assert counter.send_unsent() == 0


class Killed(BaseException):
    """The end of the process, which nothing catches."""


def test_a_backtest_is_computed_although_the_api_was_killed_before_it_sent_the_task(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(counter.queue, "send_backtests", kill)
        with pytest.raises(Killed):
            counter.ask()
    ((_, left),) = counter.store.backtests.items()
    assert (left.status, counter.queue.sent) == (BacktestStatus.QUEUED, [])
    counter.clock.advance(61)
    counter.send_unsent()
    (task,) = counter.queue.sent
    assert counter.computed(task).status is BacktestStatus.DONE


def test_a_task_that_is_sent_twice_is_computed_once(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API was killed behind the send, so nobody has noted it."""

    def kill(_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(counter.store, "note_sent", kill)
        with pytest.raises(Killed):
            counter.ask()
    counter.clock.advance(61)
    counter.send_unsent()
    first, second = counter.queue.sent
    assert first == second
    done = counter.computed(first)
    assert (done.status, done.tries) == (BacktestStatus.DONE, 1)
    assert counter.computed(second) == done
    assert len(counter.engine.seen) == 1


# -- repeated requests --------------------------------------------------------------------------------------------------------


KEY = RequestKey(key="key", asked_for="body")


def test_a_repeat_with_the_same_key_finds_the_first_backtest_as_it_is_now(counter: Counter) -> None:
    first = counter.ask(key=KEY)
    assert counter.ask(key=KEY) == first
    cancelled = counter.cancel(TENANT, first.backtest_id)
    counter.clock.advance(3_600)
    assert counter.ask(key=KEY) == cancelled
    assert (len(counter.store.backtests), len(counter.queue.sent)) == (1, 1)


def test_a_repeat_is_answered_at_every_limit_and_after_the_strategy_was_hidden(counter: Counter) -> None:
    first = counter.ask(STRANGER, key=KEY)
    for _ in range(MAX_OPEN - 1):
        counter.ask(STRANGER)
    counter.database.strategies[STRATEGY] = an_uploaded_strategy(visibility=Visibility.PRIVATE)
    assert counter.ask(STRANGER, key=KEY) == first


def test_a_key_that_was_used_for_something_else_is_refused(counter: Counter) -> None:
    counter.ask(key=KEY)
    with pytest.raises(InvalidValue) as refused:
        counter.ask(key=replace(KEY, asked_for="another body"))
    assert (refused.value.code, len(counter.store.backtests)) == ("IDEMPOTENCY_KEY_REUSED", 1)


def test_a_key_is_its_tenants_own(counter: Counter) -> None:
    assert counter.ask(key=KEY).tenant_id == TENANT
    assert counter.ask(STRANGER, key=KEY).tenant_id == "tenant-2"


def test_without_a_key_every_request_is_a_backtest(counter: Counter) -> None:
    assert counter.ask() != counter.ask()


def test_of_two_requests_at_once_with_one_key_both_get_the_first(counter: Counter) -> None:
    faster: list[Backtest] = []
    counter.store.during = lambda: faster.append(counter.ask(key=KEY))
    assert [counter.ask(key=KEY)] == faster
    assert len(counter.queue.sent) == 1


def test_a_refused_request_leaves_its_key_unused(counter: Counter) -> None:
    with pytest.raises(NotFound):
        counter.ask(strategy_id="unknown", key=KEY)
    assert counter.ask(key=KEY).tenant_id == TENANT


def test_what_is_not_said_is_the_strategys_and_the_newest_candles(counter: Counter) -> None:
    plan = counter.ask().plan
    assert (plan.venue, plan.market, plan.timeframe, plan.version) == (VENUE, BTC, Timeframe.M1, 1)
    assert (plan.start, plan.until) == (START, NOW)
    assert (plan.cash, plan.settings, plan.taker_fee) == (Decimal(5_000), Settings(capital=Decimal(5_000)), None)


@pytest.mark.parametrize(
    ("settings", "cash"), [(None, Decimal(10_000)), (Settings(capital=Decimal(750)), Decimal(750))], ids=["neither", "a capital"]
)
def test_without_cash_it_is_the_capital(counter: Counter, settings: Settings | None, cash: Decimal) -> None:
    plan = counter.ask(cash=None, settings=settings).plan
    assert (plan.cash, plan.settings.capital) == (cash, cash)


def test_everything_can_be_said(counter: Counter) -> None:
    counter.database.versions[STRATEGY, 2] = a_version(2)
    wanted: dict[str, Any] = {
        "market": ETH,
        "version": 2,
        "settings": settings(),
        "taker_fee": Decimal("0.0005"),
        "maker_fee": Decimal("0.0002"),
        "slippage_bps": Decimal(2),
    }
    plan = counter.ask(**wanted, timeframe=Timeframe.M5, until=NOW - timedelta(minutes=7)).plan
    assert {name: getattr(plan, name) for name in wanted} == wanted
    assert (plan.timeframe, plan.until) == (Timeframe.M5, NOW - timedelta(minutes=10))


def test_ids_sort_as_the_time_of_asking(counter: Counter) -> None:
    ids = []
    for _ in range(3):
        ids.append(counter.ask().backtest_id)
        counter.clock.advance(0.001)
    assert ids == sorted(ids)


def test_a_definition_without_versions_is_its_own_code(counter: Counter) -> None:
    counter.strategies.create_strategy(a_strategy("built-in"))
    assert counter.ask(strategy_id="built-in").plan.version is None


def test_the_candidate_is_nobodys_default(counter: Counter) -> None:
    counter.database.versions[STRATEGY, 2] = a_version(2)
    release = Release(stable=1, candidate=2, share_percent=50, released_by=TENANT, released_at=NOW)
    counter.database.strategies[STRATEGY] = an_uploaded_strategy(release=release)
    assert counter.ask().plan.version == 1


def test_a_draft_is_tried_by_its_authors_alone(counter: Counter) -> None:
    counter.follow("tenant-2")
    for number in (2, 3, 4, 5):
        counter.database.versions[STRATEGY, number] = a_version(number)
    release = Release(stable=3, previous=2, candidate=4, share_percent=10, released_by=TENANT, released_at=NOW)
    counter.database.strategies[STRATEGY] = an_uploaded_strategy(release=release)
    assert [counter.ask(STRANGER, version=number).plan.version for number in (2, 3, 4)] == [2, 3, 4]
    for reader in (STRANGER, Reader(tenant_id="admin-1", is_operator=True)):
        with pytest.raises(NotFound, match="released"):
            counter.ask(reader, version=5)
    assert counter.ask(version=5).plan.version == 5


def test_a_follower_tries_the_version_that_the_follower_has_pinned(counter: Counter) -> None:
    """Three releases later it is neither stable nor the version before; the follower still gets its signals."""
    counter.follow("tenant-2", pinned_version=1)
    for number in (2, 3, 4):
        counter.database.versions[STRATEGY, number] = a_version(number)
    release = Release(stable=4, previous=3, released_by=TENANT, released_at=NOW)
    counter.database.strategies[STRATEGY] = replace(counter.database.strategies[STRATEGY], release=release)
    asked = counter.ask(STRANGER, version=1)
    assert (asked.plan.version, asked.plan.until, asked.shows_code) == (1, NOW, False)
    for reader, number in ((STRANGER, 2), (replace(STRANGER, tenant_id="tenant-3"), 1)):
        with pytest.raises(NotFound, match="released"):
            counter.ask(reader, version=number)
    pinned = counter.database.subscriptions["tenant-2", SUBSCRIPTION]
    for left in (replace(pinned, status=SubscriptionStatus.CANCELLED), replace(pinned, strategy_id="another")):
        counter.database.subscriptions["tenant-2", SUBSCRIPTION] = left
        with pytest.raises(NotFound, match="released"):
            counter.ask(STRANGER, version=1)


def test_a_draft_of_the_platforms_own_strategy_is_tried_by_operators_alone(counter: Counter) -> None:
    release = Release(stable=1, released_by="admin-1", released_at=NOW)
    counter.strategies.create_strategy(a_strategy("built-in", release=release))
    counter.database.versions["built-in", 2] = a_version(2, strategy_id="built-in")
    with pytest.raises(NotFound, match="released"):
        counter.ask(STRANGER, strategy_id="built-in", version=2)
    assert counter.ask(Reader(tenant_id="admin-1", is_operator=True), strategy_id="built-in", version=2).plan.version == 2


def test_a_stranger_may_try_a_public_strategy_and_sees_no_code(counter: Counter) -> None:
    asked = counter.ask(STRANGER)
    assert (asked.tenant_id, asked.shows_code) == ("tenant-2", False)


def test_a_stranger_gets_no_decision_that_the_record_would_not_show(counter: Counter) -> None:
    newest = Timeframe.M1.floor(public_until(an_uploaded_strategy(), NOW))
    assert newest < NOW
    assert [counter.ask(STRANGER, until=until).plan.until for until in (None, NOW)] == [newest, newest]


def test_a_follower_gets_the_newest_candles(counter: Counter) -> None:
    counter.follow("tenant-2")
    asked = counter.ask(STRANGER)
    assert (asked.plan.until, asked.shows_code) == (NOW, False)


def test_a_private_strategy_does_not_exist_for_a_stranger(counter: Counter) -> None:
    counter.database.strategies[STRATEGY] = an_uploaded_strategy(visibility=Visibility.PRIVATE)
    with pytest.raises(NotFound):
        counter.ask(STRANGER)
    assert counter.ask(Reader(tenant_id="admin-1", is_operator=True)).shows_code is False


def test_a_link_opens_a_strategy(counter: Counter) -> None:
    counter.database.strategies[STRATEGY] = an_uploaded_strategy(visibility=Visibility.LINK, link_key="key")
    with pytest.raises(NotFound):
        counter.ask(STRANGER)
    assert counter.ask(replace(STRANGER, link_key="key")).tenant_id == "tenant-2"


def test_signals_from_outside_cannot_be_computed_again(counter: Counter) -> None:
    counter.strategies.create_strategy(an_external_strategy("outside"))
    with pytest.raises(Conflict, match="NO_CODE"):
        counter.ask(strategy_id="outside", market=BTC, timeframe=Timeframe.M1)


def test_an_unknown_market_or_version_is_refused(counter: Counter) -> None:
    with pytest.raises(InvalidValue) as refused:
        counter.ask(market="DOGE/USDT:USDT")
    assert refused.value.code == "UNKNOWN_MARKET"
    with pytest.raises(NotFound):
        counter.ask(version=7)
    assert not counter.store.backtests


def test_settings_that_no_subscription_may_have_are_refused_at_once(counter: Counter) -> None:
    with pytest.raises(InvalidValue, match="LIMIT_OUT_OF_BOUNDS"):
        counter.ask(settings=settings(max_order_notional=Decimal(10) ** 18))
    assert not counter.store.backtests


def test_a_future_end_is_the_newest_candle(counter: Counter) -> None:
    assert counter.ask(until=NOW + timedelta(days=1)).plan.until == NOW
    with pytest.raises(InvalidValue) as refused:
        counter.ask(start=NOW)
    assert refused.value.code == "BACKTEST_SPAN_INVALID"


def test_a_tenant_has_few_open_backtests_and_each_end_makes_room(counter: Counter) -> None:
    asked = [counter.ask() for _ in range(MAX_OPEN)]
    with pytest.raises(Conflict, match="TOO_MANY_BACKTESTS"):
        counter.ask()
    counter.ask(STRANGER)
    counter.cancel(TENANT, asked[0].backtest_id)
    counter.ask()


def test_a_tenant_asks_for_so_many_a_day(counter: Counter) -> None:
    for _ in range(MAX_A_DAY):
        counter.cancel(TENANT, counter.ask().backtest_id)
    with pytest.raises(Conflict, match="TOO_MANY_BACKTESTS_TODAY"):
        counter.ask()
    counter.clock.advance(86_400)
    counter.ask()


def test_a_cancellation_is_for_the_own_tenant_and_once(counter: Counter) -> None:
    asked = counter.ask()
    with pytest.raises(NotFound):
        counter.cancel("tenant-2", asked.backtest_id)
    first = counter.cancel(TENANT, asked.backtest_id)
    counter.clock.advance(60)
    assert counter.cancel(TENANT, asked.backtest_id) == first
