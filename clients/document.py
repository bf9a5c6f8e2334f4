"""The API's OpenAPI document as generators take it: `python -m clients.document` prints it.

Refusals are left out, since they are exceptions in a client and no answers. So are examples.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Mapping
from typing import Any

from functions.api.app import create_app
from functions.api.description.document import operations
from functions.api.problems import MEDIA_TYPE

JSON = "application/json"


def for_clients(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the answers that a client returns, and no others. CSV is text that a client hands on as it comes."""
    made = copy.deepcopy(dict(document))
    for _, _, operation in operations(made):
        answers = operation["responses"]
        operation["responses"] = {
            status: _without_examples(answer) for status, answer in answers.items() if _is_returned(answer.get("content", {}))
        }
        for body in operation.get("requestBody", {}).get("content", {}).values():
            body.pop("examples", None)
    return made


def _is_returned(content: Mapping[str, Any]) -> bool:
    """Whether a client returns such an answer: an unchanged thing has no body, and a refusal is raised."""
    return JSON in content and MEDIA_TYPE not in content


def _without_examples(answer: Mapping[str, Any]) -> dict[str, Any]:
    content = {JSON: {"schema": answer["content"][JSON]["schema"]}}
    return {"description": answer["description"], "content": content}


def main() -> int:
    """Print the document."""
    json.dump(for_clients(create_app().openapi()), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
