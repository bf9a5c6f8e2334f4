"""After a restore of the table the lost minutes are found at the venue before an entry goes, and exits always go."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from candlecast.domain.account.account import SETTLED_MEMORY, Account, remembered
from candlecast.domain.account.suspension import since
from candlecast.domain.account.vetting import vetted
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.orders.position import Position, position_key, unattributed
from candlecast.domain.reconcile.restoration import QUIET, Restoration, is_accounted, is_restoring
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.signal import Action
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import PositionSide
from candlecast.domain.venue.key_rights import KeyRights
from candlecast.domain.venue.reports import VenueOrderStatus
from candlecast.services.reconcile.recover_account import RecoverAccount
from tests.support.builders import ACCOUNT, BTC, NOW, SUBSCRIPTION, TENANT, a_signal, settings
from tests.support.fakes.restorations import FakeRestorations
from tests.support.fakes.venue import Fault
from tests.support.money_path import KEY, MoneyPath, bracket

D = Decimal
ORPHAN = position_key(unattributed(PositionSide.LONG), BTC)
MINUTE = 60.0


def restore(
    path: MoneyPath,
    kept: Account,
    lost: timedelta = timedelta(minutes=5),
    *,
    adopted: bool = True,
    kept_at: datetime | None = None,
) -> None:
    """Put the table back to where it was `lost` ago, when the account was `kept`; functions know of its new generation."""
    path.clock.advance(lost.total_seconds())
    now = path.clock.now()
    path.database.restoration = Restoration(generation=2, restored_to=kept_at or now - lost, adopted_at=now if adopted else None)
    path.database.accounts[TENANT, ACCOUNT] = kept
    recover = RecoverAccount(FakeRestorations(path.database), 2, path.clock, path.metrics)
    path.executor, path.reconciler = replace(path.executor, generation=2), replace(path.reconciler, recover=recover)


def vet(path: MoneyPath) -> None:
    """The key vetting does its part."""
    rights = KeyRights(withdraws=False, transfers=False, trades=True, is_bound=True)
    path.accounts.save(vetted(path.account, rights, path.clock.now()))


def recover(path: MoneyPath) -> Account:
    """Look every half minute until the account has been accounted for, as the clock does, and vet its keys."""
    path.reconcile()
    vet(path)
    for _ in range(12):
        if not is_restoring(path.account):
            break
        path.reconcile(MINUTE / 2)
    return path.reconcile(MINUTE * 5)


def orphan(path: MoneyPath) -> Position | None:
    return path.account.positions.get(ORPHAN)


def entries(path: MoneyPath) -> list[Reason | None]:
    return [leg.denial.reason if leg.denial else None for leg in path.told(LegKind.ENTRY)]


def fresh_entry(path: MoneyPath) -> Account:
    return path.execute(a_signal(Action.LONG, signal_id="fresh", issued_at=path.clock.now()))


def test_no_entry_goes_before_a_look_and_the_venue_is_not_asked() -> None:
    path = MoneyPath()
    restore(path, path.account)
    fresh_entry(path)
    assert entries(path) == [Reason.TABLE_RESTORED]
    assert path.venue_orders() == []


def test_an_account_where_nothing_was_lost_enters_after_a_look() -> None:
    path = MoneyPath()
    restore(path, path.account)
    account = recover(path)
    assert (account.generation, account.suspensions) == (2, ())
    fresh_entry(path)
    assert entries(path) == [None]
    assert path.net > 0


def test_entries_wait_until_the_keys_are_vetted_again() -> None:
    path = MoneyPath(vetted_at=NOW, key_is_bound=True)
    restore(path, path.account)
    account = path.reconcile()
    assert since(account, Reason.KEYS_NOT_VETTED) is not None
    assert account.vetted_at is None
    assert [request.account_id for request in path.vettings.sent] == [ACCOUNT]


def test_no_look_ends_the_block_before_the_last_order_of_an_old_function_can_have_arrived() -> None:
    path = MoneyPath()
    restore(path, path.account)
    for _ in range(4):
        assert is_restoring(path.reconcile(QUIET.total_seconds() / 5))
    assert not is_restoring(path.reconcile(MINUTE))


def test_no_look_ends_the_block_while_functions_still_use_another_table() -> None:
    path = MoneyPath()
    restore(path, path.account, adopted=False)
    for _ in range(5):
        assert is_restoring(path.reconcile(MINUTE * 5))


def test_a_lost_entry_is_adopted_with_its_stop_and_a_person_is_told() -> None:
    path = MoneyPath()
    before = path.account
    path.enter()
    restore(path, before)
    recover(path)
    account = path.reconcile(MINUTE)
    position = orphan(path)
    assert position is not None
    assert (position.quantity, position.side, position.stop_price) == (path.net, PositionSide.LONG, D(90))
    assert position.initial_stop == D(90)
    assert "POSITION_ADOPTED" in path.alerts()
    assert [stop for stop in path.live_stops() if stop[1] == D(90)] == [(position.quantity, D(90))], "one stop, and of ours"
    assert {leg.state for leg in account.intents.values()} == {IntentState.OPEN}
    assert not account.external_orders


def test_the_lost_stop_stands_until_the_new_one_does() -> None:
    path = MoneyPath()
    before = path.account
    path.enter()
    restore(path, before)
    for _ in range(12):
        path.reconcile(MINUTE / 2)
        assert D(90) in path.live_triggers()


def test_an_exit_of_any_subscription_closes_an_adopted_position() -> None:
    path = MoneyPath()
    before = path.account
    path.enter()
    restore(path, before)
    recover(path)
    path.leave()
    assert path.net == 0
    assert orphan(path) is None
    assert path.told(LegKind.EXIT)[-1].state is IntentState.FILLED


def test_an_exit_goes_while_entries_wait() -> None:
    path = MoneyPath()
    path.enter()
    restore(path, path.account)
    path.leave()
    assert path.net == 0


def test_nothing_is_entered_beside_an_adopted_position() -> None:
    path = MoneyPath()
    before = path.account
    path.enter()
    restore(path, before)
    recover(path)
    held = path.net
    fresh_entry(path)
    assert path.net == held
    assert entries(path)[-1] is Reason.MARKET_IN_USE


def test_the_signal_of_a_lost_entry_is_not_executed_again() -> None:
    """A redelivered candle gives the same signal; its record and its order are lost."""
    path = MoneyPath()
    before = path.account
    path.enter()
    held = path.net
    restore(path, before, timedelta(seconds=30))
    path.execute(bracket())
    assert path.net == held
    recover(path)
    path.execute(bracket())
    assert path.net == held


@pytest.mark.parametrize(("after_seconds", "reason"), [(-1, Reason.TABLE_RESTORED), (0, None)])
def test_a_signal_of_the_lost_minutes_opens_nothing_even_where_it_was_closed_since(
    after_seconds: int, reason: Reason | None
) -> None:
    """Nothing else refuses the signal: it is fresh, the newest, and nothing is held."""
    path = MoneyPath()
    before = path.account
    path.enter()
    path.leave()
    assert path.net == 0
    restore(path, before, timedelta(seconds=10))
    account = recover(path)
    assert account.entries_from is not None
    late = a_signal(
        Action.LONG, signal_id="late", issued_at=account.entries_from + timedelta(seconds=after_seconds), stop_loss=D(90)
    )
    path.execute(late, settings=settings(max_signal_age_seconds=900))
    assert entries(path)[-1] is reason
    assert (path.net == 0) is (reason is not None)


def test_a_position_that_was_closed_in_the_lost_minutes_ends_with_the_fill_of_our_own_exit() -> None:
    path = MoneyPath()
    path.enter(targets=())
    before = path.account
    path.exchange.prices[BTC] = D(110)
    path.leave()
    assert path.net == 0
    restore(path, before)
    account = recover(path)
    assert not account.positions
    (trade,) = [event.event.trade for event in path.database.stream if event.event.trade][-1:]
    assert trade is not None
    assert (trade.closed_by, trade.exit_price) == ("CLOSED_BEFORE_RESTORE", D(110))
    assert "POSITION_CLOSED_BEFORE_RESTORE" in path.alerts()


def test_a_stop_that_filled_in_the_lost_minutes_is_followed_as_ever() -> None:
    path = MoneyPath()
    path.enter(targets=())
    before = path.account
    path.exchange.trade(BTC, D(90))
    assert path.net == 0
    restore(path, before)
    account = recover(path)
    assert not account.positions
    assert not account.intents
    assert account.generation == 2


def test_an_exit_that_waited_when_the_table_was_kept_is_asked_for_before_it_is_sent() -> None:
    """It was sent in the lost minutes, and the venue takes the id of an ended order again."""
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
    path.enter(targets=())
    path.leave()
    before = path.account
    (wish,) = [leg for leg in before.intents.values() if leg.kind is LegKind.EXIT]
    assert wish.state is IntentState.PENDING
    path.settle()
    assert path.net == 0
    sent = path.exchange.count("create_order")
    restore(path, before)
    account = recover(path)
    assert path.net == 0
    assert path.exchange.count("create_order") == sent
    assert not account.positions
    assert account.generation == 2


def test_what_somebody_else_bought_meanwhile_stays_theirs() -> None:
    path = MoneyPath()
    before = path.account
    path.enter()
    ours = path.net
    path.exchange.trade_outside(KEY, BTC, D(3))
    restore(path, before)
    account = recover(path)
    position = orphan(path)
    assert position is not None
    assert position.quantity == ours
    assert account.holds_foreign(BTC)


def test_a_lost_entry_that_rests_is_cancelled() -> None:
    path = MoneyPath()
    before = path.account
    path.execute(a_signal(Action.LONG, entry=EntryOrder(type=EntryType.LIMIT, price=D(99), rests_seconds=3_600)))
    assert len(path.venue_orders(VenueOrderStatus.OPEN)) == 1
    restore(path, before)
    recover(path)
    assert path.venue_orders(VenueOrderStatus.OPEN) == []
    assert path.net == 0


def test_a_lost_position_without_a_stop_is_told_as_such() -> None:
    path = MoneyPath()
    before = path.account
    path.enter(stop=None, targets=())
    restore(path, before)
    recover(path)
    position = orphan(path)
    assert position is not None
    assert position.stop_price is None
    assert "POSITION_ADOPTED_WITHOUT_STOP" in path.alerts()


def test_ids_of_events_are_never_those_of_the_lost_minutes() -> None:
    path = MoneyPath()
    before = path.account
    path.enter()
    path.leave()
    lost = {event.event_id for event in path.database.stream}
    restore(path, before)
    recover(path)
    told = [event.event_id for event in path.database.stream]
    assert len(set(told)) == len(told)
    assert lost < set(told)


def test_a_table_that_says_nothing_of_its_restore_lets_nothing_enter() -> None:
    path = MoneyPath()
    restore(path, path.account)
    path.database.restoration = None
    for _ in range(4):
        assert is_restoring(path.reconcile(MINUTE * 5))
    assert path.metrics.counts["RestorationUnknown"] > 0


@pytest.mark.parametrize("generation", [2, 3])
def test_an_account_that_is_not_behind_reads_no_marker(generation: int) -> None:
    path = MoneyPath(generation=generation)
    restore(path, path.account)
    path.database.restoration = None
    path.reconcile(MINUTE)
    assert "RestorationUnknown" not in path.metrics.counts
    assert SUBSCRIPTION in path.account.subscriptions


def test_a_position_that_was_turned_in_the_lost_minutes_is_closed_and_the_other_side_adopted() -> None:
    """The exit proves the closing, and the entry behind it is what is held now."""
    path = MoneyPath()
    path.enter(targets=())
    before = path.account
    path.clock.advance(1)
    path.execute(replace(bracket(Action.SHORT, stop="110", targets=()), signal_id="turn", issued_at=path.clock.now()))
    path.settle()
    assert path.net < 0
    restore(path, before, kept_at=NOW)
    account = recover(path)
    (position,) = account.positions.values()
    assert (position.subscription_id, position.quantity) == (unattributed(PositionSide.SHORT), -path.net)
    assert position.stop_price == D(110)
    assert {"POSITION_CLOSED_BEFORE_RESTORE", "POSITION_ADOPTED"} <= set(path.alerts())


def test_a_repeat_that_comes_before_the_look_hides_no_lost_order() -> None:
    path = MoneyPath()
    before = path.account
    path.enter()
    restore(path, before)
    path.execute(bracket())
    recover(path)
    position = orphan(path)
    assert position is not None
    assert position.quantity == path.net


def test_an_entry_that_rests_does_not_hold_up_its_account() -> None:
    path = MoneyPath()
    path.execute(a_signal(Action.LONG, entry=EntryOrder(type=EntryType.LIMIT, price=D(99), rests_seconds=3_600)))
    restore(path, path.account)
    account = recover(path)
    assert account.generation == 2
    assert len(path.venue_orders(VenueOrderStatus.OPEN)) == 1


def test_a_table_of_another_restore_does_not_say_which_minutes_are_lost() -> None:
    """A second restore was adopted, and its table holds the marker of the first."""
    path = MoneyPath()
    restore(path, path.account)
    path.executor = replace(path.executor, generation=3)
    path.reconciler = replace(
        path.reconciler, recover=RecoverAccount(FakeRestorations(path.database), 3, path.clock, path.metrics)
    )
    for _ in range(4):
        assert is_restoring(path.reconcile(MINUTE * 5))
    assert path.metrics.counts["RestorationUnknown"] > 0


def test_no_look_ends_the_block_while_an_order_of_the_lost_minutes_could_open_something() -> None:
    """The first look sees the order, the second cancels it, and the third finds nothing."""
    path = MoneyPath()
    before = path.account
    path.execute(a_signal(Action.LONG, entry=EntryOrder(type=EntryType.LIMIT, price=D(99), rests_seconds=3_600)))
    restore(path, before)
    path.clock.advance(QUIET.total_seconds())
    assert is_restoring(path.reconcile())
    assert len(path.venue_orders(VenueOrderStatus.OPEN)) == 1
    assert is_restoring(path.reconcile(MINUTE))
    assert path.venue_orders(VenueOrderStatus.OPEN) == []
    assert not is_restoring(path.reconcile(MINUTE))


def test_the_first_look_ends_the_block_where_nothing_was_lost() -> None:
    path = MoneyPath()
    restore(path, path.account)
    path.clock.advance(QUIET.total_seconds())
    assert not is_restoring(path.reconcile())


def test_no_look_ends_the_block_that_could_not_read_the_open_orders() -> None:
    path = MoneyPath()
    restore(path, path.account)
    path.clock.advance(QUIET.total_seconds())
    path.exchange.fail("open_orders", RetryLater("VENUE_UNAVAILABLE", "told to fail", after_seconds=1), times=1)
    assert is_restoring(path.reconcile())
    assert not is_restoring(path.reconcile(MINUTE))


def test_an_account_is_not_accounted_for_while_a_position_has_no_stop() -> None:
    path = MoneyPath()
    before = path.account
    path.enter(targets=())
    restore(path, before)
    account = recover(path)
    assert orphan(path) is not None
    assert is_accounted(account)
    assert not is_accounted(replace(account, intents={}))


def test_an_order_that_was_open_when_the_table_was_kept_explains_no_lost_position() -> None:
    """Its stop fills, and a lost entry opens as much again: without the stop's fill the entry is all that is held."""
    path = MoneyPath()
    path.enter(targets=())
    before, held = path.account, path.net
    path.exchange.trade(BTC, D(90))
    assert path.net == 0
    path.exchange.trade(BTC, D(100))
    path.reconcile(MINUTE)
    path.clock.advance(1)
    path.execute(replace(bracket(targets=()), signal_id="lost", issued_at=path.clock.now()))
    assert path.net == held
    restore(path, before, timedelta(minutes=2), kept_at=NOW)
    recover(path)
    position = orphan(path)
    assert position is not None
    assert position.quantity == held
    assert list(path.account.positions.values()) == [position]


def test_orders_that_end_while_an_account_catches_up_are_told_from_lost_ones_for_a_day() -> None:
    path = MoneyPath()
    path.enter(targets=())
    restore(path, path.account)
    account = path.reconcile()
    (stop,) = account.intents.values()
    assert stop.kind.is_protective
    ended = account.fail(stop.intent_id, IntentState.CANCELLED, Reason.POSITION_CLOSED, path.clock.now())
    assert ended.settled[remembered(stop.intent_id)] > path.clock.now() + timedelta(hours=23)
    later = replace(stop, intent_id="f" * 32, leg="STOP_LOSS_2")
    of_now = replace(account, intents={later.intent_id: later})
    ended = of_now.fail(later.intent_id, IntentState.CANCELLED, Reason.POSITION_CLOSED, path.clock.now())
    assert remembered(later.intent_id) in ended.settled


def test_signals_of_before_are_refused_for_as_long_as_they_could_be_fresh() -> None:
    path = MoneyPath()
    restore(path, path.account)
    account = recover(path)
    assert account.entries_from is not None
    path.clock.advance((account.entries_from + SETTLED_MEMORY - path.clock.now()).total_seconds() - 1)
    fresh_entry(path)
    assert path.account.entries_from is not None
    path.clock.advance(2)
    path.leave()
    assert path.account.entries_from is None


def test_the_look_that_adopts_a_position_does_not_end_the_block() -> None:
    """Nothing is left to do for a position without a stop, and yet one more look must find both books equal."""
    path = MoneyPath()
    before = path.account
    path.enter(stop=None, targets=())
    restore(path, before)
    path.clock.advance(QUIET.total_seconds())
    for _ in range(6):
        if orphan(path) is not None:
            break
        path.reconcile(MINUTE / 2)
    assert orphan(path) is not None
    assert is_restoring(path.account)
    assert not is_restoring(path.reconcile(MINUTE / 2))


def test_an_exit_of_the_lost_minutes_that_closed_our_position_explains_nobody_elses() -> None:
    path = MoneyPath()
    path.enter(targets=())
    before = path.account
    path.clock.advance(1)
    path.leave()
    path.exchange.trade_outside(KEY, BTC, D(-3))
    assert path.net == -3
    restore(path, before, kept_at=NOW)
    account = recover(path)
    assert not account.positions
    assert "POSITION_CLOSED_BEFORE_RESTORE" in path.alerts()
    assert "POSITION_ADOPTED" not in path.alerts()
    assert account.holds_foreign(BTC)


def test_an_exit_that_was_issued_before_its_position_was_adopted_closes_the_position() -> None:
    """Its message has waited; the entry that it answers is of the lost minutes, and so older than the exit."""
    path = MoneyPath()
    before = path.account
    path.enter()
    path.clock.advance(1)
    waits = a_signal(Action.EXIT, issued_at=path.clock.now())
    restore(path, before, kept_at=NOW)
    recover(path)
    assert orphan(path) is not None
    path.execute(waits)
    assert path.net == 0
    assert orphan(path) is None
