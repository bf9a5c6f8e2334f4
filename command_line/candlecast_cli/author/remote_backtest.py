"""`--remote` of backtests, sweeps and walk-forwards: the platform computes on its own candles, market and code.

The platform keeps the result for 90 days. The document is that of the command on this machine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

from candlecast.backtest.fills import FillAt
from candlecast_cli.api import UNREADABLE, Api, At, connect, path, require
from candlecast_cli.author.output import Outputs, Show, put_result, require_outputs, write_whole
from candlecast_cli.author.terms import Asked
from candlecast_cli.failures import CommandFailed, ExitCode
from candlecast_cli.printing import Steps, say

POLL_SECONDS = 2.0  # as often as the platform tells the progress
REPEATS = 2  # of a request without an answer: a line that is down for longer needs its person
WAIT_SECONDS = 4 * 3_600  # others may be before it in the queue; a task itself takes twelve minutes at most
MAX_RESULT_BYTES = 24 * 1024 * 1024  # 58,500 trades of at most 400 bytes are 23.4 MB; the other numbers are some kilobytes
LOCAL = ("quantity", "levels", "fill", "market", "spread", "range_slippage", "funding", "leverage", "brackets")


def run_remotely(
    at: At,
    strategy: str,
    asked: Asked,
    show: Show,
    written: Outputs,
    *,
    sweep: Mapping[str, Any] | None = None,
    **local: object,
) -> None:
    """Ask for the backtest, wait for its end, write and show its result. `local` are options of this machine alone."""
    body = _body(strategy, asked, sweep, written.plot, {**{name: getattr(asked, name) for name in LOCAL}, **local})
    require_outputs(asked.files, written.json_out, written.plot, written.csv_out)
    api = connect(at)
    with Steps() as steps:
        steps.step("asking for the backtest")
        found = _ended(api, _asked(api, body), steps)
        steps.step("fetching the result")
        links = api.get(path("backtests", require(found, "backtest_id", str), "results"))
        document = _document(api.https.fetch(require(links, "document", str), MAX_RESULT_BYTES))
        for name, file in (("page", written.plot), ("trades", written.csv_out)):
            if file is not None:
                _fetch(api, require(links, name, str), file)
    put_result(document, written.json_out, _readable(show))


def _asked(api: Api, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The backtest. A request without an answer is repeated by its key, so that there is one backtest."""
    key = uuid4().hex
    for _ in range(REPEATS):
        try:
            return api.post(path("backtests"), body, key)
        except CommandFailed as error:
            if error.code != "API_UNREACHABLE":
                raise
            time.sleep(POLL_SECONDS)
    return api.post(path("backtests"), body, key)


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise CommandFailed(UNREADABLE, "the result is no JSON object")
    return found


def _readable(show: Show) -> Show:
    """The same function with ANSWER_UNREADABLE for a document that lacks the names of this release."""

    def shown(document: dict[str, Any]) -> None:
        try:
            show(document)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            message = "the result has another form than this release shows; --json has it as it is"
            raise CommandFailed(UNREADABLE, message) from error

    return shown


def _fetch(api: Api, link: str, file: Path) -> None:
    found = api.https.fetch(link)
    write_whole(file, lambda beside: _put(found, beside))
    say(f"wrote {file}")


def _put(found: bytes, file: Path) -> None:
    file.write_bytes(found)


def _body(
    strategy: str, asked: Asked, sweep: Mapping[str, Any] | None, plot: Path | None, local: Mapping[str, object]
) -> dict[str, Any]:
    """The request. Raises USAGE for options of this machine alone."""
    if plot is not None and plot.suffix != ".html":
        raise CommandFailed("USAGE", "--remote writes a page: let --plot end with .html", ExitCode.USAGE)
    wrong = [f"--{name.replace('_', '-')}" for name, value in local.items() if value not in (None, False, 0.0, FillAt.NEXT_OPEN)]
    if wrong:
        raise CommandFailed("USAGE", f"--remote takes no {', '.join(wrong)}: the platform has its own", ExitCode.USAGE)
    if asked.begin is None:
        raise CommandFailed("USAGE", "--remote needs --from: the first candle that is tried", ExitCode.USAGE)
    given: dict[str, Any] = {
        "strategy_id": strategy,
        "start": _instant(asked.begin),
        "until": None if asked.end is None else _instant(asked.end),
        "cash": _plain(asked.cash),
        "settings": None if asked.settings is None else asked.settings_of_file(),
        "taker_fee": None if asked.fee is None else _plain(asked.fee),
        "maker_fee": None if asked.maker_fee is None else _plain(asked.maker_fee),
        "slippage_bps": _plain(asked.slippage_bps),
        "sweep": sweep,
    }
    return {name: value for name, value in given.items() if value is not None}


def _plain(number: float) -> str:
    """The number as the API takes one: without an exponent."""
    return f"{Decimal(str(number)):f}"


def _instant(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1_000, UTC).isoformat()


def _ended(api: Api, asked: Mapping[str, Any], steps: Steps) -> Mapping[str, Any]:
    """The backtest, once it is done. Raises the error that has ended it."""
    place, found = path("backtests", require(asked, "backtest_id", str)), asked
    end, told = time.monotonic() + WAIT_SECONDS, ""
    while (status := require(found, "status", str)) in ("QUEUED", "RUNNING"):
        if time.monotonic() > end:
            raise CommandFailed("BACKTEST_WAITS", f"it is {status} still: look at it later, at {place}")
        word = "waiting for room" if status == "QUEUED" else f"computing: {_progress(found)}"
        if word != told:
            steps.step(word)
            told = word
        time.sleep(POLL_SECONDS)
        found = api.get(place)
    if status != "DONE":
        told = str(found.get("error_message") or f"it is {status}")
        raise CommandFailed(str(found.get("error_code") or "BACKTEST_ENDED"), told)
    return found


def _progress(found: Mapping[str, Any]) -> str:
    plan = require(found, "plan", dict)
    sweep = plan.get("sweep")
    if isinstance(sweep, dict):
        return f"{require(found, 'trials_done', int):,} of {require(sweep, 'trials', int):,} combinations"
    return f"{require(found, 'rows_done', int):,} of {require(plan, 'rows', int):,} candles"
