"""The people and the senders of the simulated world: who follows what, which signals come, what owners do in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import product
from typing import Any

from candlecast.domain.account.account import Account
from candlecast.domain.account.events import EventType
from candlecast.domain.market.candle import Candle
from candlecast.domain.market.quote import Quote
from candlecast.domain.orders.intent import LegKind
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.messages import ReconcileRequest, VettingRequest
from candlecast.domain.signals.reduction import Reduction
from candlecast.domain.signals.signal import Action, Signal, TakeProfit
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.versions import Release, StrategyChange
from candlecast.domain.subscriptions.subscription import AllowedSides, Settings, Sizing, SizingMode, SubscriptionStatus
from candlecast.domain.values.errors import Conflict, DomainError, NotFound, Reject, RetryLater
from candlecast.domain.values.ids import digest
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.strategies import Evaluation
from candlecast.services.account.change_credentials import ChangeCredentials
from candlecast.services.account.switch_account import SwitchAccount
from candlecast.services.limits.read_limits import ReadLimits
from candlecast.services.orders.cancel_order import CancelOrder
from candlecast.services.orders.close_position import ClosePosition, PositionPlace
from candlecast.services.orders.move_stop import MoveStop
from candlecast.services.reconcile.ask_for_looks import AskForLooks
from candlecast.services.subscriptions.cancel_subscription import CancelSubscription
from candlecast.services.subscriptions.change_subscription import ChangeSubscription
from tests.support.builders import (
    BTC,
    ETH,
    NOW,
    a_candle,
    a_quote,
    a_signal,
    a_strategy,
    a_subscription,
    a_version,
    an_account,
    an_external_strategy,
    an_uploaded_strategy,
)
from tests.support.fakes.clock import SequentialIdentifiers
from verification.simulation.crossings import Crash
from verification.simulation.pools import found_an_organisation
from verification.simulation.world import MARKETS, VENUE, Reconciles, Trades, Vettings, World, credentials

STRATEGIES = {
    "minute-btc": (BTC,),
    "minute-eth": (ETH,),
    "uploaded-btc": (BTC,),
    "outside-btc": (BTC,),
    "outside-eth": (ETH,),
    "outside-both": (BTC, ETH),
}
UPLOADED = ("uploaded-btc",)
OUTSIDE = [key for key in STRATEGIES if key.startswith("outside")]
VERSIONED = ("minute-eth", "uploaded-btc")  # built-in code with other parameters, and code of a tenant
VERSIONS = (1, 2, 3, 4)
SHARES = (1, 20, 50, 99, 100)  # percent
BUSY_SECONDS = 5.0
ACTIONS = (*[Action.LONG] * 3, *[Action.SHORT] * 3, Action.EXIT_LONG, Action.EXIT_SHORT, Action.EXIT)
OUTSIDE_SECONDS = 10.0
BOTH = 0.4  # the share of accounts with one subscription for both markets: only it can reach the limits that add up
OLDEST_SIGNAL_SECONDS = 40  # signals from outside overtake each other
LATEST_FOLLOWER_SECONDS = 120  # after an entry that rests: an exit, an opposite entry, or a second one
LIES = tuple(map(Decimal, ("0.01", "0.1", "0.5", "0.96", "1.04", "2", "10", "100")))  # times the market's price
FAR_LIES = tuple(factor for factor in LIES if abs(factor - 1) > Decimal("0.1"))  # an entry that rests is no lie
UNKNOWN_MARKET = "DOGE/USDT:USDT"
FURTHEST_STEPS = 36  # of 1 per thousand, from the market to an entry that rests: it rests for some looks, and mostly fills
STOP_ENTRIES = 0.3  # the share of resting entries that wait for a trigger
CLOSED_BY_HAND = 0.4  # the share of acts that close a position
STOPS_MOVED = 0.2  # the share that moves a stop; the others cancel
STOP_STEPS = 30  # of 1 per thousand at most, from the market to a stop that is moved
ENTRIES_CANCELLED = 0.9  # the share of cancellations that are of an entry, where there is one
PRICE_STEPS = 12  # of 1 per thousand at most per look: stops and targets of a few per cent are reached within minutes


@dataclass(slots=True)
class People:
    """Fills a world and keeps it busy until `end`."""

    world: World
    end: datetime
    identifiers: SequentialIdentifiers = field(default_factory=SequentialIdentifiers)
    _signals: int = 0
    _candles: dict[str, list[Candle]] = field(default_factory=lambda: {market: [] for market in MARKETS})

    def settle_in(self) -> None:
        world = self.world
        for strategy_id, markets in STRATEGIES.items():
            world.strategies.create_strategy(_definition(strategy_id, markets[0]))
            world.code.decisions[strategy_id] = self._run_upload if strategy_id in UPLOADED else self._decide
        for strategy_id, number in product(VERSIONED, VERSIONS):
            world.database.versions[strategy_id, number] = a_version(number, strategy_id, lookback=1)
        found_an_organisation(world.limits)
        for number in range(world.profile.accounts):
            self._open_account(f"account{number}", f"tenant{number % 2}")

    def _open_account(self, account_id: str, tenant_id: str) -> None:
        """An account whose subscriptions each have a market to themselves: a venue in one-way mode nets what they share."""
        world, random = self.world, self.world.random
        version = world.vault.write(tenant_id, account_id, credentials(account_id), self.identifiers.new())
        account = an_account(account_id, tenant_id=tenant_id, venue=VENUE, subscriptions={}, balance=None)
        markets = random.sample((BTC, ETH), min(2, world.profile.subscriptions_per_account))
        chosen = [random.choice([key for key, of in STRATEGIES.items() if of == (market,)]) for market in markets]
        if random.random() < BOTH:
            chosen = ["outside-both"]
        self.let_in(account, version, {strategy_id: self._settings() for strategy_id in chosen})

    def let_in(self, account: Account, credential_version: str, strategies: Mapping[str, Settings]) -> None:
        """Create an account with keys, and its subscriptions to strategies."""
        world = self.world
        key = (account.tenant_id, account.account_id)
        world.accounts.create(replace(account, credential_version=credential_version))
        world.audit.owners[account.account_id] = key
        for number, (strategy_id, settings) in enumerate(strategies.items()):
            subscription = a_subscription(
                f"{account.account_id}-subscription{number}",
                tenant_id=account.tenant_id,
                account_id=account.account_id,
                strategy_id=strategy_id,
                settings=settings,
            )
            statuses = {**world.accounts.load(*key).subscriptions, subscription.subscription_id: subscription.status}
            world.subscriptions.write(subscription, replace(world.accounts.load(*key), subscriptions=statuses), follower_change=1)
            world.audit.settings[subscription.subscription_id] = settings

    def _settings(self) -> Settings:
        random = self.world.random
        sizing = random.choice(
            (
                Sizing(SizingMode.FIXED_QUANTITY, Decimal("1.2345")),
                Sizing(SizingMode.FIXED_NOTIONAL, Decimal(1_000)),
                Sizing(SizingMode.PERCENT_OF_CAPITAL, Decimal(25)),
                Sizing(SizingMode.RISK_PERCENT, Decimal("0.5")),
            )
        )
        return Settings(
            capital=Decimal(random.choice((2_000, 10_000))),
            sizing=sizing,
            leverage=Decimal(random.choice((1, 2, 10))),
            max_positions=random.choice((1, 2)),
            max_daily_loss_percent=Decimal(random.choice(("0.2", "1", "5"))),
            max_order_notional=random.choice((None, Decimal(1_500))),
            max_signal_age_seconds=random.choice((30, 60, 120, 300)),
            stop_atr_multiplier=random.choice((None, Decimal(2))),
            target_atr_multiplier=random.choice((None, None, Decimal(3))),
            allowed_sides=random.choice((AllowedSides.BOTH, AllowedSides.BOTH, AllowedSides.LONG)),
        )

    # -- signals -----------------------------------------------------------------------------------------------------------

    def _decide(self, definition: StrategyDefinition, candles: Sequence[Candle]) -> Evaluation:
        """A strategy that decides differently each time it is asked: a second run of a candle would show."""
        random, price = self.world.random, candles[-1].close
        action = random.choice((None, *ACTIONS))
        stop, targets = self._levels(action, price)
        return Evaluation(action=action, price=price, stop_loss=stop, take_profits=targets, atr=price / 100)

    def _run_upload(self, definition: StrategyDefinition, candles: Sequence[Candle]) -> Evaluation | DomainError:
        """A version in its sandbox, which now and then ends the run, and now and then takes none."""
        world = self.world
        if world.random.random() < world.profile.sandbox_fails:
            world.chronicle.fault("sandbox_failed")
            return Reject("SANDBOX_TIMEOUT", "too slow")
        if world.random.random() < world.profile.sandbox_busy:
            world.chronicle.fault("sandbox_busy")
            return RetryLater("SANDBOX_UNAVAILABLE", "throttled", after_seconds=BUSY_SECONDS)
        return self._decide(definition, candles)

    def _levels(self, action: Action | None, price: Decimal) -> tuple[Decimal | None, tuple[TakeProfit, ...]]:
        random = self.world.random
        sign = 1 if action is Action.LONG else -1
        stop = price * (100 - sign * random.randint(1, 4)) / 100 if random.random() < 0.7 else None
        rungs = random.randint(0, 2)
        targets = tuple(TakeProfit(price * (100 + sign * (number + 1)) / 100, Decimal("0.5")) for number in range(rungs))
        return stop, targets

    def candle_closes(self, close: datetime) -> None:
        """A minute is over: the venue publishes its candles."""
        world = self.world
        for market in MARKETS:
            price = str(world.exchange.prices[market])
            self._candles[market].append(a_candle(close - Timeframe.M1.length, price))
            world.market_data.put(market, Timeframe.M1, self._candles[market], venue=VENUE)

    def signal_from_outside(self, about: tuple[str, str] | None = None) -> None:
        """A signal that was issued a while ago, now and then without a price.

        Its sender repeats the signal until an answer accepts it. `about` is a strategy and its market, of an entry that rests.
        """
        world, random = self.world, self.world.random
        strategy_id = random.choice(OUTSIDE) if about is None else about[0]
        market = random.choice(STRATEGIES[strategy_id]) if about is None else about[1]
        action = random.choice(ACTIONS if about is None else (Action.EXIT, Action.LONG, Action.SHORT))
        price = world.exchange.prices[market]
        entry = self._entry(action, market, price)
        stop, targets = self._levels(action, price if entry is None else entry.price or entry.trigger_price or price)
        self._signals += 1
        signal = a_signal(
            action,
            signal_id=digest("outside", str(self._signals)),
            strategy_id=strategy_id,
            market=market,
            issued_at=world.clock.now() - timedelta(seconds=random.uniform(0, OLDEST_SIGNAL_SECONDS)),
            price=None if random.random() < 0.1 else price,
            stop_loss=stop,
            take_profits=targets,
            atr=price / 100,
            entry=entry,
        )
        how = "at market" if entry is None else f"{entry.type} {entry.price or entry.trigger_price}"
        if random.random() < world.profile.lies:
            signal = self._lie(signal, price)
        world.chronicle.tell(f"a signal from outside: {action} {signal.signal_id[:6]} of {strategy_id} at {price}, {how}")
        self._publish(signal)
        follows_at = world.clock.now() + timedelta(seconds=random.uniform(OLDEST_SIGNAL_SECONDS, LATEST_FOLLOWER_SECONDS))
        if entry is not None and follows_at < self.end:
            world.agenda.later(follows_at, partial(self.signal_from_outside, (strategy_id, market)))

    def _lie(self, signal: Signal, price: Decimal) -> Signal:
        """The signal with a wrong price, level, order or market, as a broken or hostile sender gives it."""
        random = self.world.random
        wrong = price * random.choice(LIES)
        self.world.chronicle.fault("sender_lied", signal.signal_id[:6])
        kinds = ["price"]
        lie: dict[str, Any] = {"price": wrong}
        if signal.action.is_entry:
            kinds = ["price", "stop_loss", "take_profits", "atr", "entry", "market", *["everything"] * 4]
        kind = random.choice(kinds)
        if kind in ("stop_loss", "atr"):
            lie = {kind: wrong}
        elif kind == "take_profits":
            lie = {kind: (TakeProfit(wrong),)}
        elif kind == "entry":
            limit = random.random() < 0.5
            far = price * random.choice(FAR_LIES)
            order = EntryOrder(type=EntryType.LIMIT, price=far) if limit else EntryOrder(type=EntryType.STOP, trigger_price=far)
            lie = {kind: order}
        elif kind == "market":
            lie = {kind: UNKNOWN_MARKET}
        elif kind == "everything":
            lie = _in_another_currency(signal, wrong / price, wrong)
        return replace(signal, **lie)

    def _entry(self, action: Action, market: str, price: Decimal) -> EntryOrder | None:
        """Now and then an entry that waits for its price; None for one at market, and for an exit."""
        random = self.world.random
        if not action.is_entry or random.random() >= self.world.profile.resting_entry:
            return None
        sign, away = 1 if action is Action.LONG else -1, Decimal(random.randint(1, FURTHEST_STEPS)) / 1_000
        rests = random.choice((30, 120, 600))
        if random.random() < STOP_ENTRIES:
            trigger = MARKETS[market].round_price(price * (1 + sign * away))
            return EntryOrder(type=EntryType.STOP, trigger_price=trigger, rests_seconds=rests)
        return EntryOrder(type=EntryType.LIMIT, price=MARKETS[market].round_price(price * (1 - sign * away)), rests_seconds=rests)

    def _publish(self, signal: Signal) -> None:
        world = self.world
        try:
            with world.crossings.visit(10):
                world.publisher()(signal, VENUE, 1)
        except (Crash, RetryLater):
            world.agenda.later(world.clock.now() + timedelta(seconds=1), lambda: self._publish(signal))

    # -- the market and its people -----------------------------------------------------------------------------------------

    def price_moves(self) -> None:
        world = self.world
        for symbol, market in MARKETS.items():
            change = Decimal(world.random.randint(-PRICE_STEPS, PRICE_STEPS)) / 1_000
            world.exchange.trade(symbol, market.round_price(world.exchange.prices[symbol] * (1 + change)))

    def owner_acts(self) -> None:
        """One owner pauses, resumes, cancels, disables, enables, or changes keys."""
        world, random = self.world, self.world.random
        if random.random() >= world.profile.owner_acts:
            return
        tenant_id, account_id = random.choice(list(world.database.accounts))
        switch = SwitchAccount(world.accounts, world.clock)
        change = ChangeSubscription(world.subscriptions, world.accounts, world.clock)
        owned = [key for key in world.database.subscriptions if key[1].startswith(account_id)]
        act = random.randrange(8)
        try:
            world.chronicle.tell(f"the owner of {account_id} does {act}")
            if act == 0:
                switch.disable(tenant_id, account_id)
            elif act <= 2:
                switch.enable(tenant_id, account_id)
            elif act == 3:
                self.new_keys(tenant_id, account_id)
            elif act == 4 and random.random() < 0.2:
                cancel = CancelSubscription(world.subscriptions, world.accounts, Trades(world), world.clock)
                cancel(*random.choice(owned), close_position=random.random() < 0.7, correlation_id="owner")
            elif act == 5:
                change.pause(*random.choice(owned))
            else:
                change.resume(*random.choice(owned))
        except (Conflict, RetryLater):
            return

    def acts_by_hand(self) -> None:
        """Now and then an owner closes a position, moves a stop, or cancels an order: mostly an entry, in any state."""
        world, random = self.world, self.world.random
        if not world.profile.acts_by_hand or random.random() >= world.profile.acts_by_hand:
            return
        if (draw := random.random()) < CLOSED_BY_HAND + STOPS_MOVED:
            (self._closes_position if draw < CLOSED_BY_HAND else self._moves_stop)()
            return
        orders = [(key[0], order) for key, account in world.database.accounts.items() for order in account.intents.values()]
        entries = [(tenant_id, order) for tenant_id, order in orders if order.kind is LegKind.ENTRY]
        if not orders:
            return
        tenant_id, order = random.choice(entries if entries and random.random() < ENTRIES_CANCELLED else orders)
        try:
            CancelOrder(world.accounts, world.history, self._looks(), world.clock)(tenant_id, order.intent_id, "by hand")
        except (Conflict, NotFound) as error:
            world.chronicle.tell(f"refused: {error.code}")
            return
        world.chronicle.fault("order_cancelled", f"{order.leg} of {order.signal_id[:6]}")

    def _closes_position(self) -> None:
        """An owner closes a position or a part of it, now and then twice."""
        world, random = self.world, self.world.random
        held = [(key[0], position) for key, account in world.database.accounts.items() for position in account.positions.values()]
        if not held:
            return
        tenant_id, position = random.choice(held)
        part = MARKETS[position.market].round_quantity(position.quantity * Decimal("0.7")) or position.quantity
        shares = [Reduction(share=Decimal(share)) for share in ("0.5", "0.3")]
        reduction = random.choice((None, Reduction(quantity=part), *shares))
        close = ClosePosition(world.accounts, world.history, world.subscriptions, world.catalogue, Trades(world), world.clock)
        place = PositionPlace(account_id=position.account_id, subscription_id=position.subscription_id, market=position.market)
        for _ in range(random.choice((1, 1, 2))):
            try:
                close(tenant_id, place, reduction, correlation_id="by hand")
            except (Conflict, RetryLater) as error:
                world.chronicle.tell(f"refused: {error.code}")
                return
            world.chronicle.fault("position_closed_by_hand", f"{position.key}, {reduction}")

    def _moves_stop(self) -> None:
        """An owner moves a stop, tighter or looser, now and then to the wrong side of the market."""
        world, random = self.world, self.world.random
        held = [(key[0], position) for key, account in world.database.accounts.items() for position in account.positions.values()]
        if not held:
            return
        tenant_id, position = random.choice(held)
        away = Decimal(random.randint(-2, STOP_STEPS)) / 1_000
        price = MARKETS[position.market].round_price(world.exchange.prices[position.market] * (1 - position.side.sign * away))
        read = ReadLimits(world.limits, world.clock, world.metrics)
        move = MoveStop(world.accounts, world.subscriptions, world.catalogue, _Quotes(world), read, self._looks(), world.clock)
        place = PositionPlace(account_id=position.account_id, subscription_id=position.subscription_id, market=position.market)
        try:
            move(tenant_id, place, price, "by hand")
        except (Conflict, RetryLater, Reject) as error:
            world.chronicle.tell(f"refused: {error.code}")
            return
        world.chronicle.fault("stop_moved_by_hand", f"{position.key} to {price}")

    def _looks(self) -> AskForLooks:
        """How the API asks for looks."""
        world = self.world
        queue = Reconciles(world, world.awaited_look_queue)
        return AskForLooks(world.looks, queue, queue, world.clock, world.metrics, renews=True)

    def author_acts(self) -> None:
        """Now and then an author releases or rolls back, or a follower pins another version."""
        if self.world.random.random() < self.world.profile.author_acts:
            self._author_acts()

    def _author_acts(self) -> None:
        world, random = self.world, self.world.random
        strategy_id = random.choice(VERSIONED)
        try:
            if random.random() < 0.5:
                self._release(strategy_id)
            else:
                self._pin(strategy_id)
        except Conflict as error:
            world.chronicle.tell(f"refused: {error.code}")

    def _release(self, strategy_id: str) -> None:
        world, random = self.world, self.world.random
        definition, now = world.strategies.get_strategy(strategy_id), world.clock.now()
        if definition.release is None:
            raise ValueError("versions are released")
        rolls_back = random.random() < 0.3
        release = (
            definition.release.rolled_back("author", now)
            if rolls_back
            else definition.release.to_share(random.choice(VERSIONS), random.choice(SHARES), "author", now)
        )
        type_ = EventType.STRATEGY_VERSION_ROLLED_BACK if rolls_back else EventType.STRATEGY_VERSION_RELEASED
        change = StrategyChange(
            strategy_id=strategy_id, revision=definition.revision + 1, type=type_, changed_by="author", changed_at=now
        )
        world.chronicle.fault("released", f"{release.stable}, {release.candidate} to {release.share_percent} %")
        world.strategies.change_strategy(replace(definition, release=release), change)

    def _pin(self, strategy_id: str) -> None:
        world, random = self.world, self.world.random
        followers = [each for each in world.database.subscriptions.values() if each.strategy_id == strategy_id]
        if not followers:
            return
        chosen, pin = random.choice(followers), random.choice((None, *VERSIONS))
        if chosen.status is SubscriptionStatus.CANCELLED or chosen.pinned_version == pin:
            return
        world.chronicle.fault("pinned", f"{chosen.subscription_id} to {pin}")
        world.repinned.add(chosen.subscription_id)
        world.subscriptions.write(replace(chosen, pinned_version=pin), None, 0)

    def operations_act(self) -> None:
        self.world.switches.somebody_acts(STRATEGIES, {tenant_id for tenant_id, _ in self.world.database.accounts})

    def trades_by_hand(self) -> None:
        """A person closes a part of an account's position, or the venue all of it; our own orders may be on their way."""
        world, random = self.world, self.world.random
        if random.random() >= world.profile.by_hand:
            return
        _, account_id = random.choice(list(world.database.accounts))
        market = random.choice(list(MARKETS))
        held = world.exchange.net_position(account_id, market)
        part = MARKETS[market].round_quantity(abs(held) * random.choice((Decimal("0.3"), Decimal(1))))
        if part > 0:
            self._signals += 1
            who = random.choice(("web", "autoclose"))
            closing = -part if held > 0 else part
            world.chronicle.fault("traded_by_hand", f"{closing} {market} of {account_id}")
            world.exchange.trade_outside(account_id, market, closing, f"{who}-{self._signals}")

    def new_keys(self, tenant_id: str, account_id: str) -> None:
        world = self.world
        world.exchange.restore(account_id)
        change = ChangeCredentials(world.accounts, world.vault, Vettings(world), world.clock, self.identifiers)
        change.put(tenant_id, account_id, credentials(account_id))

    def rights_change(self) -> None:
        """Now and then an owner changes the rights of a key at the venue, shortly before the day of its vetting."""
        world, random = self.world, self.world.random
        if random.random() >= world.profile.rights_changed:
            return
        key = random.choice(list(world.database.accounts))
        right = random.choice(("withdraws", "transfers", "trades", "is_bound"))
        before = world.exchange.rights[key[1]]
        if before is not None:
            world.exchange.rights[key[1]] = replace(before, **{right: not getattr(before, right)})
        world.chronicle.fault("rights_changed", f"{right} of {key[1]}")
        self.vet(*key)

    def vet(self, tenant_id: str, account_id: str) -> None:
        """The day of an account's vetting has come."""
        wanted = VettingRequest(
            tenant_id=tenant_id, account_id=account_id, correlation_id="its day", asked_at=self.world.clock.now()
        )
        self.world.vetting_queue.put(wanted)

    def somebody_comes_between(self) -> None:
        """Between two calls of a function: an owner, the market, the stream, or a reconciler on the same or another account."""
        world, random = self.world, self.world.random
        draw = random.randrange(6)
        if draw == 0:
            self.owner_acts()
            self.acts_by_hand()
        elif draw == 1:
            self.price_moves()
        elif draw == 2:
            world.relay()
        elif draw == 3:
            self.operations_act()
        elif draw == 4:
            self.author_acts()
        else:
            tenant_id, account_id = random.choice(list(world.database.accounts))
            world.reconcile_now(ReconcileRequest(tenant_id=tenant_id, account_id=account_id, correlation_id="meanwhile"))


@dataclass(frozen=True, slots=True)
class _Quotes:
    """The venue's present prices, as the API asks for them."""

    world: World

    def quote(self, _venue: str, market: str, at: datetime) -> Quote:
        return a_quote(self.world.exchange.prices[market], as_of=at)


def _definition(strategy_id: str, market: str) -> StrategyDefinition:
    if strategy_id in OUTSIDE:
        return an_external_strategy(strategy_id, venue=VENUE, source_id=strategy_id)
    made = an_uploaded_strategy if strategy_id in UPLOADED else a_strategy
    release = Release(stable=1, released_by="author", released_at=NOW) if strategy_id in VERSIONED else None
    return made(strategy_id, venue=VENUE, market=market, release=release, latest_version=len(VERSIONS))


def _in_another_currency(signal: Signal, factor: Decimal, price: Decimal) -> dict[str, Any]:
    """All prices of a signal times a factor: nothing within the message shows that it is wrong."""
    return {
        "price": price,
        "stop_loss": None if signal.stop_loss is None else signal.stop_loss * factor,
        "take_profits": tuple(TakeProfit(rung.price * factor, rung.share) for rung in signal.take_profits),
        "entry": None,
    }
