"""X-Ray's daemon as a function finds it: a socket that documents arrive at."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from candlecast.adapters.xray.daemon import ADDRESS, _socket
from candlecast.adapters.xray.trace import OF_INVOCATION

ROOT = "1-674b1d2c-0123456789abcdef01234567"
OWN = "Root=1-674b1d2d-aaaaaaaaaaaaaaaaaaaaaaaa;Parent=bbbbbbbbbbbbbbbb;Sampled=1;Lineage=1:abc123:0"
HEADER = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"


class Daemon:
    """A socket in the place of X-Ray's daemon."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.socket.getsockname()[1]}"

    def documents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            try:
                header, _, document = self.socket.recv(65_536).partition(b"\n")
            except BlockingIOError:
                return found
            assert json.loads(header) == {"format": "json", "version": 1}
            found.append(json.loads(document))


@contextmanager
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A daemon beside a function whose invocation is traced."""
    made = Daemon()
    monkeypatch.setenv(ADDRESS, made.address)
    monkeypatch.setenv(OF_INVOCATION, OWN)
    yield made
    made.socket.close()
    _socket().close()
    _socket.cache_clear()
