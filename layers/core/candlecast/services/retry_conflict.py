"""Decide again on fresh state when somebody else has written since it was read."""

from __future__ import annotations

from collections.abc import Callable

from candlecast.domain.values.errors import Conflict

ATTEMPTS = 5  # a busy account is written twice per order; losing five times in a row needs a storm, and the caller may ask again
VERSION_CONFLICT = "VERSION_CONFLICT"


def retry_conflict[T](attempt: Callable[[], T]) -> T:
    """Run `attempt`, which reads, decides and writes, until its write wins.

    Only a lost version is retried, at once: `attempt` reads afresh, so there is nothing to wait for. Raises the last
    `Conflict` (VERSION_CONFLICT) once the attempts are spent, and every other error as it comes.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return attempt()
        except Conflict as error:
            if error.code != VERSION_CONFLICT:
                raise
    return attempt()
