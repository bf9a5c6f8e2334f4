"""The form of an exchange key. Every other text is refused by a code, and no refusal repeats it."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from candlecast.domain.account.exchange_keys import MAX_PEM_CHARACTERS, MAX_PLAIN_CHARACTERS, require_api_key, require_api_secret
from candlecast.domain.values.errors import InvalidValue
from candlecast.ports.venue import Credentials

CANARY = "CANARY7f3e9a"


def pem(key: Any, form: PrivateFormat = PrivateFormat.PKCS8, password: bytes | None = None) -> str:
    protection = NoEncryption() if password is None else BestAvailableEncryption(password)
    return str(key.private_bytes(Encoding.PEM, form, protection).decode())


ED25519 = pem(ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32))
RSA_KEY = rsa.generate_private_key(65_537, 2_048)
RSA = pem(RSA_KEY)
RSA_OF_OPENSSL = pem(RSA_KEY, PrivateFormat.TraditionalOpenSSL)


def wrapped(der: bytes, kind: str = "PRIVATE KEY") -> str:
    body = base64.encodebytes(der).decode().replace("\n", "")
    lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----"


@pytest.mark.parametrize("text", ["k", "a" * MAX_PLAIN_CHARACTERS, "!#/+=~", '{"api_key":1}'])
def test_printable_ascii_without_blanks_is_a_key(text: str) -> None:
    assert (require_api_key(text), require_api_secret(text)) == (text, text)


@pytest.mark.parametrize("text", [ED25519, RSA, RSA_OF_OPENSSL])
def test_a_pem_signs_and_loses_only_its_last_line_end(text: str) -> None:
    assert require_api_secret(text) == text.removesuffix("\n")
    assert require_api_secret(text.replace("\n", "\r\n")) == text.removesuffix("\n")


PLAIN_REFUSALS = [
    ("", "KEY_EMPTY"),
    (CANARY + "\n", "KEY_HAS_BLANKS"),
    (" " + CANARY, "KEY_HAS_BLANKS"),
    (CANARY + "\r", "KEY_HAS_BLANKS"),
    (CANARY + "\t" + CANARY, "KEY_HAS_BLANKS"),
    (CANARY + "\u00a0", "KEY_HAS_BLANKS"),
    (CANARY + "\u2028", "KEY_HAS_BLANKS"),
    (CANARY + "\x00", "KEY_NOT_PRINTABLE"),
    (CANARY + "\x7f", "KEY_NOT_PRINTABLE"),
    (CANARY + "\u200b", "KEY_NOT_PRINTABLE"),
    (CANARY + "\ufeff", "KEY_NOT_PRINTABLE"),
    (CANARY + "é", "KEY_NOT_PRINTABLE"),
    (CANARY + "\ud800", "KEY_NOT_PRINTABLE"),
    (CANARY + "🔑", "KEY_NOT_PRINTABLE"),
    (CANARY * MAX_PLAIN_CHARACTERS, "KEY_TOO_LONG"),
]


@pytest.mark.parametrize(("text", "code"), PLAIN_REFUSALS)
def test_any_other_text_is_refused_by_its_code_and_not_repeated(text: str, code: str) -> None:
    for name, require in (("api_key", require_api_key), ("api_secret", require_api_secret)):
        with pytest.raises(InvalidValue) as refused:
            require(text)
        assert refused.value.code == code
        assert name in str(refused.value)
        assert "CANARY" not in str(refused.value)


SEED = ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32)
DER = SEED.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
RSA_DER = RSA_KEY.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())

BROKEN_PEM = {
    "cut": ED25519[:-20],
    "cut within": "-----BEGIN PRIVATE KEY-----\n" + ED25519.splitlines()[1][:-8] + "\n-----END PRIVATE KEY-----",
    "text before": f"{CANARY}\n{ED25519}",
    "text behind": f"{ED25519}{CANARY}",
    "two line ends behind": ED25519 + "\n",
    "another end": ED25519.replace("END PRIVATE", "END RSA PRIVATE"),
    "public": SEED.public_key().public_bytes_raw().hex().join(("-----BEGIN PUBLIC KEY-----\n", "\n-----END PUBLIC KEY-----")),
    "encrypted": pem(RSA_KEY, password=b"secret"),
    "encrypted as OpenSSL did": pem(RSA_KEY, PrivateFormat.TraditionalOpenSSL, b"secret"),
    "of an elliptic curve": pem(ec.generate_private_key(ec.SECP256K1())),
    "of OpenSSH": SEED.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode(),
    "RSA of 1024 bits": pem(rsa.generate_private_key(65_537, 1_024)),  # noqa: S505  (it is refused)
    "no base64": "-----BEGIN PRIVATE KEY-----\n====\n-----END PRIVATE KEY-----",
    "a line break as two characters": ED25519.replace("\n", "\\n"),
    "one byte more": wrapped(DER + b"\0"),
    "RSA with a value behind it": wrapped(RSA_DER + b"\0", "RSA PRIVATE KEY"),
    "RSA, cut": wrapped(RSA_DER[:-9], "RSA PRIVATE KEY"),
    "Ed25519 as RSA": wrapped(DER, "RSA PRIVATE KEY"),
    "nothing": wrapped(b"\x30"),
    "numbers alone": wrapped(b"\x30\x03\x02\x01\x00", "RSA PRIVATE KEY"),
    "no number": wrapped(b"\x30\x03\x04\x01\x00", "RSA PRIVATE KEY"),
    "a length without end": wrapped(b"\x30\x84\xff\xff\xff\xff", "RSA PRIVATE KEY"),
}


@pytest.mark.parametrize("kind", BROKEN_PEM)
def test_a_pem_that_is_no_whole_private_key_is_refused(kind: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        require_api_secret(BROKEN_PEM[kind])
    assert refused.value.code == "KEY_PEM_INVALID"
    assert "CANARY" not in str(refused.value)


def test_a_pem_is_no_name_of_a_key_and_has_a_bound() -> None:
    with pytest.raises(InvalidValue) as refused:
        require_api_key(ED25519)
    assert refused.value.code == "KEY_HAS_BLANKS"
    with pytest.raises(InvalidValue) as refused:
        require_api_secret(RSA + "A" * MAX_PEM_CHARACTERS)
    assert refused.value.code == "KEY_TOO_LONG"


def test_no_credentials_are_made_of_anything_else() -> None:
    assert Credentials("key", ED25519).api_secret == ED25519.removesuffix("\n")
    for key, secret in (("key\n", "secret"), ("key", "secret\n"), ("", "secret"), ("key", "")):
        with pytest.raises(InvalidValue):
            Credentials(key, secret)
