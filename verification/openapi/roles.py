"""The callers of the API. A token is the name of its role."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.builders import TENANT
from tests.support.gateway import TOKEN_ENDS

NOBODY = "nobody"  # sends no token, or a token that no issuer has signed
TRADER = "trader"  # owns everything of the fakes, an uploaded strategy too
NEWCOMER = "newcomer"  # owns nothing
OPERATOR = "operator"
CLAIMS: Mapping[str, Mapping[str, str]] = {
    TRADER: {"sub": TENANT},
    NEWCOMER: {"sub": "tenant-2"},
    OPERATOR: {"sub": "admin-1", "cognito:groups": "[platform_admin]"},
}
ROLES = (TRADER, NEWCOMER, OPERATOR, NOBODY)
PEERS = (TRADER, NEWCOMER)  # neither may see what is the other's


def claims_of(token: str) -> dict[str, str] | None:
    """The verified claims of a token; None for a token of nobody, which the gateway refuses."""
    claims = CLAIMS.get(token)
    return None if claims is None else {**claims, "exp": str(TOKEN_ENDS)}
