"""The marketplace: cards of public strategies, and the walk that keeps their figures fresh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from candlecast.domain.strategies.definition import StrategyDefinition
    from candlecast.domain.strategies.listing import Card, ListedBacktest, ListedRecord, ListingQuery, ListingWalk
    from candlecast.domain.strategies.parity_share import ParityShare
    from candlecast.ports.store import Page


class ListingStore(Protocol):
    """Cards; the store of strategies writes their words in the transaction that creates or changes a strategy."""

    def browse(self, query: ListingQuery, cursor: str | None = None, limit: int = 50) -> Page[Card]:
        """One page, best first: one query, however the cards are filtered. A filtered page may be short and yet not the last.

        Raises `InvalidValue` (CURSOR_INVALID, PAGE_SIZE_INVALID).
        """
        ...

    def add_missing(self, definition: StrategyDefinition) -> None:
        """List a strategy from before there were cards; a strategy whose card was ever written is left as it is."""
        ...

    def refresh(self, strategy_id: str, record: ListedRecord) -> None:
        """Replace the figures of a card. A strategy that is listed no more stays unlisted."""
        ...

    def put_backtest(self, strategy_id: str, backtest: ListedBacktest) -> None:
        """Replace the backtest of a card. A strategy that is listed no more stays unlisted."""
        ...

    def put_parity(self, strategy_id: str, parity: ParityShare) -> None:
        """Replace the parity of a card. A strategy that is listed no more stays unlisted."""
        ...

    def load_walk(self) -> ListingWalk | None:
        """The walk as it was last saved; None before the first."""
        ...

    def save_walk(self, walk: ListingWalk) -> None: ...
