"""A check beside those of Schemathesis: a request that its schema allows is never refused for its form.

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
