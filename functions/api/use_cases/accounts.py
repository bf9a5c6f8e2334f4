"""The use cases of accounts, made of their ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.account.change_credentials import ChangeCredentials
from candlecast.services.account.change_position_mode import ChangePositionMode
from candlecast.services.account.open_account import OpenAccount
from candlecast.services.account.retire_account import RenameAccount, RetireAccount
from candlecast.services.account.switch_account import SwitchAccount
from candlecast.services.limits.limit_account import LimitAccount
from functions.api.ports import (
    AccountsDep,
    ClockDep,
    CredentialsDep,
    IdentifiersDep,
    TableGenerationDep,
    VenuesDep,
    VettingQueueDep,
)


async def open_account(accounts: AccountsDep, clock: ClockDep, identifiers: IdentifiersDep, venues: VenuesDep) -> OpenAccount:
    return OpenAccount(accounts, clock, identifiers, venues)


async def change_credentials(
    accounts: AccountsDep, credentials: CredentialsDep, vettings: VettingQueueDep, clock: ClockDep, identifiers: IdentifiersDep
) -> ChangeCredentials:
    return ChangeCredentials(accounts, credentials, vettings, clock, identifiers)


async def limit_account(accounts: AccountsDep, clock: ClockDep) -> LimitAccount:
    return LimitAccount(accounts, clock)


async def change_position_mode(accounts: AccountsDep) -> ChangePositionMode:
    return ChangePositionMode(accounts)


async def switch_account(accounts: AccountsDep, clock: ClockDep) -> SwitchAccount:
    return SwitchAccount(accounts, clock)


async def rename_account(accounts: AccountsDep) -> RenameAccount:
    return RenameAccount(accounts)


async def retire_account(
    accounts: AccountsDep, credentials: CredentialsDep, clock: ClockDep, generation: TableGenerationDep
) -> RetireAccount:
    return RetireAccount(accounts, credentials, clock, generation)


RenameAccountDep = Annotated[RenameAccount, Depends(rename_account)]
RetireAccountDep = Annotated[RetireAccount, Depends(retire_account)]
OpenAccountDep = Annotated[OpenAccount, Depends(open_account)]
ChangeCredentialsDep = Annotated[ChangeCredentials, Depends(change_credentials)]
LimitAccountDep = Annotated[LimitAccount, Depends(limit_account)]
ChangePositionModeDep = Annotated[ChangePositionMode, Depends(change_position_mode)]
SwitchAccountDep = Annotated[SwitchAccount, Depends(switch_account)]
