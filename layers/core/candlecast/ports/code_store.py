"""Uploaded code by the hash of its text: kept for ever, changed by nobody."""

from __future__ import annotations

from typing import Protocol


class CodeStore(Protocol):
    """Texts of strategies."""

    def put(self, source: str) -> str:
        """Keep a text; returns its SHA-256 (hex of its UTF-8 bytes), by which it is found. A repeat changes nothing.

        Raises `RetryLater` (CODE_UNAVAILABLE).
        """
        ...

    def get(self, source_hash: str) -> str:
        """The text of that hash, compared with it.

        Raises `NotFound`, `Reject` (CODE_DAMAGED) for another text than was kept, `RetryLater` (CODE_UNAVAILABLE).
        """
        ...
