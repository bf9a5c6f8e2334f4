"""Browse the marketplace: public strategies in an order, with a tag and with words."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.strategies.listing import Card, ListingQuery, ListingSort, search_words
from candlecast.ports.listings import ListingStore
from candlecast.ports.store import Page


@dataclass(frozen=True, slots=True)
class BrowseMarket:
    """Reads one page of cards by one query."""

    listings: ListingStore

    def __call__(
        self,
        *,
        is_paper: bool,
        sort: ListingSort,
        tag: str | None = None,
        search: str = "",
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Card]:
        """Cards with the tag and with all words of `search`.

        Raises `InvalidValue` (TAGS_INVALID, SEARCH_INVALID, CURSOR_INVALID).
        """
        query = ListingQuery(is_paper=is_paper, sort=sort, tag=tag, words=search_words(search))
        return self.listings.browse(query, cursor, limit)
