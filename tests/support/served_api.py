"""The API over fakes on a port of this machine: requests of HTTP become the gateway's events, and the token is the tenant."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.support.gateway import Answer, Client, Providers

PREFIX = "Bearer "
OF_THE_SERVER = {"content-length", "date", "server"}


@contextmanager
def serve(providers: Providers, after: Callable[[], None]) -> Iterator[str]:
    """The address of the API; `after` is called behind each request. One request at a time: fakes know no threads."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_PUT(self) -> None:
            self._answer()

        def do_PATCH(self) -> None:
            self._answer()

        def do_DELETE(self) -> None:
            self._answer()

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            tenant = self.headers.get("Authorization", "").removeprefix(PREFIX) or None
            client = Client(providers, tenant=tenant)
            query, headers = dict(parse_qsl(parts.query)), {name.lower(): value for name, value in self.headers.items()}
            answer: Answer = client.send(self.command, parts.path, raw=body or None, query=query, headers=headers)
            after()
            raw = answer.text.encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in OF_THE_SERVER:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=_run, args=[server], daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def _run(server: HTTPServer) -> None:
    """With an event loop of the thread, which the handler asks for."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    server.serve_forever(0.01)
    loop.close()
