"""A body that has arrived, as the SDK's HTTP session gives it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class HttpBody:
    """Stands for urllib3's response beneath botocore's `AWSResponse`."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._content
