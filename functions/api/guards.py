"""Guards in front of the routes: a bound on the body, and an answer to unforeseen errors."""

from __future__ import annotations

import re
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from candlecast.domain.strategies.versions import MAX_SOURCE_BYTES
from candlecast.runtime.failures import described
from candlecast.runtime.observe import logger
from functions.api.problems import problem

MAX_BODY_BYTES = 32_768  # the largest that is legitimate, settings with fifty markets, has some 4 kB

# Of a body with code. JSON writes each quotation mark, backslash and line break of a source as two characters. Lambda's event
# escapes those once more and has 6 MB.
MAX_CODE_BODY_BYTES = 2 * MAX_SOURCE_BYTES + MAX_BODY_BYTES
CARRIES_CODE = re.compile(r"/v1/strategies(/[^/]+/versions)?")  # by POST


class UnexpectedErrors:
    """Answers 500 and logs where the error came from.

    Neither the log nor the answer has the error's text: libraries put into it what they were given, which may be a key.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:  # the outermost boundary
            logger.error("unexpected error", extra=described(error))
            if not started:
                answer = problem(HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", "The fault is ours; it has been recorded.")
                await answer(scope, receive, send)


class BodyLimit:
    """Answers 413 to a body that is larger than any legitimate body, before the body is parsed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = MAX_CODE_BODY_BYTES if scope["method"] == "POST" and CARRIES_CODE.fullmatch(scope["path"]) else MAX_BODY_BYTES
        chunks: list[bytes] = []
        more = True
        while more:
            message = await receive()
            chunks.append(message.get("body", b""))
            more = message.get("more_body", False)
            if sum(map(len, chunks)) > most:
                detail = f"A body has at most {most} bytes."
                await problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "BODY_TOO_LARGE", detail)(scope, receive, send)
                return
        body: Message = {"type": "http.request", "body": b"".join(chunks), "more_body": False}
        waiting = [body]

        async def replayed() -> Message:
            return waiting.pop() if waiting else await receive()

        await self._app(scope, replayed, send)
