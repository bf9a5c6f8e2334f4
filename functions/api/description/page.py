"""The API's description as one page for people: `GET /docs`.

Made of the OpenAPI document alone. The page loads nothing and runs nothing, so it works without a network. No foreign script
stands on the address at which users send their tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
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
        f"{sections}<h2>Bodies</h2>{_bodies(document['components']['schemas'])}</body></html>"
    )


def _section(tag: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    found = (each for each in operations(document) if tag["name"] in each[2]["tags"])
    shown = "".join(_operation(*each) for each in found)
    return f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>{shown}"


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    parameters = _table(
        (escape(it["name"]), it["in"], _kind(it["schema"]), escape(it.get("description", "")))
        for it in operation.get("parameters", ())
    )
    bodies = [operation["requestBody"]["content"]] if "requestBody" in operation else []
    body = "".join(f"<p>Body: {_kind(it['schema'])}</p>" for content in bodies for it in content.values())
    answers = _table(
        (status, ", ".join(_kind(it["schema"]) for it in answer.get("content", {}).values()), escape(answer["description"]))
        for status, answer in sorted(operation["responses"].items())
    )
    shown = "".join(f"<p>{words}</p><pre>{escape(_json(value))}</pre>" for words, value in _examples(operation))
    door = "" if operation.get("security") else "<p>Needs no token.</p>"
    name, text = escape(operation["operationId"]), escape(operation["description"])
    head = f"<summary><b>{method.upper()}</b> <code>{escape(path)}</code></summary>"
    return f'<details id="{name}">{head}<p>{text}</p>{door}{parameters}{body}{shown}{answers}</details>'


def _bodies(schemas: Mapping[str, Any]) -> str:
    return "".join(_body(escape(name), schema) for name, schema in sorted(schemas.items()))


def _body(name: str, schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    fields = _table(
        (f"<code>{escape(field)}</code>", _kind(it), "required" if field in required else "", escape(it.get("description", "")))
        for field, it in schema.get("properties", {}).items()
    )
    values = "".join(f" <code>{escape(str(value))}</code>" for value in schema.get("enum", ()))
    text = f"<p>{escape(schema.get('description', ''))}</p>"
    return f'<details id="{name}"><summary><code>{name}</code></summary>{text}{fields}{values}</details>'


def _kind(schema: Mapping[str, Any]) -> str:
    """The type of a schema as HTML: a link to a body, or a word with its bounds."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    alternatives = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if alternatives:
        return " or ".join(dict.fromkeys(map(_kind, alternatives)))
    if schema.get("type") == "array":
        return f"list{_bounds(schema, 'Items')} of {_kind(schema['items'])}"
    word = schema.get("format") or schema.get("type") or "anything"
    values = [schema["const"]] if "const" in schema else schema.get("enum", ())
    told = [_bounds(schema, "Length"), *(f" {value}" for value in values)]
    low, high = (schema.get(name, schema.get(f"exclusive{name.title()}")) for name in ("minimum", "maximum"))
    told += [f", {low} to {high}"] if low is not None and high is not None else []
    return escape(f"{word}{''.join(told)}")


def _bounds(schema: Mapping[str, Any], what: str) -> str:
    most = schema.get(f"max{what}")
    return "" if most is None else f" ({schema.get(f'min{what}', 0)} to {most})"


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


def _table(rows: Iterable[Iterable[str]]) -> str:
    """Rows whose cells are HTML."""
    cells = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    lines = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table>{lines}</table>" if lines else ""
