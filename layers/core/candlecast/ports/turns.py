"""Turns: one run of a command at a time, wherever the command is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime


class Turns(Protocol):
    """Whose turn it is to act for a tenant. A turn ends by itself, so a run that died holds nobody up for long."""

    def take(self, tenant_id: str, run_id: str, now: datetime, until: datetime) -> bool:
        """Whether the run has the turn until then: nobody else has it at `now`. Raises `RetryLater`."""
        ...

    def give_back(self, tenant_id: str, run_id: str, now: datetime) -> None:
        """End the turn at `now`, unless another run has it by now. Raises `RetryLater`."""
        ...
