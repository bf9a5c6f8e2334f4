"""Changes of your accounts as they happen: a live connection as an iterator."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import closing

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as open_socket

from .api.live import create_live_ticket
from .client import AuthenticatedClient
from .models import AccountChanged, NewLiveTicket, Topic

OPEN_SECONDS = 10.0
MAX_BYTES = 32 * 1024  # a frame of API Gateway
SETTLE_SECONDS = 10.0  # the relay looks for new listeners every five
KEEP_ALIVE_SECONDS = 240.0  # API Gateway ends a connection that was silent for ten minutes


def listen(client: AuthenticatedClient, topics: Iterable[Topic] = tuple(Topic)) -> Iterator[AccountChanged | None]:
    """Messages in the chain of each account; None where something may have been missed, so that all must be fetched.

    None comes first, ten seconds later, at each gap, and every four minutes. The iterator ends with its connection, which lasts
    as long as the token and at most two hours: then sign in and listen again. Raises Refused, and OSError where nothing answers.
    """
    ticket = create_live_ticket.sync(client=client, body=NewLiveTicket(topics=[*topics]))
    with closing(open_socket(ticket.url, open_timeout=OPEN_SECONDS, max_size=MAX_BYTES, compression=None)) as socket:
        versions: dict[str, int] = {}
        fetch_at = time.monotonic() + SETTLE_SECONDS
        yield None
        while True:
            try:
                text = socket.recv(timeout=max(0.0, fetch_at - time.monotonic()))
            except TimeoutError:
                socket.send("still here")
                fetch_at = time.monotonic() + KEEP_ALIVE_SECONDS
                yield None
                continue
            except ConnectionClosed:
                return
            change = AccountChanged.from_dict(json.loads(text))
            known = versions.get(change.account_id)
            if known is not None and change.sequence <= known:
                continue  # told already
            versions[change.account_id] = change.sequence
            if known is None or change.from_ > known:
                yield None
            elif change.changes:
                yield change
