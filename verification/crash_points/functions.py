"""The functions that touch an account's orders, put together by the product's own composition root over the fakes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, cast
from unittest.mock import patch

from candlecast.adapters.aws.clients import aws_client
from candlecast.adapters.aws.secrets import account_secret_name
from candlecast.adapters.ccxt import clients as ccxt_clients
from candlecast.adapters.ccxt.errors import instruction
from candlecast.adapters.codec import message_from_json, to_json
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.s3.market_catalogue import Catalogue, catalogue_key
from candlecast.domain.market.quote import Quote
from candlecast.domain.orders.intent import Intent
from candlecast.domain.signals.messages import ReconcileRequest
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.errors import NotFound
from candlecast.domain.venue.weight_budget import minute_of
from candlecast.ports.venue import Credentials
from candlecast.runtime.compose import consumer, order_executor, order_reconciler, reconcile_clock
from candlecast.services.orders.cancel_order import CancelOrder
from candlecast.services.orders.close_position import PositionPlace
from candlecast.services.orders.move_stop import MoveStop
from candlecast.services.venue.spend_weight import _Purse
from tests.support.builders import ACCOUNT, BTC, SUBSCRIPTION, TENANT, a_market, a_quote, an_intent
from verification.crash_points.boundary import Crosser, Fault, Operation
from verification.crash_points.cloud import Cloud
from verification.crash_points.exchange import Session
from verification.crash_points.world import PRICE, START, World

BUILDERS: tuple[Any, ...] = (order_executor, order_reconciler, reconcile_clock)
VENUE = "binanceusdm"
MOST = Decimal(1_000)  # base units that the market takes in one order
MOVES_STOP = "move the stop"  # the body of that act
MOVED_STOP = Decimal(95)
POSITION = PositionPlace(account_id=ACCOUNT, subscription_id=SUBSCRIPTION, market=BTC)
LEASED = 500  # weight, more than any look takes
KEY_VERSION = "credential-version-1"
API_KEY, API_SECRET = "canary-key-" + "k" * 53, "canary-secret-" + "s" * 50
SECRETS = (API_KEY, API_SECRET)
ENVIRONMENT = {
    "ENVIRONMENT": "test",
    "TABLE_NAME": "candlecast",
    "MARKETS_BUCKET": "markets",
    "SECRET_PREFIX": "candlecast",
    "VENUES": '{"binanceusdm": {"ccxt_class": "binanceusdm"}}',
    "TRADE_QUEUE_URL": "trade",
    "TRADE_DEAD_LETTERS_URL": "trade-dead",
    "RECONCILE_QUEUE_URL": "reconcile",
    "AWAITED_LOOK_QUEUE_URL": "awaited-look",
    "BACKTEST_QUEUE_URL": "backtest",
    "LIVE_FUNCTION": "live",
    "RECONCILE_DEAD_LETTERS_URL": "reconcile-dead",
    "VETTING_QUEUE_URL": "vetting",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
}


class Worker(StrEnum):
    """A function, by its name in traces."""

    EXECUTOR = "executor"
    RECONCILER = "reconciler"
    CLOCK = "clock"
    OWNER = "owner"  # the API, at the word of the account's owner


class NoMetrics:
    """`ports.clock.Metrics` that drops all counts, since nothing reads them."""

    def count(self, name: str, value: float = 1) -> None:
        """Nothing."""

    def milliseconds(self, name: str, value: float) -> None:
        """Nothing."""

    def seconds(self, name: str, value: float) -> None:
        """Nothing."""

    def basis_points(self, name: str, value: float) -> None:
        """Nothing."""


class Options(dict[str, Any]):
    """A client's options: ccxt changes the outermost only, and to copy all of them would be slow."""

    def __deepcopy__(self, _: object) -> Options:
        return Options(self)


class Boundaries:
    """Passes every request on to the crosser of the function that runs at present."""

    def __init__(self) -> None:
        self.crosser: Crosser = _Alone(World())

    @property
    def world(self) -> World:
        return self.crosser.world

    def cross(self, operation: Operation) -> Any:
        return self.crosser.cross(operation)


@dataclass(frozen=True, slots=True)
class _Alone:
    """Nothing goes wrong: while things are put together."""

    world: World

    def cross(self, operation: Operation) -> Any:
        return operation.apply(self.world)


@dataclass(slots=True)
class Functions:
    """Real services on real adapters. Each invocation finds an environment that knows nothing of the one before."""

    boundaries: Boundaries
    execute: Callable[[TradeOrder], object]
    reconcile: Callable[[ReconcileRequest], object]
    cancel: Callable[[str, str, str], object]
    move_stop: Callable[[str, PositionPlace, Decimal, str], object]
    ask: Callable[[datetime], object]
    accounts: Any
    client: Any
    warm: bool = True
    _memories: tuple[Any, ...] = ()
    _purses: tuple[dict[str, _Purse], ...] = ()

    def call(self, worker: Worker, body: str, crosser: Crosser) -> None:
        """Invoke a function as its queue or schedule does; raises what the use case raises."""
        self.boundaries.crosser = crosser
        self._begin_afresh(crosser.world.instant())
        if worker is Worker.EXECUTOR:
            self.execute(message_from_json(TradeOrder, body))
        elif worker is Worker.RECONCILER:
            self.reconcile(message_from_json(ReconcileRequest, body))
        elif worker is Worker.OWNER and body == MOVES_STOP:
            self.move_stop(TENANT, POSITION, MOVED_STOP, "by-hand")
        elif worker is Worker.OWNER:
            self.cancel(TENANT, body, "by-hand")
        else:
            self.ask(START + timedelta(seconds=float(body)))

    def _begin_afresh(self, now: datetime) -> None:
        """The environment knows of no breaker, block or switch; a warm one has leased its minute's weight already."""
        for memory in self._memories:
            memory.clear()
        if self.warm:
            for purses in self._purses:
                purses[VENUE] = _Purse(minute_of(now), left=LEASED)

    def meaning_of(self, fault: Fault, world: World) -> object:
        """The venue adapter's translation of a fault. Code above the adapter cannot tell faults of one translation apart."""
        self.boundaries.crosser = _Faulty(world, fault)
        client = self.client
        try:
            client.fetch("https://fapi.binance.com/fapi/v1/openOrders?signature=" + "0" * 64, "GET", {"X-MBX-APIKEY": API_KEY})
        except Exception as error:
            told = instruction(error, client.last_response_headers)
            return type(told), told.code, getattr(told, "after_seconds", None)
        return None


@dataclass(frozen=True, slots=True)
class _StandingMarket:
    """Quotes of the market, which stands still; a tighter stop reads no limits."""

    def quote(self, _venue: str, _market: str, at: datetime) -> Quote:
        return a_quote(PRICE, as_of=at)


@dataclass(frozen=True, slots=True)
class _KnownOrders:
    """History as far as an owner needs it: an order that the account has decided is known to be the account's."""

    accounts: Any

    def get_order(self, tenant_id: str, order_id: str) -> Intent:
        if not self.accounts.load(tenant_id, ACCOUNT).knows(order_id):
            raise NotFound("no such order")
        return an_intent(intent_id=order_id)


@dataclass(frozen=True, slots=True)
class _Faulty:
    world: World
    fault: Fault

    def cross(self, _: Operation) -> Any:
        return self.fault.act(self.world)


def put_together(largest: Decimal = MOST) -> Functions:
    """Build the functions once; it costs what a cold start costs. The market takes no order above `largest`."""
    boundaries = Boundaries()
    markets = Catalogue(venue=VENUE, written_at=START, markets=(a_market(max_quantity=largest),))
    cloud = Cloud(
        boundaries,
        secrets={(account_secret_name("candlecast", TENANT, ACCOUNT), KEY_VERSION): _key_pair()},
        objects={catalogue_key(VENUE): to_json(markets).encode()},
    )
    with _in_place_of_the_world(boundaries, cloud):
        executor, reconciler = order_executor.build(), order_reconciler.build()
        execute: Any = executor.use_case
        client = execute.venues.connect(VENUE, ACCOUNT, KEY_VERSION, Credentials(api_key=API_KEY, api_secret=API_SECRET))
        reconcile: Any = reconciler.use_case
        reconcile.venues.connect(VENUE, ACCOUNT, KEY_VERSION, Credentials(api_key=API_KEY, api_secret=API_SECRET))
        for catalogue in (execute.markets, reconcile.place.markets):
            catalogue.find(VENUE, a_market().symbol)
        cancel = CancelOrder(execute.accounts, _KnownOrders(execute.accounts), reconcile.queue, execute.clock)  # type: ignore[arg-type]
        ask = reconcile_clock.build()[0]
        move_stop = MoveStop(
            execute.accounts, cast(Any, None), execute.markets, _StandingMarket(), cast(Any, None), reconcile.queue, execute.clock
        )
        functions = Functions(boundaries, execute, reconcile, cancel, move_stop, ask, execute.accounts, client.venue._client)
    gates = [execute.place.gate, reconcile.gate]
    functions._purses = tuple(gate.spend._purses for gate in gates)
    told = [memory for gate in gates for memory in (gate.watch._known, gate.spend._blocked, gate._told)]
    functions._memories = (*functions._purses, *told)
    return functions


def _key_pair() -> str:
    return f'{{"api_key": "{API_KEY}", "api_secret": "{API_SECRET}"}}'


@contextmanager
def _in_place_of_the_world(boundaries: Boundaries, cloud: Cloud) -> Iterator[None]:
    """While things are put together: clients that end in the fakes, a clock that shows the world's time, no measures."""
    clients: dict[str, Any] = {}

    def client_of(service: str) -> Any:
        if service not in clients:
            clients[service] = cloud.take_over(aws_client(service))
        return clients[service]

    def table_of(name: str, generation: int = 1) -> Any:
        if name not in clients:
            clients[name] = Table(name, generation=generation)
            cloud.take_over(clients[name].client)
        return clients[name]

    class WorldClock:
        def now(self) -> datetime:
            return boundaries.world.instant()

    make = ccxt_clients.make_template

    def template(*arguments: Any) -> Any:
        made = make(*arguments)
        made.session = Session(boundaries, API_KEY)
        made.options = Options(made.options)
        return made

    replaced: Mapping[str, Any] = {"aws": client_of, "Table": table_of, "EmfMetrics": NoMetrics, "SystemClock": WorldClock}
    patches: list[Any] = [patch.object(ccxt_clients, "make_template", template), patch.dict(os.environ, ENVIRONMENT)]
    for module in (*BUILDERS, consumer):
        patches += [patch.object(module, name, value) for name, value in replaced.items() if name in vars(module)]
    _forget_what_was_built()
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in reversed(patches):
            one.stop()
        _forget_what_was_built()


def _forget_what_was_built() -> None:
    for module in BUILDERS:
        module.build.cache_clear()
