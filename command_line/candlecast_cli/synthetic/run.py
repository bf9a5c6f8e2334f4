"""One run: an entry and its exit on paper, hop by hop."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import partial

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.account.vetting import shown_status
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import position_key
from candlecast.domain.values.errors import Reject, RetryLater
from candlecast.domain.values.ids import client_order_id, intent_id
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.reasons import Reason
from candlecast.ports.filters import TradeFilter
from candlecast_cli.failures import CommandFailed, ExitCode
from candlecast_cli.synthetic.closing import CLEAN_UP_SECONDS, Closing
from candlecast_cli.synthetic.hops import RUN_SECONDS, Hop, HopFailed, Watch
from candlecast_cli.synthetic.sender import ENTRY, EXIT, Sender, exit_of
from candlecast_cli.synthetic.tenant import TENANT, Ports, Tenant, Trader

TURN = timedelta(seconds=RUN_SECONDS + 2 * CLEAN_UP_SECONDS)  # a run that died holds the next run up no longer
TURN_POLL_SECONDS = 2.0  # a run takes some ten seconds
# Parts of the price. Far from all prices of the minute that a run takes, and within usual limits on stops.
STOP_PART, TARGET_PART = Decimal("0.95"), Decimal("1.2")
# Two functions are on the way, and Secrets Manager may still be deleting the keys of the run before
# (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html).
KEYS_PART = 2
STOPPED = frozenset({Reason.KILL_SWITCH, Reason.DEPLOYMENT_PAUSE})  # an operator's word, and no failure of the stack


@dataclass(slots=True)
class Traded:
    """How far a run came."""

    market: str | None = None
    signal_id: str | None = None
    """Signal of the entry."""
    left_nothing: bool | None = None
    """Whether all is known to be closed and the keys are gone; None before there were keys."""


@dataclass(frozen=True, slots=True)
class _Fate:
    """The fate of an entry: the quantity that the venue has filled, or the end that the history tells instead."""

    filled: Decimal = ZERO
    ended: Intent | None = None


@dataclass(slots=True)
class Run:
    """Trades once; `traded` says how far the run came, also after an error."""

    ports: Ports
    watch: Watch
    traded: Traded = field(default_factory=Traded)

    def __call__(self, *, expect_paused: bool) -> None:
        """Trade as the synthetic tenant, one run at a time.

        With `expect_paused` the entry must be denied by a switch, and nothing is opened. Raises `HopFailed`, and `CommandFailed`
        where the run could not be made: RUN_UNDER_WAY, NO_MARKET, NOT_ON_PAPER, ENTRIES_STOPPED.
        """
        run_id = self.ports.identifiers.new()
        self._take_turn(run_id)
        try:
            self.watch.start()
            tenant = Tenant(self.ports)
            trader = self.watch.until(Hop.TENANT, tenant.prepare)
            self.traded.market = trader.market.symbol
            self._trade(tenant, trader, expect_paused=expect_paused)
        finally:
            with contextlib.suppress(RetryLater):  # a turn ends by itself
                self.ports.turns.give_back(TENANT, run_id, self.ports.clock.now())

    def _take_turn(self, run_id: str) -> None:
        def taken() -> bool:
            now = self.ports.clock.now()
            if self.ports.turns.take(TENANT, run_id, now, now + TURN):
                return True
            raise RetryLater("RUN_UNDER_WAY", "another run trades", after_seconds=TURN_POLL_SECONDS)

        try:
            self.watch.wait(Hop.TENANT, taken, TURN.total_seconds(), within_run=False)
        except HopFailed as error:
            message = f"another run has not ended within {TURN.total_seconds():.0f} s"
            raise CommandFailed("RUN_UNDER_WAY", message, ExitCode.MISSING) from error

    def _trade(self, tenant: Tenant, trader: Trader, *, expect_paused: bool) -> None:
        sender = Sender(self.ports, self.watch, trader)
        closing = Closing(self.ports, self.watch, tenant, trader, sender)
        may_be_open = False
        try:
            self._give_keys(tenant, trader)
            closing.left_over()
            price = self.watch.wait(Hop.ENTRY_WEBHOOK, partial(self._price, tenant, trader), self.watch.hop_seconds)
            may_be_open = True
            self.traded.signal_id = sender.send(ENTRY, _entry(trader, price))
            filled = self._enter(trader, sender, self.traded.signal_id, expect_paused=expect_paused)
            if filled:
                self._exit(trader, sender, closing, self.traded.signal_id)
        finally:
            self.traded.left_nothing = closing.finish(self.traded.signal_id, may_be_open=may_be_open)
        if not self.traded.left_nothing:
            raise HopFailed(Hop.CLEAN_UP, "NOT_CLEAN", "the keys of the paper account stay until the next run")

    def _give_keys(self, tenant: Tenant, trader: Trader) -> None:
        """New keys, vetted and looked with: entries go from then on."""
        put: list[Account] = []

        def vetted() -> Account | None:
            if not put:
                put.append(tenant.keys().put(TENANT, trader.account_id, self.ports.paper.open_account()))
            account = self.ports.accounts.load(TENANT, trader.account_id)
            return account if shown_status(account) is AccountStatus.ACTIVE else None

        self.watch.until(Hop.KEYS, vetted, KEYS_PART * self.watch.hop_seconds)

    def _price(self, tenant: Tenant, trader: Trader) -> Decimal | None:
        """The price of this moment, after a last look at where an order would go."""
        tenant.require_paper(trader)
        return self.ports.paper.price(trader.market.venue_symbol)

    def _enter(self, trader: Trader, sender: Sender, signal_id: str, *, expect_paused: bool) -> bool:
        """Follow the entry until it is filled, protected and told, or denied as expected; whether it was filled."""
        sender.follow(ENTRY, signal_id)
        entry = intent_id(signal_id, trader.subscription_id, LegKind.ENTRY)
        with _restore_told():
            sender.decided(ENTRY, entry)
        hop = Hop.DENIAL if expect_paused else Hop.FILL
        fate = self.watch.until(hop, partial(self._fate, trader, entry))
        if fate.ended is not None:
            _require_denial(fate.ended, expect_paused=expect_paused)
            return False
        if expect_paused:
            raise HopFailed(Hop.DENIAL, "NOT_DENIED", "the entry was filled although entries should be paused")
        self.watch.until(Hop.POSITION, partial(self._protected, trader, fate.filled))
        self.watch.until(Hop.ENTRY_HISTORY, partial(self._told, trader, entry))
        return True

    def _exit(self, trader: Trader, sender: Sender, closing: Closing, signal_id: str) -> None:
        exit_signal = sender.send(EXIT, exit_of(trader.market.symbol))
        sender.follow(EXIT, exit_signal)
        sender.decided(EXIT, intent_id(exit_signal, trader.subscription_id, LegKind.EXIT))
        self.watch.until(Hop.FLAT, closing.is_flat)
        entry = intent_id(signal_id, trader.subscription_id, LegKind.ENTRY)
        self.watch.until(Hop.EXIT_HISTORY, partial(self._closed, trader, entry))

    def _fate(self, trader: Trader, entry: str) -> _Fate | None:
        quantity = self.ports.paper.filled(trader.market.venue_symbol, client_order_id(entry))
        if quantity is not None:
            return _Fate(filled=quantity)
        account = self.ports.accounts.load(TENANT, trader.account_id)
        if entry in account.intents or account.position(trader.subscription_id, trader.market.symbol) is not None:
            return None
        told = self.ports.history.get_order(TENANT, entry)
        return _Fate(ended=told) if told.state.is_terminal and told.state is not IntentState.FILLED else None

    def _protected(self, trader: Trader, filled: Decimal) -> Account | None:
        """The account, once it holds what the venue has filled and the stop rests at the venue."""
        account = self.ports.accounts.load(TENANT, trader.account_id)
        position = account.position(trader.subscription_id, trader.market.symbol)
        if position is None:
            return None
        if position.quantity != filled:
            raise Reject("QUANTITY_DIFFERS", f"the account holds {position.quantity}, the venue has filled {filled}")
        resting = self.ports.paper.open_orders()
        stops = [it for it in account.protective(position) if it.kind is LegKind.STOP_LOSS and it.state is IntentState.OPEN]
        return account if any(it.client_order_id in resting for it in stops) else None

    def _told(self, trader: Trader, entry: str) -> bool | None:
        if self.ports.history.get_order(TENANT, entry).state is not IntentState.FILLED:
            return None
        key = position_key(trader.subscription_id, trader.market.symbol)
        return any(it.key == key for it in self.ports.history.list_positions(TENANT)) or None

    def _closed(self, trader: Trader, entry: str) -> bool | None:
        trades = self.ports.history.list_trades(TENANT, TradeFilter(subscription_id=trader.subscription_id)).items
        return any(it.entry == entry for it in trades) or None


def _entry(trader: Trader, price: Decimal) -> dict[str, object]:
    """A long entry at the price of this moment, with all that limits may demand: a stop, a target, confidence."""
    stop, target = (trader.market.round_price(price * part) for part in (STOP_PART, TARGET_PART))
    levels = {"price": f"{price:f}", "stop_loss": f"{stop:f}", "take_profits": [f"{target:f}"], "confidence": "1"}
    return {"action": "LONG", "market": trader.market.symbol, **levels}


@contextlib.contextmanager
def _restore_told() -> Iterator[None]:
    """Tell a restore of the table apart from a failure: the account takes no entry until a look has accounted for it."""
    try:
        yield
    except HopFailed as error:
        if error.code != Reason.TABLE_RESTORED:
            raise
        message = "the table was restored, and no look has accounted for the run's account yet: see `candlecast restore status`"
        raise CommandFailed("ENTRIES_STOPPED", message, ExitCode.MISSING) from error


def _require_denial(ended: Intent, *, expect_paused: bool) -> None:
    """Judge an entry without a fill: a switch must have stopped the entry, as expected."""
    reason = ended.denial.reason if ended.denial is not None else None
    if reason not in STOPPED:
        message = f"the entry ended as {ended.state}: {ended.venue_message or 'a rule of ours said no'}"
        raise HopFailed(Hop.DENIAL if expect_paused else Hop.FILL, reason or ended.state, message)
    if not expect_paused:
        message = "entries are stopped: see `candlecast switch show` and `candlecast deployment show`, or say --expect-paused"
        raise CommandFailed("ENTRIES_STOPPED", message, ExitCode.MISSING)
