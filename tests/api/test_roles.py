"""Roles are those of the token, in the form in which API Gateway passes a claim on, and nothing that only looks like them."""

from __future__ import annotations

import pytest

from tests.api.conftest import Deployment
from tests.support.gateway import CONTEXT, http_event, provide, the_adapter, the_app

ADMIN_ONLY = "/v1/dead-letters/trade"


def status(deployment: Deployment, claims: dict[str, object]) -> int:
    provide(the_app(), deployment.providers)
    event = http_event("GET", ADMIN_ONLY, claims={"sub": "admin-1", **claims})
    return int(the_adapter()(event, CONTEXT)["statusCode"])


@pytest.mark.parametrize(
    "claim",
    [
        "[platform_admin]",  # an HTTP API's text of the list of Cognito's groups
        "[traders platform_admin]",
        "[platform_admin default-roles-desk offline_access uma_authorization]",  # of Keycloak's roles, mapped into one claim
        "[Ops,EU platform_admin]",
        "platform_admin",  # a claim that is text in the token
        ["traders", "platform_admin"],  # a gateway that passes lists on
    ],
)
def test_a_role_of_the_tokens_list_is_granted(deployment: Deployment, claim: object) -> None:
    assert status(deployment, {"cognito:groups": claim}) == 200


@pytest.mark.parametrize(
    "claim",
    [
        "",
        "[]",
        "x platform_admin",
        "platform_admin x",
        "x,platform_admin",
        "[x,platform_admin]",
        "[x, platform_admin,]",
        "[x\u2003platform_admin]",
        "[x\u00a0platform_admin]",
        "[x\tplatform_admin]",
        "[x\nplatform_admin]",
        "[x  platform_admin]",
        "[ platform_admin]",
        "[platform_admin ]",
        " [platform_admin]",
        "[platform_admin]\n",
        "[[x] platform_admin]",
        "[x [platform_admin]]",
        "[platform_admin",
        "platform_admin]",
        '["platform_admin"]',
        '["x","platform_admin"]',
        "[Platform_Admin]",
        "[platform_admin\u0000]",
        "[platform_admin_]",
        "\uff3bplatform_admin\uff3d",
        "[" + "x " * 8_192 + "platform_admin]",
        '{"roles":["platform_admin"]}',  # a nested claim, such as Keycloak's realm_access
        "map[roles:[platform_admin]]",
        ["x platform_admin"],
        [["platform_admin"]],
        ["platform_admin", 1],
        {"platform_admin": True},
        {"roles": ["platform_admin"]},
        True,
        None,
    ],
)
def test_what_is_no_such_list_grants_nothing(deployment: Deployment, claim: object) -> None:
    assert status(deployment, {"cognito:groups": claim}) == 403


def test_a_role_in_another_claim_grants_nothing(deployment: Deployment) -> None:
    assert (
        status(deployment, {"roles": "[platform_admin]", "scope": "platform_admin", "custom:groups": "[platform_admin]"}) == 403
    )
