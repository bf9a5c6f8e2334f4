"""The operator's key: given at the start, or read from Secrets Manager when first needed. It is in no repr, log or answer."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

RELOAD_AFTER_MS = (
    60_000  # a wrong key reads the secret again at most once a minute: a rotation is noticed, guessing costs nothing
)


@dataclass(slots=True)
class OperatorKey:
    """Compares in constant time; `load` gives the key in force."""

    load: Callable[[], str]
    wall_clock: Callable[[], int]
    _value: str | None = field(default=None, repr=False)
    _loaded_ms: int = 0

    def matches(self, candidate: str) -> bool:
        """Whether `candidate` is the key in force; an empty one never is."""
        if not candidate:
            return False
        now = self.wall_clock()
        if self._value is not None and self._equals(candidate):
            return True
        if self._value is None or now - self._loaded_ms >= RELOAD_AFTER_MS:
            self._value, self._loaded_ms = self.load(), now
        return self._equals(candidate)

    def _equals(self, candidate: str) -> bool:
        return bool(self._value) and hmac.compare_digest((self._value or "").encode(), candidate.encode())
