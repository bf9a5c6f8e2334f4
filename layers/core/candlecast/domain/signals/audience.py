"""Whom the signal of one version of a strategy goes to."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.values.ids import digest

BUCKETS = 100  # a release goes to its followers by whole percents


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Followers who get the signal of a version: all who have pinned it, and a part of the followers of the latest."""

    number: int
    """The version's number."""
    bucket_from: int = 0
    """First bucket (`release_bucket`) of those who follow the latest version."""
    bucket_to: int = 0
    """The bucket after the last one; equal to `bucket_from` if none of them gets this version."""

    def includes(self, strategy_id: str, subscription_id: str, pinned_version: int | None) -> bool:
        """Whether the version's signals go to this subscription."""
        if pinned_version is not None:
            return pinned_version == self.number
        return self.bucket_from <= release_bucket(strategy_id, subscription_id) < self.bucket_to


def release_bucket(strategy_id: str, subscription_id: str) -> int:
    """0 to 99: whether a release to a share reaches the subscription. The same at each release, so a share only grows."""
    return int(digest("release", strategy_id, subscription_id), 16) % BUCKETS
