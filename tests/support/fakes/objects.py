"""A bucket of S3 as its client shows it, in memory."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from botocore.exceptions import ClientError

from tests.support.builders import NOW


@dataclass
class FakeObjects:
    """`held` has the bodies by key, `error` is raised instead of an answer; every object was written at `at`."""

    held: dict[str, bytes] = field(default_factory=dict)
    error: Exception | None = None
    at: datetime = NOW

    def put_object(self, *, Key: str, Body: bytes, **conditions: Any) -> None:  # noqa: N803  (as S3's client has them)
        self._fail()
        if "IfNoneMatch" in conditions and Key in self.held:
            raise _refused("PreconditionFailed")
        if "IfMatch" in conditions and conditions["IfMatch"] != self._tag(Key):
            raise _refused("PreconditionFailed" if Key in self.held else "NoSuchKey")
        self.held[Key] = Body

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self._fail()
        if Key not in self.held:
            raise _refused("NoSuchKey")
        return {"Body": io.BytesIO(self.held[Key]), "ETag": self._tag(Key)}

    def delete_object(self, *, Key: str, **_: Any) -> None:  # noqa: N803
        self._fail()
        self.held.pop(Key, None)

    def list_objects_v2(self, *, Prefix: str, MaxKeys: int, StartAfter: str = "", **_: Any) -> dict[str, Any]:  # noqa: N803
        self._fail()
        found = [key for key in sorted(self.held) if key.startswith(Prefix) and key > StartAfter]
        listed = [{"Key": key, "LastModified": self.at} for key in found[:MaxKeys]]
        return {"Contents": listed, "KeyCount": len(listed), "IsTruncated": len(found) > MaxKeys}

    def _tag(self, key: str) -> str | None:
        return f'"{sha256(self.held[key]).hexdigest()}"' if key in self.held else None

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


def _refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "Object")
