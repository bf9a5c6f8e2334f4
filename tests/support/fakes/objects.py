"""A bucket of S3 as its client shows it, in memory."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.support.builders import NOW


@dataclass
class FakeObjects:
    """`held` has the bodies by key, `error` is raised instead of an answer; every object was written at `at`."""

    held: dict[str, bytes] = field(default_factory=dict)
    error: Exception | None = None
    at: datetime = NOW

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803  (as S3's client has them)
        self._fail()
        self.held[Key] = Body

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self._fail()
        return {"Body": io.BytesIO(self.held[Key])}

    def delete_object(self, *, Key: str, **_: Any) -> None:  # noqa: N803
        self._fail()
        self.held.pop(Key, None)

    def list_objects_v2(self, *, Prefix: str, MaxKeys: int, StartAfter: str = "", **_: Any) -> dict[str, Any]:  # noqa: N803
        self._fail()
        found = [key for key in sorted(self.held) if key.startswith(Prefix) and key > StartAfter]
        listed = [{"Key": key, "LastModified": self.at} for key in found[:MaxKeys]]
        return {"Contents": listed, "KeyCount": len(listed), "IsTruncated": len(found) > MaxKeys}

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error
