"""Documents for X-Ray's daemon, which every function with active tracing finds beside itself: one datagram each.

The format is that of docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html ("Sending segment documents to the X-Ray
daemon"). X-Ray's own SDK is in maintenance mode.
"""

from __future__ import annotations

import json
import os
import socket
from functools import cache
from typing import Any

ADDRESS = "AWS_XRAY_DAEMON_ADDRESS"  # host and port, or "tcp:<host>:<port> udp:<host>:<port>"
PREFIX = b'{"format":"json","version":1}\n'
MAX_BYTES = 60_000  # X-Ray takes documents of 64 kB; so does a datagram


def send(document: dict[str, Any]) -> None:
    """Send and forget: no work fails or waits because of its trace. A document that is too large goes without its subsegments."""
    address = daemon_address(os.environ.get(ADDRESS, ""))
    if address is None:
        return
    content = _encoded(document)
    if len(content) > MAX_BYTES:
        content = _encoded({**document, "subsegments": []})
    try:
        _socket().sendto(PREFIX + content, address)
    except OSError:
        return


def daemon_address(text: str) -> tuple[str, int] | None:
    """The daemon's address for datagrams; None if the text holds none."""
    parts = [part.removeprefix("udp:") for part in text.split() if not part.startswith("tcp:")]
    host, _, port = (parts[0] if parts else "").rpartition(":")
    return (host, int(port)) if host and port.isdecimal() and int(port) < 65_536 else None


@cache
def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


def _encoded(document: dict[str, Any]) -> bytes:
    return json.dumps({name: value for name, value in document.items() if value not in (None, {}, [])}).encode()
