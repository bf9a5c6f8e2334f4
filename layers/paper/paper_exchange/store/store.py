"""Where the venue keeps everything, as a port with two adapters (memory, DynamoDB) and one contract test suite for both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from paper_exchange.accounts.account import Account, AlgoOrder, Fill, Income, MarginChange, Order, OrderChange, Outcome
from paper_exchange.markets.state import ExchangeState


class WriteConflict(Exception):
    """Somebody else wrote first: read again and decide again. Nothing was written."""


class AccountExists(Exception):
    """The account, or a key with the same fingerprint, exists."""


@dataclass(frozen=True, slots=True)
class StoredState:
    state: ExchangeState
    version: int


@dataclass(frozen=True, slots=True)
class StoredAccount:
    account: Account
    version: int


class PaperStore(Protocol):
    """Reads see every write that returned before. Open orders live in the account, closed ones in its history."""

    def state(self) -> StoredState: ...

    def save_state(self, stored: StoredState, state: ExchangeState) -> None:
        """Replace `stored`; raises `WriteConflict`."""
        ...

    def account_of_key(self, fingerprint: str) -> str | None:
        """Whose key it is; the answer never changes once there is one."""
        ...

    def open(self, account_id: str) -> tuple[StoredState, StoredAccount | None]:
        """The shared state and an account, in one request."""
        ...

    def create_account(self, account: Account) -> None:
        """Store a new account and its keys; raises `AccountExists`."""
        ...

    def add_key(self, stored: StoredAccount, account: Account, fingerprint: str) -> None:
        """Store an account that got a new key; raises `WriteConflict`, `AccountExists` if the key is somebody's."""
        ...

    def commit(self, stored: StoredAccount, outcome: Outcome) -> None:
        """Replace `stored` by the outcome's account and append what was closed, all or nothing; raises `WriteConflict`."""
        ...

    def account_ids(self, after: str, limit: int) -> list[str]:
        """Ids of accounts above `after`, ascending."""
        ...

    def order(self, account_id: str, order_id: int) -> Order | None:
        """A closed order."""
        ...

    def order_of_client(self, account_id: str, client_order_id: str) -> Order | None:
        """The latest closed order of a client id (ids may be used again)."""
        ...

    def algo_order(self, account_id: str, algo_id: int) -> AlgoOrder | None: ...

    def algo_order_of_client(self, account_id: str, client_algo_id: str) -> AlgoOrder | None: ...

    def orders(self, account_id: str, *, after: int = 0, newest_first: bool = False) -> Iterator[Order]:
        """Closed orders by id, those above `after`."""
        ...

    def algo_orders(self, account_id: str, *, after: int = 0, newest_first: bool = False) -> Iterator[AlgoOrder]: ...

    def fills(self, account_id: str, *, after: int = 0, newest_first: bool = False) -> Iterator[Fill]: ...

    def incomes(self, account_id: str, *, after: int = 0, newest_first: bool = False) -> Iterator[Income]: ...

    def changes(self, account_id: str, *, after: int = 0, newest_first: bool = False) -> Iterator[OrderChange]: ...

    def margin_changes(self, account_id: str, *, after: int = 0, newest_first: bool = False) -> Iterator[MarginChange]: ...

    def save_chunk(self, symbol: str, generation: int, chunk: int, data: bytes) -> None: ...

    def load_chunk(self, symbol: str, generation: int, chunk: int) -> bytes: ...

    def take_fault(self, rule_id: str, count: int) -> bool:
        """Use one of a rule's `count` applications; False if all are used."""
        ...

    def faults_taken(self, rule_id: str) -> int: ...

    def count_request(self, account_id: str, path: str) -> None: ...

    def request_counts(self, account_id: str) -> dict[str, int]: ...

    def clear_accounts(self) -> None:
        """Forget all accounts with their keys and history."""
        ...
