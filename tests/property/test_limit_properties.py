"""Laws of limits under any events: levels only tighten, windows are never exceeded, reservations never overshoot."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from candlecast.domain.account.account import Account, Balance
from candlecast.domain.account.usage import MAX_MARKETS, MAX_REJECTS, MINUTE, Usage
from candlecast.domain.decide.plan import plan_orders
from candlecast.domain.limits.catalogue import CATALOGUE, MAX_ORDERS_PER_MINUTE
from candlecast.domain.limits.limits import Authority, EffectiveLimits, Limits, Scope, loosened, tighten, tighten_further
from candlecast.domain.limits.trading_window import Blackout, TradingWindow
from candlecast.domain.market.quote import Quote
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.lifecycle import is_legal
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.ids import digest
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import PositionSide
from candlecast.domain.venue.reports import VenueOrder, VenueOrderStatus
from tests.support.builders import NOW, SUBSCRIPTION, a_market, a_signal, a_trade_order, after, an_account
from tests.support.builders import settings as some_settings

pytestmark = pytest.mark.slow

D = Decimal
MARKETS = tuple(f"M{number}/USDT:USDT" for number in range(4))
_TYPES = {name: str(kind) for name, kind in Limits.__annotations__.items()}


def windows() -> st.SearchStrategy[TradingWindow]:
    quarters = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
    return st.builds(
        TradingWindow, st.lists(st.integers(0, 6), min_size=1, max_size=3, unique=True).map(tuple), quarters, quarters
    )


def blackouts() -> st.SearchStrategy[Blackout]:
    return st.integers(-3, 3).map(lambda hours: Blackout(NOW + timedelta(hours=hours), NOW + timedelta(hours=hours + 1)))


def value_of(name: str) -> st.SearchStrategy[Any]:
    """Any value that the catalogue allows, close together so that they often meet."""
    spec, kind = CATALOGUE[name], _TYPES[name]
    few = {
        "bool | None": st.booleans(),
        "datetime | None": st.integers(0, 3).map(after),
        "tuple[str, ...] | None": st.lists(st.sampled_from(MARKETS), max_size=3).map(tuple),
        "tuple[PositionSide, ...] | None": st.lists(st.sampled_from(PositionSide), max_size=2).map(tuple),
        "tuple[TradingWindow, ...] | None": st.lists(windows(), max_size=2).map(tuple),
        "tuple[Blackout, ...] | None": st.lists(blackouts(), max_size=2).map(tuple),
        "tuple[tuple[str, ...], ...] | None": st.lists(
            st.lists(st.sampled_from(MARKETS), min_size=1, max_size=3).map(tuple), max_size=2
        ).map(tuple),
    }
    if kind in few:
        return few[kind]
    lowest, highest = int(max(spec.least, D(-50))), int(min(spec.most, max(spec.least, D(0)) + 60))
    whole = st.integers(lowest, highest)
    return whole if kind.startswith("int") else whole.map(D)


LAYER = st.fixed_dictionaries({}, optional={name: value_of(name) for name in CATALOGUE}).map(lambda values: Limits(**values))
SMALL = st.fixed_dictionaries(
    {},
    optional={
        name: value_of(name) for name in ("max_leverage", "min_equity", "allowed_markets", "denied_markets", "trading_windows")
    },
).map(lambda values: Limits(**values))
LAYERS = st.lists(st.tuples(st.sampled_from(Scope), SMALL), max_size=5)


@given(layers=LAYERS, seed=st.randoms(use_true_random=False))
@settings(max_examples=80)
def test_the_order_of_levels_does_not_matter(layers: list[tuple[Scope, Limits]], seed: Any) -> None:
    shuffled = list(layers)
    seed.shuffle(shuffled)
    assert tighten(shuffled) == tighten(layers)


@given(layers=LAYERS, cut=st.integers(0, 5))
@settings(max_examples=80)
def test_levels_may_be_taken_together_in_any_portions(layers: list[tuple[Scope, Limits]], cut: int) -> None:
    assert tighten_further(tighten(layers[:cut]), layers[cut:]).limits == tighten(layers).limits


@given(layers=LAYERS)
@settings(max_examples=80)
def test_a_level_that_is_counted_twice_changes_nothing(layers: list[tuple[Scope, Limits]]) -> None:
    assert tighten([*layers, *layers]).limits == tighten(layers).limits


@given(layers=st.lists(st.tuples(st.sampled_from(Scope), LAYER), max_size=3))
@settings(max_examples=40)
def test_what_remains_is_never_looser_than_any_level(layers: list[tuple[Scope, Limits]]) -> None:
    effective = tighten(layers)
    assert all(loosened(limits, effective.limits) == () for _, limits in layers)
    assert set(effective.origins) == {name for name, _ in effective.limits.given()}


@given(
    bursts=st.lists(st.tuples(st.integers(0, 40_000), st.integers(1, 40)), max_size=25),
    limit=st.integers(1, int(MAX_ORDERS_PER_MINUTE)),
)
@settings(max_examples=80)
def test_no_minute_ever_has_more_orders_than_the_limit(bursts: list[tuple[int, int]], limit: int) -> None:
    """Orders are sent whenever the log says that there is room; all of them are remembered apart."""
    usage, now = Usage(), NOW
    sent: list[datetime] = []
    for pause, wanted in bursts:
        now += timedelta(milliseconds=pause)
        if usage.orders_within(MINUTE, now) + wanted > limit:
            continue
        for _ in range(wanted):
            usage, sent = usage.sent(now), [*sent, now]
    assert all(sum(1 for at in sent if last - MINUTE < at <= last) <= limit for last in sent)


ANY_ACCOUNT = st.builds(
    lambda equity, looked_at: an_account(
        balance=None if equity is None else Balance(equity, equity, NOW),
        usage=Usage() if equity is None else Usage().valued(equity, NOW),
        reconciled_at=looked_at,
    ),
    st.none() | st.integers(-5, 20_000).map(D),
    st.none() | st.just(NOW),
)


@given(
    limits=LAYER,
    account=ANY_ACCOUNT,
    quote=st.none()
    | st.builds(Quote, st.just(D(99)), st.just(D(101)), st.just(D(100)), st.just(NOW), st.none() | st.just(D("0.01"))),
    authority=st.sampled_from(Authority),
    stop=st.none() | st.integers(1, 200).map(D),
    action=st.sampled_from([Action.LONG, Action.SHORT]),
)
@settings(max_examples=120)
def test_any_limits_are_evaluated_without_an_error_and_the_receipt_replays(
    limits: Limits, account: Account, quote: Quote | None, authority: Authority, stop: Decimal | None, action: Action
) -> None:
    order = a_trade_order(
        a_signal(action, stop_loss=stop),
        quote=quote,
        limits=EffectiveLimits(limits, dict.fromkeys(dict(limits.given()), Scope.USER), authority),
    )
    try:
        plan = plan_orders(account, order, a_market(), NOW)
    except RetryLater as later:
        assert later.code == "STATE_STALE"
        return
    again = plan_orders(account, order, a_market(), NOW)
    assert plan.receipt is not None
    assert again.receipt is not None
    assert plan.receipt.text() == again.receipt.text()
    denied = bool(plan.decided)
    assert denied or all(each.passed for each in plan.receipt.evaluations)


BOUNDS = Limits(
    max_daily_notional=D(6_000),
    max_orders_per_minute=9,
    max_trades_per_day=5,
    max_gross_exposure=D(4_500),
    max_position_notional=D(1_000),
    max_account_positions=3,
)


class AccountUnderLimits(RuleBasedStateMachine):
    """Signals in four markets, answers of the venue in any order; the model counts what it saw leave, and asks nobody."""

    @initialize()
    def open(self) -> None:
        self.account = an_account()
        self.now = NOW
        self.signals = 0
        self.sent: list[tuple[datetime, int]] = []
        self.entries: dict[str, Intent] = {}
        self.filled: dict[str, Decimal] = {}

    def change(self, account: Account) -> None:
        self.account = replace(account, outbox=(), version=account.version + 1)

    @rule(market=st.sampled_from(MARKETS), action=st.sampled_from(Action), rungs=st.integers(0, 2))
    def signal(self, market: str, action: Action, rungs: int) -> None:
        self.signals += 1
        ladder = tuple(TakeProfit(D(100) + D(10 + n) * (1 if action is Action.LONG else -1), D("0.3")) for n in range(rungs))
        signal = a_signal(
            action,
            market=market,
            issued_at=self.now,
            signal_id=digest(str(self.signals)),
            take_profits=ladder if action.is_entry else (),
        )
        order = a_trade_order(signal, settings=some_settings(max_positions=9, limits=BOUNDS))
        try:
            plan = plan_orders(self.account, order, a_market(market), self.now)
        except RetryLater:
            return
        self.change(self.account.decide(plan.intents, self.now))
        entries = [leg for leg in plan.legs if leg.kind is LegKind.ENTRY]
        self.sent.append((self.now, len(plan.legs)))
        for entry in entries:
            self.entries[entry.intent_id] = entry
            self.filled[entry.intent_id] = D(0)
            assert sum(count for at, count in self.sent if at > self.now - MINUTE) <= 9, "an entry broke the rate"

    def some(self, data: Any) -> Intent | None:
        keys = sorted(self.account.intents)
        return self.account.intents[data.draw(st.sampled_from(keys))] if keys else None

    @rule(data=st.data(), part=st.integers(0, 10).map(D), ends=st.booleans())
    def answer(self, data: Any, part: Decimal, ends: bool) -> None:
        intent = self.some(data)
        if intent is None or self.waits(intent):
            return
        total = min(intent.quantity, intent.filled_quantity + part)
        done = total == intent.quantity
        order = VenueOrder(
            client_order_id=intent.client_order_id,
            venue_order_id="1",
            status=VenueOrderStatus.FILLED if done else VenueOrderStatus.CANCELLED if ends else VenueOrderStatus.OPEN,
            filled_quantity=total,
            average_price=D(100) if total else None,
        )
        self.change(self.account.apply(intent.intent_id, order, D(0), self.now))
        if intent.intent_id in self.filled:
            self.filled[intent.intent_id] = total
        self.give_up_entries_beside_what_is_held()

    @rule(data=st.data(), state=st.sampled_from([IntentState.REJECTED, IntentState.EXPIRED]))
    def end(self, data: Any, state: IntentState) -> None:
        intent = self.some(data)
        if intent is not None and intent.filled_quantity == 0 and is_legal(intent.state, state):
            self.change(self.account.fail(intent.intent_id, state, Reason.VENUE_REJECTED, self.now))
            self.give_up_entries_beside_what_is_held()

    def waits(self, intent: Intent) -> bool:
        """The entry of a reversal is not sent before its exit has ended."""
        exits = (i for i in self.account.intents.values() if i.kind is LegKind.EXIT)
        return intent.kind is LegKind.ENTRY and any(i.position_key == intent.position_key for i in exits)

    def give_up_entries_beside_what_is_held(self) -> None:
        """As the executor does with the entry of a reversal whose exit has not closed all."""
        for entry in [i for i in self.account.intents.values() if i.kind is LegKind.ENTRY and not self.waits(i)]:
            held = self.account.positions.get(entry.position_key)
            if held is not None and held.entry_intent_id != entry.intent_id:
                self.change(self.account.fail(entry.intent_id, IntentState.DENIED, Reason.OPPOSITE_POSITION_HELD, self.now))

    @rule(seconds=st.sampled_from([1, 20, 59, 7_200]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def counted(self, entry: Intent) -> Decimal:
        """Reserved in full while it is open, then what was filled."""
        return (entry.quantity if entry.intent_id in self.account.intents else self.filled[entry.intent_id]) * D(100)

    @invariant()
    @precondition(lambda self: hasattr(self, "account"))
    def confirmed_and_reserved_never_exceed_the_limits(self) -> None:
        today = [entry for entry in self.entries.values() if entry.created_at.date() == self.now.date()]
        notional = sum((self.counted(entry) for entry in today), D(0))
        assert notional <= 6_000
        assert sum(1 for entry in today if self.counted(entry)) <= 5
        assert self.account.usage.today(self.now).notional == notional
        coming = [i for i in self.account.intents.values() if i.kind is LegKind.ENTRY]
        reversed_ = {
            i.position_key for i in coming if self.waits(i)
        }  # what a reversal closes is not counted beside what it opens
        positions = [p for p in self.account.positions.values() if p.key not in reversed_]
        held = sum((p.quantity for p in positions), D(0)) * 100
        assert held + sum(((i.quantity - i.filled_quantity) * 100 for i in coming), D(0)) <= 4_500
        assert len(positions) + sum(1 for i in coming if not i.filled_quantity) <= 3

    @invariant()
    @precondition(lambda self: hasattr(self, "account"))
    def what_is_remembered_stays_bounded(self) -> None:
        usage = self.account.usage
        assert len(usage.markets) <= MAX_MARKETS
        assert len(usage.rejects) <= MAX_REJECTS
        assert len(usage.orders) <= MAX_ORDERS_PER_MINUTE
        assert set(usage.results) <= {SUBSCRIPTION}


AccountUnderLimits.TestCase.settings = settings(max_examples=50, stateful_step_count=40)
TestAccountUnderLimits = AccountUnderLimits.TestCase
