"""Vet the keys of an account: the rights that its venue tells decide whether entries may go (decision 0079).

New keys suspend entries until the venue has told their rights and a full look has worked with them. Wrong rights suspend entries
with the right as the cause, at the first vetting as on any later day. Looks, stops, targets and exits go on all the time.
"""

from __future__ import annotations

from datetime import datetime

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.account.events import Event, EventType
from candlecast.domain.account.suspension import resume, since, suspend
from candlecast.domain.values.copying import replace
from candlecast.domain.values.reasons import Reason
from candlecast.domain.venue.key_rights import RIGHTS_REFUSED, KeyRights

CAUSES = (*RIGHTS_REFUSED, Reason.KEYS_NOT_VETTED)
KEY_NOT_BOUND = "KEY_NOT_BOUND"  # code of the warning's event


def shown_status(account: Account) -> AccountStatus:
    """The status for people: VERIFYING while an account that could trade waits for its vetting, or has not passed it."""
    if account.status is AccountStatus.ACTIVE and _began(account):
        return AccountStatus.VERIFYING
    return account.status


def with_keys(account: Account, version: str | None, now: datetime) -> Account:
    """The account with other keys, or without keys (None): neither rights nor a refusal of earlier keys are known of them."""
    kept = tuple(each for each in account.suspensions if each.cause not in (*CAUSES, Reason.KEYS_REFUSED))
    changed = replace(account, credential_version=version, vetted_at=None, key_is_bound=None, suspensions=kept)
    return changed if version is None else suspend(changed, Reason.KEYS_NOT_VETTED, now)


def vetted(account: Account, rights: KeyRights | None, now: datetime) -> Account:
    """The account after its venue has told the rights of its keys; None from a venue that tells nobody, whose look decides.

    Events report each cause that begins or ends, and keys that work from any address.
    """
    refused = rights.refused if rights is not None else ()
    wanted = refused or _until_looked(account)
    told = replace(account, vetted_at=now.replace(microsecond=0), key_is_bound=rights.is_bound if rights is not None else None)
    for cause in CAUSES:
        told = suspend(told, cause, now) if cause in wanted else resume(told, cause, now)
    if told.key_is_bound is False and account.key_is_bound is not False:
        told = told.tell(Event(type=EventType.ACCOUNT_CHANGED, occurred_at=now, code=KEY_NOT_BOUND))
    return told


def looked_at(account: Account, now: datetime) -> Account:
    """The account after a full look: entries go if the rights are known to be right. The same account if nothing changes."""
    return account if account.vetted_at is None else resume(account, Reason.KEYS_NOT_VETTED, now)


def awaits_look(account: Account) -> bool:
    """Whether the rights are right and only a full look is missing."""
    return account.vetted_at is not None and since(account, Reason.KEYS_NOT_VETTED) is not None


def is_vetted_since(account: Account, asked_at: datetime) -> bool:
    """Whether nothing is left to do for a vetting that was asked for then."""
    if account.vetted_at is None or since(account, Reason.KEYS_NOT_VETTED) is not None:
        return False
    return account.vetted_at >= asked_at.replace(microsecond=0)


def _until_looked(account: Account) -> tuple[Reason, ...]:
    """The cause that stays until a full look, unless one has worked with the keys since entries were suspended."""
    began = _began(account)
    looked = account.reconciled_at is not None and all(at < account.reconciled_at for at in began)
    return (Reason.KEYS_NOT_VETTED,) if began and not looked else ()


def _began(account: Account) -> list[datetime]:
    return [each.since for each in account.suspensions if each.cause in CAUSES]
