"""The marketplace: public strategies to follow, with records that nobody can type in."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from candlecast.domain.strategies.definition import TAG_PATTERN
from candlecast.domain.strategies.listing import MAX_SEARCH_CHARACTERS, ListingSort
from functions.api.deps import CallerDep
from functions.api.paging import PagingDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.marketplace import CardView, SortName, VenueKind
from functions.api.schemas.values import Listing
from functions.api.use_cases.marketplace import BrowseMarketDep

router = resource_router(VERSION + "/marketplace", "strategies", 401, 422, 500, 503)


@router.get("")
def browse_marketplace(
    _: CallerDep,
    browse: BrowseMarketDep,
    paging: PagingDep,
    venue_kind: Annotated[VenueKind, Query(description="Records with play money, or with real money; they never mix.")],
    sort: Annotated[SortName, Query(description="Best record, most followers, or newest first.")] = "record",
    tag: Annotated[
        str | None, Query(description="Only strategies with this tag.", json_schema_extra={"pattern": f"^{TAG_PATTERN.pattern}$"})
    ] = None,
    search: Annotated[
        str,
        Query(
            max_length=MAX_SEARCH_CHARACTERS,
            description="Only strategies with all these words, in name, id, market, tags or description; at most five.",
        ),
    ] = "",
) -> Listing[CardView]:
    """Browse public strategies. A page with a filter may be short, or empty, and yet have a next one."""
    page = browse(
        is_paper=venue_kind == "paper",
        sort=ListingSort(sort.upper()),
        tag=tag,
        search=search,
        cursor=paging.start,
        limit=paging.limit,
    )
    return Listing(items=[CardView.of(card) for card in page.items], next_cursor=paging.next(page.cursor))
