"""Dependencies that any route may ask for, as `Annotated` types: the caller, the thing that is addressed, the page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Query, Request
from fastapi.security import HTTPBearer

from candlecast.domain.values.errors import NotFound
from candlecast.domain.values.ids import SYNTHETIC_TENANT
from candlecast.runtime.compose import api
from candlecast.runtime.compose.api import IdentityClaims
from functions.api.problems import Forbidden, Unauthenticated

PLATFORM_ADMIN = "platform_admin"
DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 100  # what the store serves in one query
TENANT = re.compile(r"[A-Za-z0-9_.:@|=-]{1,128}")  # an OIDC subject, without what separates the parts of a key
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")  # every id that we ever made; anything else can only be unknown
OF_TENANT = {"pattern": f"^{TENANT.pattern}$"}  # for schemas alone, as a malformed id is answered like an unknown one
LIST_CLAIM = re.compile(r"\[([^\[\] ]+(?: [^\[\] ]+)*)\]")  # `[a b]`: single blanks of ASCII, no bracket inside
SECONDS = re.compile(r"[1-9][0-9]{0,10}")  # since 1970, as the gateway writes the claim `exp`
MAX_CLAIM_CHARACTERS = 8_192  # more than a token that a gateway takes


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: the tenant that everything is read and written for, the roles, and the person, by the token's subject."""

    tenant_id: str
    roles: frozenset[str]
    subject: str

    @property
    def name(self) -> str:
        """The person, as records name who has acted by the API."""
        return f"api:{self.subject}"


bearer = HTTPBearer(
    auto_error=False,
    scheme_name="Tokens",
    bearerFormat="JWT",
    description="A token of the deployment's OpenID Connect issuer; the gateway verifies it.",
)


IdentityClaimsDep = Annotated[IdentityClaims, Depends(api.identity_claims)]


def caller(request: Request, names: IdentityClaimsDep, _: Annotated[object, Depends(bearer)]) -> Caller:
    """The caller by the claims that the gateway has verified, and by nothing else: a header proves nothing here."""
    claims = _claims(request.scope)
    tenant_id = claims.get(names.tenant)
    if not isinstance(tenant_id, str) or not TENANT.fullmatch(tenant_id) or tenant_id == SYNTHETIC_TENANT:
        raise Unauthenticated
    subject = claims.get("sub")
    return Caller(tenant_id, _roles(claims.get(names.roles)), subject if isinstance(subject, str) and subject else tenant_id)


CallerDep = Annotated[Caller, Depends(caller)]


def token_end(request: Request, _: CallerDep) -> datetime:
    """When the caller's token ends. Raises `Unauthenticated` for a token without an end, which OpenID Connect does not allow."""
    seconds = str(_claims(request.scope).get("exp", ""))
    if not SECONDS.fullmatch(seconds):
        raise Unauthenticated
    return datetime.fromtimestamp(int(seconds), UTC)


TokenEndDep = Annotated[datetime, Depends(token_end)]


def platform_admin(who: CallerDep) -> Caller:
    if PLATFORM_ADMIN not in who.roles:
        raise Forbidden(PLATFORM_ADMIN)
    return who


AdminDep = Annotated[Caller, Depends(platform_admin)]


def correlation_id(request: Request) -> str:
    """The gateway's id of this request, which follows everything that it sets off."""
    context = request.scope.get("aws.event", {}).get("requestContext", {})
    return str(context.get("requestId") or "")


CorrelationDep = Annotated[str, Depends(correlation_id)]


def identifier(value: str) -> str:
    """The given id, if it could be an id of ours. Raises `NotFound` for a malformed id, as for an unknown id."""
    if not IDENTIFIER.fullmatch(value):
        raise NotFound("malformed id")
    return value


def _strategy(strategy_id: Annotated[str, Path(examples=["sma-cross-btc-1m"])]) -> str:
    return identifier(strategy_id)


def _subscription(subscription_id: Annotated[str, Path()]) -> str:
    return identifier(subscription_id)


def _account(account_id: Annotated[str, Path()]) -> str:
    return identifier(account_id)


def _order(order_id: Annotated[str, Path()]) -> str:
    return identifier(order_id)


def _signal(signal_id: Annotated[str, Path()]) -> str:
    return identifier(signal_id)


def _backtest(backtest_id: Annotated[str, Path()]) -> str:
    return identifier(backtest_id)


StrategyId = Annotated[str, Depends(_strategy)]
SubscriptionId = Annotated[str, Depends(_subscription)]
AccountId = Annotated[str, Depends(_account)]
OrderId = Annotated[str, Depends(_order)]
SignalId = Annotated[str, Depends(_signal)]
BacktestId = Annotated[str, Depends(_backtest)]

DryRun = Annotated[
    bool, Query(description="Decide on things as they are now, and answer with the outcome; nothing is written or sent.")
]
PageSize = Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE, description="Entries per page.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=128,
        pattern=r"^[\x21-\x7e]+$",
        description="A repeat with the same key does nothing: it gets the first answer, or the first result as it is now.",
    ),
]


def _claims(scope: Mapping[str, Any]) -> Mapping[str, Any]:
    """Claims as the gateway passes them on (payload format 2.0)."""
    found: Any = scope.get("aws.event")
    for step in ("requestContext", "authorizer", "jwt", "claims"):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _roles(claim: object) -> frozenset[str]:
    """Roles of a claim, exactly as the gateway writes it; a claim of any other form grants nothing.

    An HTTP API writes the token's list as text, with single blanks between its entries: `[a b]`. A claim that is text in the
    token stays that text, and counts as one role. Entries are compared whole: `a,b` is one role of that name.
    """
    if isinstance(claim, list):
        return frozenset(claim) if all(isinstance(role, str) for role in claim) else frozenset()
    if not isinstance(claim, str) or len(claim) > MAX_CLAIM_CHARACTERS:
        return frozenset()
    found = LIST_CLAIM.fullmatch(claim)
    return frozenset(found[1].split(" ")) if found else frozenset({claim})
