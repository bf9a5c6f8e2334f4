"""Everything in the memory of one process: for the stand-alone venue and for tests. Nothing survives the process."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Lock

from paper_exchange.accounts.account import Account, AlgoOrder, Fill, Income, MarginChange, Order, OrderChange, Outcome
from paper_exchange.markets.state import ExchangeState
from paper_exchange.store.store import AccountExists, StoredAccount, StoredState, WriteConflict


@dataclass(slots=True)
class History[Row]:
    """Closed rows of one account, by id and by the client's id; an id appears when its row closes, not in order."""

    rows: dict[int, Row] = field(default_factory=dict)
    latest: dict[str, int] = field(default_factory=dict)
    ids: list[int] = field(default_factory=list)

    def add(self, row_id: int, client_id: str, row: Row) -> None:
        self.rows[row_id] = row
        self.ids.insert(bisect_right(self.ids, row_id), row_id)
        self.latest[client_id] = row_id

    def of_client(self, client_id: str) -> Row | None:
        row_id = self.latest.get(client_id)
        return None if row_id is None else self.rows[row_id]

    def iterate(self, after: int, newest_first: bool) -> Iterator[Row]:
        wanted = self.ids[bisect_right(self.ids, after) :]
        return iter([self.rows[row_id] for row_id in (reversed(wanted) if newest_first else wanted)])


@dataclass(slots=True)
class _Book:
    stored: StoredAccount
    orders: History[Order] = field(default_factory=History)
    algo_orders: History[AlgoOrder] = field(default_factory=History)
    fills: History[Fill] = field(default_factory=History)
    incomes: History[Income] = field(default_factory=History)
    changes: History[OrderChange] = field(default_factory=History)
    margin_changes: History[MarginChange] = field(default_factory=History)


class MemoryStore:
    """`PaperStore` in memory. One short lock guards compare-and-set; nothing is computed under it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._state = StoredState(ExchangeState(), 0)
        self._books: dict[str, _Book] = {}
        self._keys: dict[str, str] = {}
        self._chunks: dict[tuple[str, int, int], bytes] = {}
        self._faults: Counter[str] = Counter()
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def state(self) -> StoredState:
        return self._state

    def save_state(self, stored: StoredState, state: ExchangeState) -> None:
        with self._lock:
            if self._state.version != stored.version:
                raise WriteConflict
            self._state = StoredState(state, stored.version + 1)

    def account_of_key(self, fingerprint: str) -> str | None:
        return self._keys.get(fingerprint)

    def open(self, account_id: str) -> tuple[StoredState, StoredAccount | None]:
        book = self._books.get(account_id)
        return self._state, None if book is None else book.stored

    def create_account(self, account: Account) -> None:
        with self._lock:
            if account.account_id in self._books or any(key in self._keys for key in account.keys):
                raise AccountExists
            self._books[account.account_id] = _Book(StoredAccount(account, 1))
            self._keys.update(dict.fromkeys(account.keys, account.account_id))

    def add_key(self, stored: StoredAccount, account: Account, fingerprint: str) -> None:
        with self._lock:
            if fingerprint in self._keys:
                raise AccountExists
            self._replace(stored, account)
            self._keys[fingerprint] = account.account_id

    def commit(self, stored: StoredAccount, outcome: Outcome) -> None:
        with self._lock:
            book = self._replace(stored, outcome.account)
            for order in outcome.orders:
                book.orders.add(order.order_id, order.client_order_id, order)
            for algo in outcome.algo_orders:
                book.algo_orders.add(algo.algo_id, algo.client_algo_id, algo)
            for fill in outcome.fills:
                book.fills.add(fill.trade_id, "", fill)
            for income in outcome.incomes:
                book.incomes.add(income.income_id, "", income)
            for change in outcome.changes:
                book.changes.add(change.change_id, "", change)
            for moved in outcome.margin_changes:
                book.margin_changes.add(moved.change_id, "", moved)

    def _replace(self, stored: StoredAccount, account: Account) -> _Book:
        book = self._books.get(account.account_id)
        if book is None or book.stored.version != stored.version:
            raise WriteConflict
        book.stored = StoredAccount(account, stored.version + 1)
        return book

    def account_ids(self, after: str, limit: int) -> list[str]:
        return sorted(account_id for account_id in self._books if account_id > after)[:limit]

    def order(self, account_id: str, order_id: int) -> Order | None:
        return self._books[account_id].orders.rows.get(order_id)

    def order_of_client(self, account_id: str, client_order_id: str) -> Order | None:
        return self._books[account_id].orders.of_client(client_order_id)

    def algo_order(self, account_id: str, algo_id: int) -> AlgoOrder | None:
        return self._books[account_id].algo_orders.rows.get(algo_id)

    def algo_order_of_client(self, account_id: str, client_algo_id: str) -> AlgoOrder | None:
        return self._books[account_id].algo_orders.of_client(client_algo_id)

    def orders(self, account_id: str, *, after: int = 0, newest_first: bool = False) -> Iterator[Order]:
        return self._books[account_id].orders.iterate(after, newest_first)

    def algo_orders(self, account_id: str, *, after: int = 0, newest_first: bool = False) -> Iterator[AlgoOrder]:
        return self._books[account_id].algo_orders.iterate(after, newest_first)

    def fills(self, account_id: str, *, after: int = 0, newest_first: bool = False) -> Iterator[Fill]:
        return self._books[account_id].fills.iterate(after, newest_first)

    def incomes(self, account_id: str, *, after: int = 0, newest_first: bool = False) -> Iterator[Income]:
        return self._books[account_id].incomes.iterate(after, newest_first)

    def changes(self, account_id: str, *, after: int = 0, newest_first: bool = False) -> Iterator[OrderChange]:
        return self._books[account_id].changes.iterate(after, newest_first)

    def margin_changes(self, account_id: str, *, after: int = 0, newest_first: bool = False) -> Iterator[MarginChange]:
        return self._books[account_id].margin_changes.iterate(after, newest_first)

    def save_chunk(self, symbol: str, generation: int, chunk: int, data: bytes) -> None:
        self._chunks[symbol, generation, chunk] = data

    def load_chunk(self, symbol: str, generation: int, chunk: int) -> bytes:
        return self._chunks[symbol, generation, chunk]

    def take_fault(self, rule_id: str, count: int) -> bool:
        with self._lock:
            if self._faults[rule_id] >= count:
                return False
            self._faults[rule_id] += 1
            return True

    def faults_taken(self, rule_id: str) -> int:
        return self._faults[rule_id]

    def count_request(self, account_id: str, path: str) -> None:
        with self._lock:
            self._counts[account_id][path] += 1

    def request_counts(self, account_id: str) -> dict[str, int]:
        with self._lock:
            return dict(self._counts[account_id])

    def clear_accounts(self) -> None:
        with self._lock:
            self._books.clear()
            self._keys.clear()
            self._faults.clear()
            self._counts.clear()
