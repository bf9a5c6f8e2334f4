"""Write the catalogue of markets, so that nobody else ever downloads it from a venue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from candlecast.domain.market.delisting import carried_forward, is_plausible
from candlecast.domain.market.market import Market
from candlecast.domain.values.errors import InvalidValue, RetryLater
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.venue import CatalogueStore

NOT_BELIEVED = "CATALOGUE_NOT_BELIEVED"
ASK_AGAIN_SECONDS = 3_600.0  # the catalogue's clock asks hourly


@dataclass(frozen=True, slots=True)
class RefreshCatalogue:
    """The catalogue's only writer; `sources` downloads each venue's markets by its name."""

    sources: Mapping[str, Callable[[], Sequence[Market]]]
    catalogue: CatalogueStore
    clock: Clock
    metrics: Metrics

    def __call__(self, venues: Iterable[str] | None = None, *, believe: bool = False) -> dict[str, int]:
        """Refresh the named venues, or all; returns the number of listed markets by venue.

        Markets that a venue lists no more stay in its catalogue as delisted. `believe` takes a list over however short it is,
        because a person has looked.

        One venue that does not answer keeps its old catalogue and does not stop the others. Raises the last `RetryLater` if none
        answered, or if a list was not believed (CATALOGUE_NOT_BELIEVED), and `InvalidValue` (VENUE_UNKNOWN).
        """
        counts: dict[str, int] = {}
        silent: RetryLater | None = None
        doubted: RetryLater | None = None
        for venue in self.sources if venues is None else venues:
            if venue not in self.sources:
                raise InvalidValue(f"no venue is called {venue}", code="VENUE_UNKNOWN")
            try:
                listed, known, now = self.sources[venue](), self.catalogue.read(venue), self.clock.now()
            except RetryLater as error:
                silent = error
                self.metrics.count("VenueErrors")
                continue
            if not believe and not is_plausible(known, listed, now):
                doubted = RetryLater(NOT_BELIEVED, f"{venue} lists {len(listed)} markets", after_seconds=ASK_AGAIN_SECONDS)
                continue
            self.catalogue.write(venue, carried_forward(known, listed, now))
            counts[venue] = len(listed)
            self.metrics.count("CataloguesWritten")
        if doubted is not None:
            raise doubted  # the function fails, which is an alarm; the old catalogue stays in use
        if silent is not None and not counts:
            raise silent
        return counts
