"""`candlecast strategy upload` and its like: an own strategy on the platform, its versions, and which version followers get.

All of it goes through the platform's HTTP API. A version never changes; a release says which version followers of the latest get.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import typer

from candlecast.domain.strategies.definition import Visibility
from candlecast.domain.values.timeframe import Timeframe
from candlecast_cli.api import Api, ApiRefused, At, connect, options, path, require, value_of
from candlecast_cli.failures import CommandFailed, ExitCode
from candlecast_cli.printing import AsJson, Steps, examples, put_json, put_table, say, warn

VENUE = "paper"
SHARE_PERCENT = 20  # of the followers of the latest: enough to see, few to harm
WHOLE = 100
SHOWN_NOTE = 60  # characters of a note in the table

UPLOAD_EXAMPLES = examples(
    "candlecast strategy upload my_breakout.py --id my-breakout-btc --market BTC/USDT:USDT --timeframe 5m",
    "candlecast strategy upload my_breakout.py --id my-breakout-btc --param stop_atr=3 --note 'a wider stop'",
)
VERSIONS_EXAMPLES = examples(
    "candlecast strategy versions my-breakout-btc", "candlecast strategy versions my-breakout-btc --json"
)
RELEASE_EXAMPLES = examples(
    "candlecast strategy release my-breakout-btc 2 --share 20", "candlecast strategy release my-breakout-btc 2 --share 100"
)
ROLLBACK_EXAMPLES = examples("candlecast strategy rollback my-breakout-btc")
RETIRE_EXAMPLES = examples("candlecast strategy retire my-breakout-btc", "candlecast strategy retire my-breakout-btc --yes")

type Parameters = dict[str, str | int | float | bool]
StrategyId = Annotated[str, typer.Argument(metavar="ID", help="Of a strategy of yours.")]


@options
def upload(
    at: At,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The .py file of the strategy.")],
    strategy_id: Annotated[str, typer.Option("--id", metavar="ID", help="Small letters, digits and hyphens. Taken for ever.")],
    title: Annotated[str | None, typer.Option("--title", help="Its name for people; without it, the id.")] = None,
    description: Annotated[str | None, typer.Option("--description", help="A sentence for followers.")] = None,
    market: Annotated[str | None, typer.Option("--market", metavar="SYMBOL", help="Of a new strategy: BTC/USDT:USDT.")] = None,
    timeframe: Annotated[Timeframe | None, typer.Option("--timeframe", metavar="TIMEFRAME", help="Of a new one: 5m.")] = None,
    venue: Annotated[str | None, typer.Option("--venue", help=f"Whose candles decide; {VENUE} unless you say it.")] = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="A parameter; the others stay as they are.")
    ] = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Begin with the file's defaults, not with the newest version's parameters.")
    ] = False,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="A word to find a new strategy by; once for each.")] = None,
    visibility: Annotated[
        Visibility | None, typer.Option("--visibility", case_sensitive=False, help="Of a new one; PRIVATE unless you say it.")
    ] = None,
    note: Annotated[str, typer.Option("--note", help="What is new in this version, for people.")] = "",
    as_json: AsJson = False,
) -> None:
    """Upload a strategy: a new one, or under the id of an own one its next version. It is checked first, on real candles.

    A new strategy's version 1 is released at once. A later version reaches nobody before `candlecast strategy release`. Check the
    file here before: `candlecast strategy check FILE` needs no network and finds the same faults. An upload that is refused
    changes nothing.
    """
    source, parameters = _source(file), _parameters(param or ())
    described = _given(
        name=title, description=description, market=market, timeframe=timeframe, venue=venue, tags=tag, visibility=visibility
    )
    api = connect(at)
    with Steps() as steps:
        steps.step("asking for the strategy")
        known = _known(api, strategy_id)
        steps.step("uploading: the code is checked on real candles, which takes up to half a minute")
        try:
            if known is None:
                made = _create(api, strategy_id, {**described, "source": source, "parameters": parameters, "note": note})
            else:
                _require_same(strategy_id, known, described)
                wanted = parameters if defaults else _merged(api, strategy_id, parameters)
                body = {"source": source, "parameters": wanted, "note": note}
                made = api.post(path("strategies", strategy_id, "versions"), body)
        except ApiRefused as refused:
            raise _placed(refused, file) from None
    newest = None if known is None else require(known, "latest_version", int)
    _show_upload(strategy_id, made, file, newest, as_json=as_json)


@options
def versions(at: At, strategy_id: StrategyId, as_json: AsJson = False) -> None:
    """List the versions of a strategy, newest first, and who gets them."""
    api = connect(at)
    release = _release(api.get(path("strategies", strategy_id)))
    found = api.pages(path("strategies", strategy_id, "versions"))
    if as_json:
        put_json({"strategy_id": strategy_id, "release": release, "versions": found})
        return
    rows = [
        (it.get("number"), _goes_to(it, release), it.get("digest"), it.get("created_at"), it.get("created_by"), _note(it))
        for it in found
    ]
    put_table(("number", "goes to", "digest", "when", "by", "note"), rows)


@options
def release(
    at: At,
    strategy_id: StrategyId,
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="The version.")],
    share: Annotated[
        int, typer.Option("--share", min=1, max=WHOLE, help="Followers of the latest in a hundred who get it.")
    ] = SHARE_PERCENT,
    as_json: AsJson = False,
) -> None:
    """Give a version to a share of those who follow the latest, from the next candle on. With 100 all of them get it.

    A greater share keeps those who have the version already. Pinned followers stay where they are.
    """
    body = {"version": number, "share_percent": share}
    _show_release(connect(at).post(path("strategies", strategy_id, "release"), body), as_json=as_json)


@options
def rollback(at: At, strategy_id: StrategyId, as_json: AsJson = False) -> None:
    """Take the newest release back: the candidate ends, or without one the stable version before is stable again."""
    api = connect(at)
    held = _release(api.get(path("strategies", strategy_id)))
    body = {} if held is None else {"version": held.get("candidate") or held.get("stable")}
    _show_release(api.post(path("strategies", strategy_id, "rollback"), body), as_json=as_json)


@options
def retire(
    at: At,
    strategy_id: StrategyId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the id: for a script.")] = False,
    as_json: AsJson = False,
) -> None:
    """End a strategy for good: it takes no more followers and opens no more positions. Exits and stops go on."""
    api = connect(at)
    found = api.get(path("strategies", strategy_id))
    if not yes:
        _require_typed(strategy_id, found)
    retired = api.post(path("strategies", strategy_id, "retire"))
    if as_json:
        put_json(retired)
    else:
        say(f"{strategy_id} is retired since {retired.get('retired_at')}")


def _require_typed(strategy_id: str, found: Mapping[str, Any]) -> None:
    """Let a person type the id. Raises NOT_CONFIRMED for any other word, and where nobody can type."""
    warn(f"ends {strategy_id} for good, for {found.get('subscriber_count')} followers: nothing brings it back")
    try:
        typed = typer.prompt(f"  Type {strategy_id} to go on", default="", show_default=False, err=True)
    except typer.Abort:
        typed = ""
    if typed != strategy_id:
        raise CommandFailed("NOT_CONFIRMED", f"nothing was changed: type {strategy_id} when asked, or say --yes")


def _source(file: Path) -> str:
    """The text of a file that the platform would read. Raises STRATEGY_FILE_MISSING, or the lint's refusal with its line."""
    from candlecast.domain.strategies.versions import MAX_SOURCE_BYTES
    from candlecast.sandbox.lint import lint
    from candlecast.sandbox.protocol import SandboxRefusal

    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_SOURCE_BYTES + 1)
    except OSError as error:
        raise CommandFailed("STRATEGY_FILE_MISSING", f"{file}: {error.strerror}", ExitCode.USAGE) from None
    try:
        lint(raw)  # the platform says its hints with the answer
    except SandboxRefusal as refusal:
        raise CommandFailed(refusal.code, f"{_named(refusal.message, file)}; {_check_first(file)}") from None
    return raw.decode()


def _parameters(words: Sequence[str]) -> Parameters:
    """Parameters by name. A value is read as JSON; text that is none is the value itself. Raises PARAMETER_INVALID."""
    values: Parameters = {}
    for word in words:
        name, equals, text = (it.strip() for it in word.partition("="))
        if not equals or not name:
            raise CommandFailed("PARAMETER_INVALID", f"a parameter reads NAME=VALUE, not {word!r}", ExitCode.USAGE)
        if name in values:
            raise CommandFailed("PARAMETER_INVALID", f"{name} is given twice", ExitCode.USAGE)
        values[name] = value_of(text)
    return values


def _known(api: Api, strategy_id: str) -> dict[str, Any] | None:
    """The strategy of that id as the caller sees it; None if there is none, or none that the caller may see."""
    try:
        return api.get(path("strategies", strategy_id))
    except ApiRefused as refused:
        if refused.status != HTTPStatus.NOT_FOUND:
            raise
        return None


def _given(**values: Any) -> dict[str, Any]:
    """The values that were given, as the API writes them."""
    return {name: value.value if isinstance(value, StrEnum) else value for name, value in values.items() if value is not None}


def _create(api: Api, strategy_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """A new strategy with its first version. Raises `CommandFailed`."""
    missing = [f"--{name}" for name in ("market", "timeframe") if name not in body]
    if missing:
        message = f"there is no {strategy_id} of yours, and a new strategy needs {' and '.join(missing)}"
        raise CommandFailed("USAGE", message, ExitCode.USAGE)
    usual = {"kind": "UPLOADED", "strategy_id": strategy_id, "name": strategy_id, "venue": VENUE, "visibility": "PRIVATE"}
    return api.post("/v1/strategies", {**usual, **body})


def _require_same(strategy_id: str, known: Mapping[str, Any], described: Mapping[str, Any]) -> None:
    """Refuse a strategy of somebody else, and words that say otherwise than the strategy: a version would leave them out."""
    if known.get("owner") is None:  # shown to authors alone
        raise CommandFailed("ALREADY_EXISTS", f"{strategy_id} is a strategy of somebody else: choose another id")
    other = [name for name, value in described.items() if known.get(name) != value]
    if other:
        message = f"{strategy_id} exists with another {' and '.join(other)}: a version changes code and parameters alone"
        raise CommandFailed("STRATEGY_DIFFERS", message, ExitCode.USAGE)


def _merged(api: Api, strategy_id: str, parameters: Parameters) -> Parameters | None:
    """The newest version's parameters with the given ones; None leaves them to the API, which keeps them."""
    if not parameters:
        return None
    newest = require(api.get(path("strategies", strategy_id, "versions"), limit=1), "items", list)
    held = newest[0].get("parameters") if newest and isinstance(newest[0], dict) else None
    return {**(held if isinstance(held, dict) else {}), **parameters}


def _placed(refused: ApiRefused, file: Path) -> CommandFailed:
    """The refusal of code with the file and line, or the candle, that shows the fault."""
    line, candle = refused.problem.get("line"), refused.problem.get("candle_close")
    message = _named(refused.message, file)
    if type(line) is int and not message.startswith(f"{file.name}:"):
        message = f"{file.name}:{line}: {message}"
    if isinstance(candle, str):
        message = f"{message} (candle that closed {candle})"
    if line is not None or candle is not None:
        message = f"{message}; {_check_first(file)}"
    return CommandFailed(refused.code, message, refused.exit_code)


def _named(message: str, file: Path) -> str:
    """A message about the uploaded file, which the platform knows by one name for all, with the file's own name."""
    from candlecast.sandbox.lint import FILE

    return f"{file.name}{message.removeprefix(FILE)}" if message.startswith(f"{FILE}:") else message


def _check_first(file: Path) -> str:
    return f"`candlecast strategy check {file}` finds such faults here"


def _release(strategy: Mapping[str, Any]) -> dict[str, Any] | None:
    found = strategy.get("release")
    return found if isinstance(found, dict) else None


def _goes_to(version: Mapping[str, Any], release: Mapping[str, Any] | None) -> str:
    """Who gets a version: followers of the latest by its place in the release, and those who have pinned it."""
    number, held = version.get("number"), release or {}
    words = []
    if number == held.get("stable"):
        words.append(f"stable, {WHOLE - int(held.get('share_percent') or 0)} %")
    if number == held.get("candidate"):
        words.append(f"candidate, {held.get('share_percent')} %")
    if number == held.get("previous"):
        words.append("previous")
    return "; ".join(words)


def _note(version: Mapping[str, Any]) -> str:
    note = str(version.get("note") or "")
    return note if len(note) <= SHOWN_NOTE else f"{note[:SHOWN_NOTE]}..."


def _show_upload(strategy_id: str, made: Mapping[str, Any], file: Path, newest: int | None, *, as_json: bool) -> None:
    """Show the version of the answer. `newest` is the newest version of before: the API answers a repeat with it."""
    version = require(made, "version", dict)
    number = require(version, "number", int)
    is_repeat = number == newest
    hints = [it for it in made.get("hints") or () if isinstance(it, dict)]
    strategy = made.get("strategy")
    link_key = strategy.get("link_key") if isinstance(strategy, dict) else None
    if as_json:
        made_what = "strategy" if newest is None else "nothing" if is_repeat else "version"
        put_json({"made": made_what, "strategy_id": strategy_id, "link_key": link_key, "version": version, "hints": hints})
        return
    for it in hints:
        warn(f"{file.name}:{it.get('line')}: {it.get('message')}")
    parameters = version.get("parameters")
    shown = [f"{name} {value}" for name, value in parameters.items()] if isinstance(parameters, dict) else []
    rows = [
        ("made", "a new strategy" if newest is None else "nothing new" if is_repeat else "a new version"),
        ("strategy", strategy_id),
        ("version", number),
        ("digest", version.get("digest")),
        ("lookback", version.get("lookback")),
        ("parameters", ", ".join(shown)),
        *([("link key", link_key)] if link_key else []),
    ]
    put_table(("", ""), rows)
    if newest is None:
        say("version 1 is released: follow it, or let others find it")
    elif is_repeat:
        say(f"version {number} has this code and these parameters already")
    else:
        say(f"next: candlecast strategy release {strategy_id} {number} --share {SHARE_PERCENT}")


def _show_release(answer: Mapping[str, Any], *, as_json: bool) -> None:
    release = _release(answer) or {}
    if as_json:
        put_json({"strategy_id": answer.get("strategy_id"), "release": release})
        return
    share = int(release.get("share_percent") or 0)
    rows = [("stable", release.get("stable"), f"{WHOLE - share} %")]
    if release.get("candidate") is not None:
        rows.append(("candidate", release.get("candidate"), f"{share} %"))
    if release.get("previous") is not None:
        rows.append(("previous", release.get("previous"), ""))
    put_table(("release", "version", "followers of the latest"), rows)
