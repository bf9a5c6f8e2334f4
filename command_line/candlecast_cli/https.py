"""Requests over HTTPS with bounds on time and size, for every command that calls a door of a stack or of the platform."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import urllib3

from candlecast.domain.values.errors import Reject, RetryLater

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 35.0  # a function behind an HTTP API has 29 s
MAX_ANSWER_BYTES = 8 * 1024 * 1024  # the description of some thousand markets; more is no answer of ours
UNREACHABLE = "UNREACHABLE"


class Https:
    """Requests with bounds: of time, of an answer's size, and no retry and no redirect of its own."""

    def __init__(self) -> None:
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS)
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> tuple[int, Any]:
        """Status and JSON of the answer; None for a body without JSON. Raises `RetryLater` (UNREACHABLE)."""
        try:
            answer = self._pool.request(method, url, body=body, headers=dict(headers), preload_content=False, redirect=False)
            try:
                text = answer.read(MAX_ANSWER_BYTES)
            finally:
                answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise RetryLater(UNREACHABLE, type(error).__name__, after_seconds=1) from None  # its text holds the address asked for
        try:
            return answer.status, json.loads(text)
        except (ValueError, RecursionError):
            return answer.status, None

    def fetch(self, url: str, most_bytes: int = MAX_ANSWER_BYTES) -> bytes:
        """The body behind a link. Raises `RetryLater` (UNREACHABLE) for any answer but 200, `Reject` (ANSWER_TOO_LARGE)."""
        try:
            answer = self._pool.request("GET", url, preload_content=False, redirect=False)
            try:
                body = answer.read(most_bytes + 1)
            finally:
                answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise RetryLater(UNREACHABLE, type(error).__name__, after_seconds=1) from None
        if answer.status != HTTPStatus.OK:
            raise RetryLater(UNREACHABLE, f"the link answers {answer.status}", after_seconds=1)
        if len(body) > most_bytes:
            raise Reject("ANSWER_TOO_LARGE", f"it is larger than {most_bytes:,} bytes, which no answer of ours is")
        return body
