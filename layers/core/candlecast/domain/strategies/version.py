"""The version of a strategy: which code and parameters gave a signal, so that a receipt can name them years later."""

from __future__ import annotations

import json

from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.values.ids import digest

VERSION_LENGTH = 16  # 64 bits in hex: nobody has that many versions, and every order carries one


def strategy_version(definition: StrategyDefinition, source: str = "") -> str:
    """Hash of everything that decides: the text of the code (`source`), the parameters, the market, or the outside source.

    Names and descriptions decide nothing, and their change leaves the version.
    """
    parameters = json.dumps(dict(definition.parameters), sort_keys=True)
    place = (definition.venue, definition.market or "", definition.timeframe or "")
    origin = (definition.code or "", parameters, source, definition.source_id or "")
    return digest("strategy-version", definition.kind, *place, *origin)[:VERSION_LENGTH]
