"""Checks beside those of Schemathesis: a valid body is never refused for its form, and a thing that was made is there.

A refusal for a rule that no schema can say, such as a stop above its entry, has the code of that rule.
"""

from __future__ import annotations

import json
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, Response

from functions.api.schemas.values import UNREADABLE

OF_FORM = "INVALID_REQUEST"
UNSAID = UNREADABLE  # characters that no version of Unicode has assigned yet: no pattern can name them


@schemathesis.check
def understood(ctx: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """Fails for a valid request that is answered 422 with the code of a request that its schema does not allow."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code != 422:
        return None
    problem = json.loads(response.content)
    if problem["code"] == OF_FORM and not any(UNSAID in it["message"] for it in problem["errors"]):
        raise AssertionError(f"valid by the schema, and yet: {problem['errors']}")
    return None


@schemathesis.check
def made_things_are_there(ctx: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """Fails for a thing that its own POST has made and that answers 404.

    `ensure_resource_availability` says nothing of an operation with a header, and each of ours takes `If-None-Match`.
    """
    parent = ctx.internals.find_parent(case_id=case.id)
    made = None if parent is None else ctx.internals.find_response(case_id=parent.id)
    if parent is None or made is None or made.status_code != 201 or response.status_code != 404:
        return None
    is_read = (
        case.method == "GET"
        and case.path.startswith(f"{parent.path}/{{")
        and case.path.count("{") == 1
        and case.path.endswith("}")
    )
    assert not is_read or set(case.path_parameters) - set(case._override.path_parameters), "it was made a moment ago"
    return None
