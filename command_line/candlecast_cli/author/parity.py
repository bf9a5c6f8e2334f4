"""`candlecast parity`: whether live decided as a backtest does, by the platform's HTTP API."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer

from candlecast_cli.api import PAGE_ITEMS, Api, At, connect, options, path, require
from candlecast_cli.failures import CommandFailed, ExitCode
from candlecast_cli.printing import AsJson, Steps, examples, put_json, put_table, say

WAIT_SECONDS = 600  # for all days of a strategy: a day takes a second or two, one with slow code some minutes
POLL_SECONDS = 2.0
FORM = "%Y-%m-%d"
EXAMPLES = examples(
    "candlecast parity --since 2026-11-20 my-breakout-btc", "candlecast parity --since 2026-11-20 --no-run my-breakout-btc --json"
)


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, FORM).replace(tzinfo=UTC).date()
    except ValueError:
        raise typer.BadParameter("a day is written as 2026-11-20") from None


@options
def parity(
    at: At,
    since: Annotated[str, typer.Option("--since", metavar="DAY", help="First day (UTC), as 2026-11-20; at most 31 with today.")],
    strategy: Annotated[
        list[str] | None, typer.Argument(metavar="STRATEGY", help="Ids of strategies; without any, all of yours.")
    ] = None,
    run: Annotated[bool, typer.Option("--run/--no-run", help="Have the days compared anew first, or show what is known.")] = True,
    as_json: AsJson = False,
) -> None:
    """Compare live decisions with a backtest over the same candles, day by day, and name what differs.

    The exit code is 1 if a decision differs. Comparing anew takes an author of the strategy, or an operator; anybody who may see
    the strategy sees what is known.
    """
    first, api = _day(since), connect(at)
    ids = strategy or _own(api)
    if not ids:
        raise CommandFailed("USAGE", "you own no strategy: name the strategies that you mean", ExitCode.USAGE)
    with Steps() as steps:
        for strategy_id in ids if run else ():
            steps.step(f"comparing {strategy_id}")
            _compare(api, strategy_id, first)
    found = {strategy_id: _told(api, strategy_id, first) for strategy_id in ids}
    if as_json:
        put_json(found)
    else:
        _show(found)
    if any(require(each["share"], "otherwise", int) for each in found.values()):
        raise typer.Exit(ExitCode.FAILED)


def _told(api: Api, strategy_id: str, since: date) -> dict[str, Any]:
    """The days, and the fills of the newest signals beside those of a backtest."""
    fills = api.get(path("strategies", strategy_id, "slippage"))
    told = api.get(path("strategies", strategy_id, "parity"), since=since.isoformat())
    return {**told, "fills": {name: fills.get(name) for name in ("fleet", "own")}}


def _own(api: Api) -> list[str]:
    """The caller's own strategies: a tenant has a hundred at most, which is a page."""
    page = api.get("/v1/strategies", mine="true", limit=PAGE_ITEMS)
    return [str(it["strategy_id"]) for it in require(page, "items", list) if isinstance(it, dict)]


def _compare(api: Api, strategy_id: str, since: date) -> None:
    """Ask for the days, and wait until each of them has a newer result than before."""
    place = path("strategies", strategy_id, "parity")
    before = _times(api.get(place, since=since.isoformat()))
    waiting = set(require(api.post(place, {"since": since.isoformat()}), "days", list))
    end = time.monotonic() + WAIT_SECONDS
    while waiting:
        if time.monotonic() > end:
            raise CommandFailed("PARITY_LATE", f"{strategy_id} was not compared within {WAIT_SECONDS} s: ask later by --no-run")
        time.sleep(POLL_SECONDS)
        now = _times(api.get(place, since=since.isoformat()))
        waiting -= {day for day, told in now.items() if told != before.get(day)}


def _times(answer: Mapping[str, Any]) -> dict[str, str]:
    return {str(day["day"]): str(day["checked_at"]) for day in require(answer, "days", list)}


def _show(found: Mapping[str, Mapping[str, Any]]) -> None:
    rows, lines = [], []
    for strategy_id, answer in found.items():
        for day in answer["days"]:
            causes = ", ".join(f"{cause} {count}" for cause, count in sorted(day["causes"].items()))
            rows.append((strategy_id, day["day"], day["checked"], day["equal"], day["otherwise"], causes))
            lines += [_line(strategy_id, each) for each in day["differences"] or () if each["decides_otherwise"]]
    put_table(("strategy", "day", "compared", "equal", "otherwise", "causes"), rows)
    for line in lines:
        say(line)
    for strategy_id, answer in found.items():
        share = answer["share"]
        if share["percent"] is None:
            say(f"{strategy_id}: no run was compared; a run counts a quarter of an hour after its candle")
        else:
            say(f"{strategy_id}: {share['percent']} % of {share['checked']} runs decided as a backtest does")
        _fills(strategy_id, answer["fills"])


def _fills(strategy_id: str, fills: Mapping[str, Any]) -> None:
    for whose, name in (("all followers", "fleet"), ("you", "own")):
        if (spread := fills[name]) is not None:
            say(
                f"{strategy_id}: fills of {whose} beside the backtest's, in basis points, positive is worse: mean "
                f"{spread['mean_bps']}, median {spread['median_bps']}, worst {spread['worst_bps']} of {spread['orders']} orders"
            )


def _line(strategy_id: str, each: Mapping[str, Any]) -> str:
    row = f", first candle that differs: {each['row']}" if each["row"] else ""
    return (
        f"{strategy_id} {each['candle_close']} {each['cause']}: live {each['recorded']}, the backtest {each['recomputed']}{row}"
    )
