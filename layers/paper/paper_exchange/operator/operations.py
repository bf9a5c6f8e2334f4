"""Rights of an operator that no tenant has: load candles, move the clock, open accounts, inject faults, read the book."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice

from paper_exchange import errors
from paper_exchange.accounts.account import Account, ApiKey, KeyRight, Outcome, key_fingerprint
from paper_exchange.errors import OperatorError
from paper_exchange.exchange import Exchange
from paper_exchange.markets.candles import CHUNK_BARS, Bar, check_follows, pack, unpack
from paper_exchange.markets.clock import ClockMode
from paper_exchange.markets.markets import BASIS_POINT, MarketSpec
from paper_exchange.markets.rates import MAX_MARK_CHANGES, MAX_RATE_CHANGES, with_rate
from paper_exchange.markets.state import ExchangeState, Listing, Series
from paper_exchange.operator.requests import NewAccount, NewClock, NewFunding, NewKey, NewMark
from paper_exchange.requests.ed25519 import is_public_key
from paper_exchange.requests.signature import KEY_FORMAT
from paper_exchange.store.store import AccountExists, StoredAccount, WriteConflict
from paper_exchange.traffic.faults import FaultRule
from paper_exchange.traffic.rate_limits import RateLimits

SAVE_ATTEMPTS = 10  # operators rarely write at once; each lost race means that another one got through
MAX_KEYS = 20  # a key takes about 150 bytes of the account item

TokenSource = Callable[[], str]


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """Shown once: the secret can not be read again."""

    account_id: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    key_id: str


@dataclass(frozen=True, slots=True)
class Operations:
    """The operator's use cases. `new_token` gives 64 unguessable characters for keys, secrets and ids."""

    exchange: Exchange
    new_token: TokenSource

    def list_markets(self, specs: list[MarketSpec]) -> None:
        """Add or replace markets; candles that are loaded stay."""

        def change(state: ExchangeState) -> ExchangeState:
            for spec in specs:
                known = state.listings.get(spec.symbol, Listing(spec))
                state = state.with_listing(replace(known, spec=spec))
            return state

        self._change_state(change)

    def load_candles(self, symbol: str, interval_ms: int, bars: tuple[Bar, ...], *, restart: bool) -> Series:
        """Append candles to a market's, or begin anew. The chunks are written first, the series that names them last.

        Raises `OperatorError` MARKET_UNKNOWN, INTERVAL_MISMATCH, and the candles' own codes if they do not follow what is loaded.
        """
        stored = self.exchange.store.state()
        listing = stored.state.listing(symbol)
        known = None if restart else listing.series
        if known is not None and known.interval_ms != interval_ms:
            raise OperatorError("INTERVAL_MISMATCH", f"{symbol}: loaded candles are {known.interval_ms} ms long", 409)
        generation = known.generation if known else listing.generations + 1
        count = known.count if known else 0
        kept = self._last_chunk(symbol, known)
        if kept:
            check_follows(kept[-1], bars[0], interval_ms, "row 0")
        self._write_chunks(symbol, generation, count - len(kept), (*kept, *bars))
        first = known.first_open_ms if known else bars[0].open_ms
        series = Series(interval_ms, first, count + len(bars), generation)
        changed = replace(listing, series=series, generations=max(listing.generations, generation))
        try:
            self.exchange.store.save_state(stored, stored.state.with_listing(changed))
        except WriteConflict:
            raise OperatorError("STATE_CHANGED", "somebody else changed the exchange; load this part again", 409) from None
        return series

    def _last_chunk(self, symbol: str, series: Series | None) -> tuple[Bar, ...]:
        """The chunk that new candles continue; a full one only to compare with."""
        if series is None:
            return ()
        chunk = (series.count - 1) // CHUNK_BARS
        bars = unpack(self.exchange.store.load_chunk(symbol, series.generation, chunk))
        return bars[: series.count - chunk * CHUNK_BARS]

    def _write_chunks(self, symbol: str, generation: int, first: int, bars: tuple[Bar, ...]) -> None:
        for start in range(0, len(bars), CHUNK_BARS):
            chunk = (first + start) // CHUNK_BARS
            self.exchange.store.save_chunk(symbol, generation, chunk, pack(bars[start : start + CHUNK_BARS]))

    def set_clock(self, wanted: NewClock) -> ExchangeState:
        """Set the market clock; raises `OperatorError` CLOCK_INVALID, CLOCK_BACKWARDS."""
        wall_ms = self.exchange.wall_clock()

        def change(state: ExchangeState) -> ExchangeState:
            if wanted.mode is ClockMode.STEPPED:
                if wanted.now_ms is None:
                    raise OperatorError("CLOCK_INVALID", "a stepped clock needs now_ms")
                return replace(state, clock=state.clock.step_to(wanted.now_ms, wall_ms, rewind=wanted.rewind))
            if wanted.mode is ClockMode.LIVE and not wanted.live_host:
                raise OperatorError("CLOCK_INVALID", "a live clock needs live_host")
            return replace(state, clock=state.clock.run(wanted.mode, wall_ms, wanted.anchor_ms), live_host=wanted.live_host)

        return self._change_state(change)

    def step_clock(self, milliseconds: int) -> ExchangeState:
        """Move a stepped clock forward; raises `OperatorError` CLOCK_INVALID."""
        wall_ms = self.exchange.wall_clock()

        def change(state: ExchangeState) -> ExchangeState:
            if state.clock.mode is not ClockMode.STEPPED or milliseconds < 0:
                raise OperatorError("CLOCK_INVALID", "only a stepped clock can be stepped, and only forward", 409)
            return replace(state, clock=state.clock.step_to(state.clock.now_ms + milliseconds, wall_ms))

        return self._change_state(change)

    def open_account(self, wanted: NewAccount) -> IssuedKey:
        """Open an account with balances and one key; raises `OperatorError` ACCOUNT_EXISTS, KEY_INVALID."""
        state, wall_ms = self.exchange.store.state().state, self.exchange.wall_clock()
        issued = self._issue(wanted.account_id or self.new_token()[:16], wanted)
        account = Account(
            account_id=issued.account_id,
            created_ms=wall_ms,
            balances=dict(wanted.balances),
            evaluated_ms=state.clock.market_ms(wall_ms),
            replay=state.clock.replay,
            keys={issued.key_id: _key(issued, wanted, wall_ms)},
        )
        try:
            self.exchange.store.create_account(account)
        except AccountExists:
            raise OperatorError("ACCOUNT_EXISTS", "the account or the key exists", 409) from None
        return issued

    def add_key(self, account_id: str, wanted: NewKey) -> IssuedKey:
        """Give an account another key, as for a rotation."""
        issued = self._issue(account_id, wanted)
        key = _key(issued, wanted, self.exchange.wall_clock())

        def change(stored: StoredAccount) -> None:
            if len(stored.account.keys) >= MAX_KEYS:
                raise OperatorError("KEYS_TOO_MANY", f"at most {MAX_KEYS} keys", 409)
            account = replace(stored.account, keys={**stored.account.keys, issued.key_id: key})
            self.exchange.store.add_key(stored, account, issued.key_id)

        self._change_account(account_id, change)
        return issued

    def revoke_key(self, account_id: str, key_id: str) -> None:
        """Refuse a key from its very next request on; raises `OperatorError` KEY_UNKNOWN."""
        self._change_key(account_id, key_id, lambda key: replace(key, revoked=True))

    def set_rights(self, account_id: str, key_id: str, rights: Iterable[KeyRight]) -> None:
        """Give a key these rights and no others from its next request on; raises `OperatorError` KEY_UNKNOWN."""
        self._change_key(account_id, key_id, lambda key: replace(key, rights=tuple(sorted(rights))))

    def _change_key(self, account_id: str, key_id: str, changed: Callable[[ApiKey], ApiKey]) -> None:
        def change(stored: StoredAccount) -> None:
            key = stored.account.keys.get(key_id)
            if key is None:
                raise OperatorError("KEY_UNKNOWN", f"no key {key_id}", 404)
            account = replace(stored.account, keys={**stored.account.keys, key_id: changed(key)})
            self.exchange.store.commit(stored, Outcome(account))

        self._change_account(account_id, change)

    def set_funding(self, wanted: NewFunding) -> int:
        """Set a funding rate from the market clock's time on; returns that time. Raises `OperatorError` MARKET_UNKNOWN."""

        def change(listing: Listing, market_ms: int) -> Listing:
            return replace(listing, funding=with_rate(listing.funding, wanted.rate, market_ms, MAX_RATE_CHANGES))

        return self._change_listings(wanted.symbols, change)

    def set_mark(self, wanted: NewMark) -> int:
        """Set the mark price's distance from the last price, from the market clock's time on; returns that time.

        Raises `OperatorError` MARKET_UNKNOWN.
        """
        rate = wanted.offset_bps * BASIS_POINT

        def change(listing: Listing, market_ms: int) -> Listing:
            return replace(listing, marks=with_rate(listing.marks, rate, market_ms, MAX_MARK_CHANGES))

        return self._change_listings(wanted.symbols, change)

    def _change_listings(self, symbols: list[str], change_one: Callable[[Listing, int], Listing]) -> int:
        """Change the named markets, or all, as of the market clock's time; returns that time."""
        wall_ms = self.exchange.wall_clock()

        def change(state: ExchangeState) -> ExchangeState:
            for symbol in symbols or state.listings:
                state = state.with_listing(change_one(state.listing(symbol), state.clock.market_ms(wall_ms)))
            return state

        return self._change_state(change).clock.market_ms(wall_ms)

    def set_spread(self, symbol: str, half_spread_bps: Decimal) -> None:
        """Set how far bid and ask lie from the last price from now on; raises `OperatorError` MARKET_UNKNOWN."""

        def change(state: ExchangeState) -> ExchangeState:
            listing = state.listing(symbol)
            return state.with_listing(replace(listing, spec=replace(listing.spec, half_spread_bps=half_spread_bps)))

        self._change_state(change)

    def announce_delivery(self, symbol: str, at_ms: int | None) -> None:
        """Set when a market ends, or that it goes on; raises `OperatorError` MARKET_UNKNOWN."""

        def change(state: ExchangeState) -> ExchangeState:
            listing = state.listing(symbol)
            return state.with_listing(replace(listing, spec=replace(listing.spec, delivery_ms=at_ms or 0)))

        self._change_state(change)

    def set_limits(self, limits: RateLimits) -> None:
        """Set how much anybody may ask for; counts begin anew."""
        self._change_state(lambda state: replace(state, limits=limits))

    def liquidate_positions(self, *, liquidating: bool) -> None:
        """Take over what cannot be carried any more, as the venue does, or let it run."""
        self._change_state(lambda state: replace(state, liquidating=liquidating))

    def set_fault(self, rule: FaultRule) -> None:
        self._change_state(lambda state: state.with_fault(rule))

    def withdraw_fault(self, rule_id: str) -> None:
        """Remove a rule; one that is gone is no error."""
        self._change_state(lambda state: replace(state, faults=tuple(rule for rule in state.faults if rule.rule_id != rule_id)))

    def count_requests(self, *, counting: bool) -> None:
        """Switch counting; off by default, because counting costs a write per request."""
        self._change_state(lambda state: replace(state, counting=counting))

    def request_counts(self) -> dict[str, dict[str, int]]:
        """Requests by account and path; those without a known key under the empty id."""
        counts = {account_id: self.exchange.store.request_counts(account_id) for account_id in ["", *self.account_ids("")]}
        return {account_id: of_account for account_id, of_account in counts.items() if of_account}

    def account_ids(self, after: str) -> Iterator[str]:
        """All account ids above `after`, ascending, read as they are wanted."""
        while page := self.exchange.store.account_ids(after, 100):
            yield from page
            after = page[-1]

    def accounts_page(self, after: str, limit: int) -> list[Account]:
        """Accounts above an id, up to date."""
        settled = (self.exchange.settle(account_id) for account_id in islice(self.account_ids(after), limit))
        return [account for account in settled if account is not None]

    def reset(self, *, markets: bool) -> None:
        """Forget all accounts, faults and counts; markets, candles and the clock too if asked for."""
        self.exchange.store.clear_accounts()
        generations = {symbol: listing.generations for symbol, listing in self.exchange.store.state().state.listings.items()}

        def change(state: ExchangeState) -> ExchangeState:
            if not markets:
                return replace(state, faults=(), counting=False)
            emptied = {
                symbol: Listing(listing.spec, None, generations.get(symbol, 0)) for symbol, listing in state.listings.items()
            }
            return ExchangeState(listings=emptied, limits=state.limits)

        self._change_state(change)

    def _issue(self, account_id: str, wanted: NewKey) -> IssuedKey:
        api_key = wanted.api_key or self.new_token()
        if wanted.public_key and not is_public_key(wanted.public_key):
            raise OperatorError("KEY_INVALID", "public_key must be an Ed25519 public key in PEM")
        api_secret = "" if wanted.public_key else wanted.api_secret.get_secret_value() or self.new_token()
        if not KEY_FORMAT.fullmatch(api_key):
            raise OperatorError("KEY_INVALID", "an API key has 16 to 128 letters, digits, - or _")
        return IssuedKey(account_id, api_key, api_secret, key_fingerprint(api_key))

    def _change_state(self, change: Callable[[ExchangeState], ExchangeState]) -> ExchangeState:
        for _ in range(SAVE_ATTEMPTS):
            stored = self.exchange.store.state()
            changed = change(stored.state)
            try:
                self.exchange.store.save_state(stored, changed)
            except WriteConflict:
                continue
            return changed
        raise errors.internal_error()

    def _change_account(self, account_id: str, change: Callable[[StoredAccount], None]) -> None:
        for _ in range(SAVE_ATTEMPTS):
            _, stored = self.exchange.store.open(account_id)
            if stored is None:
                raise OperatorError("ACCOUNT_UNKNOWN", f"no account {account_id}", 404)
            try:
                change(stored)
            except WriteConflict:
                continue
            except AccountExists:
                raise OperatorError("KEY_EXISTS", "that key is somebody's already", 409) from None
            return
        raise errors.internal_error()


def _key(issued: IssuedKey, wanted: NewKey, wall_ms: int) -> ApiKey:
    return ApiKey(issued.api_secret, wall_ms, public_key=wanted.public_key, rights=tuple(sorted(wanted.rights)))
