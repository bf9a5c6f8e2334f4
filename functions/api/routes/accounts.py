"""Accounts: places for exchange keys, which come in here and never go out."""

from __future__ import annotations

from typing import Any

from functions.api.deps import AccountId, CallerDep, IdempotencyKey
from functions.api.filters import AccountFilterDep
from functions.api.manners.conditions import IfMatchDep, ShownDep, version_of_account
from functions.api.openapi import refusals
from functions.api.ports import AccountsDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.accounts import AccountView, NewAccount, NewCredentials, NewLabel, PositionModeInput
from functions.api.schemas.equity import EquityView, FirstDay, LastDay
from functions.api.schemas.limits import LimitsInput
from functions.api.schemas.values import Listing
from functions.api.use_cases.accounts import (
    ChangeCredentialsDep,
    ChangePositionModeDep,
    LimitAccountDep,
    OpenAccountDep,
    RenameAccountDep,
    RetireAccountDep,
    SwitchAccountDep,
)
from functions.api.use_cases.subscriptions import ShowEquityDep

router = resource_router(VERSION + "/accounts", "accounts", 401, 422, 500, 503)


@router.get("")
def list_accounts(who: CallerDep, accounts: AccountsDep, where: AccountFilterDep) -> Listing[AccountView]:
    """List your accounts; there is one page."""
    shown = (AccountView.of(account) for account in accounts.list_accounts(who.tenant_id))
    return Listing(items=[view for view in shown if where.fits(view)])


@router.post("", status_code=201, responses=refusals(409, 413))
def create_account(
    who: CallerDep, open_account: OpenAccountDep, body: NewAccount, idempotency_key: IdempotencyKey = None
) -> AccountView:
    """Open an account at a venue; it trades once it has keys."""
    return AccountView.of(open_account(who.tenant_id, body.label, body.venue, idempotency_key))


@router.get("/{account_id}", responses=refusals(404))
def get_account(who: CallerDep, accounts: AccountsDep, account_id: AccountId, shown: ShownDep) -> AccountView:
    """Show one account."""
    return AccountView.of(shown(version_of_account, accounts.load(who.tenant_id, account_id)))


@router.get("/{account_id}/equity", responses=refusals(404))
def get_account_equity(
    who: CallerDep, show: ShowEquityDep, account_id: AccountId, first: FirstDay = None, last: LastDay = None
) -> EquityView:
    """Show an account's results by day, from the closed trades of all its subscriptions."""
    return EquityView.of(show.of_account(who.tenant_id, account_id, first, last))


@router.put("/{account_id}/credentials", responses=refusals(404, 409, 413))
def put_credentials(
    who: CallerDep, change: ChangeCredentialsDep, account_id: AccountId, body: NewCredentials, if_match: IfMatchDep
) -> AccountView:
    """Give or replace the keys. The account is VERIFYING until the venue has told their rights and a look has worked with them.

    Until then it takes no entries; stops, targets, exits and looks use the new keys at once.
    """
    return AccountView.of(change.put(who.tenant_id, account_id, body.to_domain(), expect=if_match(version_of_account)))


@router.delete("/{account_id}/credentials", responses=refusals(404, 409))
def delete_credentials(who: CallerDep, change: ChangeCredentialsDep, account_id: AccountId, if_match: IfMatchDep) -> AccountView:
    """Take the keys away; no order is placed from now on, and open positions are yours to look after."""
    return AccountView.of(change.delete(who.tenant_id, account_id, expect=if_match(version_of_account)))


@router.put("/{account_id}/limits", responses=refusals(404, 409, 413))
def put_account_limits(
    who: CallerDep, limit: LimitAccountDep, account_id: AccountId, body: LimitsInput, if_match: IfMatchDep
) -> AccountView:
    """Replace the account's limits. They hold for each of its subscriptions, and can only tighten the levels above."""
    limits: Any = body
    return AccountView.of(limit(who.tenant_id, account_id, limits.to_domain(), expect=if_match(version_of_account)))


@router.put("/{account_id}/position-mode", responses=refusals(404, 409))
def put_position_mode(
    who: CallerDep, change: ChangePositionModeDep, account_id: AccountId, body: PositionModeInput, if_match: IfMatchDep
) -> AccountView:
    """Keep one net position in a market (ONE_WAY) or both sides (HEDGE); only while nothing is held or open."""
    return AccountView.of(change(who.tenant_id, account_id, body.mode, expect=if_match(version_of_account)))


@router.post("/{account_id}/disable", responses=refusals(404, 409))
def disable_account(who: CallerDep, switch: SwitchAccountDep, account_id: AccountId) -> AccountView:
    """Place no order on this account, exits included, until it is enabled again."""
    return AccountView.of(switch.disable(who.tenant_id, account_id))


@router.post("/{account_id}/enable", responses=refusals(404, 409))
def enable_account(who: CallerDep, switch: SwitchAccountDep, account_id: AccountId) -> AccountView:
    """Let a disabled account trade again, with the keys that it has."""
    return AccountView.of(switch.enable(who.tenant_id, account_id))


@router.patch("/{account_id}", responses=refusals(404, 409, 413))
def rename_account(
    who: CallerDep, rename: RenameAccountDep, account_id: AccountId, body: NewLabel, if_match: IfMatchDep
) -> AccountView:
    """Give an account another label."""
    return AccountView.of(rename(who.tenant_id, account_id, body.label, expect=if_match(version_of_account)))


@router.post("/{account_id}/retire", responses=refusals(404, 409))
def retire_account(who: CallerDep, retire: RetireAccountDep, account_id: AccountId) -> AccountView:
    """End an account for good, and delete its keys; only while nothing is held or open and no subscription trades on it.

    Its orders and trades stay.
    """
    return AccountView.of(retire(who.tenant_id, account_id))
