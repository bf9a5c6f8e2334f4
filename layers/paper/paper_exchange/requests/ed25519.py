"""Ed25519 keys: the client keeps the private key, the venue checks signatures with the public one.

The library is asked for at the first such key, because it costs a cold start more than everything else here.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def is_public_key(pem: str) -> bool:
    """Whether a text is an Ed25519 public key in PEM."""
    return _read(pem) is not None


def is_signed(pem: str, payload: str, signature: str) -> bool:
    """Whether the percent-encoded base64 `signature` is of `payload`, by the private half of the key."""
    from cryptography.exceptions import InvalidSignature

    key = _read(pem)
    if key is None:
        return False
    try:
        key.verify(base64.b64decode(unquote(signature), validate=True), payload.encode())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _read(pem: str) -> Ed25519PublicKey | None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PublicKey) else None
