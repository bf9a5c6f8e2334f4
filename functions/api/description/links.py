"""Links of the description: from an answer to the operations that take the ids in it.

They follow from the document, so an operation that is new has its links by itself. An answer links to every operation on its own
resource, and to the reading of each other thing that it names by one id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PARAMETER = re.compile(r"\{(\w+)\}")
REFERENCE = "#/components/links/{name}"
OF_LISTS = "_of_list"  # ends the name of a link from the first entry of a list
OF_PARTS = "_of_{}"  # and from a part of a body
FIRST_ENTRY = "items/0/"


@dataclass(frozen=True, slots=True)
class Target:
    """An operation on one thing, with the parameters of its path."""

    operation_id: str
    method: str
    path: str
    parameters: tuple[str, ...]

    def is_beside(self, path: str) -> bool:
        """Whether both are operations on one resource."""
        return resource_of(path) == resource_of(self.path)

    @property
    def reads_a_thing(self) -> bool:
        return self.method == "get" and len(self.parameters) == 1 and self.path.endswith("}")


def link(document: dict[str, Any]) -> None:
    """Put links at all answers of success, and their definitions into the components."""
    schemas = document["components"]["schemas"]
    used: dict[str, dict[str, Any]] = {}
    targets = [it for it in _targets(document) if it.parameters]
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for answer in _successes(operation):
                found = dict(_links(path, answer, targets, schemas))
                if found:
                    answer["links"] = {name: {"$ref": REFERENCE.format(name=name)} for name in found}
                    used |= found
    if used:
        document["components"]["links"] = dict(sorted(used.items()))


def resource_of(path: str) -> str:
    """The words of a path before its first parameter."""
    return path.partition("/{")[0]


def _targets(document: Mapping[str, Any]) -> Iterator[Target]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield Target(operation["operationId"], method, path, tuple(PARAMETER.findall(path)))


def _successes(operation: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for status, answer in operation["responses"].items():
        if status.startswith("2") and "application/json" in answer.get("content", {}):
            yield answer


def _links(
    path: str, answer: Mapping[str, Any], targets: list[Target], schemas: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and definition of each link of an answer."""
    body = _resolved(answer["content"]["application/json"]["schema"], schemas)
    linked: set[str] = set()
    for at, end, part in _parts(body, schemas):
        named = _names(part, schemas)
        for target in targets:
            is_meant = target.is_beside(path) or (target.reads_a_thing and end != OF_PARTS)
            if is_meant and target.operation_id not in linked and named.issuperset(target.parameters):
                linked.add(target.operation_id)
                parameters = {name: f"$response.body#/{at}{name}" for name in target.parameters}
                yield target.operation_id + end.format(at[:-1]), {"operationId": target.operation_id, "parameters": parameters}


def _parts(body: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Places of ids, each with an ending for names of links: the first entry of a list, or a body and its parts."""
    properties = body.get("properties", {})
    if properties.get("items", {}).get("type") == "array":
        yield FIRST_ENTRY, OF_LISTS, _resolved(properties["items"]["items"], schemas)
        return
    yield "", "", body
    for name, part in properties.items():
        if "$ref" in part:
            yield f"{name}/", OF_PARTS, _resolved(part, schemas)


def _names(body: Mapping[str, Any], schemas: Mapping[str, Any]) -> set[str]:
    """The properties that always have a value of text or a number."""
    found = {name: _resolved(it, schemas) for name, it in body.get("properties", {}).items()}
    return {name for name, it in found.items() if it.get("type") in ("string", "integer")}


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    return schema if reference is None else schemas[reference.rpartition("/")[2]]
