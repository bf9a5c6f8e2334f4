"""`GET /openapi.json`, `GET /docs` and `GET /problems/{code}`: made once in a process, with an ETag for those who ask again."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from functions.api.description import code_pages, page

HEADERS = {"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}
STYLE_DIGEST = base64.b64encode(hashlib.sha256(page.STYLE.encode()).digest()).decode()  # no other style is taken, and no script
POLICY = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{STYLE_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}


@dataclass(frozen=True, slots=True)
class Served:
    """A text with its headers."""

    text: str
    media_type: str
    headers: dict[str, str]

    def answer(self, request: Request) -> Response:
        """The text, or 304 to a caller who has this very text."""
        known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
        if self.headers["ETag"] in known or "*" in known:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=self.headers)
        return Response(self.text, media_type=self.media_type, headers=self.headers)


@cache
def document(app: FastAPI) -> Served:
    """The OpenAPI document."""
    return _served(json.dumps(app.openapi(), separators=(",", ":"), ensure_ascii=False), "application/json", {})


@cache
def reference(app: FastAPI) -> Served:
    """The page for people."""
    return _served(page.page(app.openapi()), "text/html", POLICY)


def code_page(code: str) -> Served | None:
    """The page of a code; None for a code that no request is refused with."""
    return _code_page(code) if code in code_pages.CODES else None


@cache
def _code_page(code: str) -> Served:
    return _served(code_pages.page(code), "text/html", POLICY)


def _served(text: str, media_type: str, headers: dict[str, str]) -> Served:
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    return Served(text, media_type, {**HEADERS, **headers, "ETag": f'"{digest}"'})
