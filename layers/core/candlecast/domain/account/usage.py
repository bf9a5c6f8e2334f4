"""The memory of limits for an account: results, counters, times. It lives in the account's one item, so it is bounded.

Entries that no longer fit are not forgotten but merged. An unknown market then counts as if it had the latest of the merged
times. So a full memory makes a limit stricter, never looser.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from candlecast.domain.limits.catalogue import MAX_CANCELS_PER_MINUTE, MAX_ORDERS_PER_MINUTE, MEMORY_SECONDS
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.values.copying import replace
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import PositionSide

MAX_MARKETS = 24  # position keys, at about 100 bytes each in the stored item; a user trades a handful in a day
MAX_REJECTS = 12  # markets; more than a few mean that something is wrong with the account, not with a market
MAX_TOLD = 40  # breaches reported in a day; a user with so many has understood
MEMORY = timedelta(seconds=int(MEMORY_SECONDS))  # the longest that a limit on a market may look back
PROFIT_WINDOW = timedelta(days=1)
MINUTE = timedelta(minutes=1)

Times = tuple[tuple[int, int], ...]  # (milliseconds since the epoch, how many), oldest first, of the last minute


@dataclass(frozen=True)
class Results:
    """A subscription's realised results after fees, in quote units, up to and including `day`.

    `entries` of the day, filled or still possible; `losses` in a row, and when the last one was.
    """

    day: date
    day_pnl: Decimal = ZERO
    week_pnl: Decimal = ZERO
    month_pnl: Decimal = ZERO
    entries: int = 0
    losses: int = 0
    lost_at: datetime | None = None

    def on(self, today: date) -> Results:
        """As they count on `today`: results of another day, week (from Monday) or month count no more."""
        if today <= self.day:
            return self
        same_week = self.day.isocalendar()[:2] == today.isocalendar()[:2]
        same_month = (self.day.year, self.day.month) == (today.year, today.month)
        return replace(
            self,
            day=today,
            day_pnl=ZERO,
            week_pnl=self.week_pnl if same_week else ZERO,
            month_pnl=self.month_pnl if same_month else ZERO,
            entries=0,
        )

    def charged(self, amount: Decimal, at: datetime) -> Results:
        """After a charge, or a result, of `amount`."""
        now = self.on(at.date())
        return replace(now, day_pnl=now.day_pnl + amount, week_pnl=now.week_pnl + amount, month_pnl=now.month_pnl + amount)

    def with_trade(self, pnl: Decimal, at: datetime, counted: Decimal = ZERO) -> Results:
        """After a trade; `counted` is the part that has changed the results before, which is its funding."""
        now = self.charged(pnl - counted, at)
        lost = pnl < 0
        return replace(
            now,
            losses=now.losses + 1 if lost else 0,
            lost_at=at if lost else now.lost_at,
        )


@dataclass(frozen=True)
class MarketUse:
    """A subscription's last acts in a market; `profit` after fees since `profit_since`, at most a day before the last close."""

    entered_at: datetime | None = None
    entered_side: PositionSide | None = None
    closed_at: datetime | None = None
    lost_at: datetime | None = None
    profit: Decimal = ZERO
    profit_since: datetime | None = None

    def with_trade(self, pnl: Decimal, at: datetime) -> MarketUse:
        begins = self.profit_since is None or at - self.profit_since > PROFIT_WINDOW
        return replace(
            self,
            closed_at=at,
            lost_at=at if pnl < 0 else self.lost_at,
            profit=pnl if begins else self.profit + pnl,
            profit_since=at if begins else self.profit_since,
        )

    def last(self) -> datetime | None:
        return _latest(self.entered_at, self.closed_at)

    def merged(self, other: MarketUse) -> MarketUse:
        """The stricter of both in every respect, for either side."""
        return MarketUse(
            entered_at=_latest(self.entered_at, other.entered_at),
            closed_at=_latest(self.closed_at, other.closed_at),
            lost_at=_latest(self.lost_at, other.lost_at),
            profit=min(self.profit, other.profit),
            profit_since=_latest(self.profit_since, other.profit_since),
        )


@dataclass(frozen=True)
class EquityMarks:
    """Equity in quote units as looks at the venue found it: first, highest, highest at the end of a UTC day, today's first."""

    start: Decimal
    high: Decimal
    end_of_day_high: Decimal
    day: date
    day_start: Decimal
    last: Decimal

    @staticmethod
    def first(equity: Decimal, today: date) -> EquityMarks:
        return EquityMarks(equity, equity, equity, today, equity, equity)

    def on(self, today: date) -> EquityMarks:
        """As they count on `today`: a new day begins with the last day's end."""
        if today <= self.day:
            return self
        return replace(self, day=today, day_start=self.last, end_of_day_high=max(self.end_of_day_high, self.last))

    def seen(self, equity: Decimal, today: date) -> EquityMarks:
        return replace(self.on(today), high=max(self.high, equity), last=equity)


@dataclass(frozen=True)
class DayUse:
    """The account's UTC day: orders sent, notional entered (reserved or filled), and the part entered in an emergency."""

    day: date
    orders: int = 0
    notional: Decimal = ZERO
    emergency_notional: Decimal = ZERO
    told: tuple[str, ...] = ()

    def on(self, today: date) -> DayUse:
        return self if today <= self.day else DayUse(today)


@dataclass(frozen=True, kw_only=True)
class Usage:
    """An account's use of its limits. Money in quote units; every part is bounded, because it lives in the account's item."""

    results: Mapping[str, Results] = field(default_factory=dict)
    """Subscription id to its realised results of day, week and month."""
    markets: Mapping[str, MarketUse] = field(default_factory=dict)
    """Position key to the subscription's last activity in the market; at most `MAX_MARKETS`."""
    other_markets: MarketUse | None = None
    """The strictest values that no longer fit into `markets`; they stand for every unknown key. None while all fit."""
    rejects: Mapping[str, datetime] = field(default_factory=dict)
    """Market to the time of the venue's last rejection of an entry; at most `MAX_REJECTS`."""
    other_rejects: datetime | None = None
    """Latest of the times that no longer fit into `rejects`; it stands for every unknown market. None while all fit."""
    equity: EquityMarks | None = None
    """Marks of the equity that looks at the venue have found; None before the first full look."""
    day: DayUse | None = None
    """Activity on the UTC day of the last order; void on any later day. None before the first order."""
    orders: Times = ()
    """Orders sent in the last minute, at most as many as any limit allows."""
    cancels: Times = ()
    """Orders of ours that we cancelled or replaced in the last minute, bounded as `orders`."""

    # -- questions ---------------------------------------------------------------------------------------------------------

    def results_of(self, subscription_id: str, now: datetime) -> Results:
        known = self.results.get(subscription_id)
        return Results(now.date()) if known is None else known.on(now.date())

    def market(self, key: str) -> MarketUse:
        """The use of a position key; for an unknown key, the strictest values of the keys that did not fit."""
        return self.markets.get(key) or self.other_markets or MarketUse()

    def rejected_at(self, market: str) -> datetime | None:
        return self.rejects.get(market, self.other_rejects)

    def today(self, now: datetime) -> DayUse:
        return DayUse(now.date()) if self.day is None else self.day.on(now.date())

    def equity_marks(self, now: datetime) -> EquityMarks | None:
        return None if self.equity is None else self.equity.on(now.date())

    def orders_within(self, span: timedelta, now: datetime) -> int:
        """Orders sent in the last `span`, up to a minute; beyond the log's bound at least as many as any limit allows."""
        return _within(self.orders, span, now)

    def cancels_within(self, span: timedelta, now: datetime) -> int:
        return _within(self.cancels, span, now)

    # -- changes -----------------------------------------------------------------------------------------------------------

    def followed(self, known: Intent | None, intent: Intent, now: datetime) -> Usage:
        """After an intent has become what `intent` says; `known` is what it was before, None if it is new."""
        usage = self.sent(now) if intent.state is IntentState.SUBMITTING else self
        if intent.state is IntentState.CANCELLED and intent.reason in (Reason.POSITION_CLOSED, Reason.REPLACED):
            return usage.cancelled(now)
        if intent.kind is not LegKind.ENTRY or intent.position_side is None:
            return usage
        if intent.state is IntentState.REJECTED:
            usage = usage.rejected(intent.market, now)
        if known is None and not intent.state.is_terminal:
            return usage.reserved(intent, now)
        if known is not None and intent.state.is_terminal and intent.filled_quantity < intent.quantity:
            return usage.released(intent)
        return usage

    def sent(self, now: datetime) -> Usage:
        """One more order leaves for the venue."""
        today = self.today(now)
        orders = _logged(self.orders, now, int(MAX_ORDERS_PER_MINUTE))
        return replace(self, orders=orders, day=replace(today, orders=today.orders + 1))

    def cancelled(self, now: datetime) -> Usage:
        """One more order of ours was cancelled or replaced by us."""
        return replace(self, cancels=_logged(self.cancels, now, int(MAX_CANCELS_PER_MINUTE)))

    def reserved(self, entry: Intent, now: datetime) -> Usage:
        """An entry is under way: it counts in full until it has ended."""
        today, results, key = self.today(now), self.results_of(entry.subscription_id, now), entry.position_key
        counted = replace(
            today,
            notional=today.notional + entry.notional,
            emergency_notional=today.emergency_notional + (entry.notional if entry.emergency else ZERO),
        )
        entered = replace(self.market(key), entered_at=now, entered_side=entry.position_side)
        more = replace(results, entries=results.entries + (entry.part_of is None))
        reserved = replace(self, day=counted, results={**self.results, entry.subscription_id: more})
        return reserved._with_market(key, entered)

    def released(self, entry: Intent) -> Usage:
        """An entry has ended and not all of it was filled: the rest counts no more on the day that it was reserved."""
        usage, day = self, entry.created_at.date()
        unfilled = (entry.quantity - entry.filled_quantity) * entry.valued_price
        if self.day is not None and self.day.day == day:
            counted = replace(
                self.day,
                notional=max(ZERO, self.day.notional - unfilled),
                emergency_notional=max(ZERO, self.day.emergency_notional - (unfilled if entry.emergency else ZERO)),
            )
            usage = replace(usage, day=counted)
        results = self.results.get(entry.subscription_id)
        if entry.filled_quantity == 0 and entry.part_of is None and results is not None and results.day == day:
            fewer = replace(results, entries=max(0, results.entries - 1))
            usage = replace(usage, results={**usage.results, entry.subscription_id: fewer})
        return usage

    def closed(self, key: str, subscription_id: str, pnl: Decimal, now: datetime, counted: Decimal = ZERO) -> Usage:
        """A round trip is complete; `pnl` after fees and funding. The results have the part `counted` already."""
        results = self.results_of(subscription_id, now).with_trade(pnl, now, counted)
        use = self.market(key).with_trade(pnl, now)
        return replace(self, results={**self.results, subscription_id: results})._with_market(key, use)

    def charged(self, subscription_id: str, amount: Decimal, now: datetime, closed: str | None = None) -> Usage:
        """The venue has charged for a position, or for the trade that was `closed` last under that position key."""
        results = self.results_of(subscription_id, now).charged(amount, now)
        usage = replace(self, results={**self.results, subscription_id: results})
        use = self.markets.get(closed) if closed is not None else None
        if closed is None or use is None:
            return usage
        return replace(usage, markets={**self.markets, closed: replace(use, profit=use.profit + amount)})

    def rejected(self, market: str, now: datetime) -> Usage:
        """The venue has rejected an entry."""
        rejects, other = {**self.rejects, market: now}, self.other_rejects
        if len(rejects) > MAX_REJECTS:
            oldest = min(rejects, key=rejects.__getitem__)
            other = _latest(other, rejects.pop(oldest))
        return replace(self, rejects=rejects, other_rejects=other)

    def valued(self, equity: Decimal, as_of: datetime) -> Usage:
        """A look at the venue has found this equity."""
        today = as_of.date()
        marks = EquityMarks.first(equity, today) if self.equity is None else self.equity.seen(equity, today)
        return replace(self, equity=marks)

    def told(self, subscription_id: str, code: str, now: datetime) -> Usage | None:
        """Remember that a breach is reported; None if it was reported today already, or if too many were."""
        today, key = self.today(now), f"{subscription_id[:8]}|{code}"
        if key in today.told or len(today.told) >= MAX_TOLD:
            return None
        return replace(self, day=replace(today, told=(*today.told, key)))

    def pruned(self, subscriptions: Collection[str], now: datetime) -> Usage:
        """Without what no limit looks back to any more."""
        since = now - MEMORY - PROFIT_WINDOW
        return replace(
            self,
            results={k: r for k, r in self.results.items() if k in subscriptions or r.day == now.date()},
            markets={k: use for k, use in self.markets.items() if (use.last() or now) > since},
            other_markets=self.other_markets if self.other_markets and (self.other_markets.last() or now) > since else None,
            rejects={k: at for k, at in self.rejects.items() if at > now - MEMORY},
            other_rejects=self.other_rejects if self.other_rejects and self.other_rejects > now - MEMORY else None,
            day=self.day if self.day is not None and self.day.day >= now.date() else None,
            orders=_recent(self.orders, now),
            cancels=_recent(self.cancels, now),
        )

    def _with_market(self, key: str, use: MarketUse) -> Usage:
        markets, other = {**self.markets, key: use}, self.other_markets
        if len(markets) > MAX_MARKETS:
            oldest = min((k for k in markets if k != key), key=lambda k: markets[k].last() or use.last())  # type: ignore[arg-type, return-value]
            evicted = markets.pop(oldest)
            other = evicted.merged(other) if other is not None else replace(evicted, entered_side=None)
        return replace(self, markets=markets, other_markets=other)


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((at for at in (one, other) if at is not None), default=None)


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _within(times: Times, span: timedelta, now: datetime) -> int:
    since = _milliseconds(now - span)
    return sum(count for at, count in times if at > since)


def _recent(times: Times, now: datetime) -> Times:
    since = _milliseconds(now - MINUTE)
    return tuple(each for each in times if each[0] > since)


def _logged(times: Times, now: datetime, bound: int) -> Times:
    """One more at `now`; the oldest are dropped as long as the rest still comes to `bound`, more than which no limit allows."""
    at = max(_milliseconds(now), times[-1][0] if times else 0)  # clocks of two workers differ a little
    kept = list(_recent(times, now))
    if kept and kept[-1][0] == at:
        kept[-1] = (at, kept[-1][1] + 1)
    else:
        kept.append((at, 1))
    total = sum(count for _, count in kept)
    while total - kept[0][1] >= bound:
        total -= kept.pop(0)[1]
    return tuple(kept)
