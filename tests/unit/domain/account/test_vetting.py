"""Rights of keys decide whether entries go: wrong ones suspend entries with the right as the cause, for as long as they last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from candlecast.domain.account.account import DISABLED_BY_OWNER, Account, AccountStatus
from candlecast.domain.account.events import EventType
from candlecast.domain.account.suspension import suspend, suspended_by
from candlecast.domain.account.vetting import (
    KEY_NOT_BOUND,
    awaits_look,
    is_vetted_since,
    looked_at,
    shown_status,
    vetted,
    with_keys,
)
from candlecast.domain.values.reasons import Reason
from candlecast.domain.venue.key_rights import GOOD_RIGHTS, KeyRights
from tests.support.builders import NOW, after, an_account

WRONG: Sequence[tuple[KeyRights, Reason]] = (
    (replace(GOOD_RIGHTS, withdraws=True), Reason.KEY_MAY_WITHDRAW),
    (replace(GOOD_RIGHTS, transfers=True), Reason.KEY_MAY_TRANSFER),
    (replace(GOOD_RIGHTS, trades=False), Reason.KEY_CANNOT_TRADE),
)


def told(account: Account) -> list[tuple[str | None, Reason | None]]:
    return [(e.code, e.cause) for e in account.outbox if e.type is EventType.ACCOUNT_CHANGED]


def causes(account: Account) -> list[Reason]:
    return [each.cause for each in account.suspensions]


@pytest.fixture
def new() -> Account:
    """An account that has just got its keys."""
    return replace(with_keys(an_account(reconciled_at=None), "version-2", NOW), outbox=())


def test_new_keys_take_no_entry_and_are_being_verified() -> None:
    account = with_keys(an_account(vetted_at=NOW, key_is_bound=True), "version-2", NOW)
    assert (suspended_by(account, NOW), shown_status(account)) == (Reason.KEYS_NOT_VETTED, AccountStatus.VERIFYING)
    assert (account.credential_version, account.vetted_at, account.key_is_bound) == ("version-2", None, None)
    assert account.status is AccountStatus.ACTIVE, "exits, stops and looks go on"
    assert told(account) == [("ENTRIES_SUSPENDED", Reason.KEYS_NOT_VETTED)]


def test_a_refusal_of_the_keys_before_does_not_count_against_new_ones() -> None:
    account = with_keys(suspend(an_account(), Reason.KEYS_REFUSED, NOW), "version-2", after(60))
    assert causes(account) == [Reason.KEYS_NOT_VETTED]


def test_right_rights_let_entries_go_after_the_first_look_only(new: Account) -> None:
    passed = vetted(new, GOOD_RIGHTS, after(1))
    assert (shown_status(passed), awaits_look(passed)) == (AccountStatus.VERIFYING, True)
    looked = looked_at(replace(passed, reconciled_at=after(2)), after(2))
    assert (shown_status(looked), looked.suspensions) == (AccountStatus.ACTIVE, ())
    assert told(looked) == [("ENTRIES_RESUMED", Reason.KEYS_NOT_VETTED)]


def test_a_look_before_the_vetting_lets_nothing_go(new: Account) -> None:
    looked = replace(new, reconciled_at=after(1))
    assert looked_at(looked, after(1)) is looked
    assert vetted(looked, GOOD_RIGHTS, after(2)).suspensions == (), "but that look has worked with the keys"


def test_a_look_from_before_the_keys_does_not_count() -> None:
    account = with_keys(an_account(reconciled_at=after(-1)), "version-2", NOW)
    assert causes(vetted(account, GOOD_RIGHTS, after(1))) == [Reason.KEYS_NOT_VETTED]


@pytest.mark.parametrize(("rights", "cause"), WRONG, ids=str)
def test_a_wrong_right_is_named_and_keeps_new_keys_out(new: Account, rights: KeyRights, cause: Reason) -> None:
    refused = vetted(new, rights, after(1))
    assert (causes(refused), shown_status(refused)) == ([cause], AccountStatus.VERIFYING)
    assert told(refused) == [("ENTRIES_SUSPENDED", cause), ("ENTRIES_RESUMED", Reason.KEYS_NOT_VETTED)]
    assert looked_at(replace(refused, reconciled_at=after(2)), after(2)).suspensions == refused.suspensions


def test_every_wrong_right_is_named_at_once(new: Account) -> None:
    rights = KeyRights(withdraws=True, transfers=True, trades=False, is_bound=False)
    assert causes(vetted(new, rights, after(1))) == [cause for _, cause in WRONG]


@pytest.mark.parametrize(("rights", "cause"), WRONG, ids=str)
def test_rights_that_change_suspend_entries_and_resume_them(rights: KeyRights, cause: Reason) -> None:
    account = an_account(vetted_at=NOW, key_is_bound=True, reconciled_at=after(10))
    drifted = vetted(account, rights, after(20))
    assert (causes(drifted), told(drifted)) == ([cause], [("ENTRIES_SUSPENDED", cause)])
    again = vetted(replace(drifted, outbox=()), rights, after(30))
    assert (causes(again), told(again)) == ([cause], []), "the owner is told once"
    looked = replace(drifted, outbox=(), reconciled_at=after(40))
    mended = vetted(looked, GOOD_RIGHTS, after(50))
    assert (mended.suspensions, told(mended)) == ((), [("ENTRIES_RESUMED", cause)])


def test_mended_rights_of_keys_that_no_look_has_used_wait_for_one(new: Account) -> None:
    refused = vetted(new, WRONG[0][0], after(1))
    assert causes(vetted(refused, GOOD_RIGHTS, after(2))) == [Reason.KEYS_NOT_VETTED]


def test_an_account_from_before_goes_on_until_its_rights_are_known_to_be_wrong() -> None:
    old = an_account(reconciled_at=NOW)
    assert (shown_status(old), suspended_by(old, NOW)) == (AccountStatus.ACTIVE, None)
    assert vetted(old, GOOD_RIGHTS, after(1)).suspensions == ()
    assert causes(vetted(old, WRONG[0][0], after(1))) == [Reason.KEY_MAY_WITHDRAW]


def test_a_venue_that_tells_nothing_locks_nobody_out(new: Account) -> None:
    silent = vetted(new, None, after(1))
    assert (causes(silent), silent.key_is_bound) == ([Reason.KEYS_NOT_VETTED], None)
    assert looked_at(replace(silent, reconciled_at=after(2)), after(2)).suspensions == ()


def test_keys_that_work_from_anywhere_are_warned_about_once(new: Account) -> None:
    loose = replace(GOOD_RIGHTS, is_bound=False)
    first = vetted(new, loose, after(1))
    assert (KEY_NOT_BOUND, None) in told(first)
    assert first.key_is_bound is False
    assert told(vetted(replace(first, outbox=()), loose, after(2))) == []
    bound = vetted(replace(first, outbox=()), GOOD_RIGHTS, after(3))
    assert (KEY_NOT_BOUND, None) in told(vetted(bound, loose, after(4)))


def test_keys_that_are_taken_away_leave_no_word_of_their_rights(new: Account) -> None:
    refused = vetted(new, WRONG[0][0], after(1))
    without = with_keys(refused, None, after(2))
    assert (without.suspensions, without.vetted_at, without.key_is_bound) == ((), None, None)


def test_other_causes_stay_when_keys_are_changed() -> None:
    account = with_keys(suspend(an_account(), Reason.VENUE_REDUCE_ONLY, NOW), "version-2", NOW)
    assert causes(with_keys(account, "version-3", after(1))) == [Reason.VENUE_REDUCE_ONLY, Reason.KEYS_NOT_VETTED]


def test_a_disabled_account_is_shown_as_disabled(new: Account) -> None:
    disabled = replace(new, status=AccountStatus.DISABLED, disabled_reason=DISABLED_BY_OWNER)
    assert shown_status(disabled) is AccountStatus.DISABLED


def test_a_vetting_is_done_only_when_nothing_is_left_to_do(new: Account) -> None:
    passed = vetted(new, GOOD_RIGHTS, after(1))
    assert not is_vetted_since(passed, NOW), "its look may never have been asked for"
    looked = looked_at(replace(passed, reconciled_at=after(2)), after(2))
    assert (is_vetted_since(looked, after(1.4)), is_vetted_since(looked, after(3))) == (True, False)
