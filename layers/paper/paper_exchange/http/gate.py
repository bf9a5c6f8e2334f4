"""Between HTTP and the venue: reads a request, counts it, spoils its answer if a fault rule says so, and answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from paper_exchange import errors
from paper_exchange.accounts.account import Outcome
from paper_exchange.errors import VenueError
from paper_exchange.exchange import Exchange, Opened, Session
from paper_exchange.markets.clock import ClockMode
from paper_exchange.markets.market_view import MarketView
from paper_exchange.requests.requests import Parameters
from paper_exchange.requests.signature import read_call
from paper_exchange.requests.weights import ORDER_COUNTS, name_of, weight_of
from paper_exchange.traffic.faults import BODIES, FaultKind, FaultRule

MAX_BODY_BYTES = 16_384  # the largest request of the dialect has a few hundred bytes
CUT_LENGTH = 1_000
NOT_AUTHENTICATED = frozenset({-1021, -1022, -1102, -1131, -2014, -2015})  # what `Exchange.authenticate` raises

Decision = Callable[[Session, Parameters], tuple[Outcome, Any]]
Work = Callable[[Decimal | None], Any]  # of the share that an order may take at once, or None


class CutResponse(Response):
    """Promises a body and ends the connection before it is whole, as a broken line does."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", str(CUT_LENGTH).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"', "more_body": True})


@dataclass(frozen=True, slots=True)
class Gate:
    """One request on its way in and out; `headers` go with an answer of any kind."""

    exchange: Exchange
    opened: Opened
    headers: dict[str, str]

    async def public(self, look: Callable[[MarketView, Parameters], Any]) -> Response:
        """Answer from the market alone."""
        return await self._answer(lambda _: look(self.exchange.view(self.opened), self.opened.call.parameters))

    async def read(self, look: Callable[[Session, Parameters], Any]) -> Response:
        """Answer from the account of the request's key."""
        parameters = self.opened.call.parameters
        return await self._answer(lambda _: self.exchange.read(self.opened, lambda session: look(session, parameters)))

    async def write(self, decide: Decision) -> Response:
        """Change the account of the request's key."""
        parameters = self.opened.call.parameters
        return await self._answer(
            lambda ratio: self.exchange.write(self.opened, lambda session: decide(session, parameters), fill_ratio=ratio)
        )

    async def write_on(self, decide: Decision, more: Callable[[Outcome], bool]) -> Response:
        """Change the account in as many steps as it takes."""
        parameters = self.opened.call.parameters
        return await self._answer(
            lambda _: self.exchange.write_on(self.opened, lambda session: decide(session, parameters), more)
        )

    async def _answer(self, work: Work) -> Response:
        call = self.opened.call
        if self.opened.state.state.counting:
            self.exchange.store.count_request(self.opened.account_id, name_of(call))
        counts = ORDER_COUNTS.get(name_of(call))
        if counts is not None and self.opened.account_id:
            work = self._counted(work, counts)
        rule = self.exchange.fault(self.opened)
        if rule is None:
            return await self._whole(work)
        if rule.kind is FaultKind.PARTIAL_FILL:
            return await self._whole(work, rule.ratio)
        if rule.kind is FaultKind.SLOW:
            return await self._slowly(rule, work)
        if rule.executed:
            with suppress(VenueError):
                await self._work(work)
        await asyncio.sleep(rule.delay_ms / 1000)
        return _spoilt(rule)

    def _counted(self, work: Work, counts: tuple[int, int]) -> Work:
        """The same with the account's order limits around it; a request that the account did not sign does not count."""
        limits, account_id = self.opened.state.state.limits, self.opened.account_id

        def counted(fill_ratio: Decimal | None) -> Any:
            ten_seconds, minute = self.exchange.rates.take_order(account_id, limits, self.opened.wall_ms, counts)
            try:
                answer = work(fill_ratio)
            except VenueError as error:
                if error.code in NOT_AUTHENTICATED:
                    self.exchange.rates.give_back_order(account_id, counts)
                raise
            self.headers["X-MBX-ORDER-COUNT-10S"] = str(ten_seconds)
            self.headers["X-MBX-ORDER-COUNT-1M"] = str(minute)
            return answer

        return counted

    async def _whole(self, work: Work, fill_ratio: Decimal | None = None) -> Response:
        answer = await self._work(work, fill_ratio)
        return JSONResponse(answer, headers=self.headers)

    async def _slowly(self, rule: FaultRule, work: Work) -> Response:
        if not rule.executed:
            await asyncio.sleep(rule.delay_ms / 1000)
            return await self._whole(work)
        answer = await self._whole(work)
        await asyncio.sleep(rule.delay_ms / 1000)
        return answer

    async def _work(self, work: Work, fill_ratio: Decimal | None = None) -> Any:
        """Only a live feed waits for a network; all else is quicker than a thread's hand-over."""
        if self.opened.state.state.clock.mode is ClockMode.LIVE:
            return await run_in_threadpool(work, fill_ratio)
        return work(fill_ratio)


def _spoilt(rule: FaultRule) -> Response:
    if rule.kind is FaultKind.TIMEOUT:
        raise errors.backend_timeout()
    if rule.kind is FaultKind.RATE_LIMITED:
        raise errors.too_many_requests(429, rule.retry_after_seconds)
    if rule.kind is FaultKind.BANNED:
        raise errors.too_many_requests(418, rule.retry_after_seconds)
    if rule.kind is FaultKind.REFUSED:
        raise VenueError(rule.code, rule.message, rule.status or 400)
    if rule.kind in BODIES:
        media_type = "text/html" if rule.kind is FaultKind.HTML else "application/json"
        return Response(BODIES[rule.kind], rule.status or 200, media_type=media_type)
    if rule.kind is FaultKind.CLOSED:
        return CutResponse()
    if rule.kind is FaultKind.UNAVAILABLE:
        return PlainTextResponse("Service Unavailable", 503)
    return PlainTextResponse("Internal Server Error", 500)


async def open_gate(request: Request) -> Gate:
    """Read a request of the dialect and take its weight; parameters may come in the query, the body or both."""
    body = await read_body(request, MAX_BODY_BYTES)
    exchange: Exchange = request.app.state.exchange
    api_key = request.headers.get("x-mbx-apikey", "")
    query: bytes = request.scope["query_string"]
    call = read_call(request.method, request.url.path, query.decode("latin-1"), body.decode("latin-1"), api_key)
    opened = exchange.open(call)
    limits = opened.state.state.limits
    bucket = limits.bucket_of(request.client.host if request.client else "", opened.account_id)
    used = exchange.rates.weigh(bucket, weight_of(call), limits, opened.wall_ms)
    headers = {"X-MBX-USED-WEIGHT-1M": str(used)}
    request.state.rate_headers = headers
    return Gate(exchange, opened, headers)


async def read_body(request: Request, limit: int) -> bytes:
    """The body, as far as it is allowed to go; raises `VenueError` -1130 with 413 beyond that."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise VenueError(-1130, "Data sent for parameter 'body' is not valid.", 413)
        parts.append(part)
    return b"".join(parts)


def required_symbols(view: MarketView, parameters: Mapping[str, str]) -> list[str]:
    """The symbol asked for, or all that have candles."""
    symbol = parameters.get("symbol")
    if symbol is not None:
        view.spec(symbol)
        return [symbol]
    return sorted(name for name, listing in view.state.listings.items() if listing.series is not None)


AnyGate = Annotated[Gate, Depends(open_gate)]
