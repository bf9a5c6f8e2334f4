"""Secrets Manager: exchange keys of accounts, and secrets that signal senders share with us.

Readers and writers are apart, as the roles of the functions are: a function that may write cannot read. The caller pins a
version, which is part of the cache's key. So a new version is in force at once and no time-out has to pass. Values never get
into an error.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from candlecast.adapters.aws.clients import RETRY_AFTER_SECONDS, aws_errors, error_code
from candlecast.domain.values.errors import Fatal, InvalidValue, RetryLater
from candlecast.domain.values.ids import digest
from candlecast.ports.clock import Clock
from candlecast.ports.venue import Credentials

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import TagTypeDef

MAX_CACHED_ACCOUNTS = 2_000  # some 1 kB each; one environment serves about as many between two cold starts
MAX_CACHED_SOURCES = 200
CURSOR_KEY_AGE = timedelta(minutes=5)  # a rotated key is in force everywhere by then; a cursor lives hardly longer
UNAVAILABLE = "VAULT_UNAVAILABLE"
GONE = frozenset({"ResourceNotFoundException", "InvalidRequestException"})  # the latter: marked for deletion
NAME_PART = re.compile(r"[A-Za-z0-9_+=.@-]{1,128}")  # what Secrets Manager takes between two slashes


class LeastRecentlyUsed[K, V]:
    """A bounded cache that several threads may use; it never shows what it holds."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = Lock()

    def get(self, key: K, read: Callable[[], V]) -> V:
        """The cached value, or what `read` returns; an error of `read` is not cached."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = read()
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._capacity:
                self._values.popitem(last=False)
        return value


class SecretsManagerVault:
    """`ports.vault.CredentialVault`: reads exchange keys."""

    def __init__(self, client: SecretsManagerClient, prefix: str, capacity: int = MAX_CACHED_ACCOUNTS) -> None:
        self._client = client
        self._prefix = prefix
        self._cache = LeastRecentlyUsed[tuple[str, str, str], Credentials](capacity)

    def read(self, tenant_id: str, account_id: str, version: str) -> Credentials:
        return self._cache.get((tenant_id, account_id, version), lambda: self._read(tenant_id, account_id, version))

    def _read(self, tenant_id: str, account_id: str, version: str) -> Credentials:
        try:
            with aws_errors(UNAVAILABLE):
                answer = self._client.get_secret_value(
                    SecretId=account_secret_name(self._prefix, tenant_id, account_id), VersionId=version
                )
        except ClientError as error:
            if error_code(error) in GONE:
                raise Fatal("CREDENTIALS_MISSING", "the vault has no such version") from error
            raise
        return _credentials(answer["SecretString"])


class SecretsManagerWriter:
    """`ports.vault.CredentialWriter` and `ports.vault.SourceSecretWriter`: writes and deletes, never reads."""

    def __init__(self, client: SecretsManagerClient, prefix: str, kms_key_id: str) -> None:
        self._client = client
        self._prefix = prefix
        self._kms_key_id = kms_key_id

    def write(self, tenant_id: str, account_id: str, credentials: Credentials, token: str) -> str:
        value = json.dumps({"api_key": credentials.api_key, "api_secret": credentials.api_secret})
        tags: list[TagTypeDef] = [{"Key": "candlecast:kind", "Value": "account"}]
        return self._create_or_put(account_secret_name(self._prefix, tenant_id, account_id), value, token, tags)

    def delete(self, tenant_id: str, account_id: str) -> None:
        try:
            with aws_errors(UNAVAILABLE):
                # without recovery: its owner wants the key gone, and may give a new one right away
                self._client.delete_secret(
                    SecretId=account_secret_name(self._prefix, tenant_id, account_id), ForceDeleteWithoutRecovery=True
                )
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise

    def write_source(self, source_id: str, secret: str, token: str) -> str:
        tags: list[TagTypeDef] = [{"Key": "candlecast:kind", "Value": "source"}]
        return self._create_or_put(source_secret_name(self._prefix, source_id), secret, token, tags)

    def _create_or_put(self, name: str, value: str, token: str, tags: list[TagTypeDef]) -> str:
        """Create the secret or give it a new current version; the token is the version, so a repeat makes no second one."""
        try:
            with aws_errors(UNAVAILABLE):
                created = self._client.create_secret(
                    Name=name, ClientRequestToken=token, SecretString=value, KmsKeyId=self._kms_key_id, Tags=tags
                )
                return created["VersionId"]
        except ClientError as error:
            if error_code(error) == "InvalidRequestException":  # its deletion is still under way
                raise RetryLater(UNAVAILABLE, error_code(error), after_seconds=RETRY_AFTER_SECONDS) from error
            if error_code(error) != "ResourceExistsException":
                raise
        with aws_errors(UNAVAILABLE):
            put = self._client.put_secret_value(SecretId=name, ClientRequestToken=token, SecretString=value)
        return put["VersionId"]


class SecretsManagerSources:
    """`ports.vault.SourceSecrets`: reads what signal senders share with us."""

    def __init__(self, client: SecretsManagerClient, prefix: str, capacity: int = MAX_CACHED_SOURCES) -> None:
        self._client = client
        self._prefix = prefix
        self._cache = LeastRecentlyUsed[tuple[str, str], str | None](capacity)

    def secrets(self, source_id: str, versions: Sequence[str]) -> tuple[str, ...]:
        found = (self._cache.get((source_id, version), partial(self._value, source_id, version)) for version in versions)
        return tuple(secret for secret in found if secret is not None)

    def _value(self, source_id: str, version: str) -> str | None:
        try:
            with aws_errors(UNAVAILABLE):
                answer = self._client.get_secret_value(SecretId=source_secret_name(self._prefix, source_id), VersionId=version)
                return answer["SecretString"]
        except ClientError as error:
            if error_code(error) in GONE:
                return None
            raise


class SecretsManagerCursorKey:
    """`ports.vault.CursorKey`: reads the secret at the first need, and again once it is `CURSOR_KEY_AGE` old.

    However many cursors are forged, the vault is asked no more often.
    """

    def __init__(self, client: SecretsManagerClient, secret_id: str, clock: Clock) -> None:
        self._client = client
        self._secret_id = secret_id
        self._clock = clock
        self._known: tuple[datetime, bytes] | None = None

    def read(self) -> bytes:
        now = self._clock.now()
        if self._known is None or now - self._known[0] >= CURSOR_KEY_AGE:
            self._known = (now, self._value().encode())
        return self._known[1]

    def _value(self) -> str:
        try:
            with aws_errors(UNAVAILABLE):
                return self._client.get_secret_value(SecretId=self._secret_id)["SecretString"]
        except ClientError as error:
            if error_code(error) in GONE:
                raise RetryLater(UNAVAILABLE, error_code(error), after_seconds=RETRY_AFTER_SECONDS) from error
            raise


def account_secret_name(prefix: str, tenant_id: str, account_id: str) -> str:
    """Name of an account's secret; the functions' roles end at its second part."""
    return "/".join((prefix, "account", _name_part(tenant_id), _name_part(account_id)))


def source_secret_name(prefix: str, source_id: str) -> str:
    """Name of a source's secret."""
    return "/".join((prefix, "source", _name_part(source_id)))


def _name_part(text: str) -> str:
    """The id itself where a name may hold it, its hash otherwise: no id can reach into another one's name."""
    return text if NAME_PART.fullmatch(text) else digest("secret-name", text)


def _credentials(text: str) -> Credentials:
    try:
        value = json.loads(text)
        return Credentials(api_key=str(value["api_key"]), api_secret=str(value["api_secret"]))
    except InvalidValue as error:  # stored before keys were checked; its owner has to give them again
        raise Fatal("CREDENTIALS_INVALID", error.code) from None
    except (ValueError, KeyError, TypeError):
        # `from None`: a decoder's error holds the text that it refused
        raise Fatal("CREDENTIALS_MISSING", "the secret does not hold a key pair") from None
