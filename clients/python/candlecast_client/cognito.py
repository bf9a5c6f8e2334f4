"""Sign in at the Cognito user pool of a stack, without sending the password: SRP, the one flow that the pool lets people use."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from datetime import UTC, datetime
from typing import Any

import httpx

TIMEOUT_SECONDS = 30.0
# The 3072-bit group of RFC 3526 with generator 2, which Cognito uses.
PRIME = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C"
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
GENERATOR = 2
SECRET_BITS = 256  # of our half of the exchange, twice the strength of the group
DERIVED_KEY = b"Caldera Derived Key\x01"  # Cognito's label of the key
KEY_BYTES = 16
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class SignInRefused(Exception):
    """The pool has refused. `code` is Cognito's, or the name of a challenge that this client cannot answer."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code}: {detail}")


def sign_in(pool: str, client_id: str, email: str, password: str, *, endpoint: str | None = None) -> str:
    """A token for the API, good for an hour. `pool` and `client_id` are the stack's outputs UserPoolId and UserPoolClientId.

    `endpoint` is an address other than that of AWS; without one AWS_ENDPOINT_URL counts, as for AWS's own tools.
    Raises SignInRefused.
    """
    address = endpoint or os.environ.get("AWS_ENDPOINT_URL") or f"https://cognito-idp.{pool.partition('_')[0]}.amazonaws.com"
    ours = secrets.randbits(SECRET_BITS)
    public = pow(GENERATOR, ours, PRIME)
    begun = {"USERNAME": email, "SRP_A": format(public, "x")}
    with httpx.Client(base_url=address, timeout=TIMEOUT_SECONDS) as http:
        asked = _ask(http, "InitiateAuth", {"AuthFlow": "USER_SRP_AUTH", "ClientId": client_id, "AuthParameters": begun})
        if asked.get("ChallengeName") != "PASSWORD_VERIFIER":
            raise _unanswerable(asked)
        challenge = asked["ChallengeParameters"]
        user, block, at = challenge["USER_ID_FOR_SRP"], challenge["SECRET_BLOCK"], _timestamp(datetime.now(UTC))
        key = _key(pool, user, password, ours, challenge)
        message = _pool_name(pool).encode() + user.encode() + base64.b64decode(block) + at.encode()
        proof = base64.b64encode(hmac.digest(key, message, "sha256")).decode()
        answer = {"USERNAME": user, "PASSWORD_CLAIM_SECRET_BLOCK": block, "TIMESTAMP": at, "PASSWORD_CLAIM_SIGNATURE": proof}
        responded = {"ChallengeName": "PASSWORD_VERIFIER", "ClientId": client_id, "ChallengeResponses": answer}
        signed_in = _ask(http, "RespondToAuthChallenge", responded)
    if "AuthenticationResult" not in signed_in:
        raise _unanswerable(signed_in)
    return str(signed_in["AuthenticationResult"]["IdToken"])


def _ask(http: httpx.Client, action: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"X-Amz-Target": f"AWSCognitoIdentityProviderService.{action}", "Content-Type": "application/x-amz-json-1.1"}
    answer = http.post("/", json=body, headers=headers)
    said: dict[str, Any] = answer.json()
    if answer.is_error:
        raise SignInRefused(str(said.get("__type", answer.status_code)).rpartition("#")[2], str(said.get("message", "")))
    return said


def _unanswerable(asked: dict[str, Any]) -> SignInRefused:
    return SignInRefused(str(asked.get("ChallengeName")), "the pool asks for something that only its sign-in page can answer")


def _key(pool: str, user: str, password: str, ours: int, challenge: dict[str, str]) -> bytes:
    """The key that both sides know if the password is right (RFC 5054, with Cognito's own hashes)."""
    theirs = int(challenge["SRP_B"], 16)
    if theirs % PRIME == 0:  # RFC 5054, 2.5.3: such a server would know the key without the password
        raise SignInRefused("SRP_B_INVALID", "the pool's half of the exchange is not valid")
    scramble = _hash(_bytes(pow(GENERATOR, ours, PRIME)), _bytes(theirs))
    inner = hashlib.sha256(f"{_pool_name(pool)}{user}:{password}".encode()).digest()
    private = _hash(_bytes(int(challenge["SALT"], 16)), inner)
    multiplier = _hash(_bytes(PRIME), _bytes(GENERATOR))
    shared = pow(theirs - multiplier * pow(GENERATOR, private, PRIME), ours + scramble * private, PRIME)
    return hmac.digest(hmac.digest(_bytes(scramble), _bytes(shared), "sha256"), DERIVED_KEY, "sha256")[:KEY_BYTES]


def _pool_name(pool: str) -> str:
    return pool.partition("_")[2]


def _hash(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest())


def _bytes(number: int) -> bytes:
    """Big-endian, with a zero before a high first bit."""
    return number.to_bytes(number.bit_length() // 8 + 1)


def _timestamp(at: datetime) -> str:
    """`Tue Dec 1 08:00:00 UTC 2026`: in English on every machine."""
    return f"{DAYS[at.weekday()]} {MONTHS[at.month - 1]} {at.day} {at:%H:%M:%S} UTC {at.year}"
