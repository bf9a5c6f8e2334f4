"""Write the catalogue of markets, so that nobody else ever downloads it from a venue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from candlecast.domain.market.market import Market
from candlecast.domain.values.errors import InvalidValue, RetryLater
from candlecast.ports.clock import Metrics
from candlecast.ports.venue import CatalogueWriter


@dataclass(frozen=True, slots=True)
class RefreshCatalogue:
    """The catalogue's only writer; `sources` downloads each venue's markets by its name."""

    sources: Mapping[str, Callable[[], Sequence[Market]]]
    writer: CatalogueWriter
    metrics: Metrics

    def __call__(self, venues: Iterable[str] | None = None) -> dict[str, int]:
        """Refresh the named venues, or all; returns the number of markets by venue.

        One venue that does not answer keeps its old catalogue and does not stop the others. Raises the last `RetryLater` if none
        answered, `InvalidValue` (VENUE_UNKNOWN).
        """
        counts: dict[str, int] = {}
        silent: RetryLater | None = None
        for venue in self.sources if venues is None else venues:
            if venue not in self.sources:
                raise InvalidValue(f"no venue is called {venue}", code="VENUE_UNKNOWN")
            try:
                markets = self.sources[venue]()
            except RetryLater as error:
                silent = error
                self.metrics.count("VenueErrors")
                continue
            self.writer.write(venue, markets)
            counts[venue] = len(markets)
        if silent is not None and not counts:
            raise silent
        return counts
