"""The use case of the marketplace, made of its ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.strategies.browse_market import BrowseMarket
from functions.api.ports import ListingsDep


async def browse_market(listings: ListingsDep) -> BrowseMarket:
    return BrowseMarket(listings)


BrowseMarketDep = Annotated[BrowseMarket, Depends(browse_market)]
