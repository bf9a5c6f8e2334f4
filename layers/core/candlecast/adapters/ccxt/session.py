"""The HTTP session that ccxt is given: a signed request, sent once over a connection that is kept alive, and nothing around it.

A session of `requests` prepares every request anew, merges what the session, the environment and the call say, keeps cookies
and follows redirects. None of it is wanted here (decision 0015). A cookie would go from account to account, and a redirect that
is followed would send an order a second time.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from certifi import where
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ConnectTimeout, HTTPError, ReadTimeout
from urllib3 import PoolManager
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import ConnectTimeoutError, ReadTimeoutError
from urllib3.exceptions import HTTPError as Urllib3Error

from candlecast.adapters.xray.trace import subsegment

MAX_CONNECTIONS = 16  # to one host: threads of one environment
# Front ends close what has been idle for a minute, NAT gateways forget it after 350 s. A frozen environment does not notice, and
# an order that is written to such a connection has an unknown outcome.
MAX_IDLE_SECONDS = 30.0
_WHOLE = re.compile(r"[0-9]{1,15}")  # other digits of Unicode are no numbers, and thousands of digits are no number that we use


def whole_number(headers: Mapping[str, str], name: str | None) -> int | None:
    """A header's whole number; None without the header (`name` in small letters), or if it holds anything else."""
    told = next((value for key, value in headers.items() if key.lower() == name), "")
    return int(told) if _WHOLE.fullmatch(told) else None


@dataclass(slots=True)
class Answer:
    """The part of an answer that ccxt reads."""

    status_code: int
    reason: str | None
    headers: Mapping[str, str]
    content: bytes
    encoding: str = "utf-8"

    @property
    def text(self) -> str:
        return self.content.decode(self.encoding, "replace")

    def raise_for_status(self) -> None:
        """Raise what ccxt takes for a venue's refusal."""
        if self.status_code >= 400:
            raise AnswerRefused(self)


class AnswerRefused(HTTPError):
    """An answer with a status of 400 or more. The error that ccxt raises has this one as its cause or context."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status_code} {answer.reason}")
        self.status_code, self.headers, self.text = answer.status_code, answer.headers, answer.text


class VenueSession:
    """The part of `requests.Session` that ccxt uses, with errors of the same classes. Certificates are always verified."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        """`now` in seconds of the wall's clock: others may stand still while an environment is frozen."""
        self.headers = {"Accept": "*/*"}
        self.cookies: dict[str, str] = {}  # ccxt clears them before a request; none is ever taken
        self.manager = PoolManager(maxsize=MAX_CONNECTIONS, cert_reqs="CERT_REQUIRED", ca_certs=where())
        self._pools: dict[tuple[str, str], HTTPConnectionPool] = {}
        self._now, self._used_at, self._lock = now, now(), Lock()

    def request(
        self,
        method: str,
        url: str,
        *,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float,
        **_: Any,
    ) -> Answer:
        """Send it once. `timeout` in seconds, for connecting and for each read; proxies and files are not known here.

        Raises as `requests` does. A broken TLS connection, a redirect, and a success other than 200 are a `ConnectionError`.
        They become a `NetworkError` of ccxt: the request's outcome is then unknown.
        """
        scheme, host, path, query, _fragment = urlsplit(url)
        target = f"{path}?{query}" if query else path
        request = {"method": method, "url": f"{scheme}://{host}{path}"}  # the query holds the signature
        with subsegment(host, namespace="remote", http={"request": request}) as told:
            answer = self._answer(scheme, host, timeout, method, target, data, headers)
            if told is not None:
                told["http"]["response"] = {"status": answer.status_code}
            return answer

    def _answer(self, scheme: str, host: str, timeout: float, *request: Any) -> Answer:
        try:
            answer = self._pool(scheme, host).urlopen(
                *request,
                retries=False,
                redirect=False,
                assert_same_host=False,
                timeout=timeout,  # type: ignore[misc]
            )
        except ConnectTimeoutError as error:
            raise ConnectTimeout(error) from error
        except ReadTimeoutError as error:
            raise ReadTimeout(error) from error
        except Urllib3Error as error:
            raise RequestsConnectionError(error) from error
        if 300 <= answer.status < 400:
            raise RequestsConnectionError("redirected")
        if answer.status < 400 and answer.status != 200:  # 202 and 204 say that something was taken, not what came of it
            raise RequestsConnectionError("no answer yet")
        return Answer(answer.status, answer.reason, answer.headers, answer.data)

    def close(self) -> None:
        """Close all connections."""
        self._pools.clear()
        self.manager.clear()

    def _pool(self, scheme: str, host: str) -> HTTPConnectionPool:
        """Connections to one host; found by its name alone, which is faster than the manager's search."""
        with self._lock:
            idle_since, self._used_at = self._used_at, self._now()
            if self._used_at - idle_since > MAX_IDLE_SECONDS:
                self.close()
        known = self._pools.get((scheme, host))
        if known is None:
            known = self._pools[scheme, host] = self.manager.connection_from_url(f"{scheme}://{host}")
        return known
