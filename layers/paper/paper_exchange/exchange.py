"""The venue itself: opens a request's account, brings it up to date, lets a decision be made on it and stores the result.

One account, one version: a decision that lost a race is made again on the winner's state. Accounts never wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial

from paper_exchange import errors
from paper_exchange.accounts.account import Account, KeyRight, Outcome
from paper_exchange.markets.candles import Bar
from paper_exchange.markets.clock import ClockMode
from paper_exchange.markets.feed import ChunkCache, Feed, Fetch, LiveFeed, LoopingFeed, RecordedFeed, fetch_over_https
from paper_exchange.markets.market_view import MarketView
from paper_exchange.markets.quotes import Stamp
from paper_exchange.markets.state import ExchangeState
from paper_exchange.matching.reduce_only import expire_some
from paper_exchange.matching.triggers import bring_up_to_date, is_up_to_date
from paper_exchange.requests import signature
from paper_exchange.requests.signature import Call
from paper_exchange.store.store import PaperStore, StoredAccount, StoredState, WriteConflict
from paper_exchange.traffic.faults import FaultRule
from paper_exchange.traffic.rate_limits import RateCounters

COMMIT_ATTEMPTS = 10  # each lost race means that another request of the same account got through
CLOSED_BY_ONE_ORDER = 2  # with its fill: room that is always left beside a step of the market
STORE_AFTER_MS = 6 * 3_600_000  # a look that found nothing is stored if it looked at this much, so that the next need not
CACHED_KEYS = 100_000  # fingerprints and account ids, about 20 MB; whose key it is never changes

WallClock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Opened:
    """A request with the account of its key, if there is one."""

    call: Call
    state: StoredState
    stored: StoredAccount | None
    wall_ms: int

    @property
    def account_id(self) -> str:
        return self.stored.account.account_id if self.stored else ""


@dataclass(frozen=True, slots=True)
class Session:
    """An account up to date at one instant, for a decision; `fill_ratio` cuts what an order can take at once."""

    account: Account
    quotes: MarketView
    stamp: Stamp
    store: PaperStore
    state: ExchangeState
    fill_ratio: Decimal | None = None


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A stored account with the changes since then; `pending` is not stored yet."""

    stored: StoredAccount
    pending: Outcome
    quotes: MarketView


@dataclass(slots=True)
class Exchange:
    """The use cases of a signed request; thread-safe as far as its store is."""

    store: PaperStore
    wall_clock: WallClock
    fetch: Fetch = fetch_over_https
    rates: RateCounters = field(default_factory=RateCounters)
    _keys: dict[str, str] = field(default_factory=dict)
    _aggregated: dict[tuple[str, str, int], Bar] = field(default_factory=dict)
    _chunks: ChunkCache = field(init=False)
    _live: LiveFeed | None = None

    def __post_init__(self) -> None:
        self._chunks = ChunkCache(self.store.load_chunk)

    def open(self, call: Call) -> Opened:
        """Read what a request needs: one request to the store when its key has been seen before."""
        account_id = self._account_of(call.fingerprint) if call.api_key else None
        if account_id is None:
            return Opened(call, self.store.state(), None, self.wall_clock())
        state, stored = self.store.open(account_id)
        if stored is None:  # the accounts were cleared
            self._keys.pop(call.fingerprint, None)
        return Opened(call, state, stored, self.wall_clock())

    def view(self, opened: Opened) -> MarketView:
        """The market for a request that needs no account."""
        return self.quotes(opened.state.state, opened.wall_ms)

    def quotes(self, state: ExchangeState, wall_ms: int) -> MarketView:
        """The market as of the market clock."""
        return MarketView(state, self._feed(state), state.clock.market_ms(wall_ms), self._aggregated)

    def authenticate(self, opened: Opened) -> None:
        """Raises `VenueError` unless the request is fresh and signed by a key that is in force and may do it."""
        signature.check_form(opened.call, opened.wall_ms)
        key = opened.stored.account.keys.get(opened.call.fingerprint) if opened.stored else None
        if key is None or key.revoked:
            raise errors.key_rejected()
        signature.check_signature(opened.call, key)
        if opened.call.method != "GET" and KeyRight.FUTURES not in key.rights:
            raise errors.key_rejected()

    def write[Answer](
        self,
        opened: Opened,
        decide: Callable[[Session], tuple[Outcome, Answer]],
        *,
        fill_ratio: Decimal | None = None,
    ) -> Answer:
        """Authenticate, decide on the account as it is now, store; decides again if somebody else wrote meanwhile."""
        return self._decide(opened, decide, fill_ratio)[1]

    def write_on[Answer](
        self, opened: Opened, decide: Callable[[Session], tuple[Outcome, Answer]], more: Callable[[Outcome], bool]
    ) -> Answer:
        """Write again and again while there is more to do than one transaction holds."""
        outcome, answer = self._decide(opened, decide, None)
        while more(outcome):
            outcome, answer = self._decide(self.open(opened.call), decide, None)
        return answer

    def _decide[Answer](
        self, opened: Opened, decide: Callable[[Session], tuple[Outcome, Answer]], fill_ratio: Decimal | None
    ) -> tuple[Outcome, Answer]:
        for _ in range(COMMIT_ATTEMPTS):
            self.authenticate(opened)
            try:
                fresh = self._bring_up_to_date(opened)
                outcome, answer = decide(replace(self._session(opened, fresh), fill_ratio=fill_ratio))
                self._commit(fresh, outcome.then(expire_some(outcome.account)))
            except WriteConflict:
                opened = self.open(opened.call)
            else:
                return outcome, answer
        raise errors.VenueError(
            -1008, "Server is currently overloaded with other requests. Please try again in a few minutes.", 503
        )

    def _commit(self, fresh: _Fresh, outcome: Outcome) -> None:
        """Store a decision with the market's changes before it; apart if both together could be too much for one transaction."""
        stored, pending = fresh.stored, fresh.pending
        if pending.closed and outcome.closed > CLOSED_BY_ONE_ORDER:
            self.store.commit(stored, pending)
            stored, pending = StoredAccount(pending.account, stored.version + 1), Outcome(pending.account)
        self.store.commit(stored, pending.then(outcome))

    def read[Answer](self, opened: Opened, look: Callable[[Session], Answer]) -> Answer:
        """Authenticate and look at the account; the market's changes since the last look are stored first."""
        for _ in range(COMMIT_ATTEMPTS):
            self.authenticate(opened)
            try:
                fresh = self._bring_up_to_date(opened)
                self._store_pending(fresh)
            except WriteConflict:
                opened = self.open(opened.call)
            else:
                return look(self._session(opened, fresh))
        raise errors.VenueError(
            -1008, "Server is currently overloaded with other requests. Please try again in a few minutes.", 503
        )

    def settle(self, account_id: str) -> Account | None:
        """Bring an account up to date for an operator and store that; None if there is no such account."""
        for _ in range(COMMIT_ATTEMPTS):
            state, stored = self.store.open(account_id)
            if stored is None:
                return None
            call = Call("", "", {}, "", "", "")
            try:
                fresh = self._bring_up_to_date(Opened(call, state, stored, self.wall_clock()))
                self._store_pending(fresh)
            except WriteConflict:
                continue
            return fresh.pending.account
        raise errors.internal_error()

    def intervene[Answer](self, account_id: str, decide: Callable[[Session], tuple[Outcome, Answer]]) -> Answer:
        """Decide on an account without its keys, for an operator; raises `OperatorError` ACCOUNT_UNKNOWN."""
        call = Call("", "", {}, "", "", "")
        for _ in range(COMMIT_ATTEMPTS):
            state, stored = self.store.open(account_id)
            if stored is None:
                raise errors.OperatorError("ACCOUNT_UNKNOWN", f"no account {account_id}", 404)
            opened = Opened(call, state, stored, self.wall_clock())
            try:
                fresh = self._bring_up_to_date(opened)
                outcome, answer = decide(replace(self._session(opened, fresh), stamp=Stamp("", opened.wall_ms)))
                self._commit(fresh, outcome.then(expire_some(outcome.account)))
            except WriteConflict:
                continue
            return answer
        raise errors.internal_error()

    def fault(self, opened: Opened) -> FaultRule | None:
        """The rule that spoils this request's answer, used up by one; the first that matches and is not spent."""
        call, account_id = opened.call, opened.account_id
        for rule in opened.state.state.faults:
            if rule.matches(call.method, call.path, account_id) and self.store.take_fault(rule.rule_id, rule.count):
                return rule
        return None

    def _account_of(self, fingerprint: str) -> str | None:
        known = self._keys.get(fingerprint)
        if known is None:
            known = self.store.account_of_key(fingerprint)
            if known is not None:
                if len(self._keys) >= CACHED_KEYS:
                    self._keys.clear()
                self._keys[fingerprint] = known
        return known

    def _bring_up_to_date(self, opened: Opened) -> _Fresh:
        """Evaluate what the market did since; stores as it goes if that is much. Raises `WriteConflict`."""
        if opened.stored is None:
            raise errors.key_rejected()
        stored, state = opened.stored, opened.state.state
        quotes = self.quotes(state, opened.wall_ms)
        account = stored.account
        if account.replay != state.clock.replay:
            account = replace(account, replay=state.clock.replay, evaluated_ms=state.clock.started_ms, evaluated_symbol="")
        dated = partial(state.clock.dated, wall_ms=opened.wall_ms)
        while True:
            outcome = bring_up_to_date(account, quotes, dated)
            if is_up_to_date(outcome.account, quotes):
                return _Fresh(stored, outcome, quotes)
            self.store.commit(stored, outcome)
            account = outcome.account
            stored = StoredAccount(account, stored.version + 1)

    def _store_pending(self, fresh: _Fresh) -> None:
        """Store a look if it found something, or looked at much; `WriteConflict` if somebody else wrote meanwhile."""
        before, after = fresh.stored.account, fresh.pending.account
        waits = bool(after.orders or after.algo_orders or after.held)
        looked_far = waits and after.evaluated_ms - before.evaluated_ms >= STORE_AFTER_MS
        if fresh.pending.closed or looked_far or before.replay != after.replay:
            self.store.commit(fresh.stored, fresh.pending)

    def _session(self, opened: Opened, fresh: _Fresh) -> Session:
        stamp = Stamp(opened.call.fingerprint, opened.wall_ms)
        return Session(fresh.pending.account, fresh.quotes, stamp, self.store, opened.state.state)

    def _feed(self, state: ExchangeState) -> Feed:
        if state.clock.mode is ClockMode.STEPPED:
            return RecordedFeed(state, self._chunks)
        if state.clock.mode is ClockMode.WALL:
            return LoopingFeed(state, self._chunks)
        if self._live is None or self._live.host != state.live_host:
            self._live = LiveFeed(state.live_host, self.fetch)
        return self._live
