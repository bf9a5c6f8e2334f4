"""Choose how an account's positions are kept: one net position in a market, or a long and a short one side by side."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.account.account import Account
from candlecast.domain.values.errors import Conflict, InvalidValue
from candlecast.domain.values.terms import PositionMode
from candlecast.ports.store import AccountStore
from candlecast.services.expectation import Expectation, anything
from candlecast.services.retry_conflict import retry_conflict


@dataclass(frozen=True, slots=True)
class ChangePositionMode:
    """The venue is told before the account's next entry."""

    accounts: AccountStore

    def __call__(
        self, tenant_id: str, account_id: str, mode: PositionMode, *, expect: Expectation[Account] = anything
    ) -> Account:
        """Set the mode. Raises `NotFound`, `Conflict` (ACCOUNT_NOT_FLAT while anything is held or open; VERSION_CONFLICT).

        Raises the errors of `expect`.
        """

        def attempt() -> Account:
            account = self.accounts.load(tenant_id, account_id)
            expect(account)
            try:
                return self.accounts.save(account.with_position_mode(mode))
            except InvalidValue as error:
                raise Conflict(error.code, error.message) from error

        return retry_conflict(attempt)
