"""The vault: a version is what was written under it, a deleted key is gone, one account's key is no other's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from candlecast.adapters.aws.secrets import SecretsManagerSources, SecretsManagerVault, SecretsManagerWriter
from candlecast.domain.values.errors import Fatal
from candlecast.ports.vault import CredentialVault, CredentialWriter, SourceSecrets, SourceSecretWriter
from candlecast.ports.venue import Credentials
from tests.contract.aws.conftest import Cloud
from tests.support.builders import ACCOUNT, SOURCE, TENANT
from tests.support.fakes.clock import SequentialIdentifiers
from tests.support.fakes.vault import FakeVault

FIRST = Credentials("key-1", "canary-secret-1")
SECOND = Credentials("key-2", "canary-secret-2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """Readers and writers on one vault, and tokens for writes."""

    reader: CredentialVault
    writer: CredentialWriter
    sources: SourceSecrets
    source_writer: SourceSecretWriter
    tokens: SequentialIdentifiers


@pytest.fixture(params=["fake", pytest.param("secretsmanager", marks=pytest.mark.e2e)])
def vault(request: pytest.FixtureRequest) -> Vault:
    tokens = SequentialIdentifiers("token")
    if request.param == "fake":
        fake = FakeVault()
        return Vault(reader=fake, writer=fake, sources=fake, source_writer=fake, tokens=tokens)
    aws: Cloud = request.getfixturevalue("aws")
    client: Any = aws.client("secretsmanager")
    prefix = f"candlecast/{aws.name('stack')}"
    writer = SecretsManagerWriter(client, prefix, kms_key_id(aws))
    return Vault(
        reader=SecretsManagerVault(client, prefix),
        writer=writer,
        sources=SecretsManagerSources(client, prefix),
        source_writer=writer,
        tokens=tokens,
    )


def kms_key_id(aws: Cloud) -> str:
    return str(aws.client("kms").create_key()["KeyMetadata"]["KeyId"])


def test_a_key_is_read_by_the_version_that_its_write_returned(vault: Vault) -> None:
    first = vault.writer.write(TENANT, ACCOUNT, FIRST, vault.tokens.new())
    second = vault.writer.write(TENANT, ACCOUNT, SECOND, vault.tokens.new())
    assert first != second
    assert vault.reader.read(TENANT, ACCOUNT, second) == SECOND
    assert vault.reader.read(TENANT, ACCOUNT, first) == FIRST


def test_a_write_that_is_repeated_with_its_token_makes_no_second_version(vault: Vault) -> None:
    vault.writer.write(TENANT, ACCOUNT, FIRST, vault.tokens.new())
    token = vault.tokens.new()
    assert vault.writer.write(TENANT, ACCOUNT, SECOND, token) == vault.writer.write(TENANT, ACCOUNT, SECOND, token)


@pytest.mark.parametrize("tenant", [TENANT, "auth0|with spaces/and slashes#" + "x" * 200])
def test_any_tenant_id_has_a_place_of_its_own(vault: Vault, tenant: str) -> None:
    version = vault.writer.write(tenant, ACCOUNT, FIRST, vault.tokens.new())
    assert vault.reader.read(tenant, ACCOUNT, version) == FIRST


def test_a_version_that_never_was_is_fatal_and_says_nothing(vault: Vault) -> None:
    vault.writer.write(TENANT, ACCOUNT, FIRST, vault.tokens.new())
    with pytest.raises(Fatal) as fatal:
        vault.reader.read(TENANT, ACCOUNT, vault.tokens.new())
    assert fatal.value.code == "CREDENTIALS_MISSING"
    assert "canary" not in repr(fatal.value)


def test_a_key_is_read_for_its_own_tenant_and_account_only(vault: Vault) -> None:
    version = vault.writer.write(TENANT, ACCOUNT, FIRST, vault.tokens.new())
    for tenant, account in (("tenant-2", ACCOUNT), (TENANT, "account-2")):
        with pytest.raises(Fatal):
            vault.reader.read(tenant, account, version)


def test_a_deleted_key_is_gone_and_a_new_one_can_take_its_place(vault: Vault) -> None:
    version = vault.writer.write(TENANT, ACCOUNT, FIRST, vault.tokens.new())
    vault.writer.delete(TENANT, ACCOUNT)
    vault.writer.delete(TENANT, ACCOUNT)
    with pytest.raises(Fatal):
        vault.reader.read(TENANT, ACCOUNT, version)
    again = vault.writer.write(TENANT, ACCOUNT, SECOND, vault.tokens.new())
    assert vault.reader.read(TENANT, ACCOUNT, again) == SECOND


def test_each_version_of_a_secret_is_read_and_no_other(vault: Vault) -> None:
    first = vault.source_writer.write_source(SOURCE, "secret-1", vault.tokens.new())
    second = vault.source_writer.write_source(SOURCE, "secret-2", vault.tokens.new())
    assert vault.sources.secrets(SOURCE, (first,)) == ("secret-1",)
    assert vault.sources.secrets(SOURCE, (second, first)) == ("secret-2", "secret-1")
    assert vault.sources.secrets(SOURCE, (second,)) == ("secret-2",)


def test_a_source_without_a_secret_accepts_nothing(vault: Vault) -> None:
    assert vault.sources.secrets(SOURCE, (vault.tokens.new(),)) == ()
