"""A strategy as the marketplace shows it: the words of its author, and figures that follow from trades and followers alone."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from candlecast.domain.strategies.definition import TAG_PATTERN, StrategyDefinition, StrategyKind, Visibility
from candlecast.domain.strategies.parity_share import ParityShare
from candlecast.domain.strategies.record import StrategyRecord
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import HUNDRED
from candlecast.domain.values.timeframe import Timeframe

# A record of fewer says nothing yet: it is shown, and stands behind all others. Five tenants are more than one and their friends
# happen to be; from about thirty values on a mean says something.
MIN_RANKED_TENANTS = 5
MIN_RANKED_TRADES = 30

MAX_WORDS = 5  # each is one more condition of the query
MAX_SEARCH_CHARACTERS = 100
# Of the text that is searched. Compatibility forms unfold to as many as eighteen characters; honest names and descriptions fit.
MAX_SEARCHED_CHARACTERS = 1_500
RETURN_PLACES = Decimal("0.0001")
BACKTEST_AGES = timedelta(days=7)  # then the card's backtest is computed anew, with a week more
RELEASES_APART = timedelta(hours=6)  # of a card's tasks: an author may release every hour, and a task may take twelve minutes
TASK_LOST = timedelta(days=1)  # a backtest that was asked for, and left no figures by then, is asked for again
SCORE_DIGITS = 10  # of a number in a place, so that places sort as numbers do


class ListingSort(StrEnum):
    """Orders of the marketplace: the best RECORD, the most FOLLOWERS, or the NEWEST first."""

    RECORD = "RECORD"
    FOLLOWERS = "FOLLOWERS"
    NEWEST = "NEWEST"


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The part of a card that its author chooses. Neither code nor parameters, and nobody's tenant id."""

    strategy_id: str
    name: str
    kind: StrategyKind
    venue: str
    created_at: datetime
    description: str = ""
    tags: tuple[str, ...] = ()
    market: str | None = None
    timeframe: Timeframe | None = None

    @staticmethod
    def of(definition: StrategyDefinition) -> Listing:
        """The words of a definition."""
        return Listing(
            strategy_id=definition.strategy_id,
            name=definition.name,
            kind=definition.kind,
            venue=definition.venue,
            created_at=definition.created_at,
            description=definition.description,
            tags=definition.tags,
            market=definition.market,
            timeframe=definition.timeframe,
        )

    @property
    def searched_text(self) -> str:
        """The normalised text in which words are searched."""
        given = (self.name, self.strategy_id, self.market or "", " ".join(self.tags), self.description)
        return normalised("\n".join(given))[:MAX_SEARCHED_CHARACTERS]


@dataclass(frozen=True, kw_only=True)
class RecordStart:
    """The opening of the first trade that a record counts."""

    opened_at: datetime
    price: Decimal
    """Average entry price, in quote units."""


@dataclass(frozen=True, kw_only=True)
class ListedRecord:
    """The part of a card that nobody can type: its followers, and the public record. Percents are of capital, after fees."""

    followers: int = 0
    """Subscriptions that are not cancelled."""
    tenants: int = 0
    trades: int = 0
    mean_return_percent: Decimal | None = None
    """Mean return of a trade, in which no tenant weighs too much; None before the first trade."""
    win_rate_percent: Decimal | None = None
    profit_factor: Decimal | None = None
    """Gains over losses; None before the first loss."""
    return_per_tenant_percent: Decimal | None = None
    """Mean over tenants of the sum of their returns; a tenant with more than thirty trades counts with thirty mean ones."""
    since: datetime | None = None
    """Opening of the first counted trade; None before it is public, and where it was not kept."""
    buy_and_hold_percent: Decimal | None = None
    """Change of the market's price since then; None without a start or a last price."""

    @property
    def is_ranked(self) -> bool:
        """Whether the record is old enough to be compared with others."""
        return self.tenants >= MIN_RANKED_TENANTS and self.trades >= MIN_RANKED_TRADES

    @staticmethod
    def of(
        definition: StrategyDefinition, record: StrategyRecord, start: RecordStart | None, last_price: Decimal | None
    ) -> ListedRecord:
        """The figures of a public record; `start` and `last_price` are those of the record's venue."""
        sums, has_market = record.sums, definition.market is not None
        if sums.trades == 0:
            start = None
        price = start.price if start is not None and has_market else None
        held = None if price is None or last_price is None else (HUNDRED * (last_price / price - 1)).quantize(RETURN_PLACES)
        return ListedRecord(
            followers=definition.subscriber_count,
            tenants=sums.tenants,
            trades=sums.trades,
            mean_return_percent=record.mean_return_percent,
            win_rate_percent=record.win_rate_percent,
            profit_factor=record.profit_factor,
            return_per_tenant_percent=(HUNDRED * sums.returns / sums.tenants).quantize(RETURN_PLACES) if sums.tenants else None,
            since=None if start is None else start.opened_at,
            buy_and_hold_percent=held,
        )

    @property
    def score(self) -> str:
        """Sorts as records do: ranked ones by their mean return, and behind them the young ones by their number of trades."""
        if not self.is_ranked or self.mean_return_percent is None:
            return f"0{self.trades:0{SCORE_DIGITS}}"
        above_total_loss = self.mean_return_percent + HUNDRED  # a counted return never lies below the loss of all capital
        return f"1{int(above_total_loss / RETURN_PLACES):0{SCORE_DIGITS}}"


@dataclass(frozen=True, kw_only=True)
class BacktestFigures:
    """A backtest on the platform's own terms. Percents are of the cash at the begin, after fees."""

    version: int | None
    """Number of the version that decided; None where the strategy has no versions."""
    start: datetime
    until: datetime
    trades: int = 0
    return_percent: Decimal | None = None
    max_drawdown_percent: Decimal | None = None
    buy_and_hold_percent: Decimal | None = None
    win_rate_percent: Decimal | None = None
    """None without a trade."""
    sharpe_ratio: Decimal | None = None
    """Of a year; None with fewer than two days."""
    is_ruined: bool = False
    """Whether the equity was at or below zero at some close."""
    refusal: str | None = None
    """Code of the reason why there are no figures."""
    made_at: datetime | None = None
    """When the version was made, whose author knew the candles before; None where the strategy has no versions."""
    return_since_made_percent: Decimal | None = None
    """Of the equity at `made_at`; None without a version, or before its first candle."""


@dataclass(frozen=True, kw_only=True)
class ListedBacktest:
    """The backtest on a card: time and version of the last task, and the newest figures, perhaps of another version."""

    asked_at: datetime
    version: int | None
    figures: BacktestFigures | None = None

    def is_due(self, version: int | None, now: datetime) -> bool:
        """Whether a task is due: the stable version is another one, the figures are old, or the last task was lost."""
        if self.version != version:
            wait = RELEASES_APART
        else:
            wait = TASK_LOST if self.figures is None or self.figures.version != version else BACKTEST_AGES
        return now - self.asked_at >= wait


@dataclass(frozen=True, kw_only=True)
class Card:
    """A listed strategy with its figures."""

    listing: Listing
    record: ListedRecord
    backtest: ListedBacktest | None = None
    """None until it was first asked for, and for signals from outside."""
    parity: ParityShare | None = None
    """As of the newest comparison; None before the first, and for signals from outside."""


@dataclass(frozen=True, kw_only=True)
class ListingQuery:
    """The cards that are asked for: of one kind of venue, in one order, with a tag and with all words. Raises `InvalidValue`."""

    is_paper: bool
    """Whether strategies of paper venues are asked for, or those of live ones."""
    sort: ListingSort
    tag: str | None = None
    words: tuple[str, ...] = ()
    """Normalised; each must occur in a card's searched text."""

    def __post_init__(self) -> None:
        if self.tag is not None and not TAG_PATTERN.fullmatch(self.tag):
            raise InvalidValue("a tag has small letters, digits and hyphens, 32 characters at most", code="TAGS_INVALID")
        if len(self.words) > MAX_WORDS or sum(map(len, self.words)) > MAX_SEARCHED_CHARACTERS:
            raise InvalidValue(f"a search has at most {MAX_WORDS} words", code="SEARCH_INVALID")

    def finds(self, listing: Listing) -> bool:
        """Whether a listing has the tag and all words."""
        return self.tag in (None, *listing.tags) and all(word in listing.searched_text for word in self.words)


@dataclass(frozen=True, kw_only=True)
class ListingWalk:
    """How far the present lap over all cards has come."""

    began_at: datetime
    """The beginning of the lap."""
    part: int = 0
    """Number of the listing that the walk is at."""
    cursor: str | None = None
    """The place in that listing; None is its beginning."""
    is_over: bool = False
    """Whether the lap has ended; the next one begins after a pause."""


def is_listed(definition: StrategyDefinition) -> bool:
    """Whether everybody may find the strategy in the marketplace."""
    is_open = definition.visibility is Visibility.PUBLIC and definition.reserved_for is None
    return is_open and definition.retired_at is None


def search_words(text: str) -> tuple[str, ...]:
    """The words of a search, normalised as the searched text is; raises `InvalidValue` (SEARCH_INVALID) for a long text."""
    if len(text) > MAX_SEARCH_CHARACTERS:
        raise InvalidValue(f"a search has at most {MAX_SEARCH_CHARACTERS} characters", code="SEARCH_INVALID")
    return tuple(dict.fromkeys(normalised(text).split()))


def normalised(text: str) -> str:
    """Text in which letters are equal however they are written: compatibility forms and cases are folded."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
