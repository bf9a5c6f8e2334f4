"""Which dialect a message is in. A further one is a file of its own and a line here."""

from __future__ import annotations

from candlecast.signals.dialect import Dialect
from candlecast.signals.message import Message
from candlecast.signals.native import Native
from candlecast.signals.refusal import Refusal, RefusedMessage
from candlecast.signals.traderspost import TradersPost

# The first that matches reads the message, so what is told by more comes before what is told by less.
DIALECTS: tuple[Dialect, ...] = (Native(), TradersPost())


def detect(message: Message) -> Dialect:
    """The dialect of the message; raises `RefusedMessage` UNKNOWN_DIALECT."""
    found = next((dialect for dialect in DIALECTS if dialect.matches(message)), None)
    if found is None:
        raise RefusedMessage(Refusal.UNKNOWN_DIALECT, "the body needs action, and market or ticker")
    return found
