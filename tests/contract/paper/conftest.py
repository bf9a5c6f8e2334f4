"""One server for all tests of this folder, a fresh venue for each.

Larger than a dozen because each module holds one rule of the venue against ccxt or against the venue's dialect.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.paper_venue import PaperVenue, ServedApp, serve

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder: each speaks HTTP with a server, and together they take half a minute."""
    for item in items:
        if item.path.parent == FOLDER:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def paper_server() -> Iterator[tuple[str, ServedApp]]:
    served = ServedApp()
    with serve(served) as base_url:
        yield base_url, served


@pytest.fixture
def venue(paper_server: tuple[str, ServedApp]) -> Iterator[PaperVenue]:
    """An empty venue."""
    venue = PaperVenue(*paper_server)
    yield venue
    venue.http.close()


@pytest.fixture
def market(venue: PaperVenue) -> PaperVenue:
    """A venue with a market at 50,000 whose price stands still for an hour of history and an hour to come."""
    venue.load(["50000"] * 120)
    venue.set_minute(60)
    return venue


@pytest.fixture
def trader(market: PaperVenue) -> Iterator[Any]:
    """A ccxt client with 10,000 USDT, markets loaded."""
    client = market.client(market.open_account())
    client.load_markets()
    yield client
    client.session.close()
