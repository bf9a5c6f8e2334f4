"""Conditional requests (RFC 9110, 13): ETags of everything that is read, `If-None-Match` of readers, `If-Match` of writers.

A tag has two parts. The second is a digest of the answer, so it changes with every byte. The first is the version that a write
compares. A balance changes at each look, and must not refuse a change of the label (decision 0140).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Header, Request
from starlette.responses import Response

from candlecast.domain.values.errors import PreconditionFailed
from candlecast.domain.values.ids import digest
from candlecast.services.expectation import anything

if TYPE_CHECKING:
    from candlecast.domain.account.account import Account
    from candlecast.domain.account.kill_switch import KillSwitch
    from candlecast.domain.backtests.backtest import Backtest
    from candlecast.domain.limits.record import LimitRecord
    from candlecast.domain.strategies.definition import SignalSource, StrategyDefinition
    from candlecast.domain.subscriptions.subscription import Subscription
    from candlecast.services.expectation import Expectation

ANY = "*"
TAG = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')  # opaque tags that we could have made
MAX_HEADER_CHARACTERS = 2_048  # some forty tags; a longer header names no tag
VERSION_CHARACTERS = 16  # of a digest: two versions of one thing must not meet, and nobody gains by making them
REVALIDATED = "private, no-cache"  # a browser may keep the answer for its person, and asks before each use
MOMENT = "as_of"  # a field that tells when an answer was made: it alone is no change

_HEADER = {"maxLength": MAX_HEADER_CHARACTERS}  # for the schema alone: a condition that cannot be read is one that does not hold


def if_none_match(
    _: Annotated[
        str | None,
        Header(
            alias="If-None-Match",
            description="`ETag` of the answer that you have: 304 without a body while that is still the answer.",
            json_schema_extra={"pattern": "^.*$"},  # of any length: a header that names no tag is no condition
        ),
    ] = None,
) -> None:
    """The condition of a reader; `answered` reads it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Keeps the version of the thing that a request shows, for the tag of the answer."""

    _request: Request

    def __call__[T](self, version_of: Callable[[T], str], thing: T) -> T:
        self._request.state.version = version_of(thing)
        return thing


def shown(request: Request) -> Shown:
    return Shown(request)


ShownDep = Annotated[Shown, Depends(shown)]


@dataclass(frozen=True, slots=True)
class IfMatch:
    """The tags that a writer has named; None without a condition."""

    given: str | None

    def __call__[T](self, version_of: Callable[[T], str]) -> Expectation[T]:
        """The expectation of the use case that writes."""
        given = self.given
        if given is None:
            return anything
        tags = tags_of(given)

        def expect(thing: T) -> None:
            version = "" if thing is None else version_of(thing)
            named = {tag.partition("-")[0] for weak, tag in tags if not weak}
            if not version or (given.strip() != ANY and version not in named):
                raise PreconditionFailed("the thing is not as the ETag in If-Match says: read it again, and decide anew")

        return expect


def if_match(
    given: Annotated[
        str | None,
        Header(
            alias="If-Match",
            description="`ETag` of the thing as you have read it: 412 if it was changed since. Without it the change is made.",
            json_schema_extra=_HEADER,
        ),
    ] = None,
) -> IfMatch:
    return IfMatch(given)


IfMatchDep = Annotated[IfMatch, Depends(if_match)]


def answered(request: Request, answer: Response, *, tells_moment: bool) -> Response:
    """The answer to a reader with its tag, or 304 to a reader who has this very answer."""
    body = bytes(answer.body)
    text = digest(_without_moment(body) if tells_moment else body.decode())
    version = getattr(request.state, "version", None)
    tag = f'"{text if version is None else f"{version}-{text}"}"'
    answer.headers["etag"] = f"W/{tag}" if tells_moment else tag
    answer.headers.setdefault("cache-control", REVALIDATED)
    known = request.headers.get("if-none-match", "")
    if known.strip() != ANY and tag.strip('"') not in {it for _, it in tags_of(known)}:
        return answer
    kept = {name: answer.headers[name] for name in ("etag", "cache-control")}
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=kept)


def tags_of(header: str) -> list[tuple[bool, str]]:
    """Whether each tag of a condition is weak, and its text; all else in the header is left out."""
    return [(bool(weak), tag) for weak, tag in TAG.findall(header[:MAX_HEADER_CHARACTERS])]


def refuse_unread(headers: Mapping[str, str], takes: frozenset[str]) -> None:
    """Raise `PreconditionFailed` for a condition of a write that compares no version: it must not be passed over."""
    if "if-match" in headers and "If-Match" not in takes:
        raise PreconditionFailed("this operation compares no version; send it without If-Match")


def version_of_account(account: Account) -> str:
    """Of an account's parts that people change: its trades and looks write it all the time."""
    own = (account.label, account.position_mode, account.limits_set_at, account.credential_version, account.status)
    return _version("account", account.account_id, *own, account.disabled_reason, account.retired_at)


def version_of_subscription(subscription: Subscription) -> str:
    return _version("subscription", subscription.subscription_id, subscription.version)


def version_of_strategy(strategy: StrategyDefinition) -> str:
    return _version("strategy", strategy.strategy_id, strategy.revision)


def version_of_source(source: SignalSource) -> str:
    return _version("source", source.source_id, source.revision)


def version_of_limits(record: LimitRecord) -> str:
    """Of a level that nobody has limited too: its version is 0."""
    return _version("limits", record.place.scope, record.place.scope_id, record.version)


def version_of_switch(switch: KillSwitch | None) -> str:
    """Empty for a switch that was never set: no tag names it."""
    return "" if switch is None else _version("switch", switch.place.scope, switch.place.scope_id, switch.version)


def version_of_backtest(backtest: Backtest) -> str:
    """Of its status, since its progress is written all the time."""
    return _version("backtest", backtest.backtest_id, backtest.status)


def _version(*parts: object) -> str:
    return digest(*map(repr, parts))[:VERSION_CHARACTERS]


def _without_moment(body: bytes) -> str:
    told: dict[str, Any] = json.loads(body)
    told.pop(MOMENT, None)
    return json.dumps(told)
