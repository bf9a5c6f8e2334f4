"""A restore of the table as a fault: the store goes back some steps while the venue stays, and the account must catch up.

One account on the fakes of the money path, so that every step is a call of the real services. A seed draws the acts of people and
market, and lost answers. It draws when the table is kept, when it is lost, and which messages are redelivered. `broken` lists
each breach. Examples are an entry before the account is accounted for, an order twice, and books that differ. Others are a
position without its stop, and an exit that closes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from random import Random

from candlecast.domain.account.account import Account
from candlecast.domain.account.vetting import vetted
from candlecast.domain.reconcile.adopt_lost import ADOPTED_WITHOUT_STOP
from candlecast.domain.reconcile.restoration import Restoration, is_restoring
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.signal import Action, Signal
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.venue.key_rights import KeyRights
from candlecast.domain.venue.reports import VenueOrderStatus
from candlecast.services.reconcile.recover_account import RecoverAccount
from tests.support.builders import ACCOUNT, BTC, TENANT, a_signal, settings
from tests.support.fakes.restorations import FakeRestorations
from tests.support.fakes.venue import Fault
from tests.support.money_path import KEY, MoneyPath, bracket

D = Decimal
STEPS = 14
PATIENT = settings(max_positions=2, max_signal_age_seconds=300)  # so that a signal of before is still fresh
LOOKS = 40  # of half a minute each: far more than an account needs that its venue answers
HALF_A_MINUTE = 30.0
A_NEW_SIGNAL = 0.5  # the share of seeds in which a strategy speaks before its account is looked at
FAULTS = (Fault.AMBIGUOUS_EXECUTED, Fault.AMBIGUOUS_NOT_EXECUTED, Fault.RETRY_LATER)
STOP, BELOW_STOP, ABOVE_STOP, USUAL = "90", D(89), D(111), D(100)
STOPS = {Action.LONG: STOP, Action.SHORT: "110"}
LIMIT = {
    Action.LONG: EntryOrder(type=EntryType.LIMIT, price=D(98), rests_seconds=3_600),
    Action.SHORT: EntryOrder(type=EntryType.LIMIT, price=D(102), rests_seconds=3_600),
}
RIGHTS = KeyRights(withdraws=False, transfers=False, trades=True, is_bound=True)


@dataclass(slots=True)
class Restored:
    """One seed, with its breaches."""

    seed: int
    path: MoneyPath = field(default_factory=MoneyPath)
    signals: list[Signal] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    adopted: int = 0

    def require(self, holds: bool, what: str) -> None:
        if not holds:
            self.broken.append(what)


def run(seed: int) -> Restored:
    """Trade, lose some steps, catch up, and trade on."""
    random, done = Random(seed), Restored(seed)
    path = done.path
    kept_at, lost_at = sorted(random.sample(range(STEPS + 1), 2))
    kept: Account | None = None
    kept_time = path.clock.now()
    for step in range(lost_at + 1):
        if step == kept_at:
            kept, kept_time = path.account, path.clock.now()
            path.clock.advance(1)
        if step < lost_at:
            random.choice((_enter, _enter, _leave, _look, _look, _stop_is_hit))(done, random)
    if kept is None:
        raise AssertionError("kept_at is one of the steps")
    path.exchange.faults.clear()
    _lose(done, random, kept, kept_time)
    _messages_come(done, random)
    _catch_up(done, random)
    _trade_on(done)
    return done


def broken(seeds: int) -> list[str]:
    """The breaches of the first seed that has any."""
    for seed in range(seeds):
        found = run(seed).broken
        if found:
            return [f"seed {seed}: {what}" for what in found]
    return []


# -- before the loss ---------------------------------------------------------------------------------------------------------


def _enter(done: Restored, random: Random) -> None:
    if random.random() < 0.3:
        done.path.exchange.script(random.choice(FAULTS))
    action = random.choice((Action.LONG, Action.LONG, Action.SHORT))
    entry = LIMIT[action] if random.random() < 0.2 else None
    made = bracket(action, stop=STOPS[action], targets=(), entry=entry)
    _execute(done, replace(made, signal_id=_name(done), issued_at=done.path.clock.now()))


def _leave(done: Restored, random: Random) -> None:
    if random.random() < 0.2:
        done.path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
    _execute(done, a_signal(Action.EXIT, signal_id=_name(done), issued_at=done.path.clock.now()))


def _look(done: Restored, _random: Random) -> None:
    done.path.reconcile(HALF_A_MINUTE)


def _stop_is_hit(done: Restored, random: Random) -> None:
    done.path.exchange.trade(BTC, random.choice((BELOW_STOP, ABOVE_STOP)))
    done.path.exchange.trade(BTC, USUAL)


def _execute(done: Restored, signal: Signal) -> None:
    done.path.clock.advance(1)
    done.signals.append(signal)
    try:
        done.path.execute(signal, settings=PATIENT)
    except RetryLater:
        return  # its message is redelivered, or not


def _name(done: Restored) -> str:
    return f"signal-{len(done.signals)}"


# -- the loss, and after it --------------------------------------------------------------------------------------------------


def _lose(done: Restored, random: Random, kept: Account, kept_time: datetime) -> None:
    path = done.path
    path.clock.advance(random.choice((5, 30, 120)))
    marker = Restoration(generation=2, restored_to=kept_time, adopted_at=path.clock.now())
    path.database.restoration = marker
    path.database.accounts[TENANT, ACCOUNT] = kept
    recover = RecoverAccount(FakeRestorations(path.database), marker.generation, path.clock, path.metrics)
    path.executor = replace(path.executor, generation=marker.generation)
    path.reconciler = replace(path.reconciler, recover=recover)


def _entries(done: Restored) -> int:
    """Orders at the venue that may open something."""
    return sum(not request.reduce_only for request, _ in done.path.exchange.books[KEY].orders)


def _messages_come(done: Restored, random: Random) -> None:
    """Messages of the lost minutes are redelivered, and now and then a new one comes, before any look.

    A new signal supersedes the earlier ones, so it would hide that these are refused for themselves.
    """
    before = _entries(done)
    for signal in random.sample(done.signals, min(3, len(done.signals))):
        if signal.action.is_entry:
            _repeat(done, signal)
    if random.random() < A_NEW_SIGNAL:
        fresh = replace(bracket(stop=STOP, targets=()), signal_id="fresh-before", issued_at=done.path.clock.now())
        _repeat(done, fresh)
    done.require(_entries(done) == before, "an entry before the account was accounted for")


def _repeat(done: Restored, signal: Signal) -> None:
    try:
        done.path.execute(signal, settings=PATIENT)
    except RetryLater:
        return


def _repeat_all(done: Restored) -> None:
    before = _entries(done)
    for signal in done.signals:
        if signal.action.is_entry:
            _repeat(done, signal)
    done.require(_entries(done) == before, "a signal of before was executed again")


def _catch_up(done: Restored, random: Random) -> None:
    path, before = done.path, _entries(done)
    had_stop = bool(path.live_stops())
    if random.random() < 0.3:
        path.leave()  # exits go all the time
    path.reconcile()
    path.accounts.save(vetted(path.account, RIGHTS, path.clock.now()))
    for _ in range(LOOKS):
        if not is_restoring(path.account):
            break
        path.reconcile(HALF_A_MINUTE)
        done.require(_entries(done) == before, "an entry while the account caught up")
        done.require(not had_stop or path.net == 0 or bool(path.live_stops()), "a position lost its stop")
    done.require(not is_restoring(path.account), "never accounted for")
    _repeat_all(done)  # at once: signals of before are still fresh
    for _ in range(3):
        path.reconcile(HALF_A_MINUTE * 11)
    done.adopted = path.metrics.counts["PositionsAdopted"]
    held = sum((it.quantity * it.side.sign for it in path.account.positions.values()), D(0))
    done.require(held == path.net, f"the books differ: {held} and {path.net}")
    stopped = sum((quantity for quantity, _ in path.live_stops()), D(0))
    wanted = sum((it.quantity for it in path.account.positions.values() if it.stop_price is not None), D(0))
    done.require(stopped == wanted, f"stops of {stopped} for positions of {wanted}")
    told = ADOPTED_WITHOUT_STOP in path.alerts()  # the stop was lost before it was placed
    done.require(told or all(it.stop_price is not None for it in path.account.positions.values()), "a stop was forgotten")


def _trade_on(done: Restored) -> None:
    path = done.path
    _repeat_all(done)
    path.clock.advance(1)
    path.leave()
    path.settle(4)
    done.require(path.net == 0 and not path.account.positions, f"an exit left {path.net}")
    path.execute(replace(bracket(stop=STOP, targets=()), signal_id="fresh-after", issued_at=path.clock.now()))
    filled = [order for order in path.venue_orders(VenueOrderStatus.FILLED) if order.filled_quantity > 0]
    done.require(path.net > 0 and bool(filled), "nothing is entered after all is accounted for")
