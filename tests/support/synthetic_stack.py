"""A stack on fakes for synthetic runs: the real use cases of each function, which work while the run waits.

A function that is taken out of `working` stands still, as one whose mapping is disabled. The paper exchange is the fake venue.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from candlecast.domain.market.market import Market
from candlecast.domain.market.quote import Quote
from candlecast.domain.values.errors import Reject, RetryLater
from candlecast.domain.venue.reports import VenueOrderStatus
from candlecast.ports.venue import Credentials
from candlecast.services.account.vet_keys import VetKeys
from candlecast.services.orders.execute_order import ExecuteOrder
from candlecast.services.orders.exit_resting import ExitResting
from candlecast.services.orders.place_orders import PlaceOrders
from candlecast.services.orders.stop_resting import StopResting
from candlecast.services.pools.release_pools import ReleasePools
from candlecast.services.reconcile.ask_for_looks import AskForLooks
from candlecast.services.relay.count_notional import CountNotional
from candlecast.services.relay.project_events import ProjectEvents
from candlecast.services.relay.relay_events import RelayEvents
from candlecast.services.signals.fan_out import FanOut
from candlecast.services.signals.find_source import FindSource
from candlecast.services.signals.judge_signal import JudgeSignal
from candlecast.services.signals.publish_signal import PublishSignal
from candlecast.services.signals.receive_signal import ReceiveSignal
from candlecast.signals.authentication import WebhookRequest, sign
from candlecast.signals.refusal import RefusedMessage
from candlecast_cli.synthetic.doors import OWN_SYMBOL
from candlecast_cli.synthetic.hops import Watch
from candlecast_cli.synthetic.run import Run
from candlecast_cli.synthetic.tenant import Ports
from tests.support.builders import BTC, VENUE, a_market, a_quote
from tests.support.fakes.accounts import FakeAccountStore
from tests.support.fakes.bus import FakeEventBus
from tests.support.fakes.clock import FakeClock, RecordingMetrics, SequentialIdentifiers
from tests.support.fakes.decisions import FakeDecisions
from tests.support.fakes.gate import FakeGate, check_gate
from tests.support.fakes.history import FakeHistory
from tests.support.fakes.limits import FakeLimitStore, read_limits
from tests.support.fakes.looks import FakeLooks
from tests.support.fakes.market_data import FakeMarkets, FakeStrategyCode
from tests.support.fakes.pools import FakePoolStore, reserve_pool
from tests.support.fakes.queues import FakeReconcileQueue, FakeSignalQueue, FakeTradeQueue, FakeVettingQueue
from tests.support.fakes.signals import FakeSignalStore
from tests.support.fakes.source_use import FakeSourceUse
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore
from tests.support.fakes.subscriptions import FakeSubscriptionStore
from tests.support.fakes.turns import FakeTurns
from tests.support.fakes.vault import FakeVault
from tests.support.fakes.venue import FakeExchange, FakeVenues
from tests.support.fakes.verdicts import FakeVerdictStore
from tests.support.reconciler import reconcile_account

PAPER_KEY = "key-of-the-paper-account"
FUNCTIONS = ("signal_intake", "signal_fanout", "order_executor", "order_reconciler", "key_vetting", "outbox_relay")


@dataclass(slots=True)
class Catalogue:
    """`ports.venue.CatalogueStore` of one venue."""

    markets: tuple[Market, ...]

    def read(self, venue: str) -> tuple[Market, ...]:
        return self.markets if venue == VENUE else ()

    def write(self, venue: str, markets: object) -> None:
        raise NotImplementedError


@dataclass(slots=True)
class PaperOnFakes:
    """`PaperDoor` onto the fake venue."""

    exchange: FakeExchange
    symbols_of: dict[str, str]
    """The venue's symbol of each listed market."""

    def open_account(self) -> Credentials:
        return Credentials(api_key=PAPER_KEY, api_secret="secret-of-the-paper-account")

    def symbols(self) -> frozenset[str]:
        return frozenset(self.symbols_of.values())

    def open_market(self) -> None:
        self.symbols_of["SYNTH/USDT:USDT"] = OWN_SYMBOL
        self.exchange.prices["SYNTH/USDT:USDT"] = Decimal(100)

    def price(self, symbol: str) -> Decimal | None:
        return next((self.exchange.prices.get(market) for market, it in self.symbols_of.items() if it == symbol), None)

    def filled(self, symbol: str, client_order_id: str) -> Decimal | None:
        orders = self.exchange.orders(PAPER_KEY, client_order_id)
        return next((it.filled_quantity for it in orders if it.status is VenueOrderStatus.FILLED), None)

    def held(self) -> Mapping[str, Decimal]:
        return {market: net for market, net in self.exchange.books[PAPER_KEY].net.items() if net}

    def open_orders(self) -> frozenset[str]:
        orders = self.exchange.orders(PAPER_KEY)
        return frozenset(it.client_order_id for it in orders if it.status is VenueOrderStatus.OPEN)


@dataclass
class SyntheticStack:
    """`working` are the functions that do their work; `refused` counts the webhooks that the intake has refused."""

    clock: FakeClock = field(default_factory=FakeClock)
    metrics: RecordingMetrics = field(default_factory=RecordingMetrics)
    database: FakeDatabase = field(default_factory=FakeDatabase)
    exchange: FakeExchange = field(default_factory=FakeExchange)
    gate: FakeGate = field(default_factory=FakeGate)
    vault: FakeVault = field(default_factory=FakeVault)
    turns: FakeTurns = field(default_factory=FakeTurns)
    working: set[str] = field(default_factory=lambda: set(FUNCTIONS))
    catalogue: Catalogue = field(default_factory=lambda: Catalogue((a_market(),)))
    refreshed: int = 0
    quoted: Decimal | None = None
    """The mark that the firewall is told; None: the venue's price."""

    def __post_init__(self) -> None:
        self.exchange.now = self.clock.now
        self.paper = PaperOnFakes(self.exchange, {BTC: a_market().venue_symbol})
        self.accounts = FakeAccountStore(self.database, self.clock)
        self.strategies = FakeStrategyStore(self.database)
        self.subscriptions = FakeSubscriptionStore(self.database, self.clock)
        self.signals, self.history = FakeSignalStore(self.database), FakeHistory(self.database)
        self.shards, self.orders = FakeSignalQueue(), FakeTradeQueue()
        self.vettings, self.looks_asked = FakeVettingQueue(), FakeReconcileQueue()
        self.verdicts, self.use, self.decisions = FakeVerdictStore(self.database), FakeSourceUse(), FakeDecisions()
        self.limits, self.leases = FakeLimitStore(), FakeLooks()
        self.identifiers = SequentialIdentifiers()
        self.markets = FakeMarkets(*self.catalogue.markets)
        self.relayed = 0
        self.sources = FindSource(self.strategies)

    # -- what a run is given -----------------------------------------------------------------------------------------------

    def ports(self) -> Ports:
        return Ports(
            accounts=self.accounts,
            strategies=self.strategies,
            subscriptions=self.subscriptions,
            signals=self.signals,
            history=self.history,
            turns=self.turns,
            catalogue=self.catalogue,
            markets=self.markets,
            code=FakeStrategyCode(),
            source_secrets=self.vault,
            source_writer=self.vault,
            vault=self.vault,
            vettings=self.vettings,
            refresh_catalogue=self._refresh,
            webhook=self,
            paper=self.paper,
            clock=self.clock,
            identifiers=self.identifiers,
        )

    def run(self, *, hop_seconds: float = 60.0) -> Run:
        """A run against this stack; its waits move the clock, and let the functions work."""
        return Run(self.ports(), Watch(lambda: self.clock.now().timestamp(), self.sleep, lambda _hop: None, hop_seconds))

    def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.work()

    def send(self, source_id: str, secret: str, body: Mapping[str, object]) -> str:
        """`Webhook`: the intake's use case behind a signature."""
        if "signal_intake" not in self.working:
            raise RetryLater("HTTP_503", "no answer", after_seconds=1)
        raw, timestamp = json.dumps(body).encode(), str(int(self.clock.now().timestamp()))
        request = WebhookRequest(source_id=source_id, body=raw, timestamp=timestamp, signature=sign(secret, timestamp, raw))
        publish = PublishSignal(self.signals, self.shards, self.clock, self.metrics)
        receive = ReceiveSignal(
            strategies=self.strategies,
            sources=self.sources,
            use=self.use,
            signals=self.signals,
            secrets=self.vault,
            markets=FakeMarkets(*self.catalogue.markets),
            publish=publish,
            clock=self.clock,
            metrics=self.metrics,
        )
        try:
            return receive(request).signal_id
        except RefusedMessage as error:
            raise Reject(error.code, error.message) from error

    # -- what its functions do ---------------------------------------------------------------------------------------------

    def work(self) -> None:
        """Let each function that works take what waits for it."""
        steps: dict[str, Callable[[], None]] = {
            "signal_fanout": self._fan_out,
            "order_executor": self._execute,
            "key_vetting": self._vet,
            "order_reconciler": self._reconcile,
            "outbox_relay": self._relay,
        }
        for function, step in steps.items():
            if function in self.working:
                step()

    def _fan_out(self) -> None:
        fan_out = FanOut(
            subscriptions=self.subscriptions,
            signals=self.signals,
            history=self.history,
            decisions=self.decisions,
            queue=self.orders,
            limits=read_limits(self.clock, self.limits),
            judge=JudgeSignal(self.verdicts, self._quote, self.clock, self.metrics),
            clock=self.clock,
            metrics=self.metrics,
        )
        while self.shards.sent:
            fan_out(self.shards.sent.pop(0))

    def _quote(self, _venue: str, market: str, at: datetime) -> Quote:
        return a_quote(self.quoted or self.exchange.prices[market], as_of=at)

    def _execute(self) -> None:
        place = self._place()
        execute = ExecuteOrder(
            accounts=self.accounts,
            markets=FakeMarkets(*self.catalogue.markets),
            vault=self.vault,
            venues=FakeVenues(self.exchange),
            place=place,
            exit_resting=ExitResting(StopResting(place, self.clock, self.metrics), self.clock),
            reserve_pool=reserve_pool(self.clock, FakePoolStore()),
            reconcile_queue=self.looks_asked,
            clock=self.clock,
            metrics=self.metrics,
        )
        while self.orders.sent:
            execute(self.orders.sent.pop(0))

    def _vet(self) -> None:
        looks = AskForLooks(self.leases, self.looks_asked, self.looks_asked, self.clock, self.metrics)
        vet = VetKeys(self.accounts, self.vault, FakeVenues(self.exchange), looks, self.clock, self.metrics)
        while self.vettings.sent:
            vet(self.vettings.sent.pop(0))

    def _reconcile(self) -> None:
        look = reconcile_account(
            accounts=self.accounts,
            vault=self.vault,
            venues=FakeVenues(self.exchange),
            markets=FakeMarkets(*self.catalogue.markets),
            gate=check_gate(self.gate, self.clock, self.metrics),
            queue=self.looks_asked,
            vettings=self.vettings,
            clock=self.clock,
            metrics=self.metrics,
        )
        for request, _delay in [self.looks_asked.sent.pop(0) for _ in range(len(self.looks_asked.sent))]:
            look(request)

    def _relay(self) -> None:
        release = ReleasePools(FakePoolStore(), self.gate, FakeEventBus(), self.clock, self.metrics)
        project = ProjectEvents(self.history, self.decisions, CountNotional(self.strategies, self.use))
        relay = RelayEvents(project, release, FakeEventBus(), self.metrics)
        batch = self.database.stream[self.relayed :]
        relay(batch)
        self.relayed += len(batch)

    def _place(self) -> PlaceOrders:
        gate = check_gate(self.gate, self.clock, self.metrics)
        return PlaceOrders(FakeMarkets(*self.catalogue.markets), gate, self.clock, self.metrics)

    def _refresh(self) -> None:
        self.refreshed += 1
        listed = self.paper.symbols_of
        known = {it.symbol for it in self.catalogue.markets}
        new = [a_market(symbol, venue_symbol=listed[symbol]) for symbol in listed if symbol not in known]
        self.catalogue.markets = (*self.catalogue.markets, *new)
