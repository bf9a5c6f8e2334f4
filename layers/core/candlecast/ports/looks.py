"""Waiting requests for looks: their leases, and the window for their number."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from candlecast.domain.reconcile.look_lease import LeasePlace, LookLease
    from candlecast.domain.reconcile.look_window import LookWindow


class LookLeases(Protocol):
    """Leases by account and kind of look. Nothing is conditional on them: the newest writer wins."""

    def find(self, places: Collection[LeasePlace]) -> Mapping[LeasePlace, LookLease]:
        """The newest leases, ended ones too; a request for every hundred, half a read unit each. Raises `RetryLater`."""
        ...

    def keep(self, leases: Sequence[LookLease]) -> None:
        """Write leases, one write unit each; a request for one, or for every 25. Raises `RetryLater` if any was not taken."""
        ...

    def end(self, lease: LookLease) -> None:
        """End a lease unless a newer request (another `asked_at`) has taken its place. One write unit. Raises `RetryLater`."""
        ...


class LookWindows(Protocol):
    def load_window(self) -> LookWindow:
        """The window as it was last saved; a fresh window if none was. Raises `RetryLater`."""
        ...

    def save_window(self, window: LookWindow) -> None:
        """Raises `RetryLater`."""
        ...


class Backlog(Protocol):
    def waiting(self) -> int:
        """About how many requests for looks that no order waits for are not done: delayed, visible or being worked on."""
        ...
