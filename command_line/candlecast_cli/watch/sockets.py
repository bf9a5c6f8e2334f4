"""A live connection over the package `websockets`: the one place that knows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit

from candlecast_cli.api import is_loopback

OPEN_SECONDS = 10.0
CLOSE_SECONDS = 1.0
MAX_BYTES = 32 * 1024  # a frame of API Gateway
EXTRA = "live"


class ConnectionLost(Exception):
    """There is no connection; the text says why, in words for a person."""


class Socket(Protocol):
    """An open connection."""

    def receive(self, seconds: float) -> str | bytes | None:
        """The next message; None if none came for so long. Raises `ConnectionLost`."""
        ...

    def send(self, text: str) -> None:
        """Raises `ConnectionLost`."""
        ...


type Connect = Callable[[str], AbstractContextManager[Socket]]


def connector() -> Connect | None:
    """How to connect; None where the extra [live] is not installed."""
    try:
        from websockets.sync import client
    except ImportError:
        return None
    return lambda url: _open(client, url)


@contextmanager
def _open(client: Any, url: str) -> Iterator[Socket]:
    from websockets.exceptions import InvalidStatus, WebSocketException

    parts = urlsplit(url)
    is_here = is_loopback(parts.hostname or "")
    if parts.scheme != "wss" and not is_here:
        raise ConnectionLost("the address is not wss://, so the ticket could be read on the way")
    bounds = {"open_timeout": OPEN_SECONDS, "close_timeout": CLOSE_SECONDS, "max_size": MAX_BYTES}
    try:
        connection = client.connect(url, **bounds, compression=None, proxy=None if is_here else True)
    except InvalidStatus as error:
        raise ConnectionLost(f"refused with {error.response.status_code}") from None  # the error itself may hold the ticket
    except (OSError, WebSocketException) as error:
        raise ConnectionLost(type(error).__name__) from None
    try:
        yield _Open(connection)
    finally:
        connection.close()


class _Open:
    """`Socket`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def receive(self, seconds: float) -> str | bytes | None:
        from websockets.exceptions import ConnectionClosed

        try:
            text: str | bytes = self._connection.recv(timeout=seconds)
        except TimeoutError:
            return None
        except ConnectionClosed:
            raise ConnectionLost("closed by the platform") from None
        return text

    def send(self, text: str) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            self._connection.send(text)
        except ConnectionClosed:
            raise ConnectionLost("closed by the platform") from None
