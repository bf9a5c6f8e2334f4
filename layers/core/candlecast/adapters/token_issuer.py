"""The issuer of tokens, asked for the document by which the gateway finds its keys (OpenID Connect Discovery 1.0, section 4)."""

from __future__ import annotations

import json

from certifi import where
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from candlecast.domain.values.errors import RetryLater

DOCUMENT = "/.well-known/openid-configuration"
SECONDS = 3.0  # for connecting and for the answer
MAX_BYTES = 65_536  # such documents have some two kilobytes
UNAVAILABLE = "ISSUER_UNAVAILABLE"


class TokenIssuerProbe:
    """`ports.health.Probe`: the issuer answers if its document names where its keys are. Redirects are not followed."""

    def __init__(self, issuer: str, http: PoolManager | None = None) -> None:
        self._url = issuer.rstrip("/") + DOCUMENT
        self._http = http or PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=where())

    def check(self) -> None:
        """Raises `RetryLater` (ISSUER_UNAVAILABLE)."""
        bounds = Timeout(connect=SECONDS, read=SECONDS)
        try:
            answer = self._http.request("GET", self._url, timeout=bounds, retries=False, redirect=False, preload_content=False)
            try:
                status, content = answer.status, answer.read(MAX_BYTES + 1, decode_content=True)
            finally:
                answer.close()
        except HTTPError as error:
            raise _unavailable(type(error).__name__) from None
        if status != 200 or len(content) > MAX_BYTES or not _names_keys(content):
            raise _unavailable(f"answered {status}")


def _names_keys(content: bytes) -> bool:
    try:
        document = json.loads(content)
    except ValueError:
        return False
    return isinstance(document, dict) and isinstance(document.get("jwks_uri"), str)


def _unavailable(why: str) -> RetryLater:
    return RetryLater(UNAVAILABLE, why, after_seconds=0)
