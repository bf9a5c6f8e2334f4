"""The answer of a function to its caller: a value of ours as JSON, money as text."""

from __future__ import annotations

import json
from typing import Any

from candlecast.adapters.codec import to_json


def as_answer(value: object) -> dict[str, Any]:
    """The value's fields as JSON types; `adapters.codec.from_json` reads them again."""
    answer: dict[str, Any] = json.loads(to_json(value))
    return answer
