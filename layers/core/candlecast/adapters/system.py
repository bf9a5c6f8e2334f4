"""The only place that asks the machine for the time or for randomness (habit 9)."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

RANDOM_BYTES = 16  # 128 bits: beyond guessing, and 32 characters, which is what a vault's request token needs at least


class SystemClock:
    """Wall time of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class RandomIdentifiers:
    """Ids from the system's secure randomness: hexadecimal digits."""

    def new(self) -> str:
        return secrets.token_hex(RANDOM_BYTES)
