"""The Candlecast API for Python, generated from its OpenAPI description.

`api` has a module for each operation: `sync` and `asyncio` answer the body, `sync_detailed` and `asyncio_detailed` headers and
bytes too. `models` has the bodies. Money is text, as in the API: give it to `Decimal`. Every refusal is raised as a `Refused`.
"""

from __future__ import annotations

from .client import AuthenticatedClient, Client
from .cognito import SignInRefused, sign_in
from .connect import connect
from .refusals import Conflict, Forbidden, Invalid, NotFound, Refused, TooManyRequests, Unauthenticated, Unavailable

__all__ = (
    "AuthenticatedClient",
    "Client",
    "Conflict",
    "Forbidden",
    "Invalid",
    "NotFound",
    "Refused",
    "SignInRefused",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "connect",
    "sign_in",
)
