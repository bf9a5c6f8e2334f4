"""The chain of an account's versions, as messages of a live connection tell it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum, auto


class News(Enum):
    """The meaning of a message for a client."""

    NOTHING = auto()  # known already, or nothing of this topic
    CHANGED = auto()
    MISSED = auto()  # a message before it never came, or its text is none of ours


@dataclass(slots=True)
class Chain:
    """The version of each account that this client knows."""

    _known: dict[str, int] = field(default_factory=dict)

    def take(self, text: str | bytes) -> News:
        """Note a message."""
        try:
            message = json.loads(text)
            account_id, before, sequence = message["account_id"], message["from"], message["sequence"]
            is_named = bool(message["changes"])
            known = self._known.get(account_id)
            if known is not None and sequence <= known:
                return News.NOTHING
            self._known[account_id] = sequence
            if known is None or before > known:
                return News.MISSED
        except (ValueError, KeyError, TypeError, RecursionError):
            return News.MISSED
        return News.CHANGED if is_named else News.NOTHING
