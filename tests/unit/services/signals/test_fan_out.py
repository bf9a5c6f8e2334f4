"""The fan-out: one message per follower, a reason for everybody else, and the same again at a repeat."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.limits.limits import Authority, Limits, Scope
from candlecast.domain.limits.record import LimitPlace, LimitRecord
from candlecast.domain.market.quote import Quote
from candlecast.domain.orders.intent import IntentState
from candlecast.domain.signals.audience import BUCKETS, Audience, release_bucket
from candlecast.domain.signals.signal import Action
from candlecast.domain.strategies.execution import ShardReport
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.ids import digest, intent_id, shard_position, turn
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.ports.filters import OrderFilter
from candlecast.services.signals.fan_out import FanOut
from candlecast.services.signals.judge_signal import JudgeSignal
from tests.support.builders import (
    BTC,
    STRATEGY,
    TENANT,
    VENUE,
    a_signal,
    a_signal_record,
    a_signal_shard,
    a_strategy,
    a_subscription,
    after,
    settings,
)
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.decisions import FakeDecisions
from tests.support.fakes.history import FakeHistory
from tests.support.fakes.limits import FakeLimitStore, read_limits
from tests.support.fakes.market_data import FakeMarketData
from tests.support.fakes.queues import FakeTradeQueue
from tests.support.fakes.signals import FakeSignalStore
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore
from tests.support.fakes.subscriptions import FakeSubscriptionStore
from tests.support.fakes.verdicts import FakeVerdictStore


class House:
    """A strategy with followers, and the fan-out on fakes."""

    def __init__(self, *followers: Any, signal: Any = None) -> None:
        database = FakeDatabase()
        self.queue, self.metrics, self.asked = FakeTradeQueue(), RecordingMetrics(), []  # type: ignore[var-annotated]
        self.signals, self.history, self.limits = FakeSignalStore(database), FakeHistory(database), FakeLimitStore()
        self.quoted, self.clock, self.verdicts = FakeMarketData(), FakeClock(), FakeVerdictStore(database)
        self.decisions = FakeDecisions()
        self.quoted.prices[VENUE, BTC] = Decimal(100)
        FakeStrategyStore(database).create_strategy(a_strategy())
        subscriptions = FakeSubscriptionStore(database)
        for follower in followers:
            subscriptions.write(follower, None, follower_change=1)
        self.signal = signal or a_signal()
        self.signals.put_signal(a_signal_record(self.signal))
        self.fan_out = FanOut(
            subscriptions=subscriptions,
            signals=self.signals,
            history=self.history,
            decisions=self.decisions,
            queue=self.queue,
            limits=read_limits(FakeClock(), self.limits),
            judge=JudgeSignal(self.verdicts, self._quote, self.clock, self.metrics),
            clock=FakeClock(),
            metrics=self.metrics,
        )

    def _quote(self, venue: str, market: str, at: datetime) -> Quote:
        self.asked.append((venue, market))
        return self.quoted.quote(venue, market, at)

    def __call__(self, **shard: Any) -> Any:
        return self.fan_out(a_signal_shard(self.signal, **shard))

    def report(self, shard: int = 0) -> Any:
        return self.signals.get_signal(self.signal.signal_id).reports[shard]


def test_every_follower_gets_the_signal_with_their_own_settings_on_their_own_account() -> None:
    own = settings(capital=Decimal(77))
    house = House(a_subscription("one", account_id="a"), a_subscription("two", account_id="b", settings=own))
    house()
    sent = {message.subscription_id: message for message in house.queue.sent}
    assert {key: (m.account_id, m.tenant_id, m.signal) for key, m in sent.items()} == {
        "one": ("a", TENANT, house.signal),
        "two": ("b", TENANT, house.signal),
    }
    assert sent["two"].settings == own


def test_a_follower_without_an_account_is_skipped_with_the_reason_and_counted() -> None:
    house = House(a_subscription("one"), a_subscription("two", account_id=None))
    report = house()
    assert (report.orders, report.skipped) == (1, {"NO_ACCOUNT": 1})
    (order,) = house.history.list_orders(TENANT, OrderFilter()).items
    assert (order.subscription_id, order.state, order.reason) == ("two", IntentState.SKIPPED, Reason.NO_ACCOUNT)
    assert (house.report(), house.metrics.counts["SubscriptionsSkipped"]) == (report, 1)


def test_a_follower_without_an_account_gets_a_receipt_of_why() -> None:
    house = House(a_subscription("one"), a_subscription("two", account_id=None), signal=a_signal(strategy_version="v1"))
    house()
    assert [subscription for _, _, subscription in house.decisions.receipts] == ["two"]
    receipt = json.loads(house.decisions.get_receipt(TENANT, house.signal.signal_id, "two"))
    assert receipt["legs"] == [{"denial": {"reason": "NO_ACCOUNT"}, "leg": "ENTRY", "quantity": "0", "state": "SKIPPED"}]
    assert (receipt["strategy_version"], receipt["traded"], "account_id" in receipt) == ("v1", False, False)


def test_each_order_names_the_strategys_version_and_venue() -> None:
    house = House(a_subscription("one"), a_subscription("two", account_id=None), signal=a_signal(strategy_version="v1"))
    house.quoted.prices["binanceusdm", BTC] = Decimal(100)
    house(venue="binanceusdm")
    (order,) = house.queue.sent
    assert (order.strategy_version, order.venue) == ("v1", "binanceusdm")
    assert [skipped.strategy_version for skipped in house.history.list_orders(TENANT, OrderFilter()).items] == ["v1"]


def test_a_paused_follower_gets_every_signal_since_it_may_be_the_exit_of_what_they_hold() -> None:
    house = House(a_subscription(status=SubscriptionStatus.PAUSED), signal=a_signal(Action.SHORT))
    assert house().orders == 1


def test_a_cancelled_subscription_gets_nothing() -> None:
    assert House(a_subscription(status=SubscriptionStatus.CANCELLED))().orders == 0


def test_a_shard_serves_its_own_part_of_the_ring_and_all_shards_serve_everybody_once() -> None:
    names = [f"subscription-{number}" for number in range(60)]
    house = House(*[a_subscription(name) for name in names])
    house(shard=0, start="0000", end="8000")
    assert {m.subscription_id for m in house.queue.sent} == {name for name in names if shard_position(name) < "8000"}
    house(shard=1, start="8000", end="g")
    assert sorted(m.subscription_id for m in house.queue.sent) == sorted(names)
    assert house.report(0).orders + house.report(1).orders == 60


def test_followers_are_served_by_their_turn_which_is_another_one_for_each_signal() -> None:
    names = [f"subscription-{number}" for number in range(20)]
    served = []
    for signal_id in ("signal-1", "signal-2"):
        house = House(*[a_subscription(name) for name in names], signal=a_signal(signal_id=signal_id))
        house()
        served.append([message.subscription_id for message in house.queue.sent])
        assert served[-1] == sorted(names, key=lambda name, of=signal_id: turn(of, name))  # type: ignore[misc]
    assert served[0] != served[1]


def test_how_long_the_last_of_a_shard_has_waited_is_measured() -> None:
    house = House(a_subscription(), signal=a_signal(issued_at=after(-3)))
    house()
    assert house.metrics.durations_s["FanOutSeconds"] == [3.0]


def test_all_followers_of_all_shards_share_one_verdict_and_its_mark_is_the_price_of_a_signal_without_one() -> None:
    names = [f"subscription-{number}" for number in range(60)]
    house = House(*[a_subscription(name) for name in names], signal=a_signal(price=None))
    house(shard=0, start="0000", end="8000")
    house.quoted.prices[VENUE, BTC] = Decimal(90)  # the market moves on
    house(shard=1, start="8000", end="g")
    assert {(m.signal.price, m.quote and m.quote.mark_price) for m in house.queue.sent} == {(Decimal(100), Decimal(100))}
    assert (len(house.queue.sent), house.asked) == (60, [(VENUE, BTC)])
    assert house.metrics.counts["SignalsPassed"] == 1


def test_an_exit_is_never_judged_and_needs_no_quote() -> None:
    signal = a_signal(Action.EXIT, price=Decimal(1))
    house = House(a_subscription(), signal=signal)
    house.quoted.unavailable = True
    house()
    (sent,) = house.queue.sent
    assert (sent.signal, sent.quote, house.asked, house.verdicts.find_verdict(signal.signal_id)) == (signal, None, [], None)


@pytest.mark.parametrize("action", [Action.LONG, Action.SHORT])
def test_nobody_is_sent_a_signal_that_is_quarantined_not_even_its_half(action: Action) -> None:
    house = House(a_subscription("one"), a_subscription("two", account_id=None), signal=a_signal(action, price=Decimal(1)))
    for _ in range(2):
        report = house()
        assert (report.orders, report.skipped, report.is_complete, report.quarantined) == (0, {}, True, True)
    assert (house.queue.sent, house.history.list_orders(TENANT, OrderFilter()).items, len(house.asked)) == ([], [], 1)
    assert house.signals.get_signal(house.signal.signal_id).is_quarantined
    (held,) = house.verdicts.list_quarantined().items
    assert held.denial == Denial(Reason.PRICE_COLLAR, Decimal(99), Decimal(5))
    assert house.metrics.counts["SignalsQuarantined"] == 1


def test_a_shard_that_is_complete_is_not_done_again() -> None:
    house = House(a_subscription("one"), a_subscription("two", account_id=None))
    first = house()
    house.queue.forget()
    assert (house(), house.report()) == (first, first)
    assert (len(house.queue.sent), len(house.history.list_orders(TENANT, OrderFilter()).items)) == (1, 1)
    assert house.metrics.counts["ShardsRepeated"] == 1


def test_a_queue_that_does_not_take_them_leaves_no_report_so_that_the_shard_comes_again() -> None:
    house = House(a_subscription())
    house.queue.fail_next()
    with pytest.raises(RetryLater):
        house()
    assert house.signals.get_signal(house.signal.signal_id).reports == {}
    assert house().orders == 1


def test_the_limits_above_a_tenant_travel_with_the_order() -> None:
    house = House(a_subscription("one", account_id="a"), a_subscription("two", account_id="b", tenant_id="tenant-2"))
    house.limits.save(LimitRecord(place=LimitPlace(Scope.USER, TENANT), limits=Limits(max_positions=3), organisation_id="fund"))
    house.limits.save(LimitRecord(place=LimitPlace(Scope.ORGANISATION, "fund"), limits=Limits(max_leverage=Decimal(2))))
    house()
    sent = {message.subscription_id: message for message in house.queue.sent}
    mine, other = sent["one"], sent["two"]
    assert mine.limits is not None and other.limits is not None
    assert (mine.limits.limits.max_positions, mine.limits.limits.max_leverage) == (3, Decimal(2))
    assert (mine.organisation_id, other.organisation_id) == ("fund", None)
    assert (other.limits.limits.max_positions, other.limits.limits.max_leverage) == (None, None)


def test_orders_go_out_while_the_limits_cannot_be_read_and_say_so() -> None:
    house = House(a_subscription("one", account_id="a"))
    house.limits.unavailable = True
    house()
    (sent,) = house.queue.sent
    assert sent.limits is not None
    assert sent.limits.authority is Authority.EMERGENCY


@pytest.mark.parametrize(("own", "expected"), [(None, Decimal(50)), (Decimal(40), Decimal(40)), (Decimal(60), Decimal(50))])
def test_the_bound_of_a_source_tightens_the_limits_above_each_follower(own: Decimal | None, expected: Decimal) -> None:
    house = House(a_subscription("one", account_id="a"))
    if own is not None:
        place = LimitPlace(Scope.PLATFORM, "platform")
        house.limits.save(LimitRecord(place=place, limits=Limits(max_order_notional=own), changed_at=FakeClock().now()))
    house(max_notional=Decimal(50))
    (message,) = house.queue.sent
    assert message.limits is not None
    assert message.limits.limits.max_order_notional == expected
    assert message.limits.origins["max_order_notional"] is Scope.PLATFORM


def test_strangers_take_no_share_of_a_signal_from_those_who_can_trade() -> None:
    strangers = [a_subscription(f"s{n}", tenant_id=f"stranger-{n % 3}", account_id=None) for n in range(30)]
    house = House(
        *strangers,
        a_subscription("one", account_id="a"),
        a_subscription("two", tenant_id="many", account_id="b"),
        a_subscription("three", tenant_id="many", account_id="b"),
    )
    house(max_notional=Decimal(100))
    bounds = {each.subscription_id: each.limits.limits.max_order_notional for each in house.queue.sent if each.limits}
    assert bounds == {"one": Decimal(50), "two": Decimal(25), "three": Decimal(25)}


def test_a_shard_that_goes_on_shares_out_as_at_its_beginning() -> None:
    house = House(*(a_subscription(f"s{n}", tenant_id=f"t{n}", account_id=f"a{n}") for n in range(4)))
    turns = sorted(turn(house.signal.signal_id, f"s{n}") for n in range(4))
    house.signals.report_shard(house.signal.signal_id, ShardReport(shard=0, orders=2, is_complete=False, reached=turns[1]))
    house(max_notional=Decimal(100))
    assert [each.limits.limits.max_order_notional for each in house.queue.sent if each.limits] == [Decimal(25)] * 2


def test_without_a_source_no_bound_is_added() -> None:
    house = House(a_subscription("one", account_id="a"))
    house()
    assert [message.limits.limits.max_order_notional for message in house.queue.sent if message.limits] == [None]


# -- versions of a strategy ----------------------------------------------------------------------------------------------------


def test_a_versions_signal_goes_to_its_share_and_to_those_who_pinned_it() -> None:
    names = [f"follower-{number}" for number in range(40)]
    latest = [a_subscription(name, account_id=name) for name in names]
    pinned = [a_subscription(f"pinned-{number}", account_id=f"pinned-{number}", pinned_version=number) for number in (1, 2)]
    shares = (Audience(number=1, bucket_from=30, bucket_to=BUCKETS), Audience(number=2, bucket_to=30))
    reached = []
    for audience in shares:
        house = House(*latest, *pinned)
        house(audience=audience)
        reached.append({message.subscription_id for message in house.queue.sent})
    in_the_share = {name for name in names if release_bucket(STRATEGY, name) < 30}
    assert 0 < len(in_the_share) < len(names)
    assert reached == [{*names} - in_the_share | {"pinned-1"}, in_the_share | {"pinned-2"}]


def test_the_followers_of_another_version_have_no_part_of_a_signals_bound() -> None:
    own = a_subscription("one", tenant_id="t1", account_id="a", pinned_version=2)
    house = House(own, a_subscription("two", tenant_id="t2", account_id="b"), signal=a_signal())
    house(audience=Audience(number=2), max_notional=Decimal(1_000))
    (sent,) = house.queue.sent
    assert sent.limits is not None
    assert (sent.subscription_id, sent.limits.limits.max_order_notional) == ("one", Decimal(1_000))


def test_a_skip_has_one_record_for_the_decisions_of_all_versions() -> None:
    signals = [a_signal(signal_id=digest(which), decision_id="candle") for which in "ab"]
    houses = [House(a_subscription("one", account_id=None), signal=signal) for signal in signals]
    for house in houses:
        house()
    skipped = [order for house in houses for order in house.history.list_orders(TENANT, OrderFilter()).items]
    assert [order.intent_id for order in skipped] == [intent_id("candle", "one", "ENTRY")] * 2
