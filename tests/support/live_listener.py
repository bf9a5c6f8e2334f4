"""A client of live connections in a thread of its own, which keeps everything that it hears."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import Future
from threading import Thread
from typing import Any, Self

import aiohttp

from candlecast.services.live.tell_listeners import KNOWN_FOR
from tests.support.waiting import WAIT_SECONDS, until

SETTLE_SECONDS = KNOWN_FOR.total_seconds() + 2  # until every relay has looked anew, and the index is not behind


class Listener:
    """Open from `with` on; the connection is closed at its end."""

    def __init__(self, url: str) -> None:
        self.messages: list[dict[str, Any]] = []
        self._url = url
        self._opened: Future[asyncio.Event] = Future()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_until_complete, args=(self._listen(),), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._opened.result(WAIT_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._opened.result().set)
        self._thread.join(WAIT_SECONDS)
        self._loop.close()

    def of(self, account_id: str | None) -> list[dict[str, Any]]:
        """The messages about an account, in the order of its versions."""
        return sorted((each for each in self.messages if each["account_id"] == account_id), key=lambda each: each["sequence"])

    def named(self, topic: str, field: str) -> set[str]:
        """The names of a topic that were heard."""
        changes = [change for each in self.messages for change in each["changes"] if change["topic"] == topic]
        return {name for change in changes for name in change[field]}

    def wait_for_orders(self, order_ids: set[str]) -> None:
        until(lambda: order_ids - self.named("orders", "order_ids"), lambda missing: not missing)

    async def _listen(self) -> None:
        try:
            async with aiohttp.ClientSession() as session, session.ws_connect(self._url) as socket:
                end = asyncio.Event()
                reading = asyncio.create_task(self._read(socket))
                self._opened.set_result(end)
                await end.wait()
                reading.cancel()
        except Exception as error:
            if not self._opened.done():
                self._opened.set_exception(error)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for heard in socket:
            self.messages.append(json.loads(heard.data))


def gaps(messages: list[dict[str, Any]], known: int | None = None) -> list[dict[str, Any]]:
    """The messages of one account before which something is missing, for a client that knows the account's version `known`."""
    missed = []
    for each in messages:
        if known is not None and each["from"] > known:
            missed.append(each)
        known = max(known or 0, each["sequence"])
    return missed
