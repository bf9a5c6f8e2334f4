"""A client of one deployment, with a bound on every request."""

from __future__ import annotations

import httpx

from .client import AuthenticatedClient

TIMEOUT_SECONDS = 30.0  # the gateway itself gives up after 30


def connect(api: str, token: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> AuthenticatedClient:
    """The client of a signed-in person. `api` is the output `ApiUrl` of the stack; close the client by `with`."""
    return AuthenticatedClient(base_url=api.rstrip("/"), token=token, timeout=httpx.Timeout(timeout_seconds))
