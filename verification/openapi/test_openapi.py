"""The API answers as its description says: a slice of the cases that `python -m verification.openapi` sends in `make prove`."""

from __future__ import annotations

from random import Random

import pytest

from tests.support.routes import operations
from verification.openapi.roles import NOBODY, OPERATOR, ROLES, TRADER
from verification.openapi.run import CHECKS, Asked, in_process

SEED = 20261201
SLICE = 3  # cases of an operation in fuzzing, and stories
SOME = 6  # operations whose every bound is tried
DRAWN = ("examples", "fuzzing", "stateful")
ALL_CHECKS = {
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "positive_data_acceptance",
    "negative_data_rejection",
    "use_after_free",
    "ensure_resource_availability",
    "missing_required_header",
    "ignored_auth",
    "object_level_authorization",
    "unsupported_method",
    "allow_header_conformance",
    *CHECKS,
}


def told(asked: Asked) -> str:
    return "\n\n".join(map(str, asked.findings.values()))


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_every_operation_answers_as_it_is_described(role: str) -> None:
    asked = in_process(role, SEED, SLICE, phases=DRAWN)
    assert not asked.findings, told(asked)
    assert set(asked.cases) == set(DRAWN)
    assert asked.checks.keys() == ALL_CHECKS
    assert (asked.succeeded == {"GET /health"}) == (role == NOBODY)


@pytest.mark.slow
@pytest.mark.parametrize("role", [TRADER, OPERATOR])
def test_some_operations_answer_every_bound_as_it_is_described(role: str) -> None:
    """All operations have thousands of such cases: `make prove` sends them."""
    chosen = Random(SEED).sample(sorted(it.operation_id for it in operations()), SOME)
    asked = in_process(role, SEED, SLICE, phases=("coverage",), only=chosen)
    assert not asked.findings, told(asked)
    assert asked.cases["coverage"] > SOME


@pytest.mark.slow
def test_the_example_of_every_operation_succeeds() -> None:
    """Or a check of successes would check nothing."""
    succeeded: set[str] = set()
    for role in (TRADER, OPERATOR):
        succeeded |= in_process(role, SEED, 1, phases=("examples",)).succeeded
    assert {f"{it.method} {it.path}" for it in operations()} - succeeded == set()
