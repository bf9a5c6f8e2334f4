"""For the API: check uploaded code on real candles of its market, in the sandbox of its owner."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.domain.values.errors import CodeRefused, RetryLater
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.code_checks import CodeUpload
from candlecast.runtime.answers import as_answer
from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import logger, observed
from candlecast.services.strategies.check_code import UNAVAILABLE

with uncollected():
    from candlecast.runtime.compose import strategy_validator


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer `{"check": {source, parameters, owner, venue, market, timeframe}}` with the code's description of itself.

    A refusal is `{"refused_because": {code, message, line, row, candle_close}}`, with nulls where nothing shows the place.
    """
    asked = event["check"]
    upload = CodeUpload(**{**asked, "timeframe": Timeframe(asked["timeframe"])})
    try:
        return as_answer(strategy_validator.build().check(upload))
    except CodeRefused as error:
        logger.info("code refused", extra={"reason_code": error.code, "owner": upload.owner})
        close = None if error.candle_close is None else error.candle_close.isoformat()
        place = {"line": error.line, "row": error.row, "candle_close": close}
        return {"refused_because": {"code": error.code, "message": error.message, **place}}
    except RetryLater as error:
        logger.warning("no check", extra={"reason_code": error.code})
        return {"refused_because": {"code": UNAVAILABLE, "message": error.message}}
