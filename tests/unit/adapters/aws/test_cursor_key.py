"""The key of cursors: read at the first need, kept for minutes, and never shown."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from candlecast.adapters.aws.secrets import CURSOR_KEY_AGE, SecretsManagerCursorKey
from candlecast.domain.values.errors import RetryLater
from tests.support.fakes.clock import FakeClock


class Vault:
    """Answers one secret, or fails as it is told."""

    def __init__(self, value: str = "first") -> None:
        self.value = value
        self.error: Exception | None = None
        self.asked: list[str] = []

    def get_secret_value(self, **asked: str) -> dict[str, str]:
        self.asked.append(asked["SecretId"])
        if self.error is not None:
            raise self.error
        return {"SecretString": self.value}


def key_of(vault: Any, clock: FakeClock) -> SecretsManagerCursorKey:
    return SecretsManagerCursorKey(vault, "cursors", clock)


def test_the_key_is_read_at_the_first_need_and_again_once_it_is_old() -> None:
    vault, clock = Vault(), FakeClock()
    key = key_of(vault, clock)
    assert vault.asked == []
    assert [key.read(), key.read()] == [b"first", b"first"]
    vault.value = "second"
    assert (key.read(), vault.asked) == (b"first", ["cursors"])
    clock.advance(CURSOR_KEY_AGE.total_seconds())
    assert (key.read(), vault.asked) == (b"second", ["cursors", "cursors"])


@pytest.mark.parametrize(
    "error",
    [
        ConnectTimeoutError(endpoint_url="https://vault.example.test"),
        ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no"}}, "GetSecretValue"),
        ClientError({"Error": {"Code": "ThrottlingException", "Message": "no"}}, "GetSecretValue"),
    ],
)
def test_a_vault_that_does_not_answer_is_asked_again_later(error: Exception) -> None:
    vault = Vault()
    vault.error = error
    with pytest.raises(RetryLater) as caught:
        key_of(vault, FakeClock()).read()
    assert caught.value.code == "VAULT_UNAVAILABLE"
