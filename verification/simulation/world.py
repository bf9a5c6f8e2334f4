"""One small world: accounts of several tenants, an exchange, queues between the real services, and a clock that only we move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from random import Random

from candlecast.domain.market.quote import Quote
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.signals.messages import CandleClosed, ReconcileRequest, SignalShard, VettingRequest
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.errors import Conflict, Reject, RetryLater
from candlecast.domain.values.terms import Side
from candlecast.domain.values.timeframe import Timeframe
from candlecast.domain.venue.reports import OrderRequest
from candlecast.domain.venue.weight_budget import RequestClass
from candlecast.ports.venue import Credentials
from candlecast.runtime.compose.consumer import MAX_RECEIVES
from candlecast.services.account.complete_switches import CompleteSwitches
from candlecast.services.account.vet_keys import VetKeys
from candlecast.services.account.watch_pause import WatchPause
from candlecast.services.market.announce_candles import AnnounceCandles
from candlecast.services.market.run_candle import RunCandle
from candlecast.services.orders.execute_order import ExecuteOrder
from candlecast.services.orders.exit_resting import ExitResting
from candlecast.services.orders.place_orders import PlaceOrders
from candlecast.services.orders.stop_resting import StopResting
from candlecast.services.pools.release_pools import ReleasePools
from candlecast.services.pools.reserve_pool import ReservePool
from candlecast.services.pools.sweep_pools import SweepPools
from candlecast.services.reconcile.ask_for_looks import AskForLooks
from candlecast.services.reconcile.request_reconciles import RequestReconciles
from candlecast.services.relay.count_notional import CountNotional
from candlecast.services.relay.project_events import ProjectEvents
from candlecast.services.relay.relay_events import RelayEvents
from candlecast.services.signals.fan_out import FanOut
from candlecast.services.signals.judge_signal import JudgeSignal
from candlecast.services.signals.publish_signal import PublishSignal
from candlecast.services.venue.check_gate import CheckGate
from candlecast.services.venue.guard_venue import GuardedVenues
from tests.support.builders import BTC, ETH, NOW, a_market, a_quote
from tests.support.fakes.bus import FakeEventBus
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.decisions import FakeDecisions
from tests.support.fakes.executions import FakeExecutionStore
from tests.support.fakes.firings import FakeFirings
from tests.support.fakes.gate import FakeGate
from tests.support.fakes.history import FakeHistory, FakePriceStore
from tests.support.fakes.limits import FakeLimitStore
from tests.support.fakes.looks import FakeLooks
from tests.support.fakes.market_data import FakeMarketData, FakeMarkets, FakeStrategyCode
from tests.support.fakes.signals import FakeSignalStore
from tests.support.fakes.source_use import FakeSourceUse
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore
from tests.support.fakes.subscriptions import FakeSubscriptionStore
from tests.support.fakes.vault import FakeVault
from tests.support.fakes.verdicts import FakeVerdictStore
from tests.support.reconciler import reconcile_account
from verification.simulation.agenda import Agenda
from verification.simulation.audit import Audit, AuditedAccountStore, Exposure
from verification.simulation.chronicle import Chronicle
from verification.simulation.crossings import Crash, Crossings, watched, watched_store
from verification.simulation.delisting import Delisting
from verification.simulation.environments import Environment, Environments, an_environment
from verification.simulation.exchange import SimulatedExchange, SimulatedVenues
from verification.simulation.pools import AuditedPoolStore
from verification.simulation.profile import Profile
from verification.simulation.queues import Consumer, FifoQueue, StandardQueue, Workshop
from verification.simulation.switches import AskedGate, Switches

VENUE = "binanceusdm"  # whose rules, weights and windows the product keeps here
MARKETS = {symbol: a_market(symbol) for symbol in (BTC, ETH)}
RELAY_SECONDS = 1.0  # how often the stream delivers
RELAY_BATCH = 10
REPEATED_AFTER_SECONDS = (60.0, 120.0)  # how Lambda repeats an asynchronous invocation that has failed


class World:
    """Everything wired as the composition root wires it, with a boundary at every port call."""

    def __init__(self, random: Random, profile: Profile, crash_at: int | None = None) -> None:
        self.random, self.profile = random, profile
        self.clock = FakeClock(NOW)
        self.chronicle = Chronicle(self.clock)
        self.agenda = Agenda(self.clock, self.chronicle)
        self.database = FakeDatabase()
        self.exposure = Exposure()
        self.on_its_way = Agenda(self.clock, self.chronicle)
        self.crossings = Crossings(self.chronicle, random, profile, self.on_its_way.catch_up, crash_at)
        self.gate = FakeGate()
        self.switches = Switches(self.gate, self.crossings)
        self.audit = Audit(self.database, self.clock, self.chronicle, self.switches)
        self.exchange = SimulatedExchange(self.chronicle, random, profile, MARKETS, self._reaches_venue, self._on_send)
        self.catalogue = FakeMarkets(*MARKETS.values(), venue=VENUE)
        self.delisting = Delisting(self.exchange, self.catalogue, VENUE, self.database, self._reaches_venue)
        self.exchange.on_fill = self._on_fill
        self.exchange.on_cancel = self.audit.on_cancel
        self.audit.books, self.audit.recent_prices = self.exchange.books, self.exchange.recent_prices
        self.exchange.prices = dict.fromkeys(MARKETS, MARKETS[BTC].round_price(MARKETS[BTC].price_step * 10_000))
        self.vault, self.bus, self.metrics = FakeVault(), FakeEventBus(), RecordingMetrics()
        self.market_data, self.code = FakeMarketData(), FakeStrategyCode(lookback=1)
        self.accounts = AuditedAccountStore(self.database, self.clock, self.audit)
        self.subscriptions = FakeSubscriptionStore(self.database, self.clock)
        self.strategies, self.limits = FakeStrategyStore(self.database), FakeLimitStore()
        self.source_use = FakeSourceUse()
        self.history, self.decisions = FakeHistory(self.database), FakeDecisions()
        self.environments = Environments(self._environment)
        self.pools, self.looks = AuditedPoolStore(self.chronicle), FakeLooks()
        self.repinned: set[str] = set()  # subscriptions whose pin has changed: they may get two decisions of a candle, or none
        self.relayed = 0
        self._relaying = False
        self.calm_since = NOW
        self._workers = count()
        self._wire()

    def _wire(self) -> None:
        self.workshop = workshop = Workshop(self.chronicle, self.random, self.profile, self.crossings, self.agenda.later)
        self.reconcile_queue, self.awaited_look_queue = (
            StandardQueue[ReconcileRequest](
                workshop, Consumer("order_reconciler", self._reconcile, 30, 180, MAX_RECEIVES["reconcile"])
            )
            for _ in range(2)
        )
        self.trade_queue = FifoQueue[TradeOrder](
            workshop,
            Consumer("order_executor", self._execute, 15, 90, MAX_RECEIVES["trade"]),
            group=lambda order: order.account_id,
            key=lambda order: (order.signal.order_root, order.subscription_id),
        )
        self.signal_queue = StandardQueue[SignalShard](
            workshop, Consumer("signal_fanout", self._fan_out, 30, 180, MAX_RECEIVES["signal"])
        )
        self.vetting_queue = StandardQueue[VettingRequest](
            workshop, Consumer("key_vetting", self._vet, 30, 180, MAX_RECEIVES["vetting"])
        )
        self.candle_queue, self.uploaded_candle_queue = (
            StandardQueue[CandleClosed](workshop, Consumer("strategy_runner", self._run_candle, 60, 360, MAX_RECEIVES[queue]))
            for queue in ("candle", "uploaded-candle")
        )

    # -- functions ---------------------------------------------------------------------------------------------------------

    def _execute(self, order: TradeOrder) -> None:
        with self.environments.of("order_executor") as environment:
            place = PlaceOrders(self._markets, environment.gate, self.clock, self.metrics)
            ExecuteOrder(
                accounts=self._stored(self.accounts, "accounts"),
                markets=self._markets,
                vault=self._watched(self.vault, "vault"),
                venues=self._venues(environment.gate),
                place=place,
                exit_resting=ExitResting(StopResting(place, self.clock, self.metrics), self.clock),
                reserve_pool=ReservePool(self._stored(self.pools, "pools"), self.clock, self.metrics),
                reconcile_queue=self._looks(),
                clock=self.clock,
                metrics=self.metrics,
            )(order)

    def _environment(self) -> Environment:
        gate, weights = self._stored(self.gate, "gate"), self._stored(self.gate.weights, "weights")
        return an_environment(
            AskedGate(gate, self.crossings), gate, weights, self._stored(self.limits, "limits"), self.clock, self.metrics
        )

    def _venues(self, gate: CheckGate, asks: RequestClass = RequestClass.RECONCILER) -> GuardedVenues:
        return GuardedVenues(self._watched(SimulatedVenues(self.exchange), "venues"), gate.watch, gate.spend, asks)

    @property
    def _markets(self) -> FakeMarkets:
        return self.catalogue

    def _reconcile(self, request: ReconcileRequest) -> None:
        with self.environments.of("order_reconciler") as environment:
            reconcile_account(
                accounts=self._stored(self.accounts, "accounts"),
                vault=self._watched(self.vault, "vault"),
                venues=self._venues(environment.gate),
                awaited_venues=self._venues(environment.gate, RequestClass.AWAITED_LOOK),
                markets=self._markets,
                gate=environment.gate,
                queue=self._looks(renews=True),
                vettings=self._watched(Vettings(self), "vetting_queue"),
                clock=self.clock,
                metrics=self.metrics,
            )(request)

    def _vet(self, request: VettingRequest) -> None:
        with self.environments.of("key_vetting") as environment:
            VetKeys(
                accounts=self._stored(self.accounts, "accounts"),
                vault=self._watched(self.vault, "vault"),
                venues=self._venues(environment.gate),
                looks=self._looks(),
                clock=self.clock,
                metrics=self.metrics,
            )(request)

    def _looks(self, *, renews: bool = False) -> AskForLooks:
        """How a function asks for looks."""
        routine, awaited = (
            self._watched(Reconciles(self, queue), name)
            for queue, name in ((self.reconcile_queue, "reconcile_queue"), (self.awaited_look_queue, "awaited_look_queue"))
        )
        return AskForLooks(self._stored(self.looks, "looks"), routine, awaited, self.clock, self.metrics, renews)

    def _fan_out(self, shard: SignalShard) -> None:
        with self.environments.of("signal_fanout") as environment:
            FanOut(
                subscriptions=self._stored(self.subscriptions, "subscriptions"),
                signals=self._stored(FakeSignalStore(self.database), "signals"),
                history=self._stored(self.history, "history"),
                decisions=self._stored(self.decisions, "decisions"),
                queue=self._watched(Trades(self), "trade_queue"),
                limits=environment.limits,
                judge=JudgeSignal(
                    self._stored(FakeVerdictStore(self.database), "verdicts"), self._quote, self.clock, self.metrics
                ),
                clock=self.clock,
                metrics=self.metrics,
            )(shard)

    def _quote(self, venue: str, market: str, at: datetime) -> Quote:
        """The market as it stands; one that the venue does not have is refused."""
        if venue != VENUE or market not in self.exchange.prices:
            raise Reject("UNKNOWN_MARKET", f"{venue} has no {market}")
        self.crossings.cross("quote")
        return a_quote(self.exchange.prices[market], as_of=at)

    def publisher(self) -> PublishSignal:
        signals = self._stored(FakeSignalStore(self.database), "signals")
        return PublishSignal(signals, self._watched(Shards(self), "signal_queue"), self.clock, self.metrics)

    def _run_candle(self, message: CandleClosed) -> None:
        RunCandle(
            strategies=self._stored(self.strategies, "strategies"),
            executions=self._stored(FakeExecutionStore(self.database), "executions"),
            prices=self._stored(FakePriceStore(self.database), "prices"),
            market_data=self._watched(self.market_data, "market_data"),
            code=self.code,
            version_of=self.strategies.get_version,
            publish=self.publisher(),
            clock=self.clock,
            metrics=self.metrics,
            max_lateness=timedelta(minutes=30),
        )(message, f"worker-{next(self._workers)}")

    def relay(self) -> None:
        """Deliver the next events of the stream, one invocation at a time.

        After a crash the stream redelivers the same events.
        """
        if self._relaying or self.relayed >= len(self.database.stream):
            return
        self._relaying = True
        try:
            self._relay_batch()
        finally:
            self._relaying = False

    def _relay_batch(self) -> None:
        batch = self.database.stream[self.relayed : self.relayed + self.random.randint(1, RELAY_BATCH)]
        use_case = RelayEvents(
            ProjectEvents(
                self._stored(self.history, "history"),
                self._stored(self.decisions, "decisions"),
                CountNotional(self.strategies, self.source_use),
            ),
            ReleasePools(self._stored(self.pools, "pools"), self.gate, self.bus, self.clock, self.metrics),
            self._watched(self.bus, "bus"),
            self.metrics,
        )
        try:
            with self.crossings.visit(30):
                use_case(batch)
                self.crossings.cross("return outbox_relay")
        except (Crash, RetryLater):
            return
        if self.random.random() >= self.profile.repeat:
            self.relayed += len(batch)
        else:
            self.chronicle.fault("stream_repeated")

    def request_reconciles(self) -> None:
        """One firing of the reconcile clock."""
        use_case = RequestReconciles(
            self._stored(self.accounts, "accounts"),
            self._looks(),
            self._watched(Reconciles(self, self.reconcile_queue), "reconcile_queue"),
            self._stored(self.looks, "looks"),
            self.clock,
            self.metrics,
        )
        try:
            with self.crossings.visit(30):
                use_case(self.clock.now())
                SweepPools(self._stored(self.pools, "pools"), self._stored(self.accounts, "accounts"), self.clock, self.metrics)()
                CompleteSwitches(self._stored(self.gate, "gate"), self.metrics)()
                WatchPause(self.gate, self.clock, self.metrics)()
                self.switches.completed()
        except (Crash, RetryLater):
            return

    def announce_candles(self, scheduled_at: datetime, failures: int = 0) -> None:
        """One firing of the candle clock; one that fails is repeated by the platform, and now and then one that did not."""
        announce = AnnounceCandles(
            self._stored(self.strategies, "strategies"),
            self._watched(Candles(self, self.candle_queue), "candle_queue"),
            self._watched(Candles(self, self.uploaded_candle_queue), "uploaded_candle_queue"),
            FakeFirings(),
            self.clock,
            self.metrics,
        )
        again = partial(self.announce_candles, scheduled_at, failures + 1)
        try:
            with self.crossings.visit(30):
                announce(Timeframe.M1, scheduled_at)
        except (Crash, RetryLater):
            if failures < len(REPEATED_AFTER_SECONDS):
                self.agenda.later(self.clock.now() + timedelta(seconds=REPEATED_AFTER_SECONDS[failures]), again)
            return
        if not failures and self.random.random() < self.profile.repeat:
            self.chronicle.fault("schedule_repeated")
            self.agenda.later(self.clock.now() + timedelta(seconds=1), again)

    def reconcile_now(self, request: ReconcileRequest) -> None:
        """A look at an account that nobody waits for, as a repeated message would cause."""
        try:
            with self.crossings.visit(30):
                self._reconcile(request)
        except (Crash, RetryLater, Conflict):
            return

    def calm(self, profile: Profile) -> None:
        """From now on, only as much trouble as `profile` says."""
        self.profile = self.crossings.profile = self.exchange.profile = self.workshop.profile = self.exchange.front.profile = (
            profile
        )
        self.calm_since = self.clock.now()
        self.exchange.front.recover()
        self.exchange.blank.clear()
        self.delisting.recover()

    # -- what the world does by itself -------------------------------------------------------------------------------------

    def every(self, seconds: float, action: Callable[[], None], end: datetime) -> None:
        """Do something again and again until `end`."""

        def again() -> None:
            action()
            if self.clock.now() < end:
                self.agenda.later(self.clock.now() + timedelta(seconds=seconds), again)

        self.agenda.later(self.clock.now() + timedelta(seconds=seconds), again)

    def look_for_exposure(self) -> None:
        self.exposure.look(self.clock.now(), {key for key, _ in self.unprotected()})

    def unprotected(self) -> list[tuple[str, str]]:
        """(entry's intent id, account) of positions whose stop is not in the venue's book, in accounts that may act."""
        found = []
        for account in self.database.accounts.values():
            live = {
                order.client_order_id for _, order in self.exchange.books[account.account_id].orders if order.status == "OPEN"
            }
            for position in account.positions.values():
                stops = {i.client_order_id for i in account.protective(position) if i.kind == "STOP_LOSS"}
                held = self.exchange.net_position(account.account_id, position.market) != 0
                if held and position.stop_price is not None and account.status == "ACTIVE" and not stops & live:
                    found.append((position.entry_intent_id, account.account_id))
        return found

    def _reaches_venue(self, at: datetime, action: Callable[[], None]) -> None:
        """A request on its way to the exchange arrives on time, even while our functions are busy."""
        self.on_its_way.later(at, action)
        self.agenda.later(at, self.on_its_way.catch_up)

    def _on_send(self, api_key: str, request: OrderRequest) -> None:
        self.audit.on_send(api_key, request, self.crossings.called_at or self.clock.now())
        self.delisting.on_send(request)
        held = self.exchange.net_position(api_key, request.market)
        if not request.reduce_only and held * (1 if request.side is Side.BUY else -1) < 0:
            self.chronicle.fail(f"2: an entry left against {held} {request.market} of {api_key}")

    def _on_fill(self, request: OrderRequest) -> None:
        """Nothing of an entry is filled once an exit that means it has ended: it would be held for ever."""
        signals = {order.signal.signal_id: order.signal for order in self.trade_queue.put_messages}
        orders = [told.event.order for told in self.database.stream if told.event.order is not None]
        entry = next((order for order in orders if order.client_order_id == request.client_order_id), None)
        if entry is None or entry.position_side is None:
            return
        for order in orders:
            ended = order.kind is LegKind.EXIT and order.state in (IntentState.SKIPPED, IntentState.FILLED)
            newer = order.position_key == entry.position_key and order.issued_at > entry.issued_at
            if ended and newer and order.signal_id in signals and signals[order.signal_id].closes(entry.position_side):
                self.chronicle.fail(
                    f"an exit was lost: {entry.signal_id[:6]} is filled after {order.signal_id[:6]} {order.state}"
                )

    def _watched[P](self, port: P, name: str) -> P:
        return watched(port, name, self.crossings)

    def _stored[P](self, port: P, name: str) -> P:
        return watched_store(port, name, self.crossings)

    def refuses(self) -> None:
        """Now and then a queue does not take what it is given."""
        if self.random.random() < self.profile.queue_refuses:
            self.chronicle.fault("queue_refused")
            raise RetryLater("QUEUE_UNAVAILABLE", "told to fail", after_seconds=1)


@dataclass(frozen=True, slots=True)
class Reconciles:
    world: World
    queue: StandardQueue[ReconcileRequest]

    def send_reconcile(self, requests: Sequence[ReconcileRequest], delay_seconds: int = 0) -> None:
        self.world.refuses()
        for request in requests:
            self.queue.put(request, delay_seconds)

    def waiting(self) -> int:
        return self.queue.under_way


@dataclass(frozen=True, slots=True)
class Vettings:
    world: World

    def send_vetting(self, request: VettingRequest) -> None:
        self.world.refuses()
        self.world.vetting_queue.put(request)


@dataclass(frozen=True, slots=True)
class Candles:
    world: World
    queue: StandardQueue[CandleClosed]

    def send_candles(self, messages: Sequence[CandleClosed], delay_seconds: int) -> None:
        for message in messages:
            self.world.refuses()  # in the middle: those before have been taken
            self.queue.put(message, delay_seconds)


@dataclass(frozen=True, slots=True)
class Trades:
    world: World

    def send_orders(self, messages: Sequence[TradeOrder]) -> None:
        for message in messages:
            self.world.refuses()  # in the middle: those before have been taken
            if message.signal.reduction is not None:
                self.world.audit.parts[message.signal.signal_id] = message.signal.reduction
            self.world.trade_queue.put(message)


@dataclass(frozen=True, slots=True)
class Shards:
    world: World

    def send_shards(self, messages: Sequence[SignalShard], delay_seconds: int = 0) -> None:
        for message in messages:
            self.world.refuses()
            self.world.signal_queue.put(message, delay_seconds)


def credentials(account_id: str) -> Credentials:
    """An account's keys; the key is named after the account, so that the book shows whose order it is."""
    return Credentials(api_key=account_id, api_secret="secret")
