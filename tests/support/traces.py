"""The documents that functions of the embedded cloud have sent to X-Ray."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from infra.local.cloud import Cloud


def of_trace(cloud: Cloud, root: str) -> list[dict[str, Any]]:
    return [document for document in cloud.traces() if document["trace_id"] == root]


def calls(segment: dict[str, Any]) -> set[tuple[str, str]]:
    """Requests past the SDK within a segment: method and path. An answer may be missing where others compute."""
    found = [part["http"] for part in segment.get("subsegments", []) if part.get("namespace") == "remote"]
    return {(it["request"]["method"], urlsplit(it["request"]["url"]).path) for it in found}
