"""The form of an exchange key: printable ASCII without blanks, or the PEM of a private key that Binance takes.

Any other character would be refused by an HTTP header or by a signature, and such an error repeats the key. So a key is checked
before anybody uses it, and no error of a check repeats it.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator

from candlecast.domain.values.errors import InvalidValue

MAX_PLAIN_CHARACTERS = 256  # Binance's keys have 64 characters; no venue's have more than 128
MAX_PEM_CHARACTERS = 4_096  # an RSA key of 4096 bits, the longest that Binance takes, has some 3,300
PRINTABLE = re.compile(r"[!-~]+")
PEM = re.compile(r"-----BEGIN ((?:RSA )?PRIVATE KEY)-----\n((?:[A-Za-z0-9+/=]{1,76}\n)+)-----END \1-----")
PEM_BEGINS = "-----BEGIN"
RSA_BITS = range(2_048, 4_097)  # https://developers.binance.com/docs/binance-spot-api-docs/faqs/api_key_types
# RFC 8410: version 0, the algorithm 1.3.101.112, and 32 bytes. A longer form has the public key too, and ccxt signs none of it.
ED25519_HEAD = bytes.fromhex("302e020100300506032b657004220420")
ED25519_BYTES = 32
# RFC 5208: version 0 and the algorithm 1.2.840.113549.1.1.1, before an octet string with the key of RFC 8017
PKCS8_RSA_HEAD = bytes.fromhex("020100300d06092a864886f70d0101010500")
SEQUENCE, INTEGER, OCTET_STRING = 0x30, 0x02, 0x04
RSA_NUMBERS = 9  # version, modulus, two exponents, two primes, and three numbers that are made of them


def require_api_key(text: str) -> str:
    """Return `text` if it may name a key at a venue.

    Raises `InvalidValue` (KEY_EMPTY, KEY_TOO_LONG, KEY_HAS_BLANKS, KEY_NOT_PRINTABLE).
    """
    return _plain("api_key", text)


def require_api_secret(text: str) -> str:
    """Return `text` if it may sign: a plain secret, or a PEM, whose line ends become plain and whose last line end goes.

    Raises `InvalidValue` (KEY_EMPTY, KEY_TOO_LONG, KEY_HAS_BLANKS, KEY_NOT_PRINTABLE, KEY_PEM_INVALID).
    """
    return _pem(text) if PEM_BEGINS in text else _plain("api_secret", text)


def _plain(name: str, text: str) -> str:
    if not text:
        raise InvalidValue(f"{name} is empty", code="KEY_EMPTY")
    if len(text) > MAX_PLAIN_CHARACTERS:
        raise InvalidValue(f"{name} has more than {MAX_PLAIN_CHARACTERS} characters", code="KEY_TOO_LONG")
    if any(character.isspace() for character in text):
        raise InvalidValue(f"{name} has a blank or a line break: paste the key alone", code="KEY_HAS_BLANKS")
    if not PRINTABLE.fullmatch(text):
        raise InvalidValue(f"{name} has a character that is not printable ASCII", code="KEY_NOT_PRINTABLE")
    return text


def _pem(text: str) -> str:
    if len(text) > MAX_PEM_CHARACTERS:
        raise InvalidValue(f"api_secret has more than {MAX_PEM_CHARACTERS} characters", code="KEY_TOO_LONG")
    pem = text.replace("\r\n", "\n").removesuffix("\n")
    found = PEM.fullmatch(pem)
    if found is None or not _is_private_key(found.group(1), found.group(2).replace("\n", "")):
        expected = "an unencrypted Ed25519 key, or an RSA key of 2048 to 4096 bits"
        raise InvalidValue(f"api_secret is no whole PEM of {expected}", code="KEY_PEM_INVALID")
    return pem


def _is_private_key(kind: str, body: str) -> bool:
    try:
        der = b64decode(body, validate=True)
    except NotBase64:
        return False
    if kind == "RSA PRIVATE KEY":
        return _is_rsa(der)
    if der.startswith(ED25519_HEAD):
        return len(der) == len(ED25519_HEAD) + ED25519_BYTES
    inside = _content(der, SEQUENCE)
    if inside is None or not inside.startswith(PKCS8_RSA_HEAD):
        return False
    key = _content(inside[len(PKCS8_RSA_HEAD) :], OCTET_STRING)
    return key is not None and _is_rsa(key)


def _is_rsa(der: bytes) -> bool:
    inside = _content(der, SEQUENCE)
    numbers = [] if inside is None else list(_integers(inside))
    return len(numbers) == RSA_NUMBERS and numbers[0] == 0 and numbers[1].bit_length() in RSA_BITS and 0 not in numbers[1:]


def _content(der: bytes, tag: int) -> bytes | None:
    """The content of a value that fills `der` to its end; None for any other value."""
    split = _split(der, tag)
    return split[0] if split is not None and not split[1] else None


def _integers(der: bytes) -> Iterator[int]:
    """The integers in a row; nothing after the first value that is none."""
    rest = der
    while rest:
        split = _split(rest, INTEGER)
        if split is None:
            yield 0
            return
        yield int.from_bytes(split[0], signed=True)
        rest = split[1]


def _split(der: bytes, tag: int) -> tuple[bytes, bytes] | None:
    """Content and rest of a value in DER; None if the value has another tag or is cut."""
    if len(der) < 2 or der[0] != tag:
        return None
    length, start = der[1], 2
    if length & 0x80:
        digits = length & 0x7F
        length, start = int.from_bytes(der[2 : 2 + digits]), 2 + digits
    end = start + length
    return (der[start:end], der[end:]) if end <= len(der) else None
