"""Parse a body as the dialects do."""

from __future__ import annotations

import json

import pytest

from candlecast.signals.dialect import ParsedSignal
from candlecast.signals.message import Message, read_message
from candlecast.signals.refusal import Refusal, RefusedMessage
from candlecast.signals.registry import detect


def a_message(**fields: object) -> Message:
    return read_message(json.dumps(fields).encode(), ())


def parse(**fields: object) -> ParsedSignal:
    """The meaning of the message, by the dialect that takes it."""
    message = a_message(**fields)
    return detect(message).parse(message)


def refusal(**fields: object) -> Refusal:
    """The reason why the message is refused."""
    with pytest.raises(RefusedMessage) as caught:
        parse(**fields)
    return caught.value.refusal
