"""The vault: secrets, pinned by version. A function that may write cannot read, and a function that reads cannot write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from candlecast.ports.venue import Credentials


class CredentialVault(Protocol):
    """Reads exchange keys; cached per (account, version), so that a new version is in force at once."""

    def read(self, tenant_id: str, account_id: str, version: str) -> Credentials:
        """Raises `Fatal` (CREDENTIALS_MISSING) if that version is gone, `RetryLater` if the vault does not answer."""
        ...


class CredentialWriter(Protocol):
    """Writes exchange keys; has no way to read them back."""

    def write(self, tenant_id: str, account_id: str, credentials: Credentials, token: str) -> str:
        """Store a new version and return its id; `token` makes a repeat idempotent."""
        ...

    def delete(self, tenant_id: str, account_id: str) -> None: ...


class SourceSecrets(Protocol):
    """Reads the secrets that signal senders share with us, by version; cached, so that a new version is in force at once."""

    def secrets(self, source_id: str, versions: Sequence[str]) -> tuple[str, ...]:
        """The secrets of the versions, without those that are gone; raises `RetryLater` if the vault does not answer."""
        ...


class CursorKey(Protocol):
    """Reads the key that signs the cursors of listings; kept for minutes, so that a new key comes into force by itself."""

    def read(self) -> bytes:
        """Raises `RetryLater` (VAULT_UNAVAILABLE) if the vault does not answer."""
        ...


class SourceSecretWriter(Protocol):
    def write_source(self, source_id: str, secret: str, token: str) -> str: ...
