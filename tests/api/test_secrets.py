"""Keys are written and never seen again: not in an answer, a log, an error, the store or the stream (invariant 12)."""

from __future__ import annotations

from typing import Any

import pytest

from candlecast.ports.venue import Credentials
from candlecast.runtime.compose import api
from functions.api.schemas.accounts import NewCredentials
from tests.api.conftest import Deployment, Spoken, giving
from tests.support.builders import ACCOUNT, SUBSCRIPTION, TENANT
from tests.support.gateway import Client
from tests.support.malformed_keys import KEY, SECRET, shows
from tests.support.routes import operations

PATH = f"/v1/accounts/{ACCOUNT}/credentials"
BODY = {"api_key": KEY, "api_secret": SECRET}


@pytest.fixture
def keyed(populated: Deployment, spoken: Spoken) -> Deployment:
    assert populated.client.send("PUT", PATH, BODY).status == 200
    version = populated.database.accounts[TENANT, ACCOUNT].credential_version
    assert populated.vault.read(TENANT, ACCOUNT, str(version)) == Credentials(KEY, SECRET)
    return populated


def test_no_route_ever_answers_with_a_key(keyed: Deployment, spoken: Spoken) -> None:
    ids = {"account_id": ACCOUNT, "subscription_id": SUBSCRIPTION, "order_id": "unknown-1", "strategy_id": "external-1"}
    for operation in operations():
        answer = keyed.client.send(operation.method, operation.url(**ids))
        assert not shows(answer.text), operation.operation_id
        assert not shows(str(answer.headers)), operation.operation_id
    assert not shows(repr(keyed.database))
    assert not shows(spoken.text)


@pytest.mark.parametrize(
    "body",
    [
        {"api_key": KEY},
        {"api_key": KEY, "api_secret": [SECRET]},
        {"api_key": KEY, "api_secret": SECRET, "passphrase": SECRET},
        {KEY: SECRET, SECRET: KEY},
        [KEY, SECRET],
        KEY,
    ],
)
def test_a_refused_body_is_not_repeated(populated: Deployment, body: Any, spoken: Spoken) -> None:
    answer = populated.client.send("PUT", PATH, body)
    assert (answer.status, answer.code) == (422, "INVALID_REQUEST")
    assert not shows(answer.text)
    assert not shows(spoken.text)


@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [
        (KEY + "\n", SECRET, "KEY_HAS_BLANKS"),
        (KEY, SECRET + "\r\n", "KEY_HAS_BLANKS"),
        (" " + KEY, SECRET, "KEY_HAS_BLANKS"),
        (KEY + "\x00", SECRET, "KEY_NOT_PRINTABLE"),
        (KEY, SECRET + "\u200b", "KEY_NOT_PRINTABLE"),
        ("", SECRET, "KEY_EMPTY"),
        (KEY, "", "KEY_EMPTY"),
        (KEY * 40, SECRET, "KEY_TOO_LONG"),
        (KEY, SECRET * 40, "KEY_TOO_LONG"),
        (KEY, SECRET * 200, "KEY_TOO_LONG"),
        (KEY, f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----", "KEY_PEM_INVALID"),
        (f"-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----", SECRET, "KEY_HAS_BLANKS"),
    ],
)
def test_a_text_that_is_no_key_is_refused_by_its_code_and_reaches_no_vault(
    populated: Deployment, key: str, secret: str, code: str, spoken: Spoken
) -> None:
    before = populated.database.accounts[TENANT, ACCOUNT]
    answer = populated.client.send("PUT", PATH, {"api_key": key, "api_secret": secret})
    assert (answer.status, answer.code) == (422, code)
    assert not shows(answer.text)
    assert not shows(spoken.text)
    assert populated.database.accounts[TENANT, ACCOUNT] == before


def test_broken_json_is_not_repeated(populated: Deployment) -> None:
    answer = populated.client.send("PUT", PATH, raw=f'{{"api_key": "{KEY}", "api_secret": {SECRET}')
    assert (answer.status, answer.code) == (422, "INVALID_REQUEST")
    assert not shows(answer.text)


class LeakyVault:
    """Fails as SDKs do: with its arguments in the error's text."""

    def write(self, tenant_id: str, account_id: str, credentials: Credentials, token: str) -> str:
        try:
            raise ValueError(f"Invalid type for parameter SecretString: {credentials.api_secret}")
        except ValueError as error:
            raise RuntimeError(f"could not store {credentials.api_key} {credentials!r}") from error

    def delete(self, tenant_id: str, account_id: str) -> None:
        raise AssertionError("not in this test")


def test_an_unexpected_error_is_logged_by_type_and_place_without_its_text(populated: Deployment, spoken: Spoken) -> None:
    client = Client({**populated.providers, api.credentials: giving(LeakyVault())})
    answer = client.send("PUT", PATH, BODY)
    assert (answer.status, answer.code) == (500, "INTERNAL_ERROR")
    assert not shows(answer.text)
    log = spoken.text
    assert "RuntimeError" in log
    assert "change_credentials.py" in log
    assert not shows(log)


def test_keys_hide_in_every_repr() -> None:
    body = NewCredentials.model_validate(BODY)
    assert not shows(repr(body) + str(body) + repr(body.to_domain()) + body.model_dump_json())
