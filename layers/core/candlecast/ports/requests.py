"""Requests of people: those that carry a key, kept so that a repeat does nothing, and how many a tenant has sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from candlecast.domain.people.kept_request import KeptAnswer, KeptRequest
    from candlecast.domain.people.request_rate import RequestKind


class KeptRequests(Protocol):
    """By tenant, operation and key."""

    def begin_request(self, tenant_id: str, operation: str, key: str, request: KeptRequest, now: datetime) -> KeptRequest:
        """Keep the request unless the key is in use; returns the request that has the key.

        The place of a dead request is free for one that asks for the same. One conditional write, and a read if it fails. Raises
        `RetryLater`.
        """
        ...

    def end_request(self, tenant_id: str, operation: str, key: str, attempt: str, answer: KeptAnswer) -> None:
        """Keep the answer, unless another attempt has the key by now. Raises `RetryLater`."""
        ...

    def forget_request(self, tenant_id: str, operation: str, key: str, attempt: str) -> None:
        """Free the key of a request that was refused, unless another attempt has the key by now. Raises `RetryLater`."""
        ...


class RequestCounts(Protocol):
    """Requests of each tenant in each window, over all environments."""

    def take_requests(self, tenant_id: str, kind: RequestKind, window: datetime, count: int, most: int) -> int | None:
        """Take `count` of the `most` requests of a window; returns how many are taken now, None if so many are not left.

        One conditional write. Raises `RetryLater`.
        """
        ...
