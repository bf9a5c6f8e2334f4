"""Texts of every kind that somebody may paste for an exchange key; a canary in each shows a leak."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

KEY = "CANARYKEY7f3e9a"
SECRET = "CANARYSECRET51c0d2"
CANARIES = ("CANARY", "7f3e9a", "51c0d2")

# Characters that no key has: line breaks, blanks, controls, invisible ones, letters of other scripts, halves of a pair.
FOREIGN: Mapping[str, str] = MappingProxyType(
    {
        "line feed": "\n",
        "carriage return": "\r",
        "line end of Windows": "\r\n",
        "tab": "\t",
        "blank": " ",
        "blank that does not break": "\u00a0",
        "line separator": "\u2028",
        "blank without width": "\u200b",
        "byte order mark": "\ufeff",
        "NUL": "\x00",
        "escape": "\x1b",
        "delete": "\x7f",
        "accent": "é",
        "Cyrillic letter": "к",
        "digit of full width": "\uff11",
        "right to left": "\u202e",
        "emoji": "🔑",
        "high surrogate": "\ud83d",
        "low surrogate": "\udd11",
    }
)
BROKEN_PEMS: Mapping[str, str] = MappingProxyType(
    {
        "PEM without an end": f"-----BEGIN PRIVATE KEY-----\n{SECRET}",
        "PEM of nonsense": f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
        "PEM in one line": f"-----BEGIN PRIVATE KEY-----{SECRET}-----END PRIVATE KEY-----",
        "PEM with escaped line ends": f"-----BEGIN PRIVATE KEY-----\\n{SECRET}\\n-----END PRIVATE KEY-----",
        "PEM that ends as another": f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
        "encrypted PEM": f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{SECRET}\n-----END ENCRYPTED PRIVATE KEY-----",
        "public key": f"-----BEGIN PUBLIC KEY-----\n{SECRET}\n-----END PUBLIC KEY-----",
        "certificate": f"-----BEGIN CERTIFICATE-----\n{SECRET}\n-----END CERTIFICATE-----",
        "PEM after a word": f"key: -----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
        "PEM with a NUL": f"-----BEGIN PRIVATE KEY-----\n{SECRET}\x00\n-----END PRIVATE KEY-----",
        "PEM with a surrogate": f"-----BEGIN PRIVATE KEY-----\n{SECRET}\ud83d\n-----END PRIVATE KEY-----",
        "long PEM": "-----BEGIN PRIVATE KEY-----\n" + f"{SECRET}\n" * 300 + "-----END PRIVATE KEY-----",
    }
)


def shows(text: str) -> bool:
    """Whether a canary, or enough of one to recognise a key by, is in the text."""
    return any(part in text for part in CANARIES)


def malformed_keys() -> dict[str, tuple[str, str]]:
    """API key and secret by kind and place; one of the two is no key."""
    found = {}
    for name, character in FOREIGN.items():
        for place, text_of in PLACES.items():
            found[f"{name} {place} the key"] = (text_of(KEY, character), SECRET)
            found[f"{name} {place} the secret"] = (KEY, text_of(SECRET, character))
    found |= {name: (KEY, pem) for name, pem in BROKEN_PEMS.items()}
    found |= {"PEM as the key": (BROKEN_PEMS["PEM of nonsense"], SECRET)}
    found |= {"long key": (KEY * 20, SECRET), "long secret": (KEY, SECRET * 20)}
    return found


PLACES: Mapping[str, Callable[[str, str], str]] = MappingProxyType(
    {
        "before": lambda text, character: character + text,
        "within": lambda text, character: text[:9] + character + text[9:],
        "after": lambda text, character: text + character,
    }
)
