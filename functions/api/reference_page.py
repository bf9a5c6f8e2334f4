"""The API's description as one page for people: `GET /docs`.

Made of the OpenAPI document alone. The page loads nothing and runs nothing, so it works without a network. No foreign script
stands on the address at which users send their tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font-family:ui-monospace,monospace;font-size:.9em}pre{overflow:auto;padding:.7rem;background:#8881}"
    "details{border-top:1px solid #8884;padding:.4rem 0}summary{cursor:pointer}table{border-collapse:collapse}"
    "td{padding:.1rem 1rem .1rem 0;vertical-align:top}b{display:inline-block;min-width:4.5rem}"
)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "public, max-age=300",
    "X-Content-Type-Options": "nosniff",
}


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
    operations = "".join(
        _operation(method, path, operation, document)
        for method, path, operation in _operations(document)
        if tag["name"] in operation["tags"]
    )
    return f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>{operations}"


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                yield method, path, methods[method]


def _operation(method: str, path: str, operation: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    parameters = _table((it["name"], it["in"], it.get("description", "")) for it in operation.get("parameters", ()))
    answers = _table((status, it["description"]) for status, it in sorted(operation["responses"].items()))
    example = _example(operation, document)
    body = f"<p>For example:</p><pre>{escape(json.dumps(example, indent=2))}</pre>" if example is not None else ""
    door = "" if operation.get("security") else "<p>Needs no token.</p>"
    name, text = escape(operation["operationId"]), escape(operation["description"])
    head = f"<summary><b>{method.upper()}</b> <code>{escape(path)}</code></summary>"
    return f'<details id="{name}">{head}<p>{text}</p>{door}{parameters}{body}{answers}</details>'


def _example(operation: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    """The first example of the body, which the description has by reference."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    schema = content["schema"]
    for choice in (schema, *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        named = choice.get("$ref", "").rpartition("/")[2]
        found = document["components"]["schemas"].get(named, choice)
        if found.get("examples"):
            return found["examples"][0]
    return None


def _table(rows: Any) -> str:
    cells = ("".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows)
    lines = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table>{lines}</table>" if lines else ""
