"""The API's description as one page for people: `GET /docs`.

Made of the OpenAPI document alone. The page loads nothing and runs nothing, so it works without a network. No foreign script
stands on the address at which users send their tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from functions.api.description.document import operations

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font-family:ui-monospace,monospace;font-size:.9em}pre{overflow:auto;padding:.7rem;background:#8881}"
    "details{border-top:1px solid #8884;padding:.4rem 0}summary{cursor:pointer}table{border-collapse:collapse}"
    "td{padding:.1rem 1rem .1rem 0;vertical-align:top}b{display:inline-block;min-width:4.5rem}"
)


def page(document: Mapping[str, Any]) -> str:
    """The whole page."""
    info = document["info"]
    title = escape(f"{info['title']} {info['version']}")
    sections = "".join(_section(tag, document) for tag in document["tags"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head><body><h1>{title}</h1>'
        f"<p>{escape(info['description'])}</p>"
        '<p>The same for programs: <a href="openapi.json">openapi.json</a>, OpenAPI 3.1.</p>'
        f"{sections}</body></html>"
    )


def _section(tag: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    found = (each for each in operations(document) if tag["name"] in each[2]["tags"])
    shown = "".join(_operation(*each) for each in found)
    return f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>{shown}"


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    parameters = _table((it["name"], it["in"], it.get("description", "")) for it in operation.get("parameters", ()))
    answers = _table((status, it["description"]) for status, it in sorted(operation["responses"].items()))
    shown = "".join(f"<p>{words}</p><pre>{escape(_json(value))}</pre>" for words, value in _examples(operation))
    door = "" if operation.get("security") else "<p>Needs no token.</p>"
    name, text = escape(operation["operationId"]), escape(operation["description"])
    head = f"<summary><b>{method.upper()}</b> <code>{escape(path)}</code></summary>"
    return f'<details id="{name}">{head}<p>{text}</p>{door}{parameters}{shown}{answers}</details>'


def _examples(operation: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each example with its heading: bodies, then the answer."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    for example in body.get("examples", {}).values():
        yield "For example:", example["value"]
    for status, answer in operation["responses"].items():
        content = answer.get("content", {}).get("application/json", {})
        if "example" in content:
            yield f"Answers {status}, for example:", content["example"]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _table(rows: Any) -> str:
    cells = ("".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows)
    lines = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table>{lines}</table>" if lines else ""
