"""The venue's dialect by raw HTTP, signed by hand: for requests that no library would send."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from tests.support.paper_venue import PATIENCE_SECONDS, WITHOUT_TLS, PaperVenue

Sign = Callable[[str], str]


def hmac_signer(secret: str) -> Sign:
    """The venue's HMAC-SHA256 in hexadecimal digits."""
    return lambda payload: hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class SignedHttp:
    """One key of the venue."""

    venue: PaperVenue
    api_key: str
    sign: Sign

    def ask(self, method: str, path: str, **parameters: Any) -> Any:
        """The parsed body of a signed request, refused or not."""
        return self.send(method, path, **parameters).json()

    def code(self, method: str, path: str, **parameters: Any) -> int:
        """The code of a refusal."""
        answer = self.send(method, path, **parameters)
        assert answer.status_code == 400, answer.text
        return int(answer.json()["code"])

    def send(self, method: str, path: str, **parameters: Any) -> httpx.Response:
        payload = urlencode({**parameters, "timestamp": self.venue.wall_clock()}, quote_via=quote)
        url = f"{self.venue.base_url}{path}?{payload}&signature={quote(self.sign(payload), safe='')}"
        return httpx.request(method, url, headers={"X-MBX-APIKEY": self.api_key}, timeout=PATIENCE_SECONDS, verify=WITHOUT_TLS)


def signed(venue: PaperVenue, keys: dict[str, str] | None = None) -> SignedHttp:
    """A new account's key, or the one given."""
    keys = keys or venue.open_account()
    return SignedHttp(venue, keys["api_key"], hmac_signer(keys["api_secret"]))
