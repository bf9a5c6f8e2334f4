"""An HTTP server that answers a command as a test says, and keeps what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Sent:
    """A request as it arrived; header names are in small letters."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """Answers `METHOD /path` (without the query) with the next of its answers; the last one stays."""

    answers: dict[str, list[tuple[int, bytes, dict[str, str]]]] = field(default_factory=dict)
    requests: list[Sent] = field(default_factory=list)
    url: str = ""

    def answer(self, asked: str, status: int, body: Any, **headers: str) -> None:
        """The next answer to a method and path; a body that is no bytes goes out as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.setdefault(asked, []).append((status, raw, headers))

    def take(self, sent: Sent) -> tuple[int, bytes, dict[str, str]]:
        self.requests.append(sent)
        known = self.answers.get(f"{sent.method} {sent.path.partition('?')[0]}")
        if not known:
            return 404, json.dumps({"code": "NOT_FOUND", "detail": "There is no such thing, or it is not yours."}).encode(), {}
        return known.pop(0) if len(known) > 1 else known[0]

    def sent(self, method: str) -> list[Sent]:
        return [it for it in self.requests if it.method == method]


@contextmanager
def serving() -> Iterator[Server]:
    """A server on a free port of this machine."""
    made = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            status, answer, more = made.take(Sent(self.command, self.path, headers, body))
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            for name, value in more.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield made
    server.shutdown()
    server.server_close()
