"""The page of a code: `GET /problems/{code}`, the address that each refusal has as its `type`."""

from __future__ import annotations

import json
import re
from html import escape
from http import HTTPStatus

from functions.api.description.codes import REFUSALS
from functions.api.description.page import STYLE
from functions.api.problems import Problem, type_of

CODES = frozenset(code for codes in REFUSALS.values() for code in codes)
QUOTED = re.compile(r"`([^`]*)`")


def page(code: str) -> str:
    """The whole page of one of `CODES`."""
    found = [(HTTPStatus(status), *codes[code]) for status, codes in REFUSALS.items() if code in codes]
    sections = "".join(_section(code, *each) for each in found)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(code)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head><body>'
        f"<h1><code>{escape(code)}</code></h1><p>A request was refused with this code.</p>{sections}"
        '<p>All operations: <a href="../docs">the API\'s description</a>.</p></body></html>'
    )


def _section(code: str, status: HTTPStatus, meaning: str, remedy: str) -> str:
    example = Problem(type=type_of(code), title=status.phrase, status=status.value, code=code, detail=meaning.replace("`", ""))
    shown = json.dumps(example.model_dump(mode="json", exclude_none=True), indent=2, ensure_ascii=False)
    return (
        f"<h2>{status.value} {escape(status.phrase)}</h2><p>{_text(meaning)}</p><h3>What to do</h3><p>{_text(remedy)}</p>"
        f"<h3>Example</h3><pre>{escape(shown)}</pre><p><code>detail</code> says what stands in the way of this very request.</p>"
    )


def _text(words: str) -> str:
    return QUOTED.sub(r"<code>\1</code>", escape(words))
