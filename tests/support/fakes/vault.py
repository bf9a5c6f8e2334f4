"""A vault in memory, with the same versions and the same refusals as the real one."""

from __future__ import annotations

from collections.abc import Sequence

from candlecast.domain.values.errors import Fatal, RetryLater
from candlecast.ports.venue import Credentials


class FakeCursorKey:
    """A key that a test replaces; counts reads."""

    def __init__(self, key: bytes = b"key of cursors") -> None:
        self.key = key
        self.reads = 0

    def read(self) -> bytes:
        self.reads += 1
        return self.key


class FakeVault:
    """Reader and writer of both kinds of secret. A write's token is its version, as in Secrets Manager; counts reads."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str], dict[str, Credentials]] = {}
        self._sources: dict[str, dict[str, str]] = {}
        self.reads = 0
        self.unavailable = False

    def read(self, tenant_id: str, account_id: str, version: str) -> Credentials:
        if self.unavailable:
            raise RetryLater("VAULT_UNAVAILABLE", "told to fail", after_seconds=1)
        self.reads += 1
        try:
            return self._keys[tenant_id, account_id][version]
        except KeyError:
            raise Fatal("CREDENTIALS_MISSING", "the vault has no such version") from None

    def write(self, tenant_id: str, account_id: str, credentials: Credentials, token: str) -> str:
        self._keys.setdefault((tenant_id, account_id), {})[token] = credentials
        return token

    def delete(self, tenant_id: str, account_id: str) -> None:
        self._keys.pop((tenant_id, account_id), None)

    def secrets(self, source_id: str, versions: Sequence[str]) -> tuple[str, ...]:
        stored = self._sources.get(source_id, {})
        return tuple(stored[version] for version in versions if version in stored)

    def write_source(self, source_id: str, secret: str, token: str) -> str:
        self._sources.setdefault(source_id, {}).setdefault(token, secret)
        return token
