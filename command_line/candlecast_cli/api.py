"""The platform's HTTP API as a command calls it: the address, the caller's token, and the refusals.

A token comes from a variable or a file, never as an argument: the shell's history and the list of processes show arguments. The
token goes over TLS, or to this machine itself. No redirect is followed with the token, and nothing prints it.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, urlencode, urlsplit

import typer

from candlecast.domain.values.errors import RetryLater
from candlecast_cli import checkout
from candlecast_cli.failures import EXIT_CODES, CommandFailed, ExitCode
from candlecast_cli.stacks import DEFAULT_INSTANCE, Instance, spread

if TYPE_CHECKING:
    from candlecast_cli.https import Https

TOKEN = "CANDLECAST_TOKEN"  # noqa: S105 - the name of a variable
ADDRESS = "CANDLECAST_API_URL"
LOCAL_PERSON = "trader@example.com"  # of the embedded cloud, as for `candlecast local token` and `candlecast local order`
MAX_TOKEN_BYTES = 16_384  # gateways take headers of 10 kB
TOKEN_FORM = re.compile(r"[\x21-\x7e]+")  # what a header can carry: a line break would begin another header
CODE_FORM = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
MAX_TOLD_CHARACTERS = 600  # of an answer's own words
MAX_TOLD_ERRORS = 5  # wrong fields; a person reads the first few
MAX_PAGES = 100  # of 100 items: as many versions as a strategy has
PAGE_ITEMS = 100
UNREADABLE = "ANSWER_UNREADABLE"

Address = Annotated[
    str | None,
    typer.Option("--api", envvar=ADDRESS, metavar="URL", help="The platform's API; without it, this checkout's embedded cloud."),
]
TokenFile = Annotated[
    Path | None, typer.Option("--token-file", metavar="FILE", help=f"File with your token; without it, the variable {TOKEN}.")
]


@dataclass(frozen=True)
class At:
    """The API that a command is about, and who asks; each field is an option of the command."""

    api: Address = None
    token_file: TokenFile = None
    name: Instance = DEFAULT_INSTANCE


def options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `At` instead of its parameter `at`, behind its own options."""
    return spread(command, "at", At)


class ApiRefused(CommandFailed):
    """A refusal of the API; `problem` is the answer's body, of any form."""

    def __init__(self, code: str, message: str, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(code, message, EXIT_CODES.get(code, ExitCode.FAILED))
        self.message = message
        self.status = status
        self.problem = problem


@dataclass(frozen=True)
class Api:
    """The API with a caller's token."""

    base_url: str
    token: str = field(repr=False)
    https: Https = field(repr=False)

    def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """The object of a `GET`. Raises `ApiRefused`, `CommandFailed`."""
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path, None)

    def post(self, path: str, body: Mapping[str, Any] | None = None, key: str | None = None) -> dict[str, Any]:
        """The object of a `POST`; with a `key` it may be repeated. Raises `ApiRefused`, `CommandFailed`."""
        return self._ask("POST", path, body, key)

    def pages(self, path: str) -> list[dict[str, Any]]:
        """All items of a listing. Raises `ApiRefused`, `CommandFailed`."""
        items: list[dict[str, Any]] = []
        query: dict[str, str | int] = {"limit": PAGE_ITEMS}
        for _ in range(MAX_PAGES):
            page = self.get(path, **query)
            items += require(page, "items", list)
            cursor = page.get("next_cursor")
            if not isinstance(cursor, str):
                break
            query["cursor"] = cursor
        return items

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None, key: str | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        raw = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            raw = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        try:
            status, answer = self.https.ask(method, self.base_url + path, headers, raw)
        except RetryLater as error:
            again = "" if method == "GET" else ": look whether the change was made before you repeat the command"
            raise CommandFailed("API_UNREACHABLE", f"{self.base_url} does not answer ({error.message}){again}") from None
        if status < HTTPStatus.MULTIPLE_CHOICES:
            if not isinstance(answer, dict):
                raise CommandFailed(UNREADABLE, f"{self.base_url} answered {status} without a JSON object: is it the API?")
            return answer
        raise self._refused(status, answer if isinstance(answer, dict) else {})

    def _refused(self, status: int, problem: Mapping[str, Any]) -> CommandFailed:
        if status == HTTPStatus.UNAUTHORIZED:
            message = "the API refuses the token, which may have expired: get a new one"
            return ApiRefused("TOKEN_REFUSED", message, status, problem)
        code = str(problem.get("code"))
        told = problem.get("detail") or problem.get("message") or f"{self.base_url} answered {status}"
        text = "; ".join([str(told), *_wrong_fields(problem)]).replace(self.token, "(the token)")[:MAX_TOLD_CHARACTERS]
        return ApiRefused(code if CODE_FORM.fullmatch(code) else f"HTTP_{status}", text, status, problem)


def connect(at: At) -> Api:
    """The API that is meant, with the caller's token. Raises `CommandFailed`."""
    if at.api is not None:
        address, token = _address(at.api), _token(at.token_file)
        if token is None:
            message = f"set {TOKEN} to your token of {address}, or name a file that holds it by --token-file"
            raise CommandFailed("TOKEN_MISSING", message, ExitCode.MISSING)
    else:
        address, token = _local(at)
    from candlecast_cli.https import Https

    return Api(address, token, Https())


def path(*words: str | int) -> str:
    """The path of a resource below /v1, each word escaped."""
    return "/v1/" + "/".join(quote(str(word), safe="") for word in words)


def require[T](answer: Mapping[str, Any], name: str, kind: type[T]) -> T:
    """A field of an answer. Raises ANSWER_UNREADABLE where the field is absent or of another type."""
    value = answer.get(name)
    if type(value) is not kind:
        raise CommandFailed(UNREADABLE, f"the answer has no {name}: is the API of another release?")
    return value


def value_of(text: str) -> str | int | float | bool:
    """A value as the API takes one: read as JSON; text that is none is the value itself."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, float) and not math.isfinite(value):
        return text
    return value if isinstance(value, (bool, int, float, str)) else text


def _local(at: At) -> tuple[str, str]:
    """Address and token of the embedded cloud; the token is that of a person of the demo unless the caller brings one."""
    checkout.enter(f"; or name the platform's API by --api or {ADDRESS}")
    from infra.local.cloud import Cloud

    cloud = Cloud.attach(at.name)
    token = _token(at.token_file)
    return _address(cloud.outputs["ApiUrl"]), cloud.user(LOCAL_PERSON).token if token is None else token


def _address(text: str) -> str:
    """The address without a slash at its end. Raises ADDRESS_INVALID for one that the token must not go to."""
    address = text.strip().rstrip("/")
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port  # a port that is no number is refused here
    except ValueError:
        host, parts = "", urlsplit("")
    if not host or parts.scheme not in ("http", "https") or parts.username is not None or parts.query or parts.fragment:
        message = "the API's address is https:// with a host, and a path at most"
        raise CommandFailed("ADDRESS_INVALID", message, ExitCode.USAGE)
    if parts.scheme == "http" and not is_loopback(host):
        message = f"{host} is another machine: its address begins with https://, for the token must not be read on the way"
        raise CommandFailed("ADDRESS_INVALID", message, ExitCode.USAGE)
    return address


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _token(file: Path | None) -> str | None:
    """The caller's token; None if neither file nor variable has one. Raises TOKEN_INVALID, which never repeats it."""
    if file is None:
        text, place = os.environ.get(TOKEN, ""), TOKEN
    else:
        place = str(file)
        try:
            with file.open("rb") as opened:
                text = opened.read(MAX_TOKEN_BYTES + 1).decode("ascii", errors="replace")
        except OSError as error:
            raise CommandFailed("TOKEN_MISSING", f"{file}: {error.strerror}", ExitCode.MISSING) from None
    token = text.strip()
    if not token and file is None:
        return None
    if len(token) > MAX_TOKEN_BYTES or not TOKEN_FORM.fullmatch(token):
        raise CommandFailed("TOKEN_INVALID", f"{place} holds no token: one line of visible characters", ExitCode.USAGE)
    return token


def _wrong_fields(problem: Mapping[str, Any]) -> list[str]:
    errors = problem.get("errors")
    found = [it for it in errors if isinstance(it, dict)] if isinstance(errors, list) else []
    return [f"{it.get('pointer')}: {it.get('message')}" for it in found[:MAX_TOLD_ERRORS]]
