"""`candlecast backtest --remote`: the platform computes on its own candles, market and code, and keeps the result for 90 days."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

from candlecast.backtest.document import refused
from candlecast.backtest.fills import FillAt
from candlecast_cli.api import UNREADABLE, Api, At, connect, path, require
from candlecast_cli.author.output import STDOUT, put_document, require_outputs, write_whole
from candlecast_cli.author.terms import Asked
from candlecast_cli.failures import CommandFailed, ExitCode
from candlecast_cli.printing import Steps, put_line, put_table, say

POLL_SECONDS = 2.0  # as often as the platform tells the progress
REPEATS = 2  # of a request without an answer: a line that is down for longer needs its person
WAIT_SECONDS = 4 * 3_600  # others may be before it in the queue; the backtest itself takes twelve minutes at most
MAX_RESULT_BYTES = 24 * 1024 * 1024  # 58,500 trades of at most 400 bytes are 23.4 MB; the other numbers are some kilobytes
LABELS = {
    "final_equity": "Final equity",
    "fees": "Fees",
    "total_return": "Total return",
    "max_drawdown": "Maximum drawdown",
    "sharpe_ratio": "Sharpe ratio",
    "win_rate": "Win rate",
    "buy_and_hold_return": "Buy and hold",
}


def run_remotely(
    at: At,
    strategy: str,
    asked: Asked,
    fee: float | None,
    maker_fee: float | None,
    json_out: str | None,
    plot: Path | None,
    **local: object,
) -> None:
    """Ask for the backtest, wait for its end, show and write its result. `local` are options of a backtest on this machine."""
    body = _body(strategy, asked, fee, maker_fee, None if plot is None else plot.suffix, local)
    require_outputs(asked.files, json_out, plot)
    api = connect(at)
    with Steps() as steps:
        steps.step("asking for the backtest")
        found = _ended(api, _asked(api, body), steps)
        steps.step("fetching the result")
        links = api.get(path("backtests", require(found, "backtest_id", str), "results"))
        document = _document(api.https.fetch(require(links, "document", str), MAX_RESULT_BYTES))
        if plot is not None:
            page = api.https.fetch(require(links, "page", str))
            write_whole(plot, lambda beside: _put(page, beside))
            say(f"wrote {plot}")
    if json_out is not None:
        put_document(document, json_out)
    if json_out != STDOUT:
        _show(found, document)


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


def _put(page: bytes, file: Path) -> None:
    file.write_bytes(page)


def _body(
    strategy: str,
    asked: Asked,
    fee: float | None,
    maker_fee: float | None,
    plot_suffix: str | None,
    local: Mapping[str, object],
) -> dict[str, Any]:
    """The request. Raises USAGE for options of this machine alone."""
    if plot_suffix not in (None, ".html"):
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
        "taker_fee": None if fee is None else _plain(fee),
        "maker_fee": None if maker_fee is None else _plain(maker_fee),
        "slippage_bps": _plain(asked.slippage_bps),
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
        rows = require(require(found, "plan", dict), "rows", int)
        word = "waiting for room" if status == "QUEUED" else f"computing: {found.get('rows_done'):,} of {rows:,} candles"
        if word != told:
            steps.step(word)
            told = word
        time.sleep(POLL_SECONDS)
        found = api.get(place)
    if status != "DONE":
        told = str(found.get("error_message") or f"it is {status}")
        raise CommandFailed(str(found.get("error_code") or "BACKTEST_ENDED"), told)
    return found


def _show(found: Mapping[str, Any], document: Mapping[str, Any]) -> None:
    plan, summary = require(found, "plan", dict), require(found, "summary", dict)
    head = f"{plan.get('market')} {plan.get('timeframe')}, {plan.get('start')} to {plan.get('until')}"
    put_line(f"{head}, {summary.get('rows'):,} candles, {summary.get('trades'):,} trades")
    rows = [(label, summary.get(name)) for name, label in LABELS.items()]
    put_table(("", str(plan.get("strategy_id"))), rows)
    denials = document.get("denials")
    if isinstance(denials, dict) and denials:
        put_line(refused(denials))
    file = document.get("file")
    for note in [*(file.get("notes", ()) if isinstance(file, dict) else ()), *document.get("notes", ())]:
        put_line(f"{note.get('code')}: {note.get('text')}")
