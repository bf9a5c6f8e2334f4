"""Ed25519 keys: the venue knows the public half, and the signature is base64 over the request as it was sent."""

from __future__ import annotations

import base64
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.support.paper_venue import PaperVenue
from tests.support.signed_http import SignedHttp, hmac_signer

PEM = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def public_pem(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(*PEM).decode()


@pytest.fixture
def private() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def signed_with(venue: PaperVenue, api_key: str, key: Ed25519PrivateKey) -> SignedHttp:
    return SignedHttp(venue, api_key, lambda payload: base64.b64encode(key.sign(payload.encode())).decode())


def answering(text: str, _: str) -> str:
    """A signature that was not made from the payload."""
    return text


def test_a_request_is_signed_by_the_private_half(market: PaperVenue, private: Ed25519PrivateKey) -> None:
    issued = market.operate("POST", "/accounts", {"public_key": public_pem(private)})
    assert issued["api_secret"] == ""
    http = signed_with(market, issued["api_key"], private)
    assert http.ask("GET", "/fapi/v1/accountConfig")["canTrade"] is True
    stranger = signed_with(market, issued["api_key"], Ed25519PrivateKey.generate())
    assert stranger.code("GET", "/fapi/v1/accountConfig") == -1022
    for nonsense in ("", "%%%", "AAAA", "a" * 64):
        broken = SignedHttp(market, issued["api_key"], partial(answering, nonsense))
        assert broken.code("GET", "/fapi/v1/accountConfig") in (-1022, -1102)


def test_an_hmac_of_nothing_does_not_open_an_ed25519_key(market: PaperVenue, private: Ed25519PrivateKey) -> None:
    issued = market.operate("POST", "/accounts", {"public_key": public_pem(private)})
    assert SignedHttp(market, issued["api_key"], hmac_signer("")).code("GET", "/fapi/v1/accountConfig") == -1022


def test_only_an_ed25519_public_key_is_taken(market: PaperVenue) -> None:
    of_another_kind = X25519PrivateKey.generate().public_key().public_bytes(*PEM).decode()
    for wrong in ("nonsense", of_another_kind):
        answer = market.http.post("/operator/accounts", json={"public_key": wrong})
        assert (answer.status_code, answer.json()["code"]) == (400, "KEY_INVALID")


def test_ccxt_signs_with_the_private_key(market: PaperVenue, private: Ed25519PrivateKey) -> None:
    issued = market.operate("POST", "/accounts", {"public_key": public_pem(private)})
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    client = market.client({**issued, "api_secret": secret})
    assert client.fetch_balance()["USDT"]["free"] == 10_000
    client.session.close()
